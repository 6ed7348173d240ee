"""Whether strangers reach the app at its own address, and what follows from it."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from evolink_ui.evolink import EvoLink
from evolink_ui.hosting import choose_hosts
from evolink_ui.jobs.callbacks import Callbacks
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.settings import Settings
from evolink_ui.web import reach
from evolink_ui.web.reach import SelfCheck
from tests.jobs.test_ledger import add
from tests.web.site import Site, serving


class Platform:
    """What stands in front of a Space."""

    url = ""
    says: Response = JSONResponse({"ok": True})
    asked = 0

    async def answer(self, _request: Request) -> Response:
        self.asked += 1
        return self.says


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    stand_in = Platform()
    app = Starlette(routes=[Route("/healthz", stand_in.answer)])
    with serving(lambda: app, lifespan="off") as stand_in.url:
        yield stand_in


@pytest.fixture(autouse=True)
def on_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "anna/dance")


def settings_at(url: str, **more: Any) -> Settings:
    return Settings(public_url=url, allow_private_urls=True, **more)


PRIVATE: list[Response] = [
    HTMLResponse("<h1>404</h1>Sorry, we can't find the page you are looking for.", 404),
    RedirectResponse("https://huggingface.co/login"),
    HTMLResponse("log in", 401),
    HTMLResponse("<p>starting</p>", 200),
    JSONResponse({"error": "Not authorized"}, 200),
    Response(b"x" * 1_000_000),
    Response(b""),
]


@pytest.mark.parametrize("number", range(len(PRIVATE)))
def test_an_answer_that_is_not_ours_means_that_strangers_stay_outside(platform: Platform, number: int) -> None:
    platform.says = PRIVATE[number]
    assert not SelfCheck(settings_at(platform.url)).look()


def test_our_own_answer_means_that_strangers_get_in_even_while_the_app_is_unwell(running: Site) -> None:
    check = SelfCheck(settings_at(running.url))
    assert check.look()
    running.desk.healthy = False
    try:
        assert check.look()
    finally:
        running.desk.healthy = True


def test_nobody_there_and_nobody_who_answers_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "LOOK_SECONDS", 0.05)
    for url in ("http://127.0.0.1:1", "https://127.0.0.1:1"):
        assert not SelfCheck(settings_at(url)).look()
    assert not SelfCheck(Settings(public_url="https://10.0.0.1")).look(), "never inside"


def until(what: Any) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_space_that_turns_private_hosts_no_files_and_its_owner_is_told_once(
    platform: Platform, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_at(platform.url, hosting="own")
    evolink = EvoLink("sk-1", base_url=platform.url, files_url=platform.url)

    def hosts() -> list[str]:
        return [host.name for host in choose_hosts(settings, evolink, lambda *_args, **_more: "files/x")]

    address = [""]  # callbacks want https, which the stand-in has not
    callbacks = Callbacks(b"secret", lambda: address[0] or settings.public_address)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    live = add(ledger, "a", mode="live")
    ledger.close()
    platform.says = JSONResponse({"ok": True})
    check = SelfCheck(settings, first_looks=(0.0, 0.0), look_again_seconds=0.01)
    with caplog.at_level(logging.INFO, "evolink_ui"):
        check.start()
        try:
            until(lambda: "can be reached" in caplog.text)
            assert hosts() == ["own"] and settings.public_address == platform.url
            address[0] = "https://anna-dance.hf.space"
            assert str(callbacks.url(live)).startswith("https://anna-dance.hf.space/callbacks/evolink/a/")
            address[0] = ""
            platform.says = PRIVATE[0]
            until(lambda: "can't be reached" in caplog.text)
            assert hosts() == [] and callbacks.url(live) is None
            before = platform.asked
            until(lambda: platform.asked > before + 3)
            assert caplog.text.count("can't be reached") == 1
            platform.says = JSONResponse({"ok": True})
            until(lambda: hosts() == ["own"])
        finally:
            check.close()


def test_one_failure_while_the_platform_still_leads_elsewhere_is_no_verdict(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.says, before = PRIVATE[3], platform.asked
    settings = settings_at(platform.url)
    check = SelfCheck(settings, first_looks=(0.0, 0.0, 60.0), look_again_seconds=60.0)
    check.start()
    try:
        until(lambda: platform.asked == before + 2)
        assert settings.public_address == platform.url and "can't be reached" not in caplog.text
    finally:
        check.close()


def test_elsewhere_than_on_a_space_the_owners_word_is_taken(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPACE_ID")
    before = platform.asked
    check = SelfCheck(settings_at(platform.url), first_looks=(0.0,))
    check.start()
    check.close()
    assert platform.asked == before
