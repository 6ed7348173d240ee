"""What is swept away, at the start and once an hour: old jobs, keys that nobody needs, leftovers of crashes."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.background import BackgroundThread
from evolink_ui.hosting import HostingError

from .doubt_book import DoubtBook
from .files import JobFiles
from .ledger import Ledger

log = logging.getLogger("evolink_ui.jobs")

DAY_SECONDS = 86_400.0
EVERY_SECONDS = 3600.0
RUN_LIFE_SECONDS = DAY_SECONDS  # of the engine's records of ended runs, for whoever looks for a fault of yesterday
DELETE_AT_ONCE = 500  # jobs in one transaction, so that no writer waits long
KEY_LIFE_SECONDS = DAY_SECONDS  # a stopped or unknown job's key; the vendor's result is gone after it too


class Housekeeping:
    """Sweeps in a thread of its own until it is closed.

    Args:
        ledger: the jobs.
        files: where their files are.
        attend: has somebody work on the jobs that nobody works on, as after a very long outage of the database.
        forget_runs: deletes the engine's records of ended runs that began before a time.
        keep_days: days after which an ended job goes.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(
        self,
        ledger: Ledger,
        files: JobFiles,
        attend: Callable[[], None],
        forget_runs: Callable[[float], object],
        *,
        keep_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._files, self._attend, self._forget_runs = ledger, files, attend, forget_runs
        self._keep_days, self._clock = keep_days, clock
        passing = (SQLAlchemyError, sqlite3.Error, HostingError, OSError)
        self._thread = BackgroundThread("housekeeping", self.sweep, every_seconds=EVERY_SECONDS, expected=passing)

    def start(self) -> None:
        """Sweep now and then once an hour."""
        self._thread.start()

    def close(self) -> None:
        """End within a sweep's time."""
        self._thread.close()

    def sweep(self) -> None:
        """Sweep once."""
        now = self._clock()
        self._ledger.wipe_keys(ended_before=now - KEY_LIFE_SECONDS)
        gone: list[str] = []
        while old := self._ledger.delete_outdated(
            ended_before=now - self._keep_days * DAY_SECONDS, limit=DELETE_AT_ONCE
        ):
            for job_id in old:
                self._files.remove(job_id)
                log.info("job=%s removed after %s days", job_id, self._keep_days, extra={"job_id": job_id})
            gone += old
        if gone:
            self._ledger.shrink()
        DoubtBook(self._ledger).sweep(now)
        self._forget_runs(now - RUN_LIFE_SECONDS)
        self._files.sweep(self._ledger.known_ids)
        self._attend()
