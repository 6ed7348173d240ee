"""From the vendor's answer to an exception: what the code means there, what it means for the money, what to do."""

import math
import re
from collections.abc import Callable
from typing import Any

from evolink_ui.evolink.errors import (
    Charged,
    EvoLinkError,
    Forbidden,
    OutcomeUnknown,
    OutOfCredits,
    TaskFailed,
)
from evolink_ui.evolink.meanings import AT_PLACE, BY_STATUS, FAMILIES, MEANINGS, REDIRECT, REFUSED, Meaning, Place
from evolink_ui.evolink.models import Task

VENDOR_WORDS_MAX_CHARS = 300
"""Longest piece of the vendor's own text that is repeated to a person."""

CODE_MAX_CHARS = 64
"""Longest code that is carried; the vendor's longest has 28 characters."""

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_CODE = re.compile(r"[^A-Za-z0-9._-]")

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
    ("task", "unknown"): "EvoLink does not say whether it is refunded.",
}


def meaning_of(place: Place, code: str | None, status: int | None) -> tuple[str, Meaning]:
    """The code to carry and what it means: by place and code, then by code, then by status."""
    if code:
        found = AT_PLACE.get((place, code)) or MEANINGS.get(code)
        if found:
            return code, found
        for prefix, family in FAMILIES.items():
            if code.startswith(prefix):
                return _NO_CODE.sub("_", code)[:CODE_MAX_CHARS], family
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
    quotes = meaning.quote or (code is not None and code not in MEANINGS)
    parts = [meaning.sentence.format(status=f"HTTP {status}")]
    if issubclass(meaning.kind, OutOfCredits | Forbidden):
        parts += _amounts(facts.get("figures") or {})
    if words and quotes:
        parts.append(f'EvoLink says: "{_one_line(words)}".')
    if param := facts.get("param"):
        parts.append(f'It names the field "{_one_line(param)}".')
    if suggestion := facts.get("suggestion"):
        parts.append(f'EvoLink suggests: "{_one_line(suggestion)}".')
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


def _one_line(text: str) -> str:
    return " ".join(text.split())[:VENDOR_WORDS_MAX_CHARS].rstrip(".")


def _amounts(figures: dict[str, Any]) -> list[str]:
    """The figures of a refusal in words: what is needed is rounded up, what is there down, to a tenth of a credit."""

    def amount(name: str) -> float | None:
        value = figures.get(name)
        return value if isinstance(value, float) else None

    def less(whole: float | None, part: float | None) -> float | None:
        return None if whole is None or part is None else max(0.0, whole - part)

    has = {
        "this key has": amount("remaining_credits"),
        "this key has left of its limit": less(amount("total_limit_credits"), amount("used_credits")),
        "this key has left for today": less(amount("daily_limit_credits"), amount("daily_used_credits")),
        "the account has": amount("account_balance_credits"),
    }
    if has["this key has"] is not None:
        del has["this key has left of its limit"]
    there = [f"{whose} {_tenth(left, math.floor)}" for whose, left in has.items() if left is not None]
    needed = amount("estimated_credits")
    sentence = ", ".join(([] if needed is None else [f"it needs {_tenth(needed, math.ceil)} credits"]) + there)
    parts = [f"{sentence[0].upper()}{sentence[1:]}{'' if needed is not None else ' credits'}."] if sentence else []
    if isinstance(allowed := figures.get("allowed_models"), list):
        parts.append(f"Allowed are: {', '.join(allowed)[:VENDOR_WORDS_MAX_CHARS]}.")
    return parts


def _tenth(amount: float, whole: Callable[[float], int]) -> str:
    return f"{whole(round(10 * amount, 6)) / 10:g}"


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
    facts: dict[str, Any] = {"task_id": task.id}
    if task.error:
        facts |= {"param": task.error.param, "type": task.error.type, "suggestion": task.error.suggestion}
    if status.startswith("cancel"):
        error = explain("task", code or "request_cancelled", None, charged="unknown", words=words, **facts)
        error.retryable = False
    elif status == "completed":
        error = TaskFailed(
            "EvoLink calls the task completed but gives no video.",
            code="completed_without_result", charged="yes", task_id=task.id, retryable=False,
            next_step="Press Follow again in a minute; if there is still no video, ask EvoLink's support for a refund.",
        )  # fmt: skip
    else:  # failed tasks are refunded, unless EvoLink says that this one was charged
        charged: Charged = "unknown" if task.usage.final_credits else "no"
        error = explain("task", code or "unknown_error", None, charged=charged, words=words, **facts)
    if not isinstance(error, TaskFailed):
        raise TypeError("an error at the place 'task' is always a TaskFailed")
    return error
