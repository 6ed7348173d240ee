"""Errors: one tree, a sentence and a next step for every word of the vendor, fit for a ledger."""

import copy
import json
import pickle
import re
from itertools import product

import pytest

from evolink_ui.evolink import EvoLinkError, OutcomeUnknown, TaskFailed, errors
from evolink_ui.evolink.codes import explain, meaning_of
from evolink_ui.evolink.meanings import AT_PLACE, MEANINGS, Place

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
]

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
    assert {code for _, code in AT_PLACE} <= set(MEANINGS)


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
