"""Following a task: to its end, whatever its answers look like, and no more often than needed."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from evolink_ui.evolink import (
    EvoLink,
    EvoLinkError,
    FollowEnded,
    InvalidRequest,
    MotionControlRequest,
    Task,
)
from evolink_ui.evolink.connections import READS_AT_ONCE
from tests.evolink.conftest import KEY, QUICK, FakeTime
from tests.stub import Order, Stub, Timeline, answer

RUNNING = {"status": "processing", "progress": 40}
LINK = "https://example.com/result.mp4"
DONE = {"status": "completed", "progress": 100, "results": [LINK]}


async def followed(evolink: EvoLink, task_id: str, **options: Any) -> list[Task]:
    return [task async for task in evolink.follow(task_id, **options)]


@pytest.mark.parametrize("estimate", [None, 18, 1800, 0, -5, "soon", 1e9, float("inf")])
async def test_an_estimate_that_is_missing_or_wrong_by_ten_loses_nothing(
    estimate: Any, evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    stub.timeline = Timeline(estimated_time=estimate if isinstance(estimate, int) else None)
    task = await evolink.create(request_)
    begun = fake_time.seconds
    stub.answer_look = lambda order: DONE if fake_time.seconds - begun >= 180 else {"status": "processing"}
    told = estimate if isinstance(estimate, float) else task.estimated_seconds
    tasks = await followed(evolink, task.id, estimated_seconds=told)
    assert tasks[-1].status == "completed"
    assert fake_time.seconds - begun < 250
    assert stub.requests("task") < 130


@pytest.mark.parametrize("length", [70.0, 140.0, 180.0, 230.0, 400.0])
async def test_a_task_is_seen_soon_after_its_end_with_few_looks(
    length: float, evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    begun = fake_time.seconds

    def look(order: Order) -> dict[str, Any]:
        age = fake_time.seconds - begun
        return DONE if age >= length else {"status": "processing", "progress": int(100 * age / length)}

    stub.answer_look = look
    await followed(evolink, task.id, estimated_seconds=180)
    assert fake_time.seconds - begun - length < 8
    assert stub.requests("task") <= 30
    assert min(fake_time.pauses) >= 2


async def test_a_task_that_does_not_end_is_followed_as_long_as_set_beyond_its_estimate_and_can_be_followed_again(
    stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    evolink = EvoLink(
        KEY,
        base_url=stub.base_url,
        files_url=stub.files_url,
        follow_minutes=10,
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    )
    async with evolink:
        await never_ends(evolink, stub, fake_time, request_)


async def never_ends(evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest) -> None:
    task = await evolink.create(request_)
    stub.script = [RUNNING]
    begun = fake_time.seconds
    with pytest.raises(FollowEnded) as caught:
        await followed(evolink, task.id, estimated_seconds=180)
    assert fake_time.seconds - begun == pytest.approx(600 + 180)
    assert (caught.value.charged, caught.value.task_id, caught.value.retryable) == ("unknown", task.id, True)
    assert "Follow again" in caught.value.next_step
    stub.script = [DONE]
    assert (await followed(evolink, task.id))[-1].status == "completed"


async def test_reads_that_fail_for_an_hour_end_in_following_again_not_in_failure(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.fail("task", answer(500), times=500)
    begun = fake_time.seconds
    with pytest.raises(FollowEnded) as caught:
        await followed(evolink, task.id)
    assert fake_time.seconds - begun == pytest.approx(3600)
    assert (caught.value.status, caught.value.request_id, caught.value.charged) == (500, "req-stub", "unknown")


async def test_a_caller_who_kept_an_answer_for_hours_still_gets_the_next_one(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.script = [RUNNING, DONE]
    shown = []
    async for seen in evolink.follow(task.id, estimated_seconds=180):
        shown.append(seen.status)
        fake_time.seconds += 7200
    assert shown == ["processing", "completed"]


@pytest.fixture
def ticking() -> Iterator[dict[str, Any]]:
    """Real time, for what is about waking."""
    yield {"timeouts": QUICK, "min_poll_seconds": 0.2}


async def test_a_call_makes_the_next_look_come_at_once(
    stub: Stub, request_: MotionControlRequest, ticking: dict[str, Any]
) -> None:
    wake = asyncio.Event()
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, **ticking) as evolink:
        task = await evolink.create(request_)
        stub.script = [RUNNING, DONE]
        following = evolink.follow(task.id, estimated_seconds=180, wake=wake)
        assert (await anext(following)).status == "processing"
        asyncio.get_running_loop().call_later(0.1, wake.set)
        begun = time.monotonic()
        assert (await anext(following)).status == "completed"
        assert time.monotonic() - begun < 1.0


async def test_a_storm_of_calls_makes_no_storm_of_looks(
    stub: Stub, request_: MotionControlRequest, ticking: dict[str, Any]
) -> None:
    wake = asyncio.Event()
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, **ticking) as evolink:
        task = await evolink.create(request_)
        stub.script = [RUNNING]

        async def follow() -> None:
            async for _ in evolink.follow(task.id, estimated_seconds=180, wake=wake):
                wake.set()

        began = time.monotonic()
        following = asyncio.create_task(follow())
        for _ in range(100):
            await asyncio.sleep(0.01)
            wake.set()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        seconds = time.monotonic() - began  # more than one on a busy machine
    assert 3 <= stub.requests("task") <= 2 + seconds / ticking["min_poll_seconds"]


async def test_a_call_does_not_shorten_what_a_429_demands(
    stub: Stub, request_: MotionControlRequest, ticking: dict[str, Any]
) -> None:
    wake = asyncio.Event()
    wake.set()
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, **ticking) as evolink:
        task = await evolink.create(request_)
        stub.script = [DONE]
        stub.fail("task", answer(429, retry_after=1))
        begun = time.monotonic()
        assert (await followed(evolink, task.id, wake=wake))[-1].status == "completed"
        assert time.monotonic() - begun >= 1.0


async def test_a_pace_that_comes_with_a_running_task_is_kept_but_does_not_overrule_ours(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime
) -> None:
    running, done = ({"id": "task-1", "status": status} for status in ("processing", "completed"))
    stub.fail("task", *(answer(200, body=running, retry_after=told) for told in (45, 500, 0)), answer(200, body=done))
    await followed(evolink, "task-1", estimated_seconds=20)
    assert fake_time.pauses[:2] == [45, 60]
    assert 2 <= fake_time.pauses[2] < 30


async def test_a_call_is_news_also_where_the_running_task_came_with_a_pace(stub: Stub, ticking: dict[str, Any]) -> None:
    wake = asyncio.Event()
    running, done = ({"id": "task-1", "status": status} for status in ("processing", "completed"))
    stub.fail("task", answer(200, body=running, retry_after=50), answer(200, body=done))
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, **ticking) as evolink:
        following = evolink.follow("task-1", estimated_seconds=180, wake=wake)
        await anext(following)
        wake.set()
        async with asyncio.timeout(10):
            assert (await anext(following)).status == "completed"


async def test_a_resumed_task_is_looked_at_by_its_age_not_from_its_start(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.orders[0].created = time.time() - 170
    stub.script = [{"status": "processing"}, DONE]
    await followed(evolink, task.id, estimated_seconds=180)
    assert fake_time.pauses[0] < 5


async def test_looks_are_no_further_apart_than_set(
    stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    async with EvoLink(
        KEY,
        base_url=stub.base_url,
        files_url=stub.files_url,
        max_poll_seconds=10,
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    ) as evolink:
        task = await evolink.create(request_)
        stub.script = [{"status": "processing"}, DONE]
        await followed(evolink, task.id, estimated_seconds=600)
    assert fake_time.pauses == [10]


async def test_a_creation_date_that_cannot_be_is_ignored(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.orders[0].created = time.time() + 7200
    stub.script = [{"status": "processing"}, DONE]
    await followed(evolink, task.id, estimated_seconds=180)
    assert 50 < fake_time.pauses[0] <= 60


@pytest.mark.parametrize("task_id", ["", " ", ".", "..", "x" * 300, "task\nid"])
async def test_what_cannot_be_a_task_id_is_not_asked_for(task_id: str, evolink: EvoLink, stub: Stub) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await evolink.get(task_id)
    assert caught.value.code == "invalid_task_id"
    with pytest.raises(InvalidRequest):
        await followed(evolink, task_id)
    assert stub.seen == []


async def test_an_id_with_a_slash_stays_one_part_of_the_path(evolink: EvoLink, stub: Stub) -> None:
    with pytest.raises(EvoLinkError):
        await evolink.get("../credits?x=1#y")
    assert [(seen.place, seen.path) for seen in stub.seen] == [("task", "/v1/tasks/../credits?x=1#y")]


async def test_a_hundred_tasks_followed_at_once_all_arrive(stub: Stub, request_: MotionControlRequest) -> None:
    stub.timeline = Timeline(seconds=0.5)
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, min_poll_seconds=0.1) as evolink:
        tasks = await asyncio.gather(*(evolink.create(request_) for _ in range(100)))
        ends = await asyncio.gather(*(followed(evolink, task.id, estimated_seconds=0.5) for task in tasks))
    assert [end[-1].id for end in ends] == [task.id for task in tasks]
    assert {end[-1].status for end in ends} == {"completed"}
    assert stub.paid == 100


class Counting(httpx.AsyncHTTPTransport):
    """A real transport that counts how many requests are inside it."""

    inside = most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return await super().handle_async_request(request)
        finally:
            self.inside -= 1


async def test_reads_of_many_keys_over_one_client_queue_before_its_pool_not_inside(stub: Stub) -> None:
    transport = Counting()
    async with httpx.AsyncClient(transport=transport) as http:
        clients = [EvoLink(f"key-{n}", base_url=stub.base_url, files_url=stub.files_url, http=http) for n in range(120)]
        await asyncio.gather(*(client.credits() for client in clients))
    assert stub.requests("credits") == 120
    assert transport.most <= READS_AT_ONCE
