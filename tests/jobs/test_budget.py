"""The caps and the shares, with the engine at work and the stand-in EvoLink at the other end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.pipeline import QUEUE_LOOK_SECONDS
from evolink_ui.jobs.shares import Shares
from evolink_ui.jobs.spend import utc_day
from evolink_ui.settings import Settings
from tests.stub import Stub, Timeline, answer, drop

from .conftest import in_state, until

PRICE = 4 * 8.1648  # of the 4 s that each order here has
BUSY = answer(429, "rate_limit_exceeded", headers={"Retry-After": "2"})


async def test_twenty_orders_at_once_never_pass_the_cap_also_while_jobs_are_deleted(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    changes = {"daily_credits": 3.5 * PRICE, "max_active_jobs_per_visitor": 20}
    jobs = launch(live.model_copy(update=changes))
    started = await asyncio.gather(*(jobs.start(order, visitor=f"v_{number}") for number in range(20)))

    async def delete_at_the_end(job: Job) -> Job:
        ended = await until(jobs, job.id, lambda job: not job.is_active)
        await jobs.delete(job.id)
        return ended

    ended = await asyncio.gather(*map(delete_at_the_end, started))
    assert Counter(job.state for job in ended) == {State.DONE: 3, State.FAILED: 17}
    assert stub.paid == 3
    late = await jobs.start(order, visitor="v_20")
    failed = await until(jobs, late.id, lambda job: not job.is_active)
    assert failed.fault and failed.fault.code == "daily_credits_used_up"
    assert "98 are spent or reserved today, and this order needs 32.7" in failed.fault.message
    assert stub.paid == 3


async def test_a_visitor_without_credits_of_the_owners_left_goes_on_with_a_key_of_its_own(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, ended: Callable[[str], Awaitable[Job]]
) -> None:
    jobs = launch(live.model_copy(update={"visitor_daily_credits": 1.5 * PRICE}))

    async def end_of(visitor: str, api_key: str | None = None) -> Job:
        job = await jobs.start(order, visitor=visitor, household="home_1", api_key=api_key)
        return await until(jobs, job.id, lambda job: not job.is_active)

    assert (await end_of("v_1")).state is State.DONE
    refused = await end_of("v_2")
    assert refused.fault and refused.fault.code == "visitor_daily_credits_used_up"
    assert refused.fault.message.startswith("You may spend 49 credits a day here.")
    assert (await end_of("v_2", "sk-visitor-0123456789")).state is State.DONE
    assert stub.paid == 2


async def test_what_evolink_reserves_beyond_the_price_list_counts(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, caplog: pytest.LogCaptureFixture
) -> None:
    """As for a link behind which another video lay when EvoLink fetched it."""
    stub.timeline = Timeline(seconds=60.0, video_seconds=30.0)
    jobs = launch(live.model_copy(update={"daily_credits": 100.0}))
    first = await jobs.start(order, visitor="anna")
    await until(jobs, first.id, in_state(State.RUNNING))
    second = await jobs.start(order, visitor="anna")
    failed = await until(jobs, second.id, lambda job: not job.is_active)
    assert failed.fault and failed.fault.code == "daily_credits_used_up"
    assert stub.paid == 1
    assert "EvoLink reserved 245 credits where the price list gives 32.7" in caplog.text
    await jobs.stop(first.id)


async def test_an_order_that_evolink_lets_wait_leaves_its_credits_to_others(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.fail("order", BUSY)
    jobs = launch(live.model_copy(update={"daily_credits": 1.5 * PRICE}))
    waiting = await jobs.start(order, visitor="anna")
    await until(jobs, waiting.id, lambda job: job.notice is not None)
    other = await jobs.start(order, visitor="ben")
    assert (await until(jobs, other.id, lambda job: not job.is_active)).state is State.DONE
    failed = await until(jobs, waiting.id, lambda job: not job.is_active)
    assert failed.fault and failed.fault.code == "daily_credits_used_up"
    assert stub.paid == 1


async def test_sending_again_an_order_of_unknown_outcome_keeps_to_the_cap(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.fail("order", drop(after_work=True))
    jobs = launch(live.model_copy(update={"daily_credits": 1.5 * PRICE}))
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.UNKNOWN))
    await jobs.send_again(job.id)
    again = await until(jobs, job.id, in_state(State.UNKNOWN))
    assert again.fault and "may spend" in again.fault.message
    assert stub.requests("order") == 1


async def test_one_household_leaves_half_of_the_places_to_others(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    """Eight cookies of one address, then somebody else."""
    stub.timeline = Timeline(seconds=60.0, video_seconds=4.0)
    jobs = launch(live.model_copy(update={"max_active_jobs": 6, "max_active_jobs_per_visitor": 1}))
    await asyncio.sleep(2 * QUEUE_LOOK_SECONDS)  # the engine's first look still goes by the settings of its last start
    crowd = [await jobs.start(order, visitor=f"v_{number}", household="home_1") for number in range(8)]
    guests = [await jobs.start(order, visitor=f"w_{number}", household=f"home_{number}") for number in (2, 3, 4)]
    for guest in guests:
        await until(jobs, guest.id, in_state(State.RUNNING))
    states = Counter([(await jobs.get(job.id)).state for job in crowd])
    assert states[State.QUEUED] >= 5
    assert stub.paid - 3 <= 3
    for job in [*crowd, *guests]:
        await jobs.stop(job.id)


@pytest.mark.parametrize(("in_all", "of_one_visitor"), [(200, 3), (7, 3), (3, 3), (2, 5), (1, 1)])
def test_the_lanes_of_a_household_are_never_more_than_half_of_the_places(in_all: int, of_one_visitor: int) -> None:
    shares = Shares(in_all, of_one_visitor)
    lanes = {shares.lane(visitor_of(number)) for number in range(500)}
    assert 0 < len(lanes) * shares.of_one_lane <= max(1, in_all // 2)
    assert shares.of_one_lane == min(of_one_visitor, max(1, in_all // 2)), "a visitor alone loses no more than it must"
    assert shares.lane(visitor_of(1)) == shares.lane(visitor_of(1))
    assert not lanes & {shares.lane(visitor_of(number, "home_2")) for number in range(500)}


def visitor_of(number: int, household: str = "home_1") -> Job:
    """A job, as far as its lane goes."""
    return Job(**dict.fromkeys(Job.__dataclass_fields__) | {"visitor": f"v_{number}", "household": household})  # type: ignore[arg-type]


async def test_a_failed_task_that_evolink_charged_for_stays_counted_and_is_not_called_refunded(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    stub.answer_look = lambda _order: {
        "status": "failed",
        "error": {"code": "service_error", "message": "no"},
        "usage": {"credits_used": 32.6592},
    }
    job = await until(jobs, (await jobs.start(order, visitor="anna")).id, in_state(State.FAILED))
    assert job.fault is not None
    assert (job.fault.charged, "refunds" in job.fault.message) == ("unknown", False)
    today = utc_day(job.created_at)
    assert jobs._ledger.spend_book.by_day(today, today)[today].owners_key == pytest.approx(job.credits_estimated)
