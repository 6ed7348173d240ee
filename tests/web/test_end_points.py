"""Calls of what the page does not have are refused in one sentence, and leave nothing in the log."""

import json
from typing import Any

import httpx
import pytest

from tests.web.process import AppProcess

WAYS = ("call", "call/v2", "run", "api")
NAMES = ("nope", "__class__", "v2", "page_nope", "start%0a", "%e2%80%ae", "x" * 500)

WRONG: list[tuple[str, Any, int]] = [
    *((f"{way}/{name}", {"data": []}, 404) for way in WAYS for name in NAMES),
    *((f"{way}/check", {"data": [], "fn_index": index}, 404) for way in ("run", "api") for index in (-1, 99_999, "7")),
    ("queue/join", {"data": [], "fn_index": 99_999, "session_hash": "s"}, 404),
    ("queue/join", {"data": [], "fn_index": True, "session_hash": "s"}, 404),
    ("queue/join", {"data": [None, None, "image"], "fn_index": 0, "session_hash": ""}, 400),
    ("call/v2/check", {"data": []}, 400),
    ("call/v2/check", {"image": None, "colour": "red"}, 400),
    ("call/v2/start", {"unknown": 1}, 400),
    ("call/v2/status", {}, 400),
    ("call/v2/stop", {"job_id": "x", "force": True}, 400),
    ("call/v2/page_order", {"data": [{}]}, 404),
]


@pytest.mark.parametrize(("where", "body", "status"), WRONG)
def test_a_call_of_what_is_not_there_is_refused_without_a_traceback(
    hostile_app: AppProcess, where: str, body: Any, status: int
) -> None:
    before = hostile_app.log().count("Traceback")
    with hostile_app.visitor() as client:
        answer = client.post(f"/gradio_api/{where}", content=json.dumps(body))
    assert answer.status_code == status and answer.json()["error"]["next_step"]
    assert hostile_app.log().count("Traceback") == before


def test_a_named_argument_that_is_unknown_is_named_with_those_that_are_known(hostile_app: AppProcess) -> None:
    with hostile_app.visitor() as client:
        told = client.post("/gradio_api/call/v2/check", json={"video": None, "colour": "red"}).json()["error"]
    assert "'colour'" in told["message"] and "image, video, character_orientation" in told["next_step"]


def test_named_arguments_that_fit_are_carried_out(hostile_app: AppProcess) -> None:
    with hostile_app.visitor() as client:
        event = client.post("/gradio_api/call/v2/check", json={"character_orientation": "video"}).json()["event_id"]
        assert "event: complete" in client.get(f"/gradio_api/call/v2/check/{event}").text


def test_one_request_does_not_make_the_app_forget_whose_events_are_whose(hostile_app: AppProcess) -> None:
    with hostile_app.visitor() as victim, hostile_app.visitor() as attacker:
        event = victim.post("/gradio_api/call/status", json={"data": ["none"]}).json()["event_id"]
        for page in range(2):
            names = "&".join(f"session_hash=s{page}-{n}" for n in range(400))
            assert attacker.get(f"/gradio_api/queue/data?{names}").status_code == 404
        answer = victim.get(f"/gradio_api/call/status/{event}", timeout=httpx.Timeout(10))
        assert answer.status_code == 200 and "event: error" in answer.text
