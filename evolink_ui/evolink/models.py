"""What comes over the wire, as pydantic models; `request.py` has what goes out.

Answers are read leniently: a paid task must not be lost because one field of its answer has a shape that nobody
foresaw, so every field but the id may be missing or wrong.
"""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FINISHED = frozenset({"completed", "failed", "cancelled", "canceled"})
"""Statuses after which a task does not change. Every other word, known or not, means: still running."""

_LINK_NAMES = ("video_url", "url", "videos")
"""Where an object among the results names a video, the surest first."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    """A finite number, also from its decimal text; None for everything else (booleans included)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _percent(value: object) -> int | None:
    number = _number(value)
    return None if number is None else round(min(100.0, max(0.0, number)))


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _links(value: object, depth: int = 3) -> list[str]:
    """Addresses of videos: a text, an object that names one, or a list of those."""
    if isinstance(value, str):
        return [value] if value.startswith(("https://", "http://")) else []
    if isinstance(value, list) and depth:
        return [link for item in value for link in _links(item, depth - 1)]
    if isinstance(value, dict) and depth and value.get("type") not in ("image", "audio"):
        return next((found for name in _LINK_NAMES if (found := _links(value.get(name), depth - 1))), [])
    return []


def _records(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _failure(value: object) -> dict[str, Any] | None:
    if isinstance(value, str) and value:
        return {"message": value}
    return value if isinstance(value, dict) and value else None


Text = Annotated[str | None, BeforeValidator(_text)]
Number = Annotated[float | None, BeforeValidator(_number)]
Percent = Annotated[int | None, BeforeValidator(_percent)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=(), defer_build=True)


class TaskFailure(_Answer):
    """What the vendor says about a task that failed."""

    code: Text = None
    """The vendor's word for the reason, for instance `content_policy_violation`."""

    message: Text = None
    """The vendor's sentence, in English."""

    type: Text = None
    """The vendor's class of error."""

    param: Text = None
    """The field of the order that the vendor names."""

    suggestion: Text = None
    """What the vendor advises."""


class TaskInfo(_Answer):
    """What the vendor expects of a task; only the answer to the order carries all of it."""

    can_cancel: Flag = None
    """Names no call that cancels: none is documented."""

    estimated_time: Number = None
    """Expected seconds from order to result."""

    video_duration: Number = None
    """Seconds of the motion video, as the vendor measured them."""


class UsageCost(_Answer):
    """What a finished task cost, in the vendor's second way of saying it."""

    credits: Number = None
    usd: Number = None


class Usage(_Answer):
    """What a task costs."""

    billing_rule: Text = None
    """`per_second`, `per_call` or `per_token`."""

    credits_reserved: Number = None
    """Set aside at creation. The unit is not documented: it may be ten-thousandths of a credit."""

    credits_used: Number = None
    """Charged on completion."""

    user_group: Text = None
    """The vendor's price group of the account."""

    cost: Annotated[UsageCost, BeforeValidator(_mapping)] = UsageCost()
    """The same, where the vendor answers in this shape."""

    @property
    def final_credits(self) -> float | None:
        """What was charged, whichever field says it; None while the task runs."""
        return self.cost.credits if self.credits_used is None else self.credits_used


class ResultData(_Answer):
    """One result, in the vendor's longer shape."""

    video_url: Text = None
    url: Text = None
    image_url: Text = None
    audio_url: Text = None
    element_id: Text = None


class Task(_Answer):
    """One task, as the vendor last described it. Read it with `Task.from_wire`."""

    id: str = Field(min_length=1)
    """The only field without which an answer is not a task."""

    status: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) and value else "unknown")] = (
        "unknown"
    )
    """The vendor's word, verbatim: pending, processing, completed, failed, cancelled, or one not known yet."""

    progress: Percent = None
    """0 to 100, None where the vendor does not say. May stand still or go backwards."""

    model: Text = None
    """The model that does the work."""

    created: Number = None
    """When the task was created, seconds since 1970 by the vendor's clock."""

    results: Annotated[list[str], BeforeValidator(_links)] = []
    """Addresses of the results; they die after 24 hours."""

    result_data: Annotated[list[ResultData], BeforeValidator(_records)] = []
    """The results again, where the vendor uses the longer shape."""

    error: Annotated[TaskFailure | None, BeforeValidator(_failure)] = None
    """Why the task failed; may be missing although it did."""

    task_info: Annotated[TaskInfo, BeforeValidator(_mapping)] = TaskInfo()
    """Estimate and length; complete only in the answer to the order."""

    usage: Annotated[Usage, BeforeValidator(_mapping)] = Usage()
    """Cost; complete only in the answer to the order and on completion."""

    type: Text = None
    """Kind of output, `video` here."""

    object: Text = None
    """The vendor's name for the kind of record."""

    duration: Number = None
    """Seconds of the result."""

    replayed: bool = False
    """True where the vendor marked the answer as a repetition of an earlier order with the same key."""

    raw: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The whole answer as it came, unknown fields included."""

    @classmethod
    def from_wire(cls, answer: Any, *, replayed: bool = False) -> "Task":
        """Read a task out of a parsed JSON answer. Raises ValueError where there is no id, and for nothing else."""
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), str) or not answer["id"].strip():
            raise ValueError("the answer carries no task id")
        fields = {name: answer[name] for name in cls.model_fields.keys() & answer.keys()}
        return cls(**fields | {"raw": answer, "replayed": replayed})

    @property
    def is_finished(self) -> bool:
        """Whether the task will not change any more."""
        return self.status.strip().lower() in FINISHED

    @property
    def result_urls(self) -> list[str]:
        """Every address of a result video, each once, in the vendor's order."""
        longer = [link for item in self.result_data for link in _links(item.model_dump())]
        return list(dict.fromkeys(self.results + longer))

    @property
    def estimated_seconds(self) -> float | None:
        """Expected seconds from order to result; None where the vendor gives no usable number."""
        seconds = self.task_info.estimated_time
        return seconds if seconds is not None and seconds > 0 else None


class UploadedFile(_Answer):
    """A file that the vendor keeps for 72 hours."""

    file_id: str = Field(min_length=1)
    """Names the file when it is deleted."""

    file_url: str = Field(min_length=1)
    """Public address of the file."""

    expires_at: Text = None
    """When the vendor deletes it, ISO 8601 with offset."""

    file_size: Number = None
    """Bytes, as the vendor counted them."""

    raw: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The whole record as it came."""


class Quota(_Answer):
    """How many files the account may keep at the vendor."""

    used_files: Number = None
    max_files: Number = None
    remain_files: Number = None


class TokenCredits(_Answer):
    """What one API key may spend."""

    remaining_credits: Number = None
    unlimited_credits: Flag = None
    used_credits: Number = None


class UserCredits(_Answer):
    """What the account may spend."""

    remaining_credits: Number = None
    used_credits: Number = None


class Credits(_Answer):
    """What is left to spend; both limits hold at once."""

    token: Annotated[TokenCredits, BeforeValidator(_mapping)] = TokenCredits()
    user: Annotated[UserCredits, BeforeValidator(_mapping)] = UserCredits()

    @property
    def remaining_credits(self) -> float | None:
        """The smaller of the two limits, in credits; None where the vendor names neither."""
        limits = [self.user.remaining_credits, None if self.token.unlimited_credits else self.token.remaining_credits]
        known = [limit for limit in limits if limit is not None]
        return min(known) if known else None
