"""A job as its owner and programs may see it: what `/start`, `/status` and `GET /jobs/{id}` return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evolink_ui.order import OPTIONS, stored_option

from .doubt import Doubt
from .job import Job, State

# What a person may do with a job in each state.
ACTIONS: dict[State, tuple[str, ...]] = {
    State.QUEUED: ("stop",),
    State.HOSTING: ("stop",),
    State.SUBMITTING: (),
    State.RUNNING: ("stop",),
    State.SAVING: ("stop",),
    State.DONE: ("edit", "delete"),
    State.FAILED: ("edit", "delete"),
    State.UNKNOWN: ("attach", "send_again", "give_up"),
    State.STOPPED: ("follow_again", "edit", "delete"),
}
TRUST_PROGRESS_AT = 10  # per cent from which the vendor's progress tells more about the end than its estimate


def view(
    job: Job,
    *,
    now: float,
    link: Callable[[Job, str], str | None],
    needs_key: bool = False,
) -> dict[str, Any]:
    """The job's public view.

    Args:
        job: the row.
        now: seconds since 1970 (UTC).
        link: gives the signed address of one of the job's files ("result", "poster", "reference"), or None.
        needs_key: whether following again, attaching or sending again needs the visitor's key once more.
    """
    ended = job.finished_at if not job.is_active and job.finished_at else now
    done = job.state is State.DONE
    return {
        "id": job.id,
        "request": {name: stored_option(job.request, name) for name in OPTIONS},
        "poster_url": None if job.is_adopted else link(job, "poster"),
        "reference_url": None if job.is_adopted else link(job, "reference"),
        "place_in_line": None,  # only the ledger knows: `Jobs.show` asks it
        "uploaded_bytes": job.uploaded_bytes,
        "total_bytes": job.total_bytes,
        "notice": job.notice,
        "actions": [action for action in ACTIONS[job.state] if action != "edit" or not job.is_adopted],
        "needs_key": needs_key,
        "mode": job.mode,
        "state": job.state.value,
        "progress": progress(job),
        "elapsed_seconds": round(max(0.0, ended - job.created_at), 1),
        "eta_seconds": eta_seconds(job, now),
        "task_id": job.task_id,
        "credits": {
            "estimated": job.credits_estimated or None,
            "reserved": job.credits_reserved,
            "used": job.credits_used,
        },
        "error": error(job),
        "doubt": Doubt.of(job).result.value if job.state is State.UNKNOWN else None,
        "result": {
            "url": link(job, "result") if done else None,
            "seconds": job.video_seconds or None,
            "bytes": job.result_bytes,
            # The sandbox's own links lead nowhere outside this process.
            "vendor_url": job.vendor_url if job.mode == "live" else None,
            "vendor_expires_at": _iso(job.vendor_expires_at),
        }
        if job.vendor_url
        else None,
        "created_at": _iso(job.created_at),
    }


def error(job: Job) -> dict[str, Any] | None:
    """What went wrong, or None. The sandbox charges nothing, whatever becomes of an order."""
    if job.fault is None:
        return None
    fault = job.fault if job.mode == "live" else replace(job.fault, charged="no")
    return fault.to_dict()


def progress(job: Job) -> int | None:
    """Per cent of the generation; 100 only for a job that is done, None where nothing is known."""
    if job.state is State.DONE:
        return 100
    return None if job.progress is None else max(0, min(99, job.progress))


def eta_seconds(job: Job, now: float) -> float | None:
    """Seconds until the video is likely to be there; None where there is nothing to say."""
    if job.state is State.SAVING:
        return 1.0
    if job.state is not State.RUNNING:
        return None
    elapsed = max(0.0, now - (job.ordered_at or job.started_at or job.created_at))
    whole = job.expected_seconds or job.estimated_seconds
    if job.progress and job.progress >= TRUST_PROGRESS_AT:
        share = min(job.progress, 99) / 100
        by_progress = elapsed / share
        whole = share * by_progress + (1 - share) * max(whole or by_progress, elapsed)
    return None if whole is None else round(max(1.0, whole - elapsed), 1)


def _iso(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds is not None else None
