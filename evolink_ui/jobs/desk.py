"""The desk: where the page and the API hand in orders and do things with jobs; they ask by way of `questions.py`."""

from __future__ import annotations

import logging
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from evolink_ui.catalog import MODELS
from evolink_ui.evolink import Task, new_idempotency_key
from evolink_ui.executors import DISK, STORE
from evolink_ui.logs import bind

from . import faults, intake, same_order
from .adopted import facts_of
from .callbacks import named_task
from .candidates import agrees
from .files import DiskTrouble, StoreTrouble
from .insist import DatabaseAway, ask, insist
from .job import Job, JobError, Mode, OrderInputs, State, TaskTaken
from .order_gate import Restarting
from .questions import Questions
from .quota import UNLIMITED, LineFull, Quota

log = logging.getLogger("evolink_ui.jobs")


class Jobs(Questions):
    """All orders of this app."""

    # ---- orders ----

    async def start(
        self,
        inputs: OrderInputs,
        *,
        visitor: str,
        household: str | None = None,
        api_key: str | None = None,
        reference: str | None = None,
        ask_first: bool = False,
        quota: Quota = UNLIMITED,
    ) -> Job:
        """Judge an order, write it down and put it in line: well under a second for files that were judged before.

        Args:
            inputs: what is wanted, and its files.
            visitor: who asks.
            household: what the visitor's share of places and credits is counted for; None means the visitor alone.
            api_key: the visitor's own EvoLink key; None means the owner's, or the sandbox.
            reference: a name for this order; given again with the same order, it finds the first one's job.
            ask_first: refuse an order that is the same as one of this visitor that runs or is younger than two minutes.
            quota: the visitor's, for the files that links lead to.

        Returns:
            The new job, or the one that was started under `reference`.

        Raises:
            same_order.SameOrderRunning, same_order.ReferenceTaken: see there; nothing was written down or sent.
            intake.Rejected: naming the field at fault; nothing was written down or sent.
            TooBusy, LineFull: too many files wait to be checked, or jobs to be worked on; the same.
            JobError: the quota is used up; the same.
        """
        if self._gate.is_closed:
            raise Restarting
        intake.check_files(inputs)
        order = inputs.order
        job_id = secrets.token_urlsafe(16)
        bind(job_id=job_id)
        folder = self.folder(job_id)
        columns = await self._take_in(inputs, folder, visitor, quota)
        mode = self._vendors.here().mode(api_key)
        files = {"image": folder / columns["image_name"], "video": folder / columns["video_name"]}
        said = order.model_dump(exclude_defaults=True)  # so that a field of a later version leaves digests as they are
        estimated = order.spec.credits_for(columns["video_seconds"], order.quality)
        try:
            place = partial(
                same_order.place,
                digest=await DISK.run(same_order.digest_of, mode, said, files),
                credits_estimated=estimated,
                reference=reference,
                ask_first=ask_first,
            )
            job = await ask(
                self._ledger.add,
                place=place,
                id=job_id,
                visitor=visitor,
                household=household or visitor,
                mode=mode,
                request=order.model_dump(),
                idempotency_key=new_idempotency_key(),
                own_key=api_key is not None,
                sealed_key=self._safe.seal(api_key) if api_key else None,
                credits_estimated=estimated,
                **columns,
            )
        except same_order.KnownReference as known:
            await STORE.run(self._files.remove, job_id)
            return await self.get(known.job_id)
        except (same_order.SameOrderRunning, same_order.ReferenceTaken, LineFull):
            await STORE.run(self._files.remove, job_id)
            raise
        except DatabaseAway:  # perhaps between the writing and its word that it is written: what is told must be true
            self._go_on_with(insist(self._forget, job_id))
            raise
        await self._enqueue(job)
        return job

    async def hand_over(self, visitor: str, to: str) -> int:
        """Give all jobs of one visitor to another one, who turned out to be the same person; how many."""
        return await ask(self._ledger.hand_over, visitor, to)

    # ---- what may be done with a job ----

    async def stop(self, job_id: str, *, by_operator: bool = False) -> Job:
        """Stop following. An order that was placed goes on at EvoLink; one that wasn't is not placed.

        One that was to go out once more, because nobody knows what became of it, is as unknown as before.
        """
        job = await self.get(job_id)
        fault = faults.stopped_by_owner(job)
        if by_operator:
            fault = faults.by_operator(fault)
        to = State.UNKNOWN if job.is_in_doubt else State.STOPPED
        # An order that goes out between the look and the move must not be said to be stopped before it did.
        only_from = None if job.task_id else {State.QUEUED, State.HOSTING}
        stopped = await ask(self._ledger.move, job_id, to, only_from=only_from, only_run=job.run, fault=fault)
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
        """Settle an order of unknown outcome by the task id that the key's owner found in the dashboard.

        Raises:
            JobError: the task can't be what this order made, can't be read, or belongs to another job.
        """
        job = await self.get(job_id)
        given = self._keys.given(job, api_key)
        vendor = self._vendors.here()
        evolink = vendor.client(job.mode, api_key) if given else vendor.of_job(job)
        task = await self._read_for(job.visitor, evolink, task_id)
        if task.model not in MODELS:
            raise _wrong_model(task, "Copy the id of the task that was made when this order was placed.")
        if not agrees(task, job, now=self._clock()):
            raise _another_order(task, job)
        return await self._again(job, State.RUNNING, State.UNKNOWN, task_id=task.id, **given)

    async def adopt(self, task_id: str, *, visitor: str, api_key: str | None = None) -> Job:
        """Follow a task that was ordered elsewhere with this key, and keep its video. Orders nothing.

        Args:
            task_id: as EvoLink gave it; the task may be running or ended.
            visitor: who asks.
            api_key: the visitor's own EvoLink key; None means the owner's, or the sandbox.

        Returns:
            The new job, without inputs; or the one that this visitor has for the task already; or the visitor's order
            of unknown outcome, if this can be its task.

        Raises:
            JobError: the task isn't a motion-control task, can't be read, belongs to somebody else's job, or may be
                what somebody else's order of unknown outcome made.
        """
        await self._judge_task(task_id.strip(), visitor)
        known = await ask(self._ledger.with_task, task_id.strip())
        if known:
            return known
        vendor = self._vendors.here()
        mode = vendor.mode(api_key)
        task = await self._read_for(visitor, vendor.client(mode, api_key), task_id)
        if task.model not in MODELS:
            raise _wrong_model(task, "Copy the id of a task that was ordered from Kling-V3 Motion Control.")
        if waiting := await self._waits_for(task, mode, api_key):
            if len(waiting) > 1 or waiting[0].visitor != visitor:
                raise _of_order_in_doubt(task)
            return await self._again(
                waiting[0], State.RUNNING, State.UNKNOWN, task_id=task.id, **self._keys.given(waiting[0], api_key)
            )
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
            await self._judge_task(task.id, visitor)
            known = await ask(self._ledger.with_task, task.id)
            if known is None:
                raise
            return known
        await self._enqueue(job)
        return job

    async def give_up(self, job_id: str, *, by_operator: bool = False) -> Job:
        """End an order of unknown outcome."""
        return await ask(
            self._ledger.move,
            job_id,
            State.FAILED,
            only_from={State.UNKNOWN},
            fault=faults.by_operator(faults.GIVEN_UP) if by_operator else faults.GIVEN_UP,
            sealed_key=None,
        )

    async def delete(self, job_id: str) -> Job:
        """Forget a job and its files.

        Raises:
            JobError: it is still active.
        """
        job = await self.get(job_id)
        await ask(self._ledger.delete, job_id)
        await STORE.run(self._files.remove, job_id)
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
            if agrees(task, job, now=self._clock()):
                await self._again(job, State.RUNNING, State.UNKNOWN, task_id=task.id)
        except JobError as error:
            log.info("job=%s a callback did not settle the doubt: %s", job_id, error.code)

    # ---- inside ----

    async def _waits_for(self, task: Task, mode: Mode, api_key: str | None) -> list[Job]:
        """Orders of unknown outcome, paid by the same key, that can have made a task. A job of its own for the task
        would leave them without it, to be sent and paid once more."""
        vendor, book = self._vendors.here(), self._doubts.book
        accounts = ["", *self._safe.accounts(vendor.key(mode, api_key))]
        found = await ask(book.unknown)
        fitting = [job for job in found if job.mode == mode and agrees(task, job, now=self._clock())]
        return [job for job in fitting if await ask(book.payer, job) in accounts]

    async def _take_in(self, inputs: OrderInputs, folder: Path, visitor: str, quota: Quota) -> dict[str, Any]:
        """All of it before the row is written: whichever process goes on with the job finds the files."""
        try:
            columns = await intake.take_in(
                *(inputs, folder),
                visitor=visitor,
                allow_private_urls=self._settings.allow_private_urls,
                quota=quota,
            )
            await self._files.keep(await DISK.run(lambda: list(folder.iterdir())))
        except OSError:
            raise DiskTrouble from None
        except StoreTrouble:  # what the store has already is swept there
            await DISK.run(shutil.rmtree, folder, ignore_errors=True)
            raise
        return columns

    async def _again(self, job: Job, to: State, come_from: State, **values: Any) -> Job:
        again = await ask(self._ledger.again, job.id, to, only_from={come_from}, **values)
        await self._enqueue(again)
        return again

    def _forget(self, job_id: str) -> None:
        with suppress(JobError):  # it was never written, as a rule
            self._ledger.move(job_id, State.STOPPED, only_from={State.QUEUED})
            self._ledger.take_back(job_id)
        self._files.remove(job_id)


def _another_order(task: Task, job: Job) -> JobError:
    at = datetime.fromtimestamp(task.created, UTC) if task.created else None
    made = f"was made at {at:%Y-%m-%d %H:%M} UTC" if at else "has no date"
    ordered = datetime.fromtimestamp(job.ordered_at or job.created_at, UTC)
    return JobError(
        "task_of_another_order",
        f"Task {task.id} {made} and can't be this order, which went out at {ordered:%Y-%m-%d %H:%M} UTC "
        f"for a video of {job.video_seconds:.0f} s. Nothing was changed.",
        "Look for a task of that minute in your EvoLink dashboard. To keep another task's video, use Look up.",
        field="task_id",
    )


def _of_order_in_doubt(task: Task) -> JobError:
    return JobError(
        "task_of_order_in_doubt",
        f"Task {task.id} may be what an order of unknown outcome in this app made. Nothing was changed.",
        "Settle that order first: attach the task to it, or give it up.",
        field="task_id",
        status=409,
    )


def _wrong_model(task: Task, next_step: str) -> JobError:
    return JobError("wrong_model", f"Task {task.id} is not a motion-control task.", next_step, field="task_id")
