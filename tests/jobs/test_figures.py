"""What an operator watches is counted where it happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.vendor_calls import class_of
from evolink_ui.metrics import REGISTRY
from tests.stub import Stub, answer


def calls(place: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("evolink_ui_vendor_calls_total", {"place": place, "outcome": outcome}) or 0.0


async def test_an_orders_calls_are_counted_by_place_and_outcome(
    jobs: Jobs, order: OrderInputs, ended: Callable[[str], Awaitable[Job]]
) -> None:
    before = {place: calls(place, "2xx") for place in ("order", "upload", "task", "result")}
    job = await ended((await jobs.start(order, visitor="v_anna")).id)
    assert job.state is State.DONE
    assert calls("order", "2xx") == before["order"] + 1
    assert calls("upload", "2xx") == before["upload"] + 2
    assert calls("task", "2xx") > before["task"]
    assert calls("result", "2xx") == before["result"] + 1
    figures = await jobs.figures()
    assert figures.by_state["done"] == 1 and set(figures.by_state) == set(State)
    assert figures.today.owners_key > 0 and figures.today.posts == 1
    assert figures.stopped_paid == 0


async def test_jobs_that_stopped_by_themselves_after_their_order_are_counted(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Callable[[str], Awaitable[Job]]
) -> None:
    stub.fail("task", answer(403, "forbidden"), times=50)
    job = await ended((await jobs.start(order, visitor="v_anna")).id)
    assert job.state is State.STOPPED and job.task_id
    assert (await jobs.figures()).stopped_paid == 1


def test_a_refusal_for_haste_stands_for_itself() -> None:
    assert [class_of(status) for status in (200, 302, 404, 429, 503)] == ["2xx", "3xx", "4xx", "429", "5xx"]
