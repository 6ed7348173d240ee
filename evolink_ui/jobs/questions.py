"""What the page and the API may ask about jobs, tasks and files. Nothing here changes a job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

from evolink_ui.catalog import MODELS, Orientation
from evolink_ui.evolink import Credits, EvoLink, EvoLinkError, Forbidden, Task, TaskSummary, Unauthorized
from evolink_ui.media import Problem, Report

from . import intake
from .adopted import RESULT_LIFE_SECONDS
from .callbacks import TASK_ID_MAX_CHARS
from .doubt import Doubt
from .figures import LedgerFigures, ledger_figures
from .files import POSTER, RESULT, DiskTrouble
from .insist import ask
from .job import ACTIVE, Job, JobError, State, TaskUnknown
from .machinery import Machinery
from .spend import Total
from .view import view

log = logging.getLogger("evolink_ui.jobs")

KEY_TRIAL_SECONDS = 6.0  # a person waits at the field; the page itself gives up after 8 s


class Questions(Machinery):
    """The asking half of `Jobs`."""

    # ---- files that nobody ordered with yet ----

    async def judge_image(self, path: Path, *, visitor: str = "") -> Report:
        """What the picture is and what is wrong with it. Raises TooBusy; see `intake`."""
        return await intake.judge_image(path, visitor=visitor)

    async def judge_video(self, path: Path, orientation: Orientation, *, visitor: str = "") -> Report:
        """What the video is and what is wrong with it, for one character orientation. Raises TooBusy; see `intake`."""
        return await intake.judge_video(path, orientation, visitor=visitor)

    async def read_again(self, path: Path, orientation: Orientation, *, visitor: str = "") -> list[Problem]:
        """Warnings of the second reader about a video, within 2 s. Raises TooBusy; see `intake`."""
        return await intake.read_again(path, orientation, visitor=visitor)

    # ---- jobs ----

    async def find(self, job_id: str) -> Job | None:
        """The job, or None."""
        return await ask(self._ledger.find, job_id)

    async def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            JobError: `job_not_found`.
        """
        return await ask(self._ledger.get, job_id)

    async def history(
        self, visitor: str, *, state: str | None = None, search: str = "", limit: int = 50, offset: int = 0
    ) -> list[Job]:
        """A visitor's jobs, newest first. `state` is one of `State`, or "active"; `search` looks in prompts."""
        states = [] if not state else [s.value for s in State if s == state or (state == "active" and s in ACTIVE)]
        return await ask(self._ledger.history, visitor, states=states, search=search, limit=limit, offset=offset)

    async def show(self, job: Job) -> dict[str, Any]:
        """The job's public view, its place in line included."""
        place = None
        if job.state is State.QUEUED:
            place = await ask(self._ledger.place_in_line, job, active_in_all=self._settings.max_active_jobs)
        return {**self.view(job), "place_in_line": place}

    def view(self, job: Job) -> dict[str, Any]:
        """The job's public view without asking the ledger for the place in line."""
        return view(job, now=self._clock(), link=self.link, needs_key=self._keys.must_be_given(job))

    # ---- the key's tasks and credits ----

    async def task(self, task_id: str, *, visitor: str, api_key: str | None = None) -> Task:
        """Any EvoLink task of the key, unless it belongs to another visitor's job.

        Raises:
            JobError: it can't be read; code, sentence and next step are the client's.
        """
        vendor = self._vendors.here()
        return await self._read_for(visitor, vendor.client(vendor.mode(api_key), api_key), task_id)

    async def credits(self, *, api_key: str | None = None) -> Credits | None:
        """What the key may still spend, or None where EvoLink doesn't say at the moment."""
        vendor = self._vendors.here()
        try:
            return await vendor.client(vendor.mode(api_key), api_key).credits()
        except EvoLinkError as error:
            log.info("credits can't be read: %s", error.code)
            return None

    async def try_key(self, api_key: str) -> Credits | None:
        """One free look at what a key may spend; None where EvoLink does not answer in time.

        Raises:
            JobError: EvoLink refuses the key; code, sentence and next step are the client's.
        """
        try:
            async with asyncio.timeout(KEY_TRIAL_SECONDS):
                return await self._vendors.here().client("live", api_key).credits()
        except (Unauthorized, Forbidden) as error:
            raise JobError(error.code, error.message, error.next_step, field="key") from None
        except (EvoLinkError, TimeoutError) as error:
            log.info("a key could not be tried: %s", type(error).__name__)
            return None

    async def unlisted_tasks(self) -> list[TaskSummary]:
        """Motion-control tasks of the owner's key of the last 24 h that no job here has or had: for the owner alone.

        Raises:
            JobError: EvoLink's list can't be read now, or this host offers none.
        """
        vendor = self._vendors.here()
        try:
            listing = await self._doubts.listed(
                vendor.client(vendor.mode(None), None), since=self._clock() - RESULT_LIFE_SECONDS
            )
        except EvoLinkError as error:
            raise JobError(error.code, error.message, error.next_step, status=502) from None
        except TimeoutError:
            raise JobError(
                "evolink_slow", "EvoLink did not answer in time.", "Try again in a minute.", status=502
            ) from None
        known = await ask(self._doubts.book.known, [task.id for task in listing.tasks])
        return [task for task in listing.tasks if task.id not in known and task.model in MODELS]

    def candidates(self, job: Job) -> list[dict[str, Any]]:
        """Tasks that may be what became of an order of unknown outcome: for the owner of the key that pays alone.

        Returns:
            For each `task_id`, `created_at` (ISO 8601, UTC), `seconds` of its video, `credits`; the latter may be None.
        """
        return [found.to_public() for found in Doubt.of(job).candidates]

    async def health(self) -> dict[str, Any]:
        """How the work goes; raises where the database doesn't answer.

        Returns:
            `ok`: whether orders can be taken; `problems`: what keeps them from it (`restarting`, or names of checks);
            `jobs` (state to number) and `waiting` (jobs in line), both of every process; and of this one
            `follower_lag_seconds`: how late the latest look at a task is that is due and has no answer yet. A look's
            own time (well under a second, at a slow moment of the vendor's some seconds) is in it; what stays above
            that means that VENDOR_REQUESTS_PER_SECOND is too low for so many jobs, or the machine too small.
        """
        jobs = await ask(self._ledger.count_by_state)
        problems = ["restarting"] if self._gate.is_closed else self._health.problems()
        return {
            "ok": not problems,
            "problems": problems,
            "jobs": jobs,
            "waiting": jobs.get(State.QUEUED, 0),
            "follower_lag_seconds": round(self._lateness.seconds(), 1),
        }

    # ---- for the owner of the app ----

    async def latest(self, states: Collection[State] = (), *, limit: int) -> list[Job]:
        """Everybody's jobs in some states (none: in all), the latest change first."""
        return await ask(self._ledger.latest, states, limit=limit)

    async def spending(self, since: date, until: date) -> tuple[dict[date, Total], dict[str, Total]]:
        """What live orders cost on some UTC days, by day and by visitor."""
        book = self._ledger.spend_book
        return await ask(book.by_day, since, until), await ask(book.by_visitor, since, until)

    async def figures(self) -> LedgerFigures:
        """Jobs and spending of all processes together; raises DatabaseAway."""
        return await ask(ledger_figures, self._ledger, now=self._clock())

    # ---- a job's files ----

    def folder(self, job_id: str) -> Path:
        """The job's own folder."""
        return self._files.of(job_id)

    async def bring(self, path: Path) -> bool:
        """Have a job's file, that another process made, on this machine's disk; False where there is none.

        Args:
            path: as `result_path` and the others give it.

        Raises:
            JobError: the store doesn't give it, or it can't be written here.
        """
        try:
            return await self._files.bring(path)
        except OSError:
            raise DiskTrouble from None

    def result_path(self, job: Job) -> Path:
        """The finished video."""
        return self.folder(job.id) / RESULT

    def poster_path(self, job: Job) -> Path:
        """A small JPEG of the picture."""
        return self.folder(job.id) / POSTER

    def reference_path(self, job: Job) -> Path:
        """The reference video; for an order by link the path exists but no file."""
        return self.folder(job.id) / (job.video_name or "video.mp4")

    def image_path(self, job: Job) -> Path:
        """The reference picture."""
        return self.folder(job.id) / (job.image_name or "image.png")

    # ---- inside ----

    async def _read_for(self, visitor: str, evolink: EvoLink, task_id: str) -> Task:
        """A task for somebody who gave its id: one of another visitor's job is refused as if there were none."""
        await self._judge_task(task_id.strip(), visitor)
        task = await self._read(evolink, task_id)
        await self._judge_task(task.id, visitor)  # the answer decides: EvoLink may take several spellings of one id
        return task

    async def _judge_task(self, task_id: str, visitor: str) -> None:
        known = await ask(self._ledger.with_task, task_id[:TASK_ID_MAX_CHARS])
        if known and known.visitor != visitor:
            raise TaskUnknown

    async def _read(self, evolink: EvoLink, task_id: str) -> Task:
        try:
            return await evolink.get(task_id.strip()[:TASK_ID_MAX_CHARS])
        except EvoLinkError as error:
            raise JobError(
                error.code, error.message, error.next_step, field="task_id", status=404 if error.status == 404 else 400
            ) from None
