"""The stand-in itself: what other tests lean on must hold."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, ModelParams, MotionControlRequest, OutcomeUnknown, Unauthorized
from tests.stub import Fault, RemoteStub, Stub, Timeline, answer, drop, hang
from tests.stub.plugin import stub

__all__ = ["stub"]

ORDER = MotionControlRequest(
    image_urls=["https://example.com/a.png"],
    video_urls=["https://example.com/a.mp4"],
    model_params=ModelParams(character_orientation="image"),
)


@pytest.fixture
def process() -> Iterator[str]:
    """The stand-in in a process of its own: its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stub", "--port", "0", "--seconds", "0.1"], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        yield json.loads(running.stdout.readline())["base_url"]
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(10) == 0


async def test_it_runs_as_a_process_and_takes_orders_from_afar(process: str) -> None:
    remote = await asyncio.to_thread(RemoteStub, process)
    await asyncio.to_thread(remote.fail, "order", answer(429, retry_after=0), drop(after_work=True))
    await asyncio.to_thread(lambda: remote.set(honour_idempotency=False, keys=["the-key"], timeline={"seconds": 0.0}))
    async with EvoLink("the-key", base_url=process, files_url=process) as evolink:
        with pytest.raises(OutcomeUnknown):
            await evolink.create(ORDER)
        task = await evolink.create(ORDER)
        assert (await evolink.get(task.id)).result_urls[0].startswith(process)
    state = await asyncio.to_thread(remote.state)
    assert (state["paid"], len(state["orders"]), state["orders"][1]["looks"]) == (2, 2, 1)
    assert [seen["place"] for seen in state["requests"]] == ["order", "order", "order", "task"]
    await asyncio.to_thread(remote.reset)
    assert await asyncio.to_thread(lambda: remote.paid) == 0


async def test_it_calls_back_and_tries_again(stub: Stub) -> None:
    order = ORDER.model_copy(update={"callback_url": f"{stub.results_url}/results/called"})
    stub.timeline = Timeline(seconds=0.05)
    stub.fail("result", answer(500))
    async with EvoLink("key", base_url=stub.base_url, files_url=stub.files_url) as evolink:
        task = await evolink.create(order)
    for _ in range(40):
        if len(stub.callbacks) == 2:
            break
        await asyncio.sleep(0.1)
    assert [(call["status"], call["task"]["status"]) for call in stub.callbacks] == [
        (500, "completed"),
        (200, "completed"),
    ]
    assert stub.callbacks[0]["task"]["id"] == task.id


async def test_it_keeps_strangers_out_and_refuses_wrong_orders(stub: Stub) -> None:
    stub.keys = {"known"}
    async with EvoLink("unknown", base_url=stub.base_url, files_url=stub.files_url) as evolink:
        with pytest.raises(Unauthorized):
            await evolink.credits()
    stub.keys = None
    stub.credits_left = 0
    async with EvoLink("known", base_url=stub.base_url, files_url=stub.files_url) as evolink:
        with pytest.raises(EvoLinkError, match="too few credits"):
            await evolink.create(ORDER)
        wrong = ORDER.model_copy(update={"image_urls": ["file:///a.png"]})
        with pytest.raises(EvoLinkError, match="image_urls must hold one URL"):
            await evolink.create(wrong)
    assert stub.paid == 0


async def test_a_closed_door_opens_again_at_the_same_address(stub: Stub) -> None:
    async with EvoLink("key", base_url=stub.base_url, files_url=stub.files_url, read_seconds=0.1) as evolink:
        with stub.closed("api"), pytest.raises(EvoLinkError, match="could not be reached"):
            await evolink.credits()
        assert (await evolink.credits()).remaining_credits == 1000


async def test_a_new_task_can_stay_unknown_for_a_while(stub: Stub) -> None:
    stub.task_delay_seconds = 0.2
    stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "service_error"})
    async with EvoLink("key", base_url=stub.base_url, files_url=stub.files_url, min_poll_seconds=0.1) as evolink:
        task = await evolink.create(ORDER)
        assert [seen.status async for seen in evolink.follow(task.id)] == ["failed"]


def test_a_fault_survives_its_way_to_another_process() -> None:
    for fault in (answer(429, "x", retry_after=3), drop(after_work=True, reset=True), hang(3)):
        assert Fault.from_dict(json.loads(json.dumps(fault.to_dict()))) == fault


def test_it_refuses_settings_that_it_does_not_have(stub: Stub) -> None:
    with pytest.raises(ValueError, match="no setting"):
        stub.set(speling=1)
