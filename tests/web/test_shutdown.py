"""A process that is asked to end: no order is left in doubt, no job is lost."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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
