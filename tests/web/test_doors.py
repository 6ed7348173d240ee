"""Which doors are open: a closed list, whatever Gradio adds."""

import pytest

from evolink_ui.web.doors import Doors

OPEN = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/config"),
    ("GET", "/config/"),
    ("GET", "/theme.css"),
    ("GET", "/assets/index-abc.js"),
    ("GET", "/static/img/logo.svg"),
    ("GET", "/svelte/x.js"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/queue/data"),
    ("GET", "/gradio_api/heartbeat/abc"),
    ("GET", "/gradio_api/call/start/0123"),
    ("GET", "/gradio_api/call/v2/start/0123"),
    ("GET", "/gradio_api/file=/tmp/gradio/x.png"),
    ("HEAD", "/gradio_api/file=/tmp/gradio/x.png"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/call/start"),
    ("POST", "/gradio_api/run/start"),
    ("POST", "/gradio_api/cancel"),
    ("GET", "/jobs/abc"),
    ("POST", "/jobs/abc/stop"),
    ("GET", "/files/abc.def.mp4"),
    ("GET", "/key"),
    ("POST", "/key"),
    ("DELETE", "/key"),
    ("POST", "/callbacks/evolink/a/b"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("POST", "/login"),
    ("POST", "/login/"),
    ("GET", "/logout"),
    ("GET", "/history"),
]

CLOSED = [
    ("GET", "/gradio_api/upload_progress"),
    ("GET", "/monitoring"),
    ("GET", "/monitoring/summary"),
    ("GET", "/monitoring/anything"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/gradio_api/openapi.json"),
    ("GET", "/gradio_api/deep_link"),
    ("GET", "/gradio_api/proxy=https://evil.example/"),
    ("GET", "/gradio_api/file=https://evil.example/x"),
    ("GET", "/gradio_api/file=HTTP://169.254.169.254/"),
    ("GET", "/gradio_api/file= https://evil.example"),
    ("GET", "/gradio_api/file=file:///etc/passwd"),
    ("GET", "/gradio_api/file="),
    ("GET", "/gradio_api/file=/tmp/gradio/../../etc/passwd"),
    ("GET", "/gradio_api/file=\\\\server\\share"),
    ("GET", "/gradio_api/file/etc/passwd"),
    ("GET", "/gradio_api/token"),
    ("GET", "/gradio_api/dev/reload"),
    ("GET", "/dev/reload"),
    ("GET", "/gradio_api/custom_component/a/client/component/index.js"),
    ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/gradio_api/run-history/buckets"),
    ("GET", "/gradio_api/vibe-code"),
    ("GET", "/gradio_api/profiling/traces"),
    ("GET", "/gradio_api/mcp"),
    ("GET", "/gradio_api/mcp/"),
    ("GET", "/gradio_api/mcp/sse"),
    ("GET", "/gradio_api/mcp/schema"),
    ("GET", "/gradio_api/mcp/http"),
    ("DELETE", "/gradio_api/mcp"),
    ("GET", "/pwa_icon"),
    ("POST", "/gradio_api/process_recording"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/component_server/"),
    ("POST", "/gradio_api/stream/abc"),
    ("POST", "/gradio_api/stream/abc/close"),
    ("POST", "/gradio_api/vibe-edit"),
    ("POST", "/gradio_api/undo-vibe-edit"),
    ("POST", "/gradio_api/vibe-code"),
    ("POST", "/gradio_api/vibe-starter-queries"),
    ("POST", "/gradio_api/run-history/connect"),
    ("POST", "/gradio_api/profiling/clear"),
    ("POST", "/gradio_api/mcp"),
    ("POST", "/gradio_api/mcp/"),
    ("POST", "/gradio_api/mcp/messages/"),
    ("POST", "/"),
    ("POST", "/config"),
    ("POST", "/healthz"),
    ("POST", "/metrics"),
    ("GET", "/metrics/x"),
    ("PUT", "/key"),
    ("PATCH", "/jobs/abc"),
    ("DELETE", "/jobs/abc"),
    ("TRACE", "/"),
    ("CONNECT", "/"),
    ("OPTIONS", "/gradio_api/queue/join"),
    ("GET", "/callbacks/evolink/a/b"),
    ("GET", "/.env"),
    ("GET", "/.git/config"),
    ("GET", "/jobs"),
    ("GET", "/jobs/"),
    ("GET", "/files/"),
    ("GET", "/files/../../etc/passwd"),
    ("GET", "/assets/../../../etc/passwd"),
    ("GET", "/static/.."),
    ("GET", "/static/./x"),
    ("GET", "/static/a\0b"),
    ("GET", "/static/a\nb"),
    ("GET", "/static/a\\b"),
    ("GET", "//evil.example"),
    ("GET", "//"),
    ("GET", ""),
]


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_what_the_page_and_programs_need_is_open(method: str, path: str) -> None:
    assert Doors(["history"]).find(method, path) is not None


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_everything_else_is_closed(method: str, path: str) -> None:
    assert Doors(["history"]).find(method, path) is None


def test_the_way_to_a_provider_is_open_only_where_there_is_one() -> None:
    for method, path in (("GET", "/signin"), ("GET", "/signin/callback"), ("POST", "/signin"), ("POST", "/signout")):
        assert Doors(sign_in=True).find(method, path) is not None
        assert Doors().find(method, path) is None
    assert Doors(sign_in=True).find("GET", "/signout") is None


def test_no_gradio_door_was_forgotten() -> None:
    """Every route that this Gradio has is open or closed by decision; a new one fails here until it is judged."""
    import asyncio

    import gradio as gr
    from gradio.routes import App
    from starlette.routing import Route

    async def paths() -> set[str]:
        with gr.Blocks() as page:
            gr.Textbox()
        page.enable_monitoring = False
        app = App.create_app(page)
        return {route.path for route in app.routes if isinstance(route, Route)}

    known = {
        *("/config", "/config/", "/login", "/login/", "/logout", "/", "/svelte/{path:path}", "/static/{path:path}"),
        *("/assets/{path:path}", "/favicon.ico", "/theme.css", "/robots.txt", "/manifest.json"),
        *("/pwa_icon", "/pwa_icon/{size}", "/monitoring", "/monitoring/summary", "/monitoring/{key}"),
        *("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"),
    }
    api = {
        *("user", "user/", "login_check", "login_check/", "token", "token/", "app_id", "app_id/", "dev/reload"),
        *("info", "info/", "openapi.json", "deep_link", "startup-events", "theme.css", "heartbeat/{session_hash}"),
        *("proxy={url_path:path}", "file={path_or_url:path}", "file/{path:path}", "reset", "reset/", "cancel"),
        *("runs", "runs/", "run-history/connect", "run-history/buckets", "run-history/records"),
        "run-history/records/{endpoint}/{record_id}/assets/{asset_id}",
        *("run/{api_name}", "run/{api_name}/", "api/{api_name}", "api/{api_name}/", "call/{api_name}"),
        *("call/{api_name}/", "call/v2/{api_name}", "call/v2/{api_name}/", "call/{api_name}/{event_id}"),
        *("call/v2/{api_name}/{event_id}", "queue/join", "queue/data", "queue/status", "component_server"),
        *("component_server/", "upload", "upload_progress", "process_recording", "stream/{event_id}"),
        *("stream/{event_id}/close", "stream/{session_hash}/{run}/{component_id}/playlist.m3u8"),
        *("stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}", "vibe-edit", "vibe-edit/"),
        *("stream/{session_hash}/{run}/{component_id}/playlist-file", "undo-vibe-edit", "undo-vibe-edit/"),
        *("vibe-code", "vibe-code/", "vibe-starter-queries", "vibe-starter-queries/"),
        "custom_component/{id}/{environment}/{type}/{file_name}",
    }
    assert asyncio.run(paths()) - known - {f"/gradio_api/{path}" for path in api} == set()
