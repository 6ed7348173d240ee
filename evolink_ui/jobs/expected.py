"""How long a task is likely to take: EvoLink's estimate, corrected by what its estimates of past jobs were worth."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .job import Job

PAST_JOBS = 20
"""The newest ones count; EvoLink's speed changes with the hour."""


def expected_seconds(job: Job, past: Sequence[Job]) -> float | None:
    """From the order to the saved video, in seconds; None where nothing tells.

    Args:
        job: whose task has just begun.
        past: done jobs like it.
    """
    took = [(done, done.finished_at - done.ordered_at) for done in past if done.finished_at and done.ordered_at]
    if job.estimated_seconds:
        worth = [seconds / done.estimated_seconds for done, seconds in took if done.estimated_seconds]
        return job.estimated_seconds * (median(worth) if worth else 1)
    paces = [seconds / done.video_seconds for done, seconds in took if done.video_seconds]
    return job.video_seconds * median(paces) if paces and job.video_seconds else None
