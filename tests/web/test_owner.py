"""The owner's role: who holds it, how the printed link gives it, and that no address ever does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from evolink_ui.settings import SettingsError, load_settings
from evolink_ui.web.owner import OWNER_COOKIE, Owners
from evolink_ui.web.server import create_app
from evolink_ui.web.visitor import COOKIE_SECONDS, Cookies
from tests.web.site import StandInDesk, build_page, call, serving, site

SECRET = b"secret of the tests, long enough to be one"


def owners(*names: str, now: float = 1_000_000.0) -> Owners:
    cookies = Cookies.create(SECRET, embedded=False)
    return Owners(SECRET, names, cookies, clock=lambda: now)


@contextmanager
def owned(folder: Path, **overrides: str) -> Iterator[tuple[str, Owners, StandInDesk]]:
    """A live site, the holder of its link, and its jobs."""
    settings = load_settings(data_dir=folder / "data", api_key="sk-owner", **overrides)
    desk, holder = StandInDesk(folder / "jobs"), Owners.of(settings)
    with serving(lambda: create_app(settings, desk, build_page(), owners=holder)) as url:
        yield url, holder, desk


def is_owner(client: httpx.Client) -> bool:
    return bool(client.get("/key").json()["owner"])


def test_the_printed_link_makes_one_browser_the_owners_and_works_once(tmp_path: Path) -> None:
    with owned(tmp_path) as (url, holder, _), httpx.Client(base_url=url) as mine, httpx.Client(base_url=url) as other:
        link = holder.path
        assert not is_owner(mine), "an address on loopback is nobody's proof"
        assert mine.head(link).status_code == 404
        opened = mine.get(link)
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        assert "HttpOnly" in opened.headers["set-cookie"]
        assert is_owner(mine)
        assert mine.get(link).status_code == 303, "the owner finds the page behind a link from before"
        used = other.get(link)
        assert (used.status_code, "prints a new one" in used.text) == (404, True)
        assert not is_owner(other)
        assert holder.path == ""


def test_the_owner_stays_the_owner_over_a_restart_and_the_next_start_has_another_link(tmp_path: Path) -> None:
    with owned(tmp_path) as (url, holder, _), httpx.Client(base_url=url) as client:
        first = holder.path
        client.get(first)
        value = client.cookies[OWNER_COOKIE]
    with owned(tmp_path) as (url, holder, _), httpx.Client(base_url=url, cookies={OWNER_COOKIE: value}) as client:
        assert is_owner(client)
        assert holder.path not in ("", first)


@pytest.mark.parametrize("value", ["", "x", "1:", "MTAwMDAwMDo.AAAA"])
def test_a_made_up_cookie_makes_nobody_the_owner(value: str) -> None:
    assert not owners().holds(None, {OWNER_COOKIE: value})


def test_a_cookie_ends_after_the_time_that_browsers_keep_one_and_belongs_to_who_opened_the_link() -> None:
    unbound = owners()._signer.sign(b"1000000:")
    annas = owners()._signer.sign(b"1000000:anna")
    assert owners().holds(None, {OWNER_COOKIE: unbound})
    assert owners().holds("anna", {OWNER_COOKIE: annas})
    assert not owners().holds("ben", {OWNER_COOKIE: annas})
    assert not owners().holds(None, {OWNER_COOKIE: annas})
    assert not owners(now=1_000_000.0 + COOKIE_SECONDS).holds(None, {OWNER_COOKIE: unbound})
    assert not owners("anna").holds(None, {OWNER_COOKIE: unbound}), "where logins are named, they alone count"


def test_named_logins_are_the_owner_and_no_link_is_made() -> None:
    holder = owners("anna", "4711")
    assert holder.path == ""
    assert holder.holds("anna", {})
    assert holder.holds("hf:4711", {})
    for stranger in (None, "ben", "Anna", "hf:anna4711", "hf:x:4711", "hf:", ":anna:", "oidc-1:x:anna"):
        assert not holder.holds(stranger, {})


def test_with_logins_the_named_one_is_the_owner_and_another_is_not(tmp_path: Path) -> None:
    with site(tmp_path, auth="anna:long-password,ben:another-one", owner="anna") as running:
        for name, password, expected in (("anna", "long-password", True), ("ben", "another-one", False)):
            with running.client() as client:
                client.post("/login", data={"username": name, "password": password}).raise_for_status()
                assert is_owner(client) is expected


@pytest.mark.parametrize(
    ("auth", "owner", "words"),
    [("", "anna", "needs logins"), ("anna:long-password", "anna,ben", "names ben, who has no login")],
)
def test_an_owner_who_can_not_log_in_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, auth: str, owner: str, words: str
) -> None:
    monkeypatch.setenv("EVOLINK_UI_AUTH", auth)
    monkeypatch.setenv("EVOLINK_UI_OWNER", owner)
    with pytest.raises(SettingsError, match=words):
        load_settings(_env_file=None)


def test_a_task_of_the_owners_key_is_attached_by_the_owner_alone(tmp_path: Path) -> None:
    with owned(tmp_path) as (url, holder, desk), httpx.Client(base_url=url) as client:
        client.get("/config")
        name = call(client, "who")[0]
        desk.jobs["paid"] = replace(desk.add("paid", name), own_key=False)
        assert "secret" not in client.get("/jobs/paid").text, "tasks of the owner's key are shown to nobody else"
        refused = client.post("/jobs/paid/attach", json={"task_id": "task-7"}, headers={"X-EvoLink-Key": "sk-mine"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "owner_only")
        assert not desk.done
        client.get(holder.path)
        assert client.get("/jobs/paid").json()["candidates"][0]["task_id"] == "task-unified-1-secret"
        assert client.post("/jobs/paid/attach", json={"task_id": "task-7"}).status_code == 200
        desk.jobs["own"] = desk.add("own", name)
        with httpx.Client(base_url=url, cookies=dict(client.cookies)) as again:
            assert again.post("/jobs/own/attach", json={"task_id": "task-8"}).status_code == 200
