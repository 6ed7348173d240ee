"""Answers of shapes that nobody promised: shown as what they are, followed to their end, explained."""

from typing import Any

import pytest

from evolink_ui.evolink import EvoLink, MotionControlRequest, Task, failure_of
from tests.stub import Stub

RUNNING = {"status": "processing", "progress": 40}
FAILED = {"status": "failed"}
LINK = "https://example.com/result.mp4"
DONE = {"status": "completed", "progress": 100, "results": [LINK]}

ODDITIES: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int | None]], list[str]]] = {
    "progress that is missing is shown as missing": (
        [{"status": "processing"}, DONE],
        [("processing", None), ("completed", 100)],
        [LINK],
    ),
    "progress that goes backwards is shown as it is": (
        [RUNNING, RUNNING | {"progress": 10}, DONE],
        [("processing", 40), ("processing", 10), ("completed", 100)],
        [LINK],
    ),
    "progress over 100 or below 0 is cut to the scale": (
        [RUNNING | {"progress": 140}, RUNNING | {"progress": -3}, DONE],
        [("processing", 100), ("processing", 0), ("completed", 100)],
        [LINK],
    ),
    "progress that is no number is shown as missing": (
        [RUNNING | {"progress": "soon"}, RUNNING | {"progress": "55.4"}, DONE],
        [("processing", None), ("processing", 55), ("completed", 100)],
        [LINK],
    ),
    "an unknown status counts as running and is shown verbatim": (
        [{"status": "Queued at provider", "progress": 3}, DONE],
        [("Queued at provider", 3), ("completed", 100)],
        [LINK],
    ),
    "a missing status counts as running": ([{"progress": 3}, DONE], [("unknown", 3), ("completed", 100)], [LINK]),
    "a cancelled task is finished": ([RUNNING, {"status": "cancelled"}], [("processing", 40), ("cancelled", None)], []),
    "the other spelling of cancelled is finished": ([{"status": "canceled"}], [("canceled", None)], []),
    "a status in capitals is understood": ([DONE | {"status": "COMPLETED"}], [("COMPLETED", 100)], [LINK]),
    "completed without results is finished": ([DONE | {"results": []}], [("completed", 100)], []),
    "results that are null are none": ([DONE | {"results": None}], [("completed", 100)], []),
    "results in the longer shape are found": (
        [{"status": "completed", "result_data": [{"video_url": LINK, "element_id": None, "more": {}}]}],
        [("completed", None)],
        [LINK],
    ),
    "results as one text are one link": ([DONE | {"results": LINK}], [("completed", 100)], [LINK]),
    "results as objects are found": (
        [
            DONE
            | {
                "results": [
                    {"url": LINK},
                    {"video_url": LINK + "?2", "url": LINK + "?3"},
                    {"type": "image", "url": "https://a/b"},
                ]
            }
        ],
        [("completed", 100)],
        [LINK, LINK + "?2"],
    ),
    "results as one object are found": (
        [DONE | {"results": {"videos": [{"url": LINK}], "id": 7}}],
        [("completed", 100)],
        [LINK],
    ),
    "results in the longer shape with a plain url are found": (
        [DONE | {"results": None, "result_data": {"url": LINK, "image_url": "https://a/b.jpg"}}],
        [("completed", 100)],
        [LINK],
    ),
    "results that are no links are none": (
        [DONE | {"results": "pending"}],
        [("completed", 100)],
        [],
    ),
    "results of no known shape are none": (
        [
            DONE
            | {"results": [[[[[LINK]]]], {"url": {"href": LINK}}, True, 3.5], "result_data": [[], {"video_url": []}]}
        ],
        [("completed", 100)],
        [],
    ),
    "results in both shapes count once": (
        [DONE | {"result_data": [{"video_url": LINK}, {"video_url": LINK + "?2"}]}],
        [("completed", 100)],
        [LINK, LINK + "?2"],
    ),
    "results of the wrong kind are left out": (
        [DONE | {"results": [LINK, None, 7, ""], "result_data": "none"}],
        [("completed", 100)],
        [LINK],
    ),
    "failed without an error is finished": ([{"status": "failed", "error": None}], [("failed", None)], []),
    "failed with a bare text is finished": ([{"status": "failed", "error": "no luck"}], [("failed", None)], []),
    "unknown fields everywhere do no harm": (
        [DONE | {"task_info": {"x": [1]}, "usage": {"y": 2, "cost": {"credits": 3, "eur": 1}}, "z": {"deep": [{}]}}],
        [("completed", 100)],
        [LINK],
    ),
    "known fields of the wrong kind do no harm": (
        [DONE | {"task_info": [], "usage": "free", "created": "yesterday", "duration": {}, "model": 3, "type": []}],
        [("completed", 100)],
        [LINK],
    ),
}


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_odd_answers(oddity: str, evolink: EvoLink, stub: Stub, request_: MotionControlRequest) -> None:
    answers, shown, links = ODDITIES[oddity]
    task = await evolink.create(request_)
    stub.script = answers
    tasks = [task async for task in evolink.follow(task.id)]
    assert [(task.status, task.progress) for task in tasks] == shown
    assert tasks[-1].result_urls == links
    assert tasks[-1].is_finished
    assert tasks[-1].raw.items() >= answers[-1].items()


async def test_a_failed_task_that_is_called_no_success_is_still_a_task(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.script = [FAILED | {"success": False, "code": 500}]
    assert (await evolink.get(task.id)).status == "failed"
    assert [task.status async for task in evolink.follow(task.id)] == ["failed"]


@pytest.mark.parametrize(
    ("said", "code", "charged"),
    [
        (FAILED | {"error": {"code": "content_policy_violation", "message": "No."}}, "content_policy_violation", "no"),
        (FAILED | {"error": {"code": "quota_exceeded"}}, "quota_exceeded", "no"),
        ({"status": "failed"}, "unknown_error", "no"),
        (FAILED | {"error": {"code": "made_up", "message": "The moon\nis full."}}, "made_up", "no"),
        ({"status": "cancelled"}, "request_cancelled", "unknown"),
        ({"status": "completed"}, "completed_without_result", "yes"),
    ],
)
def test_a_task_that_ended_without_a_result_says_what_that_means(said: dict[str, Any], code: str, charged: str) -> None:
    failure = failure_of(Task.from_wire({"id": "task-1", **said}))
    assert (failure.code, failure.charged, failure.task_id) == (code, charged, "task-1")
    assert failure.next_step
    if code == "made_up":
        assert 'EvoLink says: "The moon is full".' in failure.message
    if code == "quota_exceeded":
        assert "Top up" not in failure.next_step
