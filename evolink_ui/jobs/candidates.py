"""Whether a task can be what an order of unknown outcome made. Pure: the tasks were read elsewhere."""

from __future__ import annotations

from evolink_ui.evolink import Task, TaskSummary

from .adopted import estimates
from .credits import credits_on_the_wire
from .doubt import SAME_ORDER_SECONDS, Candidate, Doubt
from .job import Job

SAME_LENGTH_SECONDS = 1.0  # EvoLink rounds to whole seconds
SAME_CREDITS = 0.3  # the share by which prices may have changed since our list


def agrees(task: Task, job: Job, *, now: float) -> bool:
    """Whether a task that was read can be what a job's order made: model, time, length and cost fit as far as told.

    Args:
        task: as EvoLink tells it.
        job: its outcome is unknown, or is about to be.
        now: seconds since 1970 (UTC).
    """
    since = Doubt.of(job).since - SAME_ORDER_SECONDS
    if task.model != job.order.model or task.created is None or not since <= task.created <= _until(job, now):
        return False
    seconds = task.task_info.video_duration or task.duration
    if seconds and job.video_seconds and abs(seconds - job.video_seconds) > SAME_LENGTH_SECONDS:
        return False
    cost = _credits(task, job)
    if cost is None or not job.credits_estimated:
        return True
    return abs(cost - job.credits_estimated) <= SAME_CREDITS * job.credits_estimated


def may_agree(listed: TaskSummary, job: Job, *, now: float) -> bool:
    """Whether a task of the list may be the order's; what the list doesn't tell doesn't count against it."""
    is_in_time = listed.created_at is None or listed.created_at <= _until(job, now)
    return listed.model in (None, job.order.model) and is_in_time


def candidate_of(task: Task, job: Job) -> Candidate:
    """What the key's owner sees of a task that may be the order's."""
    return Candidate(task.id, task.created, task.task_info.video_duration or task.duration, _credits(task, job))


def _until(job: Job, now: float) -> float:
    return (job.finished_at or now) + SAME_ORDER_SECONDS


def _credits(task: Task, job: Job) -> float | None:
    wire = task.usage.final_credits or task.usage.credits_reserved
    return credits_on_the_wire(wire, *estimates(job, task))
