"""What version 551d5ce sealed, signed and named still opens: with the same secret, and after the secret was changed.

`signed-551d5ce.json` was written by that version's own code, once with a long secret and once with the secret "x".
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from evolink_ui.crypto import VERSION, Keyring
from evolink_ui.jobs import Jobs, State
from evolink_ui.jobs.callbacks import Callbacks
from evolink_ui.jobs.keys import KeyLost, KeySafe
from evolink_ui.settings import Settings
from evolink_ui.web.session import PENDING_COOKIE, SESSION_COOKIE, Sessions
from evolink_ui.web.signing import FileLinks
from evolink_ui.web.visitor import Cookies
from tests.jobs.conftest import until
from tests.stub import Stub

from .test_upgrades import load_sqlite, ordered

WRITTEN: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "signed-551d5ce.json").read_text())
NOW = 1_795_900_000.0
NEW = "h8Kd-sWq02LzPy6cVbT9mXe4RnJf_1uGaOi7Ykt5Hx3"
KEY = "sk-of-the-visitor"
VISITOR = "v_abcdefghijklmnopqrstuv"
JOB = "job-551d5ce"


def clock() -> float:
    return NOW + 60


def ring(written: dict[str, str], *, changed: bool) -> Keyring:
    before = written["secret"].encode()
    return Keyring(NEW.encode(), [before]) if changed else Keyring(before)


@pytest.fixture(params=[("long", False), ("long", True), ("short", True)], ids=["same", "changed", "was short"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, str], Keyring]:
    """What was written, and the secrets of the app that reads it."""
    name, changed = request.param
    return WRITTEN[name], ring(WRITTEN[name], changed=changed)


Case = tuple[dict[str, str], Keyring]


def test_links_and_callbacks_of_the_version_before_still_work(case: Case) -> None:
    written, keyring = case
    link = FileLinks(keyring, clock=clock).read(written["link"].removeprefix("files/"))
    assert link is not None
    assert (link.kind, link.job_id) == ("result", JOB)
    callbacks = Callbacks(keyring, lambda: "")
    assert callbacks.is_genuine(JOB, written["callback"])
    assert not callbacks.is_genuine("another-job", written["callback"])
    assert callbacks.is_genuine(JOB, callbacks.token(JOB))


def test_a_visitor_and_a_key_in_cookies_are_known_and_the_visitors_cookie_is_written_anew(case: Case) -> None:
    written, keyring = case
    cookies = Cookies.create(keyring, embedded=False, clock=clock)
    assert cookies.read_visitor(written["visitor"]) == (VISITOR, True)
    renewed = cookies.visitor_header(VISITOR, https=True).split(";")[0].partition("=")[2]
    assert renewed.startswith(VERSION)
    assert cookies.read_visitor(renewed) == (VISITOR, False)
    assert cookies.open_key(written["key"], VISITOR) == KEY


def test_a_signed_in_person_is_who_they_were(case: Case) -> None:
    written, keyring = case
    sessions = Sessions(keyring, Cookies.create(keyring, embedded=False, clock=clock), clock=clock)
    session = sessions.session({SESSION_COOKIE: written["session"]})
    assert session is not None
    assert session.user.endswith(":4242")
    pending = sessions.pending({PENDING_COOKIE: written["pending"]}, "state-1")
    assert pending is not None
    assert pending.verifier == "verifier"
    assert sessions.visitor_of_ticket(written["ticket"]) == VISITOR


def test_a_sealed_key_and_the_name_of_its_account_are_known(case: Case) -> None:
    written, keyring = case
    safe = KeySafe(keyring)
    assert safe.open(written["sealed_key"]) == KEY
    assert written["account"] in safe.accounts(KEY)
    assert safe.account(KEY) not in (written["account"], KEY)


def test_what_is_written_now_opens_with_the_new_secret_alone() -> None:
    both, new = ring(WRITTEN["short"], changed=True), Keyring(NEW.encode())
    sealed = KeySafe(both).seal(KEY)
    assert KeySafe(new).open(sealed) == KEY
    assert FileLinks(new).read(FileLinks(both).make("image", JOB)) is not None
    assert KeySafe(new).account(KEY) == KeySafe(both).account(KEY)
    with pytest.raises(KeyLost):
        KeySafe(new).open(WRITTEN["short"]["sealed_key"])
    assert FileLinks(new, clock=clock).read(WRITTEN["short"]["link"].removeprefix("files/")) is None


def test_no_purpose_opens_what_another_one_sealed_also_by_taking_the_version_away() -> None:
    keyring = Keyring(NEW.encode())
    cookies = Cookies.create(keyring, embedded=False)
    sealed = cookies.key_header(KEY, VISITOR, https=True).split(";")[0].partition("=")[2]
    assert cookies.open_key(sealed, VISITOR) == KEY
    for token in (sealed, sealed.removeprefix(VERSION)):
        with pytest.raises(KeyLost):
            KeySafe(keyring).open(token)
    assert cookies.open_key(sealed.removeprefix(VERSION), VISITOR) is None


@pytest.mark.parametrize("name", ["long", "short"])
async def test_a_paid_job_on_a_visitors_key_is_finished_with_that_key_after_the_secret_was_changed(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, clip: bytes, name: str
) -> None:
    database = live.data_dir / "evolink_ui.sqlite"
    load_sqlite("8-8010b83.sqlite", database)
    with sqlite3.connect(database) as connection:
        connection.execute(
            "update jobs set own_key = 1, sealed_key = ? where id = 'running'", [WRITTEN[name]["sealed_key"]]
        )
    connection.close()
    stub.orders.append(ordered("task-unified-1795413600-running"))
    secrets = {"secret": SecretStr(NEW), "secret_old": SecretStr(WRITTEN[name]["secret"])}
    app = launch(live.model_copy(update={"keep_days": 100_000, **secrets}))
    done = await until(app, "running", lambda job: job.state is State.DONE)
    assert app.result_path(done).read_bytes() == clip
    asked = [seen.headers["authorization"] for seen in stub.seen if seen.path.endswith("-running")]
    assert set(asked) == {f"Bearer {KEY}"}
