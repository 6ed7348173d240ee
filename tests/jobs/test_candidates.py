"""An order whose answer arrives damaged but names its task: the task is read and taken, nothing is ordered again."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evolink_ui.jobs import Job, Jobs, OrderInputs, State, doubt
from tests.stub import Fault, Stub, Timeline, answer, dirty, wrapped

from .conftest import KEY, in_state, until

Ended = Callable[[str], Awaitable[Job]]


@pytest.mark.parametrize(
    "fault",
    [
        dirty("bad_utf8"),
        dirty("trailing_bytes"),
        dirty("huge_number"),
        dirty("cut_after_id"),
        dirty("broken_after_id"),
        wrapped(500),
        wrapped(504, text=True),
        wrapped(303),
    ],
    ids=lambda fault: f"{fault.dirt} {fault.status} {fault.body}",
)
async def test_a_readable_task_in_a_dirty_answer_is_followed_to_its_video(
    fault: Fault, jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    stub.offers_list = False  # what the answer names is enough
    stub.fail("order", fault)
    job = await until(jobs, (await jobs.start(order, visitor="anna")).id, in_state(State.DONE))
    assert job.task_id == stub.orders[0].task_id
    assert (stub.paid, stub.requests("order")) == (1, 1)


async def test_a_task_that_is_not_known_yet_is_looked_for_again(
    jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", (0.2, 1.5, 3.0, 4.5, 600.0))
    stub.fail("order", dirty("cut_after_id"))
    stub.fail("task", answer(404, "task_not_found"), times=2)
    await until(jobs, (await jobs.start(order, visitor="anna")).id, in_state(State.DONE))


async def test_a_task_that_is_not_known_at_all_leaves_the_doubt_and_stands_in_the_log(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, caplog: pytest.LogCaptureFixture
) -> None:
    stub.fail("order", dirty("cut_in_id"))
    with caplog.at_level(logging.WARNING):
        job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.UNKNOWN
    assert job.fault is not None
    assert job.fault.charged == "unknown"
    assert stub.paid == 1
    (line,) = [line.message for line in caplog.records if f"job={job.id} outcome unknown" in line.message]
    assert stub.orders[0].task_id[:-3] in line
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "other",
    [{"age_seconds": 600.0}, {"age_seconds": -600.0}, {"model": "kling-custom-element"}],
    ids=["older", "later", "another model"],
)
async def test_a_task_that_the_order_cannot_have_made_is_not_taken(
    other: dict[str, Any], jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    task_id = stub.add_elsewhere(KEY, **other)
    stub.fail("order", answer(500, "internal_error", message=f"see {task_id}"))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert (job.state, job.task_id) == (State.UNKNOWN, None)


async def test_of_two_tasks_that_fit_none_is_taken(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    stub.offers_list = False
    names = [stub.add_elsewhere(KEY) for _ in range(2)]
    stub.fail("order", answer(500, "internal_error", message=" ".join(names)))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert (job.state, job.task_id) == (State.UNKNOWN, None)


async def test_the_task_of_another_job_is_not_taken(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    first = await ended((await jobs.start(order, visitor="anna")).id)
    stub.fail("order", answer(500, "internal_error", message=f"{first.task_id}"))
    second = await ended((await jobs.start(order, visitor="anna")).id)
    assert (second.state, second.task_id) == (State.UNKNOWN, None)


async def test_another_tasks_answer_is_never_shown_as_ours(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.timeline = Timeline(seconds=1.0, video_seconds=4.0)
    stub.fail("task", dirty("other_task"), times=1)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.DONE
    assert job.vendor_url is not None
    assert "stranger" not in job.vendor_url


async def test_a_key_that_an_older_copy_of_the_job_used_is_a_doubt_and_names_its_task(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", answer(409, "idempotency_conflict"))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.fault is not None
    assert (job.state, job.fault.charged) == (State.UNKNOWN, "unknown")
    assert "attach" in jobs.view(job)["actions"]


async def test_what_a_refusal_says_of_amounts_reaches_the_person(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    error = {"code": "key_quota_exhausted", "estimated_credits": 81.6, "remaining_credits": 3}
    stub.fail("order", answer(402, body={"error": error}))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.fault is not None
    assert (job.state, job.fault.charged) == (State.FAILED, "no")
    assert "It needs 81.6 credits, this key has 3." in job.fault.message
