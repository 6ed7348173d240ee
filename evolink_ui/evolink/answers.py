"""What comes back from one exchange: a whole answer, or the reason why there is none."""

import math
from dataclasses import dataclass
from typing import Any

from evolink_ui.evolink.policy import Fault

FIGURES = (
    "key_name", "estimated_credits", "account_balance_credits", "total_limit_credits", "used_credits",
    "remaining_credits", "daily_limit_credits", "daily_used_credits", "reset_timezone", "allowed_models", "action_url",
    "limit_scope",
)  # fmt: skip
"""Fields of a refusal that say how much is needed, how much is there, and what is allowed (the vendor's own client)."""

LINE_MAX_CHARS = 200
"""Longest text among the figures and details; a key's name has at most a few dozen characters."""

FIGURE_MAX_ITEMS = 50
"""Most models that are named as allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `body` is the parsed JSON, None where it is not JSON."""

    status: int
    body: Any
    request_id: str | None
    retry_after_seconds: float | None
    replayed: bool
    is_page: bool = False
    """Whether it is a web page (HTML or XML) where JSON belongs: the words of something between us and EvoLink, or of
    another host altogether."""
    damaged: bool = False
    """Whether `body` was read out of damaged bytes."""
    task_ids: tuple[str, ...] = ()
    """Of the paid POST: everything in head and body that has the form of a task id and did not stand in the order."""

    @property
    def record(self) -> dict[str, Any]:
        """The body as an object, empty where it is something else."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def is_foreign(self) -> bool:
        """Whether it has nothing of EvoLink's: a web page, or a 403 without a word of why."""
        return self.is_page or (self.status == 403 and self.code is None and self.words is None)

    @property
    def declined(self) -> bool:
        """Whether it says no in the body: 200 with `success: false`."""
        return 200 <= self.status < 300 and self.record.get("success") is False

    @property
    def standing(self) -> int:
        """The status that counts: for a declined one the number in its body, 400 where it has none."""
        number = self.record.get("code")
        if not self.declined:
            return self.status
        return number if isinstance(number, int) and 400 <= number < 600 else 400

    @property
    def data(self) -> dict[str, Any] | None:
        """What the files host and the credits wrap their answers in; None where there is none or it is declined."""
        data = self.record.get("data")
        return data if isinstance(data, dict) and not self.declined else None

    @property
    def error(self) -> dict[str, Any]:
        """The error object of the API, empty where there is none."""
        error = self.record.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def code(self) -> str | None:
        """The vendor's error code."""
        return _text((self.error or self.record).get("code"))

    @property
    def words(self) -> str | None:
        """The vendor's error text: `error.message` of the API, `msg` of the files host."""
        places = [self.error.get("message") if self.error else self.record.get("error")]
        places += [self.record.get(name) for name in ("msg", "message", "detail")]
        return next((text for text in places if isinstance(text, str) and text.strip()), None)

    @property
    def support_id(self) -> str | None:
        """What EvoLink's support asks for: the request's id, from the head or from the error."""
        return self.request_id or _line(self.error.get("request_id", self.record.get("request_id")))

    @property
    def details(self) -> dict[str, Any]:
        """What else the vendor says about an error, as fields of an EvoLinkError."""
        return {
            "param": _line(self.error.get("param")),
            "type": _line(self.error.get("type")),
            "suggestion": _text(self.error.get("suggestion", self.record.get("suggestion"))),
            "figures": self.figures,
            "request_id": self.support_id,
        }

    @property
    def figures(self) -> dict[str, Any]:
        """The amounts and limits that a refusal names, out of the error object or beside it; see FIGURES."""
        found = {name: _figure(self.error.get(name, self.record.get(name))) for name in FIGURES}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no whole answer. `status` and `request_id` where at least the head arrived."""

    fault: Fault
    status: int | None = None
    request_id: str | None = None
    task_ids: tuple[str, ...] = ()
    """As in `Answer`, out of the bytes that arrived before it broke off."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _figure(value: object) -> float | str | list[str] | None:
    """An amount, one short line of text, or a list of such lines; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    if isinstance(value, list):
        return [line for item in value[:FIGURE_MAX_ITEMS] if (line := _line(item))] or None
    return _line(value)


def _line(value: object) -> str | None:
    return " ".join(value.split())[:LINE_MAX_CHARS] or None if isinstance(value, str) else None
