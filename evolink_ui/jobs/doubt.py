"""What is known of an order of unknown outcome, and when it is looked for next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .job import Job

LOOKS_AFTER_SECONDS = (5.0, 15.0, 30.0, *(60.0 * minute for minute in range(1, 11)))
"""When EvoLink's task list is read, after the outcome became unknown. A task is listed within seconds of its order; ten
minutes outlast any delay of the vendor's that was seen."""

SAME_ORDER_SECONDS = 300.0  # between our clock at the POST and the vendor's at the creation of its task


class Result(StrEnum):
    """What the looks at EvoLink's task list gave so far."""

    LOOKING = "looking"
    """Nothing yet; looks go on."""
    NONE = "none"
    """EvoLink lists no such task, ten minutes later."""
    CANDIDATES = "candidates"
    """There are tasks that may be the order's; the key's owner decides."""
    UNREADABLE = "unreadable"
    """The list could not be read."""
    NOT_OFFERED = "not_offered"
    """This host has no such list."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task that may be what the order made."""

    task_id: str
    created_at: float | None = None
    """Seconds since 1970 by the vendor's clock; None where it was not read yet."""
    seconds: float | None = None
    """Length of its video."""
    credits: float | None = None
    """What it cost or may cost, in credits."""

    def to_public(self) -> dict[str, Any]:
        """As the key's owner sees it; the time as ISO 8601 in UTC."""
        at = datetime.fromtimestamp(self.created_at, UTC).isoformat(timespec="seconds") if self.created_at else None
        return {**asdict(self), "created_at": at}


@dataclass(frozen=True, slots=True)
class Doubt:
    """As it stands in the ledger, column `doubt`."""

    since: float
    """Earliest moment at which the order may have gone out, seconds since 1970 (UTC)."""
    result: Result = Result.LOOKING
    looked_at: float | None = None
    """When the list was last asked for."""
    named: tuple[str, ...] = ()
    """Task ids that the damaged answer to the order named."""
    candidates: tuple[Candidate, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)

    @classmethod
    def of(cls, job: Job) -> Doubt:
        """A job's; a fresh one, since its order, where nothing was found out yet."""
        since, stored = job.ordered_at or job.created_at, job.doubt
        if not stored:
            return cls(since)
        found = tuple(Candidate(**candidate) for candidate in stored.get("candidates", ()))
        return cls(
            stored.get("since", since),
            Result(stored.get("result", Result.LOOKING)),
            stored.get("looked_at"),
            tuple(stored.get("named", ())),
            found,
        )


def next_look_at(began_at: float, now: float) -> float | None:
    """When to look next, in seconds since 1970; None where ten minutes are over.

    Args:
        began_at: when the outcome became unknown.
        now: both in seconds since 1970 (UTC).
    """
    return next((began_at + after for after in LOOKS_AFTER_SECONDS if began_at + after > now), None)
