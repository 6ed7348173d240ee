"""What whoever operates the app sees and does, on the owner's page and by `evolink-ui admin`.

Every action goes through the same guarded moves of the ledger as a visitor's own, so nothing is ordered twice here
either. Orders that a visitor's own key pays stay the visitor's to settle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any, Final

from . import faults
from .desk import Jobs
from .job import ACTIVE, Job, JobError, State
from .rows_only import RowsOnly
from .spend import Total, utc_day
from .view import error

LIMIT: Final = 50
"""Jobs in one list, unless another number is asked for."""


class Operator:
    """Reads and actions for the person who runs the app.

    Args:
        jobs: of the running app, or `rows_only.RowsOnly`.
        clock: seconds since 1970 (UTC).
    """

    def __init__(self, jobs: Jobs, *, clock: Callable[[], float] = time.time) -> None:
        self._jobs, self._clock = jobs, clock

    async def jobs(self, states: Collection[State] = (), *, limit: int = LIMIT) -> list[dict[str, Any]]:
        """Everybody's jobs in some states (none: in all), the latest change first."""
        return [self.view(job) for job in await self._jobs.latest(states, limit=limit)]

    async def show(self, job_id: str) -> dict[str, Any]:
        """One job. Raises JobError."""
        return self.view(await self._jobs.get(job_id))

    async def in_doubt(self, *, limit: int = LIMIT) -> list[dict[str, Any]]:
        """Orders of unknown outcome. `candidates`: tasks that may be theirs, where the owner's key pays."""
        found = await self._jobs.latest([State.UNKNOWN], limit=limit)
        return [{**self.view(job), "candidates": [] if job.own_key else self._jobs.candidates(job)} for job in found]

    async def spending(self, since: date, until: date) -> dict[str, Any]:
        """What live orders cost on some UTC days, in credits: `days` by date, and `people` by visitor."""
        days, people = await self._jobs.spending(since, until)
        return {
            "days": [{"day": day.isoformat(), **asdict(total)} for day, total in days.items()],
            "people": [{"visitor": name, **asdict(total)} for name, total in _most_first(people)],
        }

    async def today(self) -> dict[str, Any]:
        """`spending` of this UTC day."""
        day = utc_day(self._clock())
        return await self.spending(day, day)

    async def unlisted_tasks(self) -> list[dict[str, Any]]:
        """Tasks of the owner's key of the last 24 hours that no job here has or had. Raises JobError."""
        return [
            {"task_id": task.id, "created_at": _iso(task.created_at), "status": task.status}
            for task in await self._jobs.unlisted_tasks()
        ]

    async def retry(self, job_id: str) -> dict[str, Any]:
        """Take a stopped job up again where it was left: an order that is placed is followed, never placed again.

        Raises:
            JobError: it isn't stopped, or only its visitor can go on with it.
        """
        job = await self._jobs.get(job_id)
        if job.state is State.UNKNOWN:
            raise JobError(
                "order_in_doubt",
                "Nobody knows yet whether EvoLink took this order.",
                "Settle it as an order in doubt: attach its task, send it again or give it up.",
                status=409,
            )
        if job.state is not State.STOPPED:
            hint = "The app is working on it." if job.is_active else "Only its visitor can order again."
            raise JobError("not_stopped", f"The job is {job.state.value}, not stopped.", hint, status=409)
        if self._jobs.view(job)["needs_key"]:
            raise JobError(
                "key_needed",
                "The API key that pays for this job is no longer here.",
                "Only its visitor can go on with it, by entering the key again.",
                status=409,
            )
        return self.view(await self._jobs.follow_again(job_id))

    async def stop(self, job_id: str) -> dict[str, Any]:
        """Stop following. An order that was placed goes on at EvoLink; one that wasn't is not placed."""
        return self.view(await self._jobs.stop(job_id, by_operator=True))

    async def attach(self, job_id: str, task_id: str) -> dict[str, Any]:
        """Settle an order in doubt by its task, which is read and must fit."""
        await self._require_owners(job_id)
        return self.view(await self._jobs.attach(job_id, task_id))

    async def send_again(self, job_id: str) -> dict[str, Any]:
        """Send an order in doubt once more, with the same Idempotency-Key. If the first one arrived, both may cost."""
        await self._require_owners(job_id)
        return self.view(await self._jobs.send_again(job_id))

    async def give_up(self, job_id: str) -> dict[str, Any]:
        """End an order in doubt."""
        await self._require_owners(job_id)
        return self.view(await self._jobs.give_up(job_id, by_operator=True))

    def mark_restored(self) -> int:
        """After a backup was put back: see `RowsOnly.mark_restored`."""
        if not isinstance(self._jobs, RowsOnly):
            raise TypeError("the app is running")
        return self._jobs.mark_restored()

    async def adopt(self, task_id: str, *, visitor: str) -> dict[str, Any]:
        """Follow a task of the owner's key that no job has, and keep its video for this visitor."""
        return self.view(await self._jobs.adopt(task_id, visitor=visitor))

    def view(self, job: Job) -> dict[str, Any]:
        """A job as its operator sees it: without prompt and files, which are its visitor's."""
        order = job.order
        return {
            "id": job.id,
            "state": job.state.value,
            "mode": job.mode,
            "visitor": job.visitor,
            "payer": "visitor" if job.own_key else "owner",
            "model": order.model,
            "quality": order.quality,
            "seconds": job.video_seconds or None,
            "task_id": job.task_id,
            "progress": job.progress,
            "run": job.run,
            "credits": {
                "estimated": job.credits_estimated or None,
                "reserved": job.credits_reserved,
                "used": job.credits_used,
            },
            "error": _error(job),
            "notice": job.notice,
            "created_at": _iso(job.created_at),
            "ordered_at": _iso(job.ordered_at),
            "updated_at": _iso(job.updated_at),
            "finished_at": _iso(job.finished_at),
            "actions": actions(job),
        }

    async def _require_owners(self, job_id: str) -> None:
        if (await self._jobs.get(job_id)).own_key:
            raise JobError(
                "visitors_key",
                "This order is paid by its visitor's own EvoLink key.",
                "Only the visitor can settle it; the page asks them.",
                status=403,
            )


def actions(job: Job) -> list[str]:
    """What an operator may do with a job, by the names of the methods above."""
    if job.state is State.UNKNOWN:
        return [] if job.own_key else ["attach", "send_again", "give_up"]
    if job.state is State.STOPPED:
        return ["retry"]
    return ["stop"] if job.state in ACTIVE - {State.SUBMITTING} else []


def _error(job: Job) -> dict[str, Any] | None:
    found = error(job)
    if found and job.fault in (faults.STOPPED_BY_OWNER, faults.STOPPED_IN_SANDBOX, faults.GIVEN_UP):
        found["message"] = found["message"].replace("You ", "The visitor ", 1)
    return found


def _most_first(totals: dict[str, Total]) -> list[tuple[str, Total]]:
    return sorted(totals.items(), key=lambda item: (-item[1].owners_key, -item[1].visitors_keys, item[0]))


def _iso(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds is not None else None
