"""A process that is asked to end: no order is left in doubt, no job is lost."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from evolink_ui.web import shutdown
from evolink_ui.web.shutdown import GracefulServer
from tests.stub import Stub, Timeline
from tests.stub.vendor import place_of
from tests.stub.wire import Request, Response
from tests.web.process import app_process, order, wait_for

KEY = "sk-owner-0123456789abcdef"


class HesitatingStub(Stub):
    """Has the work of an order done at once, and answers it only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.ordered, self.answer = threading.Event(), threading.Event()

    async def handle(self, request: Request) -> Response:
        response = await super().handle(request)
        if place_of(request) == "order":
            self.ordered.set()
            await asyncio.to_thread(self.answer.wait, 30)
        return response


@pytest.fixture
def vendor() -> Iterator[HesitatingStub]:
    stub = HesitatingStub()
    with stub:
        stub.timeline = Timeline(seconds=0.2, video_seconds=4.0)
        yield stub


def environment(vendor: Stub) -> dict[str, str]:
    return {
        "EVOLINK_API_KEY": KEY,
        "EVOLINK_BASE_URL": vendor.base_url,
        "EVOLINK_FILES_URL": vendor.files_url,
        "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
    }


def wait_until_refused(url: str) -> None:
    deadline = time.monotonic() + 10
    while httpx.get(url).status_code != 503:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_deploy_that_meets_an_order_on_its_way_waits_for_its_answer(vendor: HesitatingStub, tmp_path: Path) -> None:
    with app_process(tmp_path, **environment(vendor)) as app, app.visitor() as client:
        job = order(client)
        assert vendor.ordered.wait(30)
        app.child.terminate()
        wait_until_refused(f"{app.url}/readyz")
        assert client.get("/livez").status_code == 200, "the process lives"
        assert client.get(f"/jobs/{job['id']}").json()["state"] == "submitting", "the page still answers"
        with pytest.raises(AssertionError, match=r"The app is restarting\. Nothing was ordered or charged\."):
            order(client)
        vendor.answer.set()
        assert app.child.wait(30) == 0
        cookies = client.cookies
    with app_process(tmp_path, **environment(vendor)) as app, app.client(cookies=cookies) as client:
        assert wait_for(client, job["id"], "done", "unknown", "failed")["state"] == "done"
    assert len(vendor.orders) == 1


def test_an_order_without_an_answer_does_not_keep_a_deploy_waiting_for_ever(
    vendor: HesitatingStub, tmp_path: Path
) -> None:
    with app_process(tmp_path, **environment(vendor)) as app, app.visitor() as client:
        job = order(client)
        assert vendor.ordered.wait(30)
        assert app.end(30) == 0
        cookies = client.cookies
    vendor.answer.set()
    with app_process(tmp_path, **environment(vendor)) as app, app.client(cookies=cookies) as client:
        assert client.get(f"/jobs/{job['id']}").json()["state"] == "unknown", "in doubt, and not ordered again"
    assert len(vendor.orders) == 1


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  the server says it by attributes
        await asyncio.sleep(0.01)


async def test_a_request_on_a_connection_that_was_accepted_before_the_end_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy would answer 502 for it."""
    monkeypatch.setattr(shutdown, "ACCEPTED_SECONDS", 3.0)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def nothing_to_wait_for() -> None:
        return None

    config = uvicorn.Config(app, port=0, lifespan="off", log_level="error", ws="none")
    server = GracefulServer(config, nothing_to_wait_for)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: bool(server.server_state.connections))
        server.should_exit = True
        await until(lambda: not server.servers[0].is_serving())
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
        writer.close()
        await serving
