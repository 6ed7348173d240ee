"""An order whose answer arrives damaged but names its task: the task is read and taken, nothing is ordered again."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evolink_ui.evolink import Task
from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs import candidates as candidates_module
from evolink_ui.jobs.candidates import CLOCK_SLACK_SECONDS, is_of_order
from tests.stub import Fault, Stub, Timeline, answer, dirty, wrapped

from .conftest import KEY

Ended = Callable[[str], Awaitable[Job]]
MODEL = "kling-v3-motion-control"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "NOT_FOUND_PAUSES_SECONDS", (0.1, 0.2, 0.4))


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
    fault: Fault, jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", fault)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert (job.state, job.task_id) == (State.DONE, stub.orders[0].task_id)
    assert (stub.paid, stub.requests("order")) == (1, 1)


async def test_a_task_that_is_not_known_yet_is_looked_for_again(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", dirty("cut_after_id"))
    stub.fail("task", answer(404, "task_not_found"), times=2)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.DONE


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


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"created": 1000 - CLOCK_SLACK_SECONDS}, True),
        ({"created": 1000 - CLOCK_SLACK_SECONDS - 1}, False),
        ({"created": 1060 + CLOCK_SLACK_SECONDS}, True),
        ({"created": 1061 + CLOCK_SLACK_SECONDS}, False),
        ({"created": None}, False),
        ({"model": None}, False),
        ({"model": "kling-v2.6-motion-control"}, False),
    ],
)
def test_a_task_fits_an_order_in_model_and_time(fields: dict[str, Any], fits: bool) -> None:
    task = Task.from_wire({"id": "task-unified-1", "model": MODEL, "created": 1030, **fields})
    assert is_of_order(task, model=MODEL, ordered_at=1000.0, now=1060.0) is fits
