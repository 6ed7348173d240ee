"""Limits on what one visitor may have brought to this machine, and on how many jobs may wait."""

from __future__ import annotations

from typing import Final, Protocol

from sqlalchemy import Connection, func, select

from .job import JobError, State
from .tables import jobs

WAITING_PER_VISITOR: Final = 40
"""Jobs in line of one visitor; with three at work, the last of them begins after an hour or more."""

WAITING_IN_ALL: Final = 2_000
"""Jobs in line of everybody: some 60 GB of inputs at 30 MB a job."""


class Quota(Protocol):
    """One visitor's allowance of files, whichever way they come: uploads, links, fixes, examples, results."""

    def take(self, files: int = 1, *, room_bytes: int = 0) -> None:
        """Count files that are about to come, of at most `room_bytes` on the disk. Raises JobError."""

    def took(self, size_bytes: int) -> None:
        """Count the bytes of a file that came, once they are known."""


class Unlimited:
    """The quota of callers that are bounded elsewhere."""

    def take(self, files: int = 1, *, room_bytes: int = 0) -> None:
        """Allow it."""

    def took(self, size_bytes: int) -> None:
        """Count nothing."""


UNLIMITED: Final = Unlimited()


class LineFull(JobError):
    """Too many jobs wait; nothing was written down."""


def judge_line(connection: Connection, visitor: str) -> None:
    """Judge whether one more job of a visitor may wait. Raises LineFull."""
    waiting = select(func.count()).select_from(jobs).where(jobs.c.state == State.QUEUED)
    if (connection.scalar(waiting.where(jobs.c.visitor == visitor)) or 0) >= WAITING_PER_VISITOR:
        raise LineFull(
            "too_many_waiting",
            f"You have {WAITING_PER_VISITOR} videos waiting in line, which is as many as may wait. "
            "Nothing was sent or charged.",
            "Try again when one of them has started, or stop one.",
            status=429,
        )
    if (connection.scalar(waiting) or 0) >= WAITING_IN_ALL:
        raise LineFull(
            "line_full",
            f"{WAITING_IN_ALL:,} videos are waiting in this app's line, which is as many as it takes. "
            "Nothing was sent or charged.",
            "Try again in some minutes.",
            status=503,
        )
