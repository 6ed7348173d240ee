"""What is known of a task that was ordered elsewhere."""

from __future__ import annotations

from typing import Any

from evolink_ui.catalog import MODELS
from evolink_ui.evolink import Task

from .credits import credits_on_the_wire
from .job import Job

RESULT_LIFE_SECONDS = 24 * 3600.0  # the vendor's result links live so long


def facts_of(task: Task, *, now: float) -> dict[str, Any]:
    """The columns of the ledger that a task itself tells.

    Args:
        task: as it was read.
        now: seconds since 1970 (UTC).
    """
    seconds = task.task_info.video_duration or task.duration or 0.0
    return {
        "started_at": task.created,
        "video_seconds": seconds,
        "estimated_seconds": task.estimated_seconds,
        "progress": task.progress,
        "credits_estimated": 0.0,  # the quality isn't told
        "credits_reserved": credits_on_the_wire(task.usage.credits_reserved, *possible_costs(seconds)),
        # When it was finished isn't told either: a link may live longer than this, never shorter.
        "vendor_expires_at": (task.created or now) + RESULT_LIFE_SECONDS if task.is_finished else None,
    }


def possible_costs(seconds: float) -> list[float]:
    """What a video of a length may cost, in credits; where the length isn't known (0), of any that the vendor makes."""
    costs: list[float] = []
    for model in MODELS.values():
        longest = max(model.video.max_seconds.values())
        lengths = [seconds] if seconds > 0 else range(round(model.video.min_seconds), round(longest) + 1)
        costs += [model.credits_for(length, quality) for length in lengths for quality in model.qualities]
    return costs


def estimates(job: Job, task: Task) -> list[float]:
    """What a job's task may have cost, in credits."""
    return [job.credits_estimated] if job.credits_estimated else possible_costs(job.video_seconds or task.duration or 0)
