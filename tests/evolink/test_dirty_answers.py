"""An answer to the paid order that arrives dirty: what it still says about the task is never lost."""

import logging

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest, OutcomeUnknown
from evolink_ui.evolink.bodies import CANDIDATES_MAX, decoded, task_ids_in
from evolink_ui.evolink.transport import ANSWER_MAX_BYTES
from tests.evolink.conftest import KEY
from tests.evolink.test_bodies import host_of
from tests.stub import Stub, answer, dirty, hang
from tests.stub.faults import STRANGER_ID

TASK = "task-unified-1756817821-4x3rx6ny"


async def candidates_of(evolink: EvoLink, request: MotionControlRequest) -> tuple[str, ...]:
    with pytest.raises(OutcomeUnknown) as caught:
        await evolink.create(request)
    assert caught.value.charged == "unknown"
    assert caught.value.to_dict()["candidates"] == list(caught.value.candidates)
    return caught.value.candidates


async def test_the_task_named_by_an_unusable_answer_stands_in_the_log(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest, caplog: pytest.LogCaptureFixture
) -> None:
    stub.fail("order", dirty("cut_after_id"))
    with caplog.at_level(logging.WARNING):
        (task_id,) = await candidates_of(evolink, request_)
    assert task_id == stub.orders[0].task_id
    assert task_id in caplog.text
    assert KEY not in caplog.text


async def test_an_id_that_was_cut_itself_is_a_candidate_and_no_more(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    stub.fail("order", dirty("cut_in_id"))
    (part,) = await candidates_of(evolink, request_)
    assert stub.orders[0].task_id.startswith(part)


async def test_a_task_named_by_the_head_of_an_answer_is_a_candidate(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    stub.fail("order", answer(303, headers={"location": f"/v1/tasks/{TASK}"}))
    assert await candidates_of(evolink, request_) == (TASK,)


@pytest.mark.parametrize("repeated", [f"{TASK}-9", TASK[:-3]])
async def test_an_id_that_the_order_itself_holds_is_no_candidate_in_whatever_part_it_is_repeated(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest, repeated: str
) -> None:
    many = " ".join(f"{TASK}-{number}" for number in range(CANDIDATES_MAX + 2))
    stub.fail("order", answer(400, "invalid_request", message=f"prompt: ...{repeated}"))
    with pytest.raises(EvoLinkError) as caught:
        await evolink.create(request_.model_copy(update={"prompt": many}))
    assert caught.value.charged == "no"


async def test_a_task_that_arrived_before_the_silence_is_a_candidate(request_: MotionControlRequest) -> None:
    body = b'{"id": "%s", "status": ' % TASK.encode()
    async with host_of(b"content-length: 500", body) as evolink:
        assert await candidates_of(evolink, request_) == (TASK,)
    async with host_of(b"content-encoding: gzip", body) as evolink:
        assert await candidates_of(evolink, request_) == (TASK,)


async def test_two_answers_that_ran_into_each_other_are_not_taken_for_one(request_: MotionControlRequest) -> None:
    body = b'{"id": "%s"}{"id": "%s"}' % (TASK.encode(), STRANGER_ID.encode())
    async with host_of(b"content-type: application/json", body) as evolink:
        assert await candidates_of(evolink, request_) == (TASK, STRANGER_ID)


async def test_a_task_that_the_order_itself_names_is_no_candidate(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    order = request_.model_copy(update={"prompt": f"As in {TASK}"})
    stub.fail("order", answer(400, "invalid_request", message=f"No such prompt: As in {TASK}"))
    with pytest.raises(EvoLinkError) as caught:
        await evolink.create(order)
    assert (caught.value.charged, caught.value.candidates) == ("no", ())


async def test_an_answer_full_of_ids_names_only_a_few(request_: MotionControlRequest) -> None:
    body = b" ".join(b"task-unified-%d-abc" % number for number in range(100_000))
    async with host_of(b"content-type: text/plain", body) as evolink:
        assert len(await candidates_of(evolink, request_)) == CANDIDATES_MAX


async def test_a_task_named_at_the_start_of_an_endless_answer_is_a_candidate(request_: MotionControlRequest) -> None:
    body = b'{"id": "%s", "fill": "' % TASK.encode() + b"x" * (2 * ANSWER_MAX_BYTES)
    async with host_of(b"content-type: application/json", body) as evolink:
        assert await candidates_of(evolink, request_) == (TASK,)


async def test_silence_names_nothing(stub: Stub, request_: MotionControlRequest, evolink: EvoLink) -> None:
    stub.fail("order", hang(0.1))
    assert await candidates_of(evolink, request_) == ()


@pytest.mark.parametrize(
    ("received", "value", "damaged"),
    [
        (b'{"a": 1}', {"a": 1}, False),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}, False),
        ('{"a": "\u00e9"}'.encode("utf-16"), {"a": "\u00e9"}, False),
        (b'\r\n {"a": 1}\n', {"a": 1}, False),
        (b'{"a": 1} <!-- edge -->', {"a": 1}, True),
        (b'{"a": 1}\0', {"a": 1}, True),
        (b'{"a": "\xff"}', {"a": "\ufffd"}, True),
        (b'{"a": %s}' % (b"9" * 5000), {"a": None}, False),
        (b'{"a": -%s.5e3}' % (b"9" * 5000), {"a": None}, False),
        (b'{"a": 1e999, "b": NaN, "c": -Infinity}', {"a": None, "b": None, "c": None}, False),
        (b'{"a": 12345678901234567890}', {"a": 12345678901234567890}, False),
        (b"", None, False),
        (b"<html>", None, False),
        (b'{"a": ', None, False),
        (b"[" * 100_000, None, False),
    ],
)
def test_json_is_read_out_of_dirt(received: bytes, value: object, damaged: bool) -> None:
    read = decoded(received)
    assert (read.value, read.damaged) == (value, damaged)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (b'\\"id\\": \\"task-unified-1-abc\\"', ("task-unified-1-abc",)),
        (
            b"https://x/task-unified-1-abc.mp4?task-unified-2-d, task-unified-1-abc",
            ("task-unified-1-abc", "task-unified-2-d"),
        ),
        (b"task-unified-, task-unified- task-unified--", ()),
        (b"\xfftask-unified-1-abc\xff", ("task-unified-1-abc",)),
    ],
)
def test_ids_are_found_wherever_they_stand(text: bytes, ids: tuple[str, ...]) -> None:
    assert task_ids_in([text]) == ids
