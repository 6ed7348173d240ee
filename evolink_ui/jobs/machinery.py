"""Everything that works behind the desk (ledger, engine, files and so on), started and ended together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.background import BackgroundThread
from evolink_ui.disk_space import require_room
from evolink_ui.hosting.bucket import Bucket
from evolink_ui.hosting.own import LinkPath
from evolink_ui.settings import Settings

from .callbacks import Callbacks
from .doubts import Doubts
from .files import JobFiles
from .health import Check, HealthProbe
from .housekeeping import Housekeeping
from .insist import AWAY, ask, insist
from .job import Job, JobError
from .keys import KeySafe, VisitorsKeys
from .ledger import Ledger
from .lock import SingleProcess
from .news import News
from .order_gate import OrderGate
from .pace import Lateness
from .pipeline import Engine
from .replicas import Replicas
from .shipping import Shipping
from .spend import Caps
from .vendor import VENDOR_MIN_POLL_SECONDS, Vendors
from .work import Work

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .wire import NewsWire

log = logging.getLogger("evolink_ui.jobs")

STORE_CHECK_SECONDS = 60.0  # stores charge for requests
ORDER_END_SECONDS = 15.0  # an ending process waits so long for the answers to its orders; EvoLink takes one or two
TAKE_UP_SECONDS = 2.0  # how soon a run that another process wrote down is put in line
TAKE_UP_SINCE_SECONDS = 60.0  # what is older was put in line, or is found by the hourly sweep and at the next start
ENQUEUE_SECONDS = 2.0  # a person waits no longer for a place in line; the job is written down and gets one later


class Machinery:
    """Works on jobs between `launch` and `close`.

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
        self._safe = KeySafe(settings.keyring)
        self._keys = VisitorsKeys(self._safe, owner_has_key=settings.api_key is not None)
        self._vendors = Vendors(settings, self._safe, sandbox, min_poll_seconds=min_poll_seconds)
        self._callbacks = Callbacks(settings.keyring, lambda: settings.public_address)
        self._news, self._lateness = News(), Lateness()
        self._gate = OrderGate()
        self._going_on: set[asyncio.Task[Any]] = set()
        self._locks = [] if settings.on_postgres else _locks(settings)

    def launch(self) -> None:
        """Open the ledger and start working: also on what an earlier process left unfinished.

        Raises:
            JobError: another process works on the same data folder or SQLite file, the database can't be opened, or it
                is newer than this app.
        """
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        if self._settings.on_postgres and self._settings.secret is None:
            log.warning("EVOLINK_UI_SECRET is not set: other processes on this database can't read its keys and links")
        for lock in self._locks:
            lock.acquire()
        try:
            self._open_ledger()
        except AWAY as error:
            raise cant_be_opened(error) from None
        together = self._settings.on_postgres and self._settings.hosting == "s3"
        self._files = JobFiles(
            self._settings.data_dir / "jobs",
            Bucket.of(self._settings) if together else None,
            instance=self._ledger.instance,
            clock=self._clock,
        )
        if self._settings.has_late_storage:
            marked = self._doubts.book.require_verification()
            log.warning("the data folder may be older than what was ordered: %d jobs are compared first", marked)
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
            gate=self._gate,
            doubts=self._doubts,
            caps=Caps(self._settings.daily_credits, self._settings.visitor_daily_credits),
            allow_private=self._settings.allow_private_urls,
        )
        self._engine = Engine(self._settings, self._work)
        self._replicas: Replicas | None = None
        if self._settings.on_postgres:
            self._replicas = Replicas(
                self._ledger.engine, self._engine.executor_id, self._take_over, count=self._vendors.pace.share_among
            )
            self._replicas.announce()
        self._engine.launch()
        self._end_runs_of_unannounced()
        self._housekeeping = Housekeeping(
            self._ledger,
            self._files,
            self._attend_all,
            lambda before: self._engine.forget_runs(begun_before=before),
            keep_days=self._settings.keep_days,
            clock=self._clock,
        )
        self._housekeeping.start()
        self._taking_up = BackgroundThread(
            "taking-up", self._take_up, every_seconds=TAKE_UP_SECONDS, expected=(SQLAlchemyError,)
        )
        self._taking_up.start()
        self._health = HealthProbe(
            Check("database", self._ledger.check_writing),
            Check("engine", self._engine.check),
            Check("disk", lambda: require_room(self._settings.data_dir)),
            Check("store", self._files.check_store, every_seconds=STORE_CHECK_SECONDS),
        )
        self._health.start()
        self._doubts.start()
        if self._replicas:
            self._replicas.start()
        self._wire: NewsWire | None = None
        if self._settings.on_postgres:
            from .wire import NewsWire  # psycopg is an extra

            self._wire = NewsWire(self._ledger.engine, self._news.tell)
            self._wire.start()
        self._attend_all()

    def _open_ledger(self) -> None:
        self._ledger = Ledger(
            self._settings.sqlalchemy_url, clock=self._clock, late_storage=self._settings.has_late_storage
        )
        self._doubts = Doubts(
            self._ledger, self._vendors.here, lambda job: self._engine.enqueue(job), clock=self._clock
        )

    async def close_orders(self) -> None:
        """Take and place no order any more, and wait for the answers to those on their way. The rest works on."""
        if not await self._gate.close(ORDER_END_SECONDS):
            log.warning("EvoLink has not answered all orders; those without an answer will be unknown")

    def close(self) -> None:
        """Stop working. Unfinished jobs go on at the next launch."""
        self._doubts.close()
        self._health.close()
        self._housekeeping.close()
        self._taking_up.close()
        if self._wire:
            self._wire.close()
        if self._replicas:
            self._replicas.close()
        self._engine.close()
        if self._replicas:
            self._replicas.retire()
        self._ledger.close()
        for lock in self._locks:
            lock.release()

    def _end_runs_of_unannounced(self) -> None:
        """Versions from before `replicas` left runs of processes that nobody can find dead; now they are."""
        at_work = self._engine.executors_at_work()  # before the list of replicas: who comes now is in that list first
        announced = self._replicas.announced() if self._replicas else set()
        if unannounced := at_work - announced - {self._engine.executor_id}:
            self._engine.end_runs_of(sorted(unannounced))

    def _take_over(self, executor_ids: Sequence[str]) -> None:
        self._engine.end_runs_of(executor_ids)
        self._attend_all()

    def _attend_all(self) -> None:
        """Give a run to jobs that have none: after a crash between the row and its place in line, for instance."""
        for job in self._engine.unattended(self._ledger.unfinished()):
            again = self._ledger.rerun(job)
            if again:
                self._engine.enqueue(again)

    def _take_up(self) -> None:
        """Put in line what another process, such as `evolink-ui admin`, gave a new run. Repeating changes nothing."""
        lately = self._ledger.given_again(since=self._clock() - TAKE_UP_SINCE_SECONDS)
        for job in self._engine.unattended(lately):
            self._engine.enqueue(job)

    async def _enqueue(self, job: Job) -> None:
        """Put a job, that is written down, in line: now, or as soon as the database lets us."""
        await asyncio.wait({self._go_on_with(insist(self._engine.enqueue, job))}, timeout=ENQUEUE_SECONDS)

    def _tell(self, job_id: str) -> None:
        if not self._news.tell(job_id) and self._wire:
            self._go_on_with(ask(self._wire.send, job_id))

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


def cant_be_opened(error: Exception) -> JobError:
    """The database doesn't answer at the start."""
    return JobError(
        "database_away",
        f"The database can't be opened ({type(error).__name__}).",
        "Check EVOLINK_UI_DATABASE_URL, and that the database runs and takes this user.",
    )


def _locks(settings: Settings) -> list[SingleProcess]:
    """For the data folder, and for the SQLite file where that lies elsewhere."""
    database = Path(settings.sqlalchemy_url.removeprefix("sqlite:///"))
    locks = [SingleProcess(settings.data_dir / "lock", f"the data folder {settings.data_dir}")]
    if settings.database_url:
        locks.append(SingleProcess(database.with_name(f"{database.name}.lock"), f"the database {database}"))
    return locks
