"""An order of unknown outcome settles itself by EvoLink's task list, where its task can be nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from evolink_ui.jobs import Job, JobError, Jobs, OrderInputs, State, doubt, doubts, faults
from evolink_ui.jobs.doubt import LOOKS_AFTER_SECONDS, next_look_at
from evolink_ui.settings import Settings
from tests.stub import Stub, Timeline, answer, drip, drop

from .conftest import KEY, in_state, until

VISITORS_KEY = "sk-visitor-0123456789abcdef"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks after tenths of a second, the last one after one."""
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", (0.1, 0.4, 1.0))
    monkeypatch.setattr(doubts, "LOOKS_AFTER_SECONDS", (0.1, 0.4, 1.0))
    monkeypatch.setattr(doubts, "EVERY_SECONDS", 0.1)


def looked(result: str) -> Callable[[Job], bool]:
    return lambda job: job.doubt is not None and job.doubt["result"] == result


async def start_lost(jobs: Jobs, stub: Stub, order: OrderInputs, *, done: bool = True, **options: Any) -> Job:
    """An order whose answer is lost, after EvoLink did the work or before."""
    stub.fail("order", drop(after_work=done))
    job = await jobs.start(order, visitor="anna", **options)
    return await until(jobs, job.id, lambda job: job.state is State.UNKNOWN or job.task_id is not None)


async def test_the_only_task_that_fits_on_a_key_of_this_app_alone_is_taken(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    job = await start_lost(jobs, stub, order)
    done = await until(jobs, job.id, in_state(State.DONE))
    assert done.task_id == stub.orders[0].task_id
    assert (stub.paid, stub.requests("order")) == (1, 1)


async def test_an_order_that_never_arrived_is_said_to_be_listed_nowhere(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    job = await start_lost(jobs, stub, order, done=False)
    await until(jobs, job.id, looked("looking"))
    none = await until(jobs, job.id, looked("none"))
    assert none.state is State.UNKNOWN
    assert jobs.view(none)["doubt"] == "none"
    assert none.doubt_due_at is None, "nobody looks for ever"
    await jobs.send_again(job.id)
    done = await until(jobs, job.id, in_state(State.DONE))
    assert (done.doubt, stub.paid) == (None, 1)


@pytest.mark.parametrize("age_seconds", [3 * 86_400.0, 4000.0])
async def test_on_a_key_that_others_use_too_the_owner_picks(
    jobs: Jobs, stub: Stub, order: OrderInputs, age_seconds: float
) -> None:
    stub.add_elsewhere(KEY, age_seconds=age_seconds, model="some-other-model")
    job = await start_lost(jobs, stub, order)
    found = await until(jobs, job.id, looked("candidates"))
    assert found.task_id is None
    assert "candidates" not in jobs.view(found), "only who owns the key may see them"
    (candidate,) = jobs.candidates(found)
    assert candidate["task_id"] == stub.orders[0].task_id
    assert candidate["credits"] == pytest.approx(found.credits_estimated, rel=0.3)
    assert candidate["created_at"]
    await jobs.attach(job.id, candidate["task_id"])
    assert (await until(jobs, job.id, in_state(State.DONE))).task_id == candidate["task_id"]


def short_pages(stub: Stub) -> None:
    stub.list_page_max = 2


def one_page_for_ever(stub: Stub) -> None:
    stub.list_page_max, stub.list_ignores_page = 2, True


def lines_without_ids(stub: Stub) -> None:
    stub.list_nameless = 1
    stub.elsewhere.clear()


@pytest.mark.parametrize("cut", [short_pages, one_page_for_ever, lines_without_ids])
async def test_a_list_that_is_cut_off_does_not_make_a_key_this_apps_alone(
    jobs: Jobs, stub: Stub, order: OrderInputs, cut: Callable[[Stub], None]
) -> None:
    stub.add_elsewhere(KEY, age_seconds=4000.0)
    cut(stub)
    await until(jobs, (await jobs.start(order, visitor="ben")).id, in_state(State.DONE))
    job = await start_lost(jobs, stub, order)
    found = await until(jobs, job.id, lambda job: job.state is State.DONE or looked("candidates")(job))
    assert found.state is State.UNKNOWN


async def test_nothing_is_said_to_be_listed_nowhere_where_the_list_was_cut_off(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    one_page_for_ever(stub)
    for _ in range(3):
        stub.add_elsewhere(KEY, model="some-other-model")
    job = await start_lost(jobs, stub, order, done=False)
    unread = await until(jobs, job.id, looked("unreadable"))
    assert unread.state is State.UNKNOWN


async def test_a_visitors_own_key_may_be_used_elsewhere(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    stub.add_elsewhere(VISITORS_KEY, age_seconds=4000.0)
    job = await start_lost(jobs, stub, order, api_key=VISITORS_KEY)
    assert (await until(jobs, job.id, in_state(State.DONE))).task_id == stub.orders[0].task_id


async def test_of_two_orders_in_doubt_none_is_guessed(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    first = await start_lost(jobs, stub, order, done=False)
    second = await start_lost(jobs, stub, order)
    for job in (first, second):
        found = await until(jobs, job.id, looked("candidates"))
        assert found.task_id is None


@pytest.mark.parametrize("then", ["give_up", "delete", "send_again"])
async def test_a_task_of_an_order_that_nobody_waits_for_any_more_is_not_given_to_another_one(
    jobs: Jobs, stub: Stub, order: OrderInputs, then: str
) -> None:
    stub.honour_idempotency, stub.list_delay_seconds = False, 600.0
    first = await start_lost(jobs, stub, order)
    await getattr(jobs, then)(first.id)
    if then == "send_again":  # its first task stays at EvoLink, and no job has it
        await until(jobs, first.id, in_state(State.DONE))
    stub.list_delay_seconds = 0.0
    stub.fail("order", drop(after_work=False))
    second = await jobs.start(order, visitor="ben")
    found = await until(jobs, second.id, lambda job: job.task_id is not None or looked("candidates")(job))
    assert found.task_id is None, "it may be anna's video"


async def test_under_another_key_nothing_is_said_to_be_listed_nowhere(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", (600.0,))  # nobody looks but this test
    job = await start_lost(launch(live), stub, order)
    again = launch(live.model_copy(update={"api_key": SecretStr("sk-another-account-0123")}))
    monkeypatch.setattr(doubts, "LOOKS_AFTER_SECONDS", (0.0,))
    await again._doubts.settle(job)
    assert looked("unreadable")(await again.get(job.id))


async def test_two_tasks_that_fit_are_both_shown(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    other = stub.add_elsewhere(KEY)
    job = await start_lost(jobs, stub, order)
    found = await until(jobs, job.id, looked("candidates"))
    assert {candidate["task_id"] for candidate in jobs.candidates(found)} == {other, stub.orders[0].task_id}


async def test_a_task_of_another_length_or_time_is_no_candidate(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    stub.add_elsewhere(KEY, timeline=Timeline(seconds=0.2, video_seconds=9.0))
    stub.add_elsewhere(KEY, age_seconds=1000.0)
    job = await start_lost(jobs, stub, order, done=False)
    await until(jobs, job.id, looked("none"))


async def test_a_task_whose_job_was_deleted_is_still_known(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    first = await until(jobs, (await jobs.start(order, visitor="ben")).id, in_state(State.DONE))
    await jobs.delete(first.id)
    job = await start_lost(jobs, stub, order)
    assert (await until(jobs, job.id, in_state(State.DONE))).task_id == stub.orders[1].task_id


async def test_a_host_that_gives_shorter_pages_is_read_to_the_end(
    jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "list_page_max", 3)
    for _ in range(8):  # of other models, newer than the order
        stub.add_elsewhere(VISITORS_KEY, age_seconds=-1.0, model="some-other-model")
    job = await start_lost(jobs, stub, order, api_key=VISITORS_KEY)
    assert (await until(jobs, job.id, in_state(State.DONE))).task_id == stub.orders[0].task_id


async def test_where_the_list_cannot_be_read_the_doubt_stays_and_says_so(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    stub.fail("list", answer(401, "unauthorized"), times=50)
    job = await start_lost(jobs, stub, order)
    unread = await until(jobs, job.id, looked("unreadable"))
    assert unread.state is State.UNKNOWN


async def test_where_no_list_is_offered_the_doubt_stays_and_says_so(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    stub.offers_list = False
    job = await start_lost(jobs, stub, order)
    await until(jobs, job.id, looked("not_offered"))


async def test_a_task_of_another_time_is_not_attached_by_its_id(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    old = stub.add_elsewhere(KEY, age_seconds=86_400.0)
    job = await start_lost(jobs, stub, order, done=False)
    with pytest.raises(JobError, match="can't be this order") as caught:
        await jobs.attach(job.id, old)
    assert caught.value.code == "task_of_another_order"
    assert (await jobs.get(job.id)).state is State.UNKNOWN


async def test_a_doubt_outlives_a_restart(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (0.1, *(2.0 * look for look in range(1, 60)))  # whenever the second process is up, looks are left
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", later)
    monkeypatch.setattr(doubts, "LOOKS_AFTER_SECONDS", later)
    jobs = launch(live)
    stub.offers_list = False
    job = await start_lost(jobs, stub, order)
    stub.offers_list = True
    again = launch(live)
    assert (await until(again, job.id, in_state(State.DONE))).task_id == stub.orders[0].task_id
    assert jobs is not again


async def test_tasks_that_no_job_knows_are_listed_for_the_owner(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    await until(jobs, (await jobs.start(order, visitor="ben")).id, in_state(State.DONE))
    mine = stub.add_elsewhere(KEY, age_seconds=600.0)
    stub.add_elsewhere(KEY, age_seconds=2 * 86_400.0)
    stub.add_elsewhere(KEY, model="some-other-model")
    stub.add_elsewhere(VISITORS_KEY)
    assert [task.id for task in await jobs.unlisted_tasks()] == [mine]
    stub.fail("list", answer(404))
    with pytest.raises(JobError):
        await jobs.unlisted_tasks()


def test_the_list_is_looked_at_often_first_and_not_for_ever() -> None:
    at, times = 1000.0, []
    while (at := next_look_at(1000.0, at)) is not None:  # type: ignore[assignment]
        times.append(at - 1000.0)
    assert times == pytest.approx([0.1, 0.4, 1.0])
    assert LOOKS_AFTER_SECONDS[:4] == (5.0, 15.0, 30.0, 60.0)
    assert LOOKS_AFTER_SECONDS[-1] == 600.0


async def test_an_answer_that_comes_when_the_order_is_to_be_sent_again_keeps_it_from_going_out(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"max_active_jobs": 1}))  # so that the second run waits for the first one
    stub.honour_idempotency = False
    stub.fail("order", drip(0.005))  # for about two seconds
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.SUBMITTING))
    # What another process does that finds this one asleep, and then a person.
    jobs._ledger.move(job.id, State.UNKNOWN, fault=faults.INTERRUPTED)
    jobs._ledger.again(job.id, State.QUEUED, only_from={State.UNKNOWN})
    done = await until(jobs, job.id, in_state(State.DONE))
    assert (done.task_id, stub.paid) == (stub.orders[0].task_id, 1)


async def test_two_processes_do_not_look_for_the_same_job_at_once(
    jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", (600.0, 1200.0))  # nobody else takes it
    job = await start_lost(jobs, stub, order, done=False)
    assert job.doubt_due_at
    book, now = jobs._doubts.book, job.doubt_due_at
    taken = await asyncio.gather(*(asyncio.to_thread(book.take, job, now) for _ in range(4)))
    assert sum(taken) == 1
