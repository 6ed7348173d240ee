"""The tasks of the account: read like everything that is free, and clearly refused where they are not offered."""

from typing import Any

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest, NotFound, ServerFault
from tests.evolink.conftest import KEY, FakeTime
from tests.stub import Stub, answer, drop, garbage
from tests.stub.faults import STRANGER_ID

MODEL = "kling-v3-motion-control"


async def test_the_list_shows_the_tasks_of_this_key_newest_first(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    older = stub.add_elsewhere(KEY, age_seconds=3600)
    stub.add_elsewhere("another-key", age_seconds=60)
    task = await evolink.create(request_)
    page = await evolink.list_tasks()
    assert [line.id for line in page.tasks] == [task.id, older]
    assert (page.total, page.page, page.page_size) == (2, 1, 50)
    newest = page.tasks[0]
    assert newest.created_at == task.created
    assert (newest.model, newest.type, newest.raw["has_results"]) == (MODEL, "video", False)


async def test_the_list_is_read_by_model_status_and_page(evolink: EvoLink, stub: Stub) -> None:
    for number in range(5):
        stub.add_elsewhere(KEY, age_seconds=10 * number + 1, task_id=f"task-unified-{number}")
    stub.add_elsewhere(KEY, model="another-model")
    page = await evolink.list_tasks(model=MODEL, page=2, page_size=2)
    assert [line.id for line in page.tasks] == ["task-unified-2", "task-unified-3"]
    assert (page.total, page.page, page.page_size) == (5, 2, 2)
    assert (await evolink.list_tasks(status="failed")).tasks == []


@pytest.mark.parametrize(
    ("created", "seconds"),
    [
        (1756817821, 1756817821),
        (1756817821000, 1756817821),
        ("1756817821", 1756817821),
        ("2025-09-02T12:57:01Z", 1756817821),
        ("2025-09-02T20:57:01+08:00", 1756817821),
        ("2025-09-02T12:57:01", 1756817821),
        ("yesterday", None),
        (None, None),
        ([], None),
        (True, None),
        ("1e999", None),
    ],
)
async def test_a_time_is_read_in_every_shape(created: Any, seconds: float | None, evolink: EvoLink, stub: Stub) -> None:
    stub.fail("list", answer(200, body={"data": [{"id": "task-unified-1", "created_at": created}]}))
    (line,) = (await evolink.list_tasks()).tasks
    assert line.created_at == seconds


async def test_odd_lines_do_no_harm(evolink: EvoLink, stub: Stub) -> None:
    lines = [
        None,
        7,
        {},
        {"id": 3},
        {"id": " "},
        {"id": "task-unified-1", "model": [], "progress": "x", "duration": {}},
    ]
    stub.fail("list", answer(200, body={"data": lines, "total": "many", "page": -1, "page_size": None}))
    page = await evolink.list_tasks()
    assert [line.id for line in page.tasks] == ["task-unified-1"]
    assert (page.total, page.page, page.page_size) == (None, 1, 50)


async def test_many_tasks_are_read_in_one_request_in_the_order_asked_for(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    tasks = [await evolink.create(request_) for _ in range(3)]
    foreign = stub.add_elsewhere("another-key")
    asked = [tasks[2].id, foreign, "task-unified-nobody", tasks[0].id, tasks[0].id]
    found = await evolink.get_many(asked)
    assert [task.id for task in found] == [tasks[2].id, tasks[0].id]
    assert stub.requests("batch") == 1
    assert stub.requests("task") == 0


async def test_a_task_that_was_not_asked_for_is_never_taken_from_a_batch(evolink: EvoLink, stub: Stub) -> None:
    stub.fail(
        "batch", answer(200, body={"data": [{"id": STRANGER_ID, "status": "completed"}, {"id": "task-unified-1"}]})
    )
    assert [task.id for task in await evolink.get_many(["task-unified-1"])] == ["task-unified-1"]


async def test_fifty_tasks_are_read_at_once_and_no_more(evolink: EvoLink, stub: Stub) -> None:
    assert await evolink.get_many([]) == []
    assert await evolink.get_many([f"task-unified-{number}" for number in range(50)]) == []
    with pytest.raises(ValueError, match="at most 50"):
        await evolink.get_many([f"task-unified-{number}" for number in range(51)])
    with pytest.raises(EvoLinkError):
        await evolink.get_many(["\n"])
    assert stub.requests("batch") == 1


@pytest.mark.parametrize("call", ["list", "batch"])
async def test_both_are_asked_again_through_what_passes(call: str, evolink: EvoLink, stub: Stub) -> None:
    stub.fail(call, answer(500), drop(), garbage(), answer(429, retry_after=3), answer(200, body={"data": None}))  # type: ignore[arg-type]
    await read(evolink, call)
    assert stub.requests(call) == 6


@pytest.mark.parametrize("call", ["list", "batch"])
@pytest.mark.parametrize("status", [404, 405])
async def test_a_host_without_the_call_says_so_at_once(
    call: str, status: int, evolink: EvoLink, stub: Stub, fake_time: FakeTime
) -> None:
    stub.offers_list = stub.offers_batch = False
    if status == 405:
        stub.fail(call, answer(405, "method_not_allowed"))  # type: ignore[arg-type]
    with pytest.raises(NotFound) as caught:
        await read(evolink, call)
    assert (caught.value.code, caught.value.status) == ("not_offered", status)
    assert fake_time.pauses == []
    assert stub.requests(call) == 1


async def test_a_list_that_cannot_be_read_says_so(evolink: EvoLink, stub: Stub) -> None:
    stub.fail("list", answer(503), times=30)
    with pytest.raises(ServerFault) as caught:
        await evolink.list_tasks()
    assert caught.value.charged == "no"


async def read(evolink: EvoLink, call: str) -> None:
    if call == "list":
        await evolink.list_tasks()
    else:
        await evolink.get_many(["task-unified-1"])
