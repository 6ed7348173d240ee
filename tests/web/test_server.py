"""How the whole is put together, and what is said when it lies open."""

import logging
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from gradio_client import Client, handle_file  # type: ignore[import-untyped]  # ships no types
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]  # ships no types

from evolink_ui import disk_space
from evolink_ui.settings import Settings
from evolink_ui.web import server
from evolink_ui.web.routes import link_maker
from evolink_ui.web.server import exposure_warning, uvicorn_options
from evolink_ui.web.signing import FileLinks
from tests.web.site import MP4, Site, StandInJob, call, site


def test_the_public_client_works_through_the_guard_and_keeps_its_cookie(running: Site, tmp_path: Path) -> None:
    client = Client(running.url, verbose=False)
    visitor = client.predict(api_name="/who")
    assert visitor.startswith("v_") and client.predict(api_name="/who") == visitor
    (tmp_path / "photo.png").write_bytes(b"png")
    assert client.predict(handle_file(str(tmp_path / "photo.png")), api_name="/take") == "photo.png"
    keyed = Client(running.url, verbose=False, headers={"X-EvoLink-Key": "sk-client"})
    assert keyed.predict(api_name="/whose_key") == "sk-client"


def test_the_public_client_logs_in(tmp_path: Path) -> None:
    with site(tmp_path, auth="anna:secret-1") as private:
        client = Client(private.url, auth=("anna", "secret-1"), verbose=False)
        assert client.predict(api_name="/who") == "user_anna"


def test_a_handler_that_breaks_says_nothing_of_the_inside(running: Site) -> None:
    with pytest.raises(AppError) as caught:
        Client(running.url, verbose=False).predict(api_name="/fail")
    assert "/srv" not in str(caught.value) and "password" not in str(caught.value)


def test_a_visitor_without_cookies_works_too(running: Site) -> None:
    with httpx.Client(base_url=running.url) as curl:
        assert call(curl, "echo", "hello") == ["hello"]


def test_the_page_itself_travels_compressed_and_nothing_else_is_touched(running: Site) -> None:
    with httpx.Client(base_url=running.url) as browser:
        page = browser.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip" and "gradio" in page.text
        assert int(page.headers["content-length"]) < len(page.content) / 2
        assert "content-encoding" not in browser.get("/", headers={"Accept-Encoding": "identity"}).headers
        assert "content-encoding" not in browser.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers


def test_an_upload_stays_within_what_may_be_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FILE_MAX_BYTES", 5000)
    with site(tmp_path) as small, small.visitor() as (client, _):
        assert client.post("/gradio_api/upload", files={"files": b"x" * 4000}).status_code == 200
        assert client.post("/gradio_api/upload", files={"files": b"x" * 6000}).status_code == 413


def test_uploads_stop_at_the_disks_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "FLOOR_BYTES", 1 << 60)
    with site(tmp_path) as full, full.visitor() as (client, _):
        assert client.post("/gradio_api/upload", files={"files": b"x"}).status_code == 507


def test_the_server_believes_no_forwarding_header_and_logs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8001")
    options = uvicorn_options(Settings())
    assert (options["host"], options["port"]) == ("0.0.0.0", 8001)
    assert not options["proxy_headers"] and not options["access_log"] and not options["server_header"]
    assert options["limit_concurrency"] > 0


@pytest.mark.parametrize(
    ("settings", "host", "warns"),
    [
        ({}, "0.0.0.0", False),
        ({"api_key": "sk-owner"}, "127.0.0.1", False),
        ({"api_key": "sk-owner"}, "0.0.0.0", True),
        ({"api_key": "sk-owner"}, "192.0.2.1", True),
        ({"api_key": "sk-owner", "auth": "anna:secret-1"}, "0.0.0.0", False),
        ({"api_key": "sk-owner", "daily_credits": 500}, "0.0.0.0", False),
    ],
)
def test_an_owners_key_that_lies_open_is_warned_of_once(settings: dict[str, str], host: str, warns: bool) -> None:
    warning = exposure_warning(Settings(**settings, server_name=host))  # type: ignore[arg-type]  # as the environment gives them
    assert (warning is not None) is warns
    if warning is not None:
        assert "\n" not in warning and "EVOLINK_UI_AUTH" in warning and "sk-owner" not in warning


def test_a_page_that_was_not_mounted_is_noticed() -> None:
    with pytest.raises(RuntimeError):
        server._gradio_app(FastAPI())


def test_on_a_space_and_under_a_path_the_app_knows_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "anna/dance")
    monkeypatch.setenv("SPACE_HOST", "anna-dance.hf.space")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/dance")
    with site(tmp_path) as space, space.client() as client:
        forwarded = {"X-Forwarded-Host": "anna-dance.hf.space", "X-Forwarded-Proto": "https"}
        answer = client.get("/dance/config", headers=forwarded)
        assert answer.json()["root"] == "https://anna-dance.hf.space/dance"
        assert "SameSite=None; Secure; Partitioned" in answer.headers["set-cookie"]
        own = {**forwarded, "Origin": "https://anna-dance.hf.space"}
        foreign = {**forwarded, "Origin": "https://bob-dance.hf.space"}
        assert client.post("/gradio_api/call/who", json={"data": []}, headers=own).status_code == 200
        assert client.post("/gradio_api/call/who", json={"data": []}, headers=foreign).status_code == 403


def test_links_are_made_for_the_kinds_that_a_page_shows() -> None:
    link = link_maker(FileLinks(b"secret"))
    job = StandInJob("j", "v_1")
    assert str(link(job, "result")).startswith("files/")
    assert link(job, "database") is None


def test_a_file_that_vanishes_while_it_is_asked_for_is_404(running: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from evolink_ui.web import routes

    running.desk.add("vanishing", "v_1", result=MP4)
    path = running.desk.folder / "vanishing" / "result"

    def look_then_vanish(found: Path, kind: str) -> tuple[Path, str]:
        found.unlink()
        return found, "video/mp4"

    monkeypatch.setattr(routes, "_open_kind", look_then_vanish)
    url = f"{running.url}/{FileLinks(running.settings.secret_key).path('result', 'vanishing')}"
    assert httpx.get(url).status_code == 404
    assert not path.exists()


def test_gradios_tool_server_stays_closed_also_where_its_variable_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    with site(tmp_path) as running, running.visitor() as (client, _):
        assert client.get("/config").json()["mcp_server"] is False
        call_of_tool = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "take", "arguments": {}}}
        for path in ("", "/", "/sse", "/http", "/schema", "/messages/"):
            assert client.get(f"/gradio_api/mcp{path}").status_code == 404
            assert client.post(f"/gradio_api/mcp{path}", json=call_of_tool).status_code == 404
            assert client.delete(f"/gradio_api/mcp{path}").status_code == 404


def test_nothing_is_logged_of_a_quiet_visit(running: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "evolink_ui"), running.visitor() as (client, _):
        client.get("/")
    assert caplog.records == []
