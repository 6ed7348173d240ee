"""The promise of the client, one row each: what happens on the wire, where, and what becomes of order and money."""

from pathlib import Path

import httpx
import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest
from tests.evolink.conftest import KEY, QUICK, SHORT, FakeTime
from tests.evolink.promises import DOORS, FREE, ORDER, PLACES, READ, Deed, Row
from tests.stub import Stub


@pytest.mark.parametrize("row", [*ORDER, *FREE, *READ], ids=lambda row: row.promise)
async def test_promise(
    row: Row, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest, picture: Path, tmp_path: Path
) -> None:
    """Every row of the matrix, over real sockets."""
    limits = httpx.Limits(max_connections=1)
    async with (
        httpx.AsyncClient(limits=limits, trust_env=False) as http,
        EvoLink(
            KEY, base_url=stub.base_url, files_url=stub.files_url, http=http, downloads=http,
            timeouts=SHORT if row.waits else QUICK, clock=fake_time.clock, sleep=fake_time.sleep, random=lambda: 0.5,
        ) as evolink,
    ):  # fmt: skip
        prepared = await prepare(row, evolink, stub, request_)
        place = PLACES[row.deed]
        before = stub.requests(place)
        stub.fail(place, *row.faults, times=row.times)
        async with row.trouble(stub, fake_time, DOORS[row.deed], http):
            if row.error is None:
                await do(row.deed, evolink, prepared, request_, picture, tmp_path / "result.mp4")
            else:
                with pytest.raises(row.error) as caught:
                    await do(row.deed, evolink, prepared, request_, picture, tmp_path / "result.mp4")
                check(row, caught.value, prepared)
                assert caught.value.candidates == (tuple(o.task_id for o in stub.orders) if row.names_task else ())
    if row.tries is not None:
        assert stub.requests(place) - before == row.tries
    if row.paid is not None:
        assert stub.paid == row.paid
    if row.pauses is not None:
        assert tuple(round(pause) for pause in fake_time.pauses[: len(row.pauses)]) == row.pauses
        assert row.deed != "order" or len(fake_time.pauses) == len(row.pauses)
    keys = {seen.headers.get("idempotency-key") for seen in stub.seen if seen.place == "order"}
    assert keys <= {"key-of-this-order-1"}, "the order kept its key"


async def prepare(row: Row, evolink: EvoLink, stub: Stub, request_: MotionControlRequest) -> str:
    """Bring the order to where the deed begins: the task id or the result's link."""
    if row.deed not in ("follow", "list", "batch", "download"):
        return ""
    stub.script = [{"status": "completed", "progress": 100, "results": [f"{stub.results_url}/results/1.mp4"]}]
    task = await evolink.create(request_, idempotency_key="key-of-this-order-1")
    return f"{stub.results_url}/results/1.mp4" if row.deed == "download" else task.id


async def do(
    deed: Deed, evolink: EvoLink, prepared: str, request_: MotionControlRequest, picture: Path, result: Path
) -> None:
    """Do it and check that what came of it is whole."""
    match deed:
        case "order":
            task = await evolink.create(request_, idempotency_key="key-of-this-order-1")
            assert task.id.startswith("task-unified-")
        case "follow":
            answers = [task async for task in evolink.follow(prepared)]
            assert answers[-1].status == "completed"
            assert answers[-1].result_urls
        case "credits":
            assert (await evolink.credits()).remaining_credits == 1000.0
        case "list":
            assert (await evolink.list_tasks()).tasks[0].id == prepared
        case "batch":
            assert [task.id for task in await evolink.get_many([prepared])] == [prepared]
        case "upload":
            assert (await evolink.upload(picture)).file_size == picture.stat().st_size  # noqa: ASYNC240 - a test may wait for its disk
        case "download":
            size = await evolink.download(prepared, result)
            assert result.stat().st_size == size > 0  # noqa: ASYNC240 - a test may wait for its disk
            assert list(result.parent.glob("*.part")) == []


def check(row: Row, error: EvoLinkError, prepared: str) -> None:
    """An error says what happened, what it cost and what to do, and nothing that is nobody's business."""
    assert row.code in (None, error.code)
    assert error.charged == row.charged
    assert error.next_step.endswith((".", "…"))
    assert "{again}" not in str(error)
    assert KEY not in f"{error} {error!r} {error.to_dict()}"
    if row.deed == "order":
        assert error.idempotency_key == "key-of-this-order-1"
    if row.deed == "follow":
        assert error.task_id == prepared
    if row.deed in ("order", "upload"):
        assert ("nothing was charged" in str(error).lower()) == (error.charged == "no")
