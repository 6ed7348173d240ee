"""The desk: where the page and the API hand in orders and ask about them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolink_ui.evolink import Credits, EvoLink, EvoLinkError, Task, new_idempotency_key
from evolink_ui.hosting.bucket import Bucket
from evolink_ui.hosting.own import LinkPath
from evolink_ui.media import Report
from evolink_ui.media.limits import Orientation
from evolink_ui.media.price import credits_for
from evolink_ui.settings import Settings

from . import faults, intake
from .adopted import facts_of
from .callbacks import MODEL, TASK_ID_MAX_CHARS, Callbacks, named_task, settles
from .files import POSTER, RESULT, DiskTrouble, JobFiles, StoreTrouble
from .housekeeping import Housekeeping
from .insist import AWAY, DatabaseAway, ask, insist
from .job import ACTIVE, Job, JobError, Order, State, TaskTaken
from .keys import KeySafe, VisitorsKeys
from .ledger import Ledger
from .lock import SingleProcess
from .news import News
from .pace import Lateness
from .pipeline import Engine
from .replicas import Replicas
from .shipping import Shipping
from .vendor import VENDOR_MIN_POLL_SECONDS, Vendors
from .view import view
from .wire import NewsWire
from .work import Work

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger("evolink_ui.jobs")

ENQUEUE_SECONDS = 2.0  # a person waits no longer for a place in line; the job is written down and gets one later


class Jobs:
    """All orders of this app.

    Args:
        settings: the app's settings.
        sandbox: the sandbox's ASGI app; orders without a key go there.
        link: gives the signed address of one of a job's files ("result", "poster", "reference"), or None.
        link_path: makes the signed path of a job's input, for EvoLink to fetch it from this app, or None.
        min_poll_seconds: shortest distance of two looks at one task of the vendor.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sandbox: ASGIApp | None = None,
        link: Callable[[Job, str], str | None] = lambda _job, _kind: None,
        link_path: LinkPath | None = None,
        min_poll_seconds: float = VENDOR_MIN_POLL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._clock = settings, clock
        self.link, self._link_path = link, link_path
        self._safe = KeySafe(settings.secret_key)
        self._keys = VisitorsKeys(self._safe, owner_has_key=settings.api_key is not None)
        self._vendors = Vendors(settings, self._safe, sandbox, min_poll_seconds=min_poll_seconds)
        self._callbacks = Callbacks(settings.secret_key, lambda: settings.public_address)
        self._news, self._lateness = News(), Lateness()
        self._going_on: set[asyncio.Task[Any]] = set()
        self._locks = [] if settings.on_postgres else _locks(settings)

    def launch(self) -> None:
        """Open the ledger and start working: also on what an earlier process left unfinished.

        Raises:
            JobError: another process works on the same data folder or SQLite file, the database can't be opened, or it
                is newer than this app.
        """
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        for lock in self._locks:
            lock.acquire()
        try:
            self._ledger = Ledger(self._settings.sqlalchemy_url, clock=self._clock)
        except AWAY as error:
            raise JobError(
                "database_away",
                f"The database can't be opened ({type(error).__name__}).",
                "Check EVOLINK_UI_DATABASE_URL, and that the database runs and takes this user.",
            ) from None
        together = self._settings.on_postgres and self._settings.hosting == "s3"
        self._files = JobFiles(
            self._settings.data_dir / "jobs",
            Bucket.of(self._settings) if together else None,
            instance=self._ledger.instance,
            clock=self._clock,
        )
        self._work = Work(
            self._ledger,
            self._vendors.here,
            Shipping(
                self._settings,
                self._ledger,
                self._safe,
                self._files,
                link_path=self._link_path,
                clock=self._clock,
            ),
            files=self._files,
            callback_url=self._callbacks.url,
            enqueue=lambda job: self._engine.enqueue(job),
            news=self._news,
            lateness=self._lateness,
            daily_credits=self._settings.daily_credits,
        )
        self._engine = Engine(self._settings, self._work)
        self._replicas: Replicas | None = None
        if self._settings.on_postgres:
            self._replicas = Replicas(
                self._ledger.engine, self._engine.executor_id, self._take_over, count=self._vendors.pace.share_among
            )
            self._replicas.announce()
        self._engine.launch()
        self._housekeeping = Housekeeping(
            self._ledger, self._files, keep_days=self._settings.keep_days, clock=self._clock
        )
        self._housekeeping.start()
        if self._replicas:
            self._replicas.start()
        self._wire = NewsWire(self._ledger.engine, self._news.tell) if self._settings.on_postgres else None
        if self._wire:
            self._wire.start()
        self._attend_all()

    def close(self) -> None:
        """Stop working. Unfinished jobs go on at the next launch."""
        self._housekeeping.close()
        if self._wire:
            self._wire.close()
        if self._replicas:
            self._replicas.close()
        self._engine.close()
        self._ledger.close()
        for lock in self._locks:
            lock.release()

    # ---- orders ----

    async def judge_image(self, path: Path) -> Report:
        """What the picture is and what is wrong with it."""
        return await intake.judge_image(path)

    async def judge_video(self, path: Path, orientation: Orientation) -> Report:
        """What the video is and what is wrong with it, for one character orientation."""
        return await intake.judge_video(path, orientation)

    async def start(self, order: Order, *, visitor: str, api_key: str | None = None) -> Job:
        """Judge an order, write it down and put it in line: well under a second for files that were judged before.

        Args:
            order: what is wanted.
            visitor: who asks.
            api_key: the visitor's own EvoLink key; None means the owner's, or the sandbox.

        Raises:
            intake.Rejected: naming the field at fault; nothing was written down or sent.
        """
        intake.check_form(order)
        job_id = secrets.token_urlsafe(16)
        inputs = await self._take_in(order, self.folder(job_id))
        request = {
            "prompt": order.prompt,
            "quality": order.quality,
            "character_orientation": order.character_orientation,
            "keep_sound": order.keep_sound,
            "watermark": order.watermark,
            "element_id": order.element_id,
            "image_url": order.image_url,
            "video_url": order.video_url,
        }
        try:
            job = await ask(
                self._ledger.add,
                id=job_id,
                visitor=visitor,
                mode=self._vendors.here().mode(api_key),
                request=request,
                idempotency_key=new_idempotency_key(),
                own_key=api_key is not None,
                sealed_key=self._safe.seal(api_key) if api_key else None,
                credits_estimated=credits_for(inputs["video_seconds"], order.quality),
                **inputs,
            )
        except DatabaseAway:  # perhaps between the writing and its word that it is written: what is told must be true
            self._go_on_with(insist(self._forget, job_id))
            raise
        await self._enqueue(job)
        return job

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

    async def hand_over(self, visitor: str, to: str) -> int:
        """Give all jobs of one visitor to another one, who turned out to be the same person; how many."""
        return await ask(self._ledger.hand_over, visitor, to)

    async def show(self, job: Job) -> dict[str, Any]:
        """The job's public view, its place in line included."""
        place = await ask(self._ledger.place_in_line, job, active_in_all=self._settings.max_active_jobs)
        return view(
            job, now=self._clock(), place_in_line=place, link=self.link, needs_key=self._keys.must_be_given(job)
        )

    def view(self, job: Job) -> dict[str, Any]:
        """The job's public view without asking the ledger for the place in line."""
        return view(job, now=self._clock(), place_in_line=None, link=self.link, needs_key=self._keys.must_be_given(job))

    # ---- what may be done with a job ----

    async def stop(self, job_id: str) -> Job:
        """Stop following. An order that was placed goes on at EvoLink; one that wasn't is not placed."""
        job = await self.get(job_id)
        ordered = job.task_id is not None
        stopped = await ask(
            self._ledger.move,
            job_id,
            State.STOPPED,
            only_run=job.run,
            fault=faults.STOPPED_BY_OWNER if ordered else faults.STOPPED_BEFORE_ORDER,
        )
        self._tell(job_id)
        return stopped

    async def follow_again(self, job_id: str, *, api_key: str | None = None) -> Job:
        """Take a stopped job up again where it was left; `api_key` replaces a visitor's key that was wiped or lost."""
        job = await self.get(job_id)
        to = State.RUNNING if job.task_id else State.QUEUED
        return await self._again(job, to, State.STOPPED, **self._keys.given(job, api_key))

    async def send_again(self, job_id: str, *, api_key: str | None = None) -> Job:
        """Send an order of unknown outcome once more, with the same Idempotency-Key."""
        job = await self.get(job_id)
        given = self._keys.given(job, api_key, only_if_missing=True)
        return await self._again(job, State.QUEUED, State.UNKNOWN, **given)

    async def attach(self, job_id: str, task_id: str, *, api_key: str | None = None) -> Job:
        """Settle an order of unknown outcome by the task id that its owner found in the dashboard.

        Raises:
            JobError: the task isn't a motion-control task, can't be read, or belongs to another job.
        """
        job = await self.get(job_id)
        given = self._keys.given(job, api_key)
        vendor = self._vendors.here()
        task = await self._read(vendor.client(job.mode, api_key) if given else vendor.of_job(job), task_id)
        if task.model != MODEL:
            raise _wrong_model(task, "Copy the id of the task that was made when this order was placed.")
        return await self._again(job, State.RUNNING, State.UNKNOWN, task_id=task.id, **given)

    async def adopt(self, task_id: str, *, visitor: str, api_key: str | None = None) -> Job:
        """Follow a task that was ordered elsewhere with this key, and keep its video. Orders nothing.

        Args:
            task_id: as EvoLink gave it; the task may be running or ended.
            visitor: who asks.
            api_key: the visitor's own EvoLink key; None means the owner's, or the sandbox.

        Returns:
            The new job, without inputs; or the one that this visitor has for the task already.

        Raises:
            JobError: the task isn't a motion-control task, can't be read, or belongs to somebody else's job.
        """
        known = await ask(self._ledger.with_task, task_id.strip())
        if known and known.visitor == visitor:
            return known
        vendor = self._vendors.here()
        mode = vendor.mode(api_key)
        task = await self._read(vendor.client(mode, api_key), task_id)
        if task.model != MODEL:
            raise _wrong_model(task, "Copy the id of a task that was ordered from Kling-V3 Motion Control.")
        try:
            job = await ask(
                self._ledger.add,
                id=secrets.token_urlsafe(16),
                visitor=visitor,
                mode=mode,
                state=State.RUNNING,
                request={},
                idempotency_key=new_idempotency_key(),  # never sent: a job that has a task orders nothing
                own_key=api_key is not None,
                sealed_key=self._safe.seal(api_key) if api_key else None,
                task_id=task.id,
                **facts_of(task, now=self._clock()),
            )
        except TaskTaken:  # meanwhile, perhaps by this visitor's other click
            known = await ask(self._ledger.with_task, task.id)
            if known and known.visitor == visitor:
                return known
            raise
        await self._enqueue(job)
        return job

    async def give_up(self, job_id: str) -> Job:
        """End an order of unknown outcome."""
        return await ask(
            self._ledger.move,
            job_id,
            State.FAILED,
            only_from={State.UNKNOWN},
            fault=faults.GIVEN_UP,
            sealed_key=None,
        )

    async def delete(self, job_id: str) -> Job:
        """Forget a job and its files.

        Raises:
            JobError: it is still active.
        """
        job = await self.get(job_id)
        await ask(self._ledger.delete, job_id)
        await asyncio.to_thread(self._files.remove, job_id)
        return job

    async def callback(self, job_id: str, token: str, hint: Any = None) -> bool:
        """The vendor says that there is news: look at once. False where the token isn't this job's.

        The body is believed in nothing. But where the outcome of an order is unknown, the task id in it is a candidate:
        read with the job's own key, it settles the doubt if it is a motion-control task of the time of the order.
        """
        if not self._callbacks.is_genuine(job_id, token):
            return False
        self._tell(job_id)
        if task_id := named_task(hint):
            self._go_on_with(self._settle(job_id, task_id))
        return True

    async def _settle(self, job_id: str, task_id: str) -> None:
        try:
            job = await insist(self._ledger.get, job_id)
            if job.state is not State.UNKNOWN:
                return
            task = await self._read(self._vendors.here().of_job(job), task_id)
            if settles(task, job):
                await self._again(job, State.RUNNING, State.UNKNOWN, task_id=task.id)
        except JobError as error:
            log.info("job=%s a callback did not settle the doubt: %s", job_id, error.code)

    # ---- beyond jobs ----

    async def task(self, task_id: str, *, api_key: str | None = None) -> Task:
        """Any EvoLink task of the key.

        Raises:
            JobError: it can't be read; code, sentence and next step are the client's.
        """
        vendor = self._vendors.here()
        return await self._read(vendor.client(vendor.mode(api_key), api_key), task_id)

    async def credits(self, *, api_key: str | None = None) -> Credits | None:
        """What the key may still spend, or None where EvoLink doesn't say at the moment."""
        vendor = self._vendors.here()
        try:
            return await vendor.client(vendor.mode(api_key), api_key).credits()
        except EvoLinkError as error:
            log.info("credits can't be read: %s", error.code)
            return None

    async def health(self) -> dict[str, Any]:
        """How the work goes; raises where the database doesn't answer.

        Returns:
            `ok` (True), `jobs` (state to number), `waiting` (jobs in line), all of every process; and of this one
            `follower_lag_seconds`: how late the latest look at a task is that is due and has no answer yet. A look's
            own time (well under a second, at a slow moment of the vendor's some seconds) is in it; what stays above
            that means that VENDOR_REQUESTS_PER_SECOND is too low for so many jobs, or the machine too small.
        """
        jobs = await ask(self._ledger.count_by_state)
        lag = round(self._lateness.seconds(), 1)
        return {"ok": True, "jobs": jobs, "waiting": jobs.get(State.QUEUED, 0), "follower_lag_seconds": lag}

    # ---- files ----

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

    async def _take_in(self, order: Order, folder: Path) -> dict[str, Any]:
        """All of it before the row is written: whichever process goes on with the job finds the files."""
        try:
            inputs = await intake.take_in(order, folder, allow_private_urls=self._settings.allow_private_urls)
            await self._files.keep(await asyncio.to_thread(lambda: list(folder.iterdir())))
        except OSError:
            raise DiskTrouble from None
        except StoreTrouble:  # what the store has already is swept there
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        return inputs

    def _take_over(self, executor_ids: Sequence[str]) -> None:
        self._engine.end_runs_of(executor_ids)
        self._attend_all()

    def _attend_all(self) -> None:
        """Give a run to jobs that have none: after a crash between the row and its place in line, for instance."""
        for job in self._engine.unattended(self._ledger.unfinished()):
            again = self._ledger.rerun(job)
            if again:
                self._engine.enqueue(again)

    async def _read(self, evolink: EvoLink, task_id: str) -> Task:
        try:
            return await evolink.get(task_id.strip()[:TASK_ID_MAX_CHARS])
        except EvoLinkError as error:
            raise JobError(
                error.code, error.message, error.next_step, field="task_id", status=404 if error.status == 404 else 400
            ) from None

    async def _again(self, job: Job, to: State, come_from: State, **values: Any) -> Job:
        again = await ask(self._ledger.again, job.id, to, only_from={come_from}, **values)
        await self._enqueue(again)
        return again

    async def _enqueue(self, job: Job) -> None:
        """Put a job, that is written down, in line: now, or as soon as the database lets us."""
        await asyncio.wait({self._go_on_with(insist(self._engine.enqueue, job))}, timeout=ENQUEUE_SECONDS)

    def _tell(self, job_id: str) -> None:
        if not self._news.tell(job_id) and self._wire:
            self._go_on_with(ask(self._wire.send, job_id))

    def _forget(self, job_id: str) -> None:
        with suppress(JobError):  # it was never written, as a rule
            self._ledger.move(job_id, State.STOPPED, only_from={State.QUEUED})
            self._ledger.delete(job_id)
        self._files.remove(job_id)

    def _go_on_with(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Something that nobody waits for, or not to its end."""

        def ended(task: asyncio.Task[Any]) -> None:
            self._going_on.discard(task)
            if not task.cancelled() and (error := task.exception()):
                log.error("given up: %s", type(error).__name__)

        task = asyncio.create_task(work)
        self._going_on.add(task)
        task.add_done_callback(ended)
        return task


def _wrong_model(task: Task, next_step: str) -> JobError:
    return JobError("wrong_model", f"Task {task.id} is not a motion-control task.", next_step, field="task_id")


def _locks(settings: Settings) -> list[SingleProcess]:
    """For the data folder, and for the SQLite file where that lies elsewhere."""
    database = Path(settings.sqlalchemy_url.removeprefix("sqlite:///"))
    locks = [SingleProcess(settings.data_dir / "lock", f"the data folder {settings.data_dir}")]
    if settings.database_url:
        locks.append(SingleProcess(database.with_name(f"{database.name}.lock"), f"the database {database}"))
    return locks
