"""Tasks that were ordered elsewhere, taken into My videos."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from evolink_ui.catalog import KLING_V3_MOTION_CONTROL
from evolink_ui.evolink import EvoLink, ModelParams, MotionControlRequest, new_idempotency_key
from evolink_ui.jobs import Job, JobError, Jobs, OrderInputs, State
from evolink_ui.settings import Settings
from tests.stub import Stub, Timeline, answer, drop

from .conftest import KEY, in_state, until

Ended = Callable[[str], Awaitable[Job]]
Elsewhere = Callable[..., Awaitable[str]]
VISITORS_KEY = "sk-visitor-0123456789"


@pytest.fixture
async def elsewhere(stub: Stub) -> AsyncIterator[Elsewhere]:
    """Orders as another program with the same key does; gives the task's id."""

    async def order(timeline: Timeline, *, api_key: str = KEY) -> str:
        stub.timeline = timeline
        request = MotionControlRequest(
            image_urls=["https://example.com/a.png"],
            video_urls=["https://example.com/a.mp4"],
            model_params=ModelParams(character_orientation="image"),
        )
        async with EvoLink(api_key, base_url=stub.base_url, files_url=stub.files_url) as evolink:
            return (await evolink.create(request, idempotency_key=new_idempotency_key())).id

    yield order


async def test_a_finished_task_comes_into_my_videos_and_nothing_is_ordered(
    jobs: Jobs, stub: Stub, elsewhere: Elsewhere, ended: Ended, clip: bytes
) -> None:
    task_id = await elsewhere(Timeline(seconds=0.0, video_seconds=4.0))
    job = await jobs.adopt(f" {task_id} ", visitor="anna")
    done = await ended(job.id)
    assert done.state is State.DONE
    assert jobs.result_path(done).read_bytes() == clip
    assert stub.paid == 1
    assert [found.id for found in await jobs.history("anna")] == [job.id]
    view = await jobs.show(done)
    assert view["actions"] == ["delete"]
    assert (view["poster_url"], view["reference_url"]) == (None, None)
    assert view["request"]["prompt"] is None
    assert view["result"]["seconds"] > 0
    assert view["credits"]["estimated"] is None


async def test_the_page_shows_no_inputs_of_it_even_where_links_can_be_made(
    live: Settings, launch: Callable[..., Jobs], elsewhere: Elsewhere
) -> None:
    jobs = launch(live, link=lambda job, kind: f"files/{kind}")
    job = await jobs.adopt(await elsewhere(Timeline(seconds=0.0)), visitor="anna")
    done = await until(jobs, job.id, lambda job: not job.is_active)
    view = jobs.view(done)
    assert (view["poster_url"], view["reference_url"], view["result"]["url"]) == (None, None, "files/result")


async def test_a_running_task_is_followed_to_its_end(
    jobs: Jobs, stub: Stub, elsewhere: Elsewhere, ended: Ended
) -> None:
    job = await jobs.adopt(await elsewhere(Timeline(seconds=60, video_seconds=4.0)), visitor="anna")
    assert job.state is State.RUNNING
    await until(jobs, job.id, lambda _: bool(stub.orders[0].looks > 1))
    stub.orders[0].timeline = Timeline(seconds=0.0, video_seconds=4.0)
    await jobs.callback(job.id, jobs._callbacks.token(job.id))  # or the next look would be half a minute away
    assert (await ended(job.id)).state is State.DONE


async def test_a_failed_task_says_why(jobs: Jobs, elsewhere: Elsewhere, ended: Ended) -> None:
    job = await jobs.adopt(await elsewhere(Timeline(seconds=0.0, outcome="failed")), visitor="anna")
    failed = await ended(job.id)
    assert failed.state is State.FAILED
    assert jobs.view(failed)["actions"] == ["delete"]


async def test_a_task_is_adopted_once_by_one_visitor(
    jobs: Jobs, stub: Stub, order: OrderInputs, elsewhere: Elsewhere, ended: Ended
) -> None:
    task_id = await elsewhere(Timeline(seconds=0.0, video_seconds=4.0))
    both = await asyncio.gather(*(jobs.adopt(task_id, visitor="anna") for _ in range(2)))
    assert len({job.id for job in both}) == 1
    with pytest.raises(JobError) as caught:
        await jobs.adopt(task_id, visitor="ben")
    assert caught.value.code == "task_not_found", "nobody learns that somebody else has it"
    own = await ended((await jobs.start(order, visitor="anna")).id)
    assert own.task_id
    assert (await jobs.adopt(own.task_id, visitor="anna")).id == own.id
    await ended(both[0].id)


async def test_only_motion_control_tasks_that_the_key_can_read_are_adopted(
    jobs: Jobs, stub: Stub, elsewhere: Elsewhere
) -> None:
    task_id = await elsewhere(Timeline(seconds=0.0))
    stub.orders[0].body["model"] = "kling-custom-element"
    with pytest.raises(JobError) as caught:
        await jobs.adopt(task_id, visitor="anna")
    assert caught.value.code == "wrong_model"
    with pytest.raises(JobError) as caught:
        await jobs.adopt("task-unified-1-missing", visitor="anna")
    assert caught.value.status == 404
    assert await jobs.history("anna") == []


async def test_a_visitors_key_adopts_and_is_wiped_at_the_end(
    jobs: Jobs, stub: Stub, elsewhere: Elsewhere, ended: Ended
) -> None:
    task_id = await elsewhere(Timeline(seconds=0.0, video_seconds=4.0), api_key=VISITORS_KEY)
    seen = len(stub.seen)
    job = await jobs.adopt(task_id, visitor="anna", api_key=VISITORS_KEY)
    assert (await ended(job.id)).sealed_key is None
    keys = {request.headers.get("authorization") for request in stub.seen[seen:] if request.place == "task"}
    assert keys == {f"Bearer {VISITORS_KEY}"}


async def test_stopping_and_following_again_work_as_for_any_job(
    jobs: Jobs, stub: Stub, elsewhere: Elsewhere, ended: Ended
) -> None:
    job = await jobs.adopt(await elsewhere(Timeline(seconds=60.0)), visitor="anna")
    stopped = await jobs.stop(job.id)
    assert jobs.view(stopped)["actions"] == ["follow_again", "delete"]
    stub.orders[0].timeline = Timeline(seconds=0.0)
    await jobs.follow_again(job.id)
    assert (await ended(job.id)).state is State.DONE
    assert stub.paid == 1


async def test_what_was_ordered_elsewhere_is_not_counted_as_spent_here(
    live: Settings, launch: Callable[..., Jobs], order: OrderInputs, elsewhere: Elsewhere
) -> None:
    jobs = launch(live.model_copy(update={"daily_credits": 33.0}))  # one order of 4 s is 32.7
    adopted = await jobs.adopt(await elsewhere(Timeline(seconds=0.0, video_seconds=4.0)), visitor="anna")
    done = await until(jobs, adopted.id, lambda job: not job.is_active)
    assert done.credits_used == pytest.approx(KLING_V3_MOTION_CONTROL.credits_for(4, "720p"))
    own = await jobs.start(order, visitor="anna")
    assert (await until(jobs, own.id, lambda job: not job.is_active)).state is State.DONE


# ---- a visitor's key that is gone ----


async def test_a_job_whose_key_is_gone_says_so_and_goes_on_with_the_key_given_anew(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.timeline = Timeline(seconds=60)
    job = await jobs.start(order, visitor="anna", api_key=VISITORS_KEY)
    await until(jobs, job.id, in_state(State.RUNNING))
    stopped = await jobs.stop(job.id)
    assert jobs.view(stopped)["needs_key"] is False
    jobs._ledger.wipe_keys(ended_before=2e9 + (stopped.finished_at or 0))
    assert jobs.view(await jobs.get(job.id))["needs_key"] is True
    stub.orders[0].timeline = Timeline(seconds=0.0)
    await jobs.follow_again(job.id, api_key=VISITORS_KEY)
    done = await ended(job.id)
    assert done.state is State.DONE
    assert jobs.view(done)["needs_key"] is False


async def test_an_order_is_never_sent_again_with_another_key_than_the_first_time(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    """The Idempotency-Key means nothing in another account: there, the same order would be a second one."""
    started: dict[str, Any] = {"owner's": None, "visitor's": VISITORS_KEY}
    for payer, key in started.items():
        stub.fail("order", drop(after_work=True))
        job = await ended((await jobs.start(order, visitor="anna", api_key=key)).id)
        assert job.state is State.UNKNOWN, payer
        await jobs.send_again(job.id, api_key="sk-another-0123456789")
        assert (await ended(job.id)).state is State.DONE
    posts = [seen.headers["authorization"] for seen in stub.seen if seen.place == "order"]
    assert posts == [f"Bearer {KEY}"] * 2 + [f"Bearer {VISITORS_KEY}"] * 2
    assert stub.paid == 2


async def test_a_job_that_nobody_can_pay_any_more_asks_for_a_key(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    first = launch(live)
    stub.fail("task", answer(403, "permission_denied"))
    job = await first.start(order, visitor="anna")
    await until(first, job.id, in_state(State.STOPPED))
    second = launch(live.model_copy(update={"api_key": None}))
    assert second.view(await second.get(job.id))["needs_key"] is True
    await second.follow_again(job.id, api_key=VISITORS_KEY)
    assert (await until(second, job.id, lambda job: not job.is_active)).state is State.DONE


async def test_the_task_of_an_order_in_doubt_settles_it_and_becomes_no_second_job(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.offers_list = False
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    task_id = stub.orders[0].task_id
    with pytest.raises(JobError) as caught:
        await jobs.adopt(task_id, visitor="the owner")
    assert (caught.value.code, (await jobs.get(job.id)).state) == ("task_of_order_in_doubt", State.UNKNOWN)
    assert (await jobs.adopt(task_id, visitor="anna")).id == job.id
    assert (await ended(job.id)).state is State.DONE
    assert stub.paid == 1


async def test_a_task_that_no_order_in_doubt_can_have_made_is_adopted_beside_it(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.offers_list = False
    stub.fail("order", drop(after_work=True), times=2)
    visitors = await ended((await jobs.start(order, visitor="anna", api_key=VISITORS_KEY)).id)
    given_up = await ended((await jobs.start(order, visitor="anna")).id)
    await jobs.give_up(given_up.id)
    adopted = await jobs.adopt(stub.orders[1].task_id, visitor="ben")
    assert (await ended(adopted.id)).state is State.DONE
    assert (await jobs.get(visitors.id)).state is State.UNKNOWN, "another key paid for it"
