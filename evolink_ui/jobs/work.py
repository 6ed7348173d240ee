"""The four steps of one order: host, submit, follow, keep. Each may be run again at any time.

A step first reads the ledger and does nothing where the job has moved on, so it does not matter how often, or after
which crash, the engine calls it. What protects the money is in `submit`: the claim is one guarded UPDATE right before
the POST leaves, and a job that is found claimed without a task id is `unknown`, never ordered again by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from evolink_ui.evolink import (
    EvoLinkError,
    IdempotencyConflict,
    LocalFileProblem,
    MotionControlRequest,
    OutcomeUnknown,
    Task,
    failure_of,
    new_idempotency_key,
)
from evolink_ui.executors import DISK
from evolink_ui.hosting import HostingError
from evolink_ui.logs import bind, bind_only

from . import faults, intake, links
from .adopted import RESULT_LIFE_SECONDS, estimates
from .candidates import candidate_of
from .credits import credits_on_the_wire
from .doubt import Doubt, Result
from .doubts import Doubts
from .expected import PAST_JOBS, expected_seconds
from .files import RESULT, JobFiles, StoreTrouble
from .insist import insist
from .job import Fault, ImpossibleTransition, Job, JobError, State
from .ledger import Ledger
from .news import News
from .order_gate import OrderGate
from .pace import Lateness
from .shipping import Shipping
from .spend import Caps
from .unreadable import is_unreadable_input
from .vendor import Vendor

log = logging.getLogger("evolink_ui.jobs")
T = TypeVar("T")

SAVE_PAUSES_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # between attempts at a download; the last one repeats
RUN_AGAIN_SECONDS = 1.0  # until a new run, after the engine's database failed during one
HOPELESS_RESULTS = frozenset({"result_refused", "result_bad_link"})  # links that no waiting makes fit to fetch


class Work:
    """Does the steps. Made once; used on the engine's event loop.

    Args:
        ledger: the jobs.
        vendor: gives this loop's `Vendor`.
        shipping: puts a job's files at public addresses.
        files: where a job's files are.
        callback_url: address that the vendor may call for a job, or None.
        enqueue: gives a job to the engine once more; blocks.
        news: gives the event that is set when there is news of a job.
        lateness: hears when looks are due and done.
        gate: lets orders out until the process is to end.
        doubts: reads EvoLink's task list.
        caps: what the owner's key may spend in one UTC day.
        allow_private: whether links may lead to this machine (tests).
    """

    def __init__(
        self,
        ledger: Ledger,
        vendor: Callable[[], Vendor],
        shipping: Shipping,
        *,
        files: JobFiles,
        callback_url: Callable[[Job], str | None],
        enqueue: Callable[[Job], None],
        news: News,
        lateness: Lateness,
        gate: OrderGate,
        doubts: Doubts,
        caps: Caps,
        allow_private: bool = False,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._vendor, self._shipping = ledger, vendor, shipping
        self._files, self._callback_url, self._news, self._enqueue = files, callback_url, news, enqueue
        self._lateness, self._gate, self._doubts = lateness, gate, doubts
        self._allow_private = allow_private
        self._caps, self._sleep, self._clock = caps, sleep, clock

    async def host(self, job_id: str, run: int) -> None:
        """Give both inputs a public address; where that was done before, nothing is sent."""
        job = await self._get(job_id, run)
        if job.state not in (State.QUEUED, State.HOSTING):
            return
        job = await self._move(job, State.HOSTING, started_at=job.started_at or self._clock())
        try:
            await self._shipping.ship(job, self._vendor())
        except (HostingError, EvoLinkError, JobError, OSError) as error:
            await self._end(job, State.FAILED, faults.while_hosting(error))

    async def submit(self, job_id: str, run: int) -> None:
        """Place the order, once."""
        job = await self._get(job_id, run)
        if job.state is State.SUBMITTING:
            await self._end(job, State.UNKNOWN, faults.INTERRUPTED)
        if job.state is not State.HOSTING:
            return
        if job.must_verify and not await self._verify(job):
            return
        passage = self._gate.passage()
        claimed = job

        async def claim() -> None:
            nonlocal claimed
            await links.require_unchanged(job, self._files, allow_private=self._allow_private)
            await passage.enter()
            claimed = await self._do(self._ledger.claim, job, account=self._vendor().account(job), caps=self._caps)

        async def give_back(seconds: float, error: EvoLinkError) -> None:
            log.info("job=%s is offered again in %.0f s: %s", job_id, seconds, error.code)
            notice = f"{error.message} The app tries again in {seconds:.0f} s."
            await self._move(job, State.HOSTING, only_from={State.SUBMITTING}, ordered_at=job.ordered_at, notice=notice)
            passage.leave()

        request = self._request(job)
        with passage:
            try:
                evolink = self._vendor().of_job(job)
                task = await evolink.create(
                    request, idempotency_key=job.idempotency_key, before_send=claim, on_wait=give_back
                )
            except OutcomeUnknown as error:
                names = " ".join(error.candidates) or "none"
                log.warning("job=%s outcome unknown: %s; tasks named by the answer: %s", job_id, error.code, names)
                doubt = Doubt(claimed.ordered_at or self._clock(), named=tuple(error.candidates))
                unknown = await self._end(job, State.UNKNOWN, faults.of_error(error), doubt=doubt.to_dict())
                if doubt.named:  # else it is looked for in some seconds
                    await self._doubts.settle(unknown)
            except IdempotencyConflict as error:  # an older copy of this job was ordered, and may be paid
                to = State.FAILED if job.is_in_doubt else State.UNKNOWN
                await self._end(job, to, faults.of_error(error), doubt=Doubt(job.created_at).to_dict())
            except EvoLinkError as error:
                await self._refused(job, error)
            except ImpossibleTransition:
                raise
            except JobError as error:
                await self._end(job, State.FAILED, faults.while_hosting(error))
            else:
                await self._ordered(job, task)

    async def follow(self, job_id: str, run: int) -> None:
        """Look at the task until it ends."""
        job = await self._get(job_id, run)
        if job.state is not State.RUNNING or job.task_id is None:
            return
        if job.expected_seconds is None:
            past = await self._do(self._ledger.done_lately, job, PAST_JOBS)
            await self._do(self._ledger.note, job, expected_seconds=expected_seconds(job, past))
        wake = self._news.event(job_id)
        try:
            evolink = self._vendor().of_job(job, sleep=self._lateness.pause(job_id))
            async for task in evolink.follow(job.task_id, estimated_seconds=job.estimated_seconds, wake=wake):
                self._lateness.looked(job_id)
                job = await self._get(job_id, run)
                if job.state is not State.RUNNING:
                    return  # somebody pressed Stop following
                if task.is_finished:
                    await self._finished(job, task)
                elif task.progress != job.progress:
                    await self._do(self._ledger.note, job, progress=task.progress)
        except EvoLinkError as error:
            await self._end(job, State.STOPPED, faults.while_following(error))
        except JobError as error:
            await self._end(job, State.STOPPED, faults.key_trouble(error))
        finally:
            self._news.forget(job_id, wake)
            self._lateness.looked(job_id)

    async def keep(self, job_id: str, run: int) -> None:
        """Bring the result home."""
        job = await self._get(job_id, run)
        if job.state is not State.SAVING or job.vendor_url is None:
            return
        path = self._files.of(job_id) / RESULT
        size: int | None = None
        for attempt in itertools.count():
            try:
                if size is None:
                    await DISK.run(path.parent.mkdir, parents=True, exist_ok=True)
                    size = await self._vendor().of_job(job).download(job.vendor_url, path)
                await self._files.keep([path])
            except (EvoLinkError, StoreTrouble, OSError) as error:
                if _is_hopeless(error) or self._clock() > (job.vendor_expires_at or 0):
                    await self._end(job, State.STOPPED, faults.while_saving(error))
                    return
                log.warning("job=%s task=%s result not saved yet: %s", job.id, job.task_id, error)
                await self._do(self._ledger.note, job, notice=faults.not_saved_yet(error))
            except JobError as error:
                await self._end(job, State.STOPPED, faults.key_trouble(error))
                return
            else:
                seconds = job.video_seconds or await intake.seconds_of(path)
                facts = {"result_bytes": size, "video_seconds": seconds, "notice": job.notice}
                await self._move(job, State.DONE, sealed_key=None, **facts)
                return
            await self._sleep(SAVE_PAUSES_SECONDS[min(attempt, len(SAVE_PAUSES_SECONDS) - 1)])
            if (await self._get(job_id, run)).state is not State.SAVING:
                return

    async def run_again(self, job_id: str, run: int) -> None:
        """The engine's database failed during a run: give the job a new one, which goes on where the ledger says."""
        await self._sleep(RUN_AGAIN_SECONDS)
        job = await self._get(job_id, run)
        again = await self._do(self._ledger.rerun, job)
        if again:
            await self._do(self._enqueue, again)

    async def broke(self, job_id: str, run: int) -> None:
        """A step ended in a way that nobody foresaw: leave the job where a person can go on with it."""
        job = await self._get(job_id, run)
        ends = {State.SUBMITTING: State.UNKNOWN, State.RUNNING: State.STOPPED, State.SAVING: State.STOPPED}
        if job.is_active:
            to = ends.get(job.state, State.FAILED)
            await self._end(job, to, faults.unforeseen("no" if to is State.FAILED else "unknown"))

    def _request(self, job: Job) -> MotionControlRequest:
        return MotionControlRequest.of(
            job.order,
            image_url=job.image_url or "",
            video_url=job.video_url or "",
            callback_url=self._callback_url(job),
        )

    async def _ordered(self, job: Job, task: Task) -> None:
        bind(task_id=task.id)
        log.warning("job=%s ordered task=%s", job.id, task.id)  # on the log at once, whatever the database does next
        reserved = credits_on_the_wire(task.usage.credits_reserved, job.credits_estimated)
        facts: dict[str, Any] = {
            "task_id": task.id,
            "estimated_seconds": task.estimated_seconds,
            "progress": task.progress,
            "credits_reserved": reserved,
            "notice": job.notice,  # what was said while the order had to wait is over
        }
        try:
            await self._move(job, State.RUNNING, only_from={State.SUBMITTING}, **facts)
        except ImpossibleTransition:
            # This process slept so long that another one took the job over, and found it in doubt or is about to;
            # perhaps it is even to be sent again. Here is the answer.
            doubt = {State.UNKNOWN, State.SUBMITTING, State.QUEUED, State.HOSTING}
            found = await self._do(self._ledger.again, job.id, State.RUNNING, only_from=doubt, **facts)
            await self._do(self._enqueue, found)
        except JobError:
            log.error("job=%s was given the task of another job: %s", job.id, task.id)
            await self._end(job, State.UNKNOWN, faults.TASK_OF_ANOTHER_JOB)

    async def _finished(self, job: Job, task: Task) -> None:
        if task.status.strip().lower() != "completed":
            await self._refused(job, failure_of(task), used=task.usage.final_credits)
            return
        links = [url for url in task.result_urls if url.startswith(("https://", "http://"))]
        if not links:
            await self._end(job, State.STOPPED, faults.NO_RESULT)
            return
        used = credits_on_the_wire(task.usage.final_credits, *estimates(job, task))
        await self._move(
            job,
            State.SAVING,
            progress=100,
            vendor_url=links[0],
            vendor_expires_at=job.vendor_expires_at or self._clock() + RESULT_LIFE_SECONDS,
            credits_used=used or job.credits_estimated or None,
            video_seconds=job.video_seconds or task.duration or 0.0,
            **_remark(job, task),
        )

    async def _refused(self, job: Job, error: EvoLinkError, *, used: float | None = None) -> None:
        """EvoLink refused an order or failed its task. Where it couldn't read a file that was uploaded for an earlier
        order, and charged nothing, the files are uploaded again and the order goes out once more, as a new one.

        Args:
            job: as it was before the order went out, or as it was followed.
            error: what EvoLink said.
            used: credits that EvoLink says were charged, if it says so.
        """
        fault = faults.of_error(error)
        unread = is_unreadable_input(error) and not job.is_adopted
        is_old = unread and await self._shipping.forget(job)
        if not is_old or fault.charged != "no" or used or job.is_in_doubt:
            await self._end(job, State.FAILED, fault)
            return
        log.warning("job=%s task=%s input unreadable at EvoLink: %s; uploading again", job.id, job.task_id, error.code)
        again = await self._do(
            self._ledger.offer_again,
            job,
            fault,
            idempotency_key=new_idempotency_key(),  # the old one would bring the old refusal back
            sealed_key=job.sealed_key,
            notice=faults.UPLOADED_AGAIN,
        )
        await self._do(self._enqueue, again)

    async def _verify(self, job: Job) -> bool:
        """Whether a job, whose tables were put back to an older state, has certainly not been ordered yet.

        Otherwise it becomes `unknown`, counted as if it were paid.
        """
        placed = await self._doubts.placed_before(self._vendor().of_job(job), job)
        if placed == []:
            await self._do(self._ledger.note, job, must_verify=False)
            return True
        await self._do(self._ledger.claim, job, account=self._vendor().account(job), caps=Caps())
        found = tuple(candidate_of(task, job) for task in placed or ())
        doubt = Doubt(job.created_at, Result.CANDIDATES if found else Result.UNREADABLE, candidates=found)
        # Whoever sends it again now has been told.
        await self._end(job, State.UNKNOWN, faults.MAY_BE_PLACED, doubt=doubt.to_dict(), must_verify=False)
        return False

    async def _end(self, job: Job, to: State, fault: Fault, **more: Any) -> Job:
        values: dict[str, Any] = {"sealed_key": None} if to is State.FAILED else more
        if to is State.FAILED and job.is_in_doubt:  # the order that may have been taken is an earlier one
            to, fault, values = State.UNKNOWN, faults.still_in_doubt(fault), {"ordered_at": job.ordered_at}
        return await self._move(job, to, fault=fault, **values)

    async def _get(self, job_id: str, run: int) -> Job:
        bind_only(job_id=job_id)
        job = await self._do(self._ledger.get, job_id)
        bind(task_id=job.task_id)
        if job.run != run:
            raise ImpossibleTransition(job.state, job.state)  # this run is over: a later one has the job
        return job

    async def _move(self, job: Job, to: State, **values: Any) -> Job:
        moved = await self._do(self._ledger.move, job.id, to, only_run=job.run, **values)
        self._shipping.ended(job, moved, self._vendor())
        return moved

    async def _do(self, function: Callable[..., T], *args: Any, **values: Any) -> T:
        return await insist(function, *args, clock=self._clock, sleep=self._sleep, **values)


def _is_hopeless(error: Exception) -> bool:
    """Whether no waiting makes a result's link fit to fetch. A disk, our own or the store's, may have room later."""
    if isinstance(error, LocalFileProblem) or not isinstance(error, EvoLinkError):
        return False
    return not error.retryable or error.code in HOPELESS_RESULTS


def _remark(job: Job, task: Task) -> dict[str, str]:
    """What the sandbox says of its own way of making the video; the vendor has no such field."""
    info = task.raw.get("task_info")
    said = info.get("note") if isinstance(info, dict) and job.mode == "sandbox" else None
    return {"notice": said} if isinstance(said, str) else {}
