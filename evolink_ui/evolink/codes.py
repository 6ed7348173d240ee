"""From the vendor's answer to an exception: what the code means there, what it means for the money, what to do."""

import re
from typing import Any

from evolink_ui.evolink.errors import Charged, EvoLinkError, OutcomeUnknown, TaskFailed
from evolink_ui.evolink.meanings import AT_PLACE, BY_STATUS, MEANINGS, REDIRECT, REFUSED, Meaning, Place
from evolink_ui.evolink.models import Task

VENDOR_WORDS_MAX_CHARS = 300
"""Longest piece of the vendor's own text that is repeated to a person."""

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")

_AGAIN: dict[Place, str] = {
    "order": "order again",
    "read": "press Follow again",
    "account": "look again",
    "upload": "send the file again",
    "result": "press Follow again",
    "task": "order again",
}

_CONSEQUENCE: dict[tuple[Place, Charged], str] = {
    ("order", "no"): "Nothing was ordered and nothing was charged.",
    ("order", "unknown"): "The order may have been taken and charged; it was not sent a second time.",
    ("read", "unknown"): "The order itself is not touched by this; it is charged if it ends well.",
    ("account", "no"): "Nothing was ordered or charged.",
    ("upload", "no"): "Nothing was ordered and nothing was charged.",
    ("result", "yes"): "The video is made and paid for.",
    ("task", "no"): "EvoLink refunds failed tasks.",
    ("task", "unknown"): "EvoLink does not say whether a cancelled task is refunded.",
}


def meaning_of(place: Place, code: str | None, status: int | None) -> tuple[str, Meaning]:
    """The code to carry and what it means: by place and code, then by code, then by status."""
    if code:
        found = AT_PLACE.get((place, code)) or MEANINGS.get(code)
        if found:
            return code, found
    if place == "result" and status is not None and 400 <= status < 500 and status not in (408, 429):
        status = 404  # the link carries neither key nor order: whatever the host calls it, the link is dead
    if status in BY_STATUS:
        fallback, found = BY_STATUS[status]
        found = AT_PLACE.get((place, fallback), found)
    elif status is None or status >= 500:
        fallback, found = ("unknown_error" if status is None else "internal_error"), MEANINGS["internal_error"]
    elif 300 <= status < 400:
        fallback, found = "redirected", REDIRECT
    else:
        fallback, found = f"http_{status}", REFUSED
    return (code if code and _CODE.fullmatch(code) else fallback), found


def consequence(place: Place, charged: Charged) -> str:
    """What a failure at this place means for the order and the money."""
    return _CONSEQUENCE.get((place, charged), "")


def explain(
    place: Place, code: str | None, status: int | None, *, charged: Charged, words: str | None = None, **facts: Any
) -> EvoLinkError:
    """Build the exception for a refusal. `words` is the vendor's text; `facts` are further fields of the exception."""
    known, meaning = meaning_of(place, code, status)
    kind = TaskFailed if place == "task" else meaning.kind
    unrecognised = code is not None and code not in MEANINGS
    parts = [meaning.sentence]
    if words and (meaning.quote or unrecognised):
        parts.append(f'EvoLink says: "{" ".join(words.split())[:VENDOR_WORDS_MAX_CHARS].rstrip(".")}".')
    parts.append(consequence(place, charged))
    return kind(
        " ".join(part for part in parts if part),
        code=known,
        status=status,
        charged=charged,
        next_step=meaning.next_step.format(again=_AGAIN[place]),
        retryable=meaning.retryable,
        vendor_code=code,
        vendor_message=words,
        **facts,
    )


def unknown_outcome(what_happened: str, **facts: Any) -> OutcomeUnknown:
    """The exception for a paid order without a clear answer."""
    return OutcomeUnknown(
        f"{what_happened} {consequence('order', 'unknown')}",
        charged="unknown",
        next_step="Look at EvoLink's dashboard: attach the task id if it is there; if not, send it again.",
        **facts,
    )


def failure_of(task: Task) -> TaskFailed:
    """Explain a finished task that has no result to give: failed, cancelled, or completed without a link."""
    status = task.status.strip().lower()
    code = task.error.code if task.error else None
    words = task.error.message if task.error else None
    if status.startswith("cancel"):
        error = explain("task", code or "request_cancelled", None, charged="unknown", words=words, task_id=task.id)
        error.retryable = False
    elif status == "completed":
        error = TaskFailed(
            "EvoLink calls the task completed but gives no video.",
            code="completed_without_result", charged="yes", task_id=task.id, retryable=False,
            next_step="Press Follow again in a minute; if there is still no video, ask EvoLink's support for a refund.",
        )  # fmt: skip
    else:
        error = explain("task", code or "unknown_error", None, charged="no", words=words, task_id=task.id)
    if not isinstance(error, TaskFailed):
        raise TypeError("an error at the place 'task' is always a TaskFailed")
    return error
