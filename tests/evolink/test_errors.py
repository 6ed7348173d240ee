"""Errors: one tree, a sentence and a next step for every word of the vendor, fit for a ledger."""

import copy
import json
import pickle
import re
from itertools import product
from typing import Any

import pytest

from evolink_ui.evolink import (
    EvoLink,
    EvoLinkError,
    Forbidden,
    MotionControlRequest,
    OutcomeUnknown,
    Task,
    TaskFailed,
    errors,
    failure_of,
)
from evolink_ui.evolink.codes import explain, meaning_of
from evolink_ui.evolink.meanings import AT_PLACE, BY_STATUS, MEANINGS, Place
from tests.stub import Stub, answer

TASK_CODES = [
    "content_policy_violation",
    "invalid_parameters",
    "image_processing_error",
    "image_dimension_mismatch",
    "request_cancelled",
    "generation_failed_no_content",
    "service_error",
    "generation_timeout",
    "resource_exhausted",
    "quota_exceeded",
    "service_unavailable",
    "unknown_error",
    "resource_not_found",
]

HTTP_CODES = [
    "invalid_request",
    "invalid_task_id",
    "unauthorized",
    "insufficient_quota",
    "quota_exceeded",
    "model_access_denied",
    "permission_denied",
    "task_not_found",
    "rate_limit_exceeded",
    "internal_error",
    "insufficient_user_quota",
    "quota_not_enough",
    "insufficient_token_quota",
    "token_daily_quota_exceeded",
    "key_disabled",
    "key_expired",
    "key_model_not_allowed",
    "no_available_channel",
    "model_unavailable",
    "idempotency_conflict",
    "paid_outcome_unknown",
    "account_balance_insufficient",
    "key_quota_exhausted",
    "key_daily_quota_exhausted",
    "mcp_paused",
    "user_disabled",
    "content_filter",
    "sensitive_content",
    "moderation_blocked",
    "input_moderation_failed",
    "channel_selection_failed",
]

FAMILY_CODES = ["channel:no_capacity", "channel:", "connection_reset", "connection_timeout", "session_expired"]

PLACES: list[Place] = ["order", "read", "account", "upload", "result", "task"]


def tree() -> list[type[EvoLinkError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EvoLinkError)]


def test_the_tree_drawn_at_the_top_is_the_tree_there_is() -> None:
    drawn = re.findall(r"^[├└]── (\w+) ", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in tree() if kind is not EvoLinkError)
    assert all(kind.__doc__ for kind in tree())


@pytest.mark.parametrize("code", sorted({*TASK_CODES, *HTTP_CODES}))
def test_every_word_of_the_vendor_has_a_sentence_and_a_next_step_of_its_own(code: str) -> None:
    assert code in MEANINGS
    sentences = [meaning.sentence for meaning in MEANINGS.values()]
    assert sentences.count(MEANINGS[code].sentence) == 1
    for place in PLACES:
        error = explain(place, code, 400, charged="unknown")
        assert error.code == code
        assert error.message.startswith(meaning_of(place, code, 400)[1].sentence)
        assert error.next_step.endswith(".")
        assert "{" not in str(error)
        assert code not in error.message


def test_the_same_word_means_different_things_in_different_places() -> None:
    read, task, upload = (explain(place, "quota_exceeded", 402, charged="no") for place in ("read", "task", "upload"))
    assert "Top up" in read.next_step
    assert "Top up" not in task.next_step
    assert task.retryable
    assert "72 hours" in upload.next_step
    assert isinstance(task, TaskFailed)
    assert {code for _, code in AT_PLACE} <= set(MEANINGS) | {code for code, _ in BY_STATUS.values()}


@pytest.mark.parametrize("code", FAMILY_CODES)
def test_a_word_of_which_only_the_beginning_is_fixed_is_explained_and_quoted(code: str) -> None:
    error = explain("task", code, None, charged="no", words="Upstream 7 is gone.")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", error.code)
    assert error.vendor_code == code
    assert "model failed" in error.message
    assert "Upstream 7 is gone" in error.message
    assert error.retryable


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        ({"estimated_credits": 81.6, "remaining_credits": 3}, "It needs 81.6 credits, this key has 3."),
        ({"estimated_credits": 81.648, "remaining_credits": 3.18}, "It needs 81.7 credits, this key has 3.1."),
        (
            {"estimated_credits": 81.6, "total_limit_credits": 100, "used_credits": 97.5},
            "It needs 81.6 credits, this key has left of its limit 2.5.",
        ),
        (
            {"daily_limit_credits": 100, "daily_used_credits": 100, "account_balance_credits": 5000},
            "This key has left for today 0, the account has 5000 credits.",
        ),
        ({"estimated_credits": "a lot", "remaining_credits": None}, ""),
        ({}, ""),
    ],
)
async def test_the_figures_of_a_refusal_reach_the_person(
    figures: dict[str, Any], says: str, evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    for body in ({"error": {"code": "key_quota_exhausted", **figures}}, {"error": {"code": "mcp_paused"}, **figures}):
        stub.fail("order", answer(403, body=body))
        with pytest.raises(EvoLinkError) as caught:
            await evolink.create(request_)
        assert says in caught.value.message
        assert ("credits" in caught.value.message.lower()) == bool(says)
        assert caught.value.charged == "no"


async def test_what_else_a_refusal_says_is_kept(evolink: EvoLink, stub: Stub, request_: MotionControlRequest) -> None:
    error = {
        "code": "key_model_not_allowed", "message": "No.", "type": "permission_error", "param": "model",
        "suggestion": "Use another\nkey.", "key_name": "team", "allowed_models": ["kling-v2", 7, "other"],
        "limit_scope": "key", "action_url": "https://evolink.ai/dashboard", "request_id": "req-body",
        "remaining_credits": True, "used_credits": "9" * 999, "reset_timezone": {"a": 1},
    }  # fmt: skip
    stub.fail("order", answer(403, body={"error": error}, headers={"x-request-id": ""}))
    with pytest.raises(Forbidden) as caught:
        await evolink.create(request_)
    said = caught.value
    assert (said.param, said.type, said.suggestion, said.request_id) == (
        "model", "permission_error", "Use another\nkey.", "req-body",
    )  # fmt: skip
    assert said.figures.pop("used_credits") == "9" * 200
    assert said.figures == {
        "key_name": "team", "allowed_models": ["kling-v2", "other"], "limit_scope": "key",
        "action_url": "https://evolink.ai/dashboard",
    }  # fmt: skip
    assert 'It names the field "model". EvoLink suggests: "Use another key".' in said.message
    assert "Allowed are: kling-v2, other." in said.message
    assert json.loads(json.dumps(said.to_dict()))["type"] == "permission_error"


def test_what_a_failed_task_suggests_reaches_the_person() -> None:
    error = {"code": "content_filter", "message": "Blocked.", "suggestion": "Take another picture."}
    failure = failure_of(Task.from_wire({"id": "task-1", "status": "failed", "error": error}))
    assert 'EvoLink suggests: "Take another picture".' in failure.message
    assert failure.charged == "no"
    assert "celebrity" in failure.next_step


@pytest.mark.parametrize("code", [None, "brand_new", "not a code\nat all", "x" * 500])
def test_a_word_nobody_knows_is_explained_by_the_status(code: str | None) -> None:
    for place, status in product(PLACES, range(300, 600)):
        error = explain(place, code, status, charged="unknown", words="its own words")
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", error.code)
        assert error.next_step
        assert ("its own words" in error.message) or code is None


def test_the_vendors_words_are_cut_and_put_on_one_line() -> None:
    error = explain("order", "invalid_parameters", 400, charged="no", words="line\n" * 500)
    assert "\n" not in error.message
    assert len(error.message) < 500
    assert error.vendor_message == "line\n" * 500


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_an_error_survives_a_ledger_and_a_copy(kind: type[EvoLinkError]) -> None:
    error = kind("What happened.", status=503, request_id="req-1", charged="unknown", next_step="Do this.", task_id="t")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(twin) is kind
        assert twin.to_dict() == error.to_dict()
    assert json.loads(json.dumps(error.to_dict()))["request_id"] == "req-1"
    assert str(error) == "What happened. Do this."
    assert error.code == kind.default_code


def test_an_unknown_outcome_is_never_called_free() -> None:
    for status in (500, 502, 503, 504):
        for code in HTTP_CODES:
            assert "nothing was charged" not in str(explain("order", code, status, charged="unknown")).lower()
    assert OutcomeUnknown().charged == "unknown"
