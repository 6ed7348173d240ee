"""Orders of unknown outcome settle themselves: EvoLink's list of the account's tasks is read with the order's own key.

A task that agrees with the order becomes the job's by itself only where it can be nobody else's: it is the only one
that agrees, only one order of that key is in doubt, and the key is the visitor's own or surely used by this app alone.
Otherwise the key's owner sees the candidates and decides. Reading costs nothing; nothing is ever ordered here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.background import BackgroundThread
from evolink_ui.evolink import EvoLink, EvoLinkError, NotFound, Task, TaskSummary

from .adopted import estimates, facts_of
from .candidates import agrees, candidate_of, may_agree
from .credits import credits_on_the_wire
from .doubt import LOOKS_AFTER_SECONDS, SAME_ORDER_SECONDS, Doubt, Result
from .doubt_book import DoubtBook
from .insist import ask, insist
from .job import Job, JobError, State
from .ledger import Ledger

if TYPE_CHECKING:
    from .vendor import Vendor

log = logging.getLogger("evolink_ui.jobs")

EVERY_SECONDS = 1.0  # how soon a look that is due is taken
PAGE_TASKS = 50
PAGES_MAX = 40
"""2,000 tasks as a rule; an account that made more in seven days is not this app's alone."""
CANDIDATES_MAX = 10  # read one by one; more of them are no help to anybody
ALONE_SECONDS = 7 * 86_400.0  # a key is this app's alone if every task of so long belongs to a job
LOOK_SECONDS = 60.0  # for one read, repetitions included
VERIFY_SECONDS = 600.0  # how long an order waits for a list that can't be read
VERIFY_PAUSE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list of an account's tasks gave."""

    tasks: list[TaskSummary]
    is_whole: bool
    """Whether these are all that the account has of that time; False for a list that was cut off."""


class KeyChanged(JobError):
    """The key that paid for an order is not the one that the app has now, whose list can't tell of it."""

    def __init__(self) -> None:
        super().__init__(
            "key_changed",
            "This order was sent with another EvoLink key than this app has now.",
            "Look at the dashboard of the account that the order was sent with.",
        )


class Doubts:
    """Looks for orders of unknown outcome in a thread of its own, from `start` to `close`.

    Args:
        ledger: the jobs.
        vendor: gives the running loop's `Vendor`.
        enqueue: gives a job to the engine; blocks.
        clock: gives seconds since 1970 (UTC).
        sleep: waits.
    """

    def __init__(
        self,
        ledger: Ledger,
        vendor: Callable[[], Vendor],
        enqueue: Callable[[Job], None],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._ledger, self._vendor, self._enqueue = ledger, vendor, enqueue
        self._clock, self._sleep = clock, sleep
        self.book = DoubtBook(ledger)
        passing = (SQLAlchemyError, OSError)
        self._thread = BackgroundThread("doubts", self.look, every_seconds=EVERY_SECONDS, expected=passing)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End after the look under way."""
        self._thread.close()

    def look(self) -> None:
        """Look for each job that is due, once. Blocks; where there is something to do, in an event loop of its own."""
        if due := [job for job in self.book.due(self._clock()) if self.book.take(job, self._clock())]:
            asyncio.run(self._look_for(due))

    async def _look_for(self, due: list[Job]) -> None:
        async with asyncio.TaskGroup() as looks:
            for job in due:
                looks.create_task(self.settle(job))

    async def settle(self, job: Job) -> None:
        """Find out what became of one order of unknown outcome, as far as it can be found out now."""
        doubt, now = Doubt.of(job), self._clock()
        is_last = now - (job.finished_at or now) >= LOOKS_AFTER_SECONDS[-1]
        agreeing: list[Task] = []
        try:
            evolink, payer = self._vendor().of_job(job), await ask(self.book.payer, job)
            if payer and payer not in self._vendor().accounts(job):
                raise KeyChanged
            agreeing, result = await self._agreeing(evolink, job, doubt)
            if len(agreeing) == 1:
                task = agreeing[0]
                # Only the answer to this very order could name its task.
                is_certain = result is Result.NONE and await self._is_nobody_elses(evolink, job, task)
                if task.id in doubt.named or is_certain:
                    await self._attach(job, task)
                    return
        except JobError as error:  # the key is gone, or another one stands in its place
            log.info("job=%s can't be looked for: %s", job.id, error.code)
            result = Result.UNREADABLE
        if agreeing:
            result = Result.CANDIDATES
        elif result is Result.NONE and not is_last:
            result = Result.LOOKING
        found = tuple(candidate_of(task, job) for task in agreeing)
        log.info("job=%s of unknown outcome looked for: %s, %d candidates", job.id, result, len(found))
        await ask(self.book.record, job, Doubt(doubt.since, result, now, doubt.named, found))

    async def _agreeing(self, evolink: EvoLink, job: Job, doubt: Doubt) -> tuple[list[Task], Result]:
        """Tasks that agree with the order, and what reading gave: NONE where all that may agree were read."""
        named, result = list(doubt.named), Result.NONE
        try:
            listing = await self.listed(evolink, since=doubt.since - SAME_ORDER_SECONDS)
            named += [task.id for task in listing.tasks if may_agree(task, job, now=self._clock())]
            if not listing.is_whole:
                result = Result.UNREADABLE
        except NotFound:
            result = Result.NOT_OFFERED
        except (EvoLinkError, TimeoutError) as error:
            log.info("job=%s EvoLink's task list can't be read: %s", job.id, type(error).__name__)
            result = Result.UNREADABLE
        known = await ask(self.book.known, named)
        unknown = list(dict.fromkeys(task_id for task_id in named if task_id not in known))
        if len(unknown) > CANDIDATES_MAX:
            result = Result.UNREADABLE
        agreeing = []
        for task_id in unknown[:CANDIDATES_MAX]:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    task = await evolink.get(task_id)
            except (EvoLinkError, TimeoutError) as error:
                if not isinstance(error, NotFound):
                    result = Result.UNREADABLE
                continue
            if agrees(task, job, now=self._clock()):
                agreeing.append(task)
        return agreeing, result

    async def listed(self, evolink: EvoLink, *, since: float) -> Listing:
        """The account's tasks since a time; those that the list gives none for are among them.

        EvoLink decides how long a page is, so a short page is not taken for the last one.

        Args:
            evolink: the client with the account's key.
            since: seconds since 1970 (UTC).

        Raises:
            EvoLinkError: the list can't be read; NotFound where this host has none.
            TimeoutError: nor within LOOK_SECONDS.
        """
        found: dict[str, TaskSummary] = {}
        unread = 0

        def listing(*, to_the_end: bool) -> Listing:
            lately = [task for task in found.values() if task.created_at is None or task.created_at >= since]
            return Listing(lately, to_the_end and not unread)

        async with asyncio.timeout(LOOK_SECONDS):
            for number in range(1, PAGES_MAX + 1):
                page = await evolink.list_tasks(page=number, page_size=PAGE_TASKS)
                known = len(found)
                found |= {task.id: task for task in page.tasks}
                unread += page.line_count - len(page.tasks)
                dated = [task.created_at for task in page.tasks if task.created_at is not None]
                is_before = bool(dated) and dated[-1] < since and dated == sorted(dated, reverse=True)
                if not page.line_count or is_before or (page.total is not None and len(found) >= page.total):
                    return listing(to_the_end=True)
                if len(found) == known:  # the same page again
                    break
        return listing(to_the_end=False)

    async def _is_nobody_elses(self, evolink: EvoLink, job: Job, task: Task) -> bool:
        """Whether a task that agrees can't be another order's, another app's or another person's."""
        accounts = self._vendor().accounts(job)
        made_at = task.created or self._clock()
        if not await ask(self.book.is_only_doubt, job, accounts, made_at=made_at):
            return False
        if job.own_key:
            return True
        try:
            lately = await self.listed(evolink, since=self._clock() - ALONE_SECONDS)
        except (EvoLinkError, TimeoutError):
            return False
        ids = {listed.id for listed in lately.tasks} - {task.id}
        return lately.is_whole and ids <= await ask(self.book.known, ids)

    async def _attach(self, job: Job, task: Task) -> None:
        facts = facts_of(task, now=self._clock())
        values = {name: facts[name] for name in ("estimated_seconds", "progress")}
        reserved = credits_on_the_wire(task.usage.credits_reserved, *estimates(job, task))
        try:
            found = await insist(
                self._ledger.again,
                job.id,
                State.RUNNING,
                only_from={State.UNKNOWN},
                task_id=task.id,
                credits_reserved=reserved,
                **values,
            )
        except JobError as error:  # a person was faster, or the task is another job's meanwhile
            log.info("job=%s task=%s not attached: %s", job.id, task.id, error.code)
            return
        log.warning("job=%s the order of unknown outcome is task=%s", job.id, task.id)
        await insist(self._enqueue, found)

    async def placed_before(self, evolink: EvoLink, job: Job) -> list[Task] | None:
        """Whether an order may have gone out already, before these tables were put back to an older state.

        Args:
            evolink: the client with the order's key.
            job: before its order.

        Returns:
            Motion-control tasks since the job was made that no job knows; None where the list can't be read.
        """
        give_up_at = self._clock() + VERIFY_SECONDS
        while True:
            try:
                listing = await self.listed(evolink, since=job.created_at - SAME_ORDER_SECONDS)
                # Also what seems to be of later: the vendor's clock may be ahead, and nothing else tells it apart.
                may_be = [task.id for task in listing.tasks if task.model in (None, job.order.model)]
                unknown = set(may_be) - await ask(self.book.known, may_be)
                if not unknown and not listing.is_whole:
                    return None
                return [await evolink.get(task_id) for task_id in sorted(unknown)[:CANDIDATES_MAX]]
            except NotFound:
                return None
            except (EvoLinkError, TimeoutError) as error:
                why = type(error).__name__
                log.warning("job=%s waits for EvoLink's task list before it is ordered: %s", job.id, why)
                if self._clock() > give_up_at:
                    return None
            await self._sleep(VERIFY_PAUSE_SECONDS)
