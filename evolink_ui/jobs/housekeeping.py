"""What is swept away, at the start and once an hour: old jobs, keys that nobody needs, leftovers of crashes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.background import BackgroundThread
from evolink_ui.hosting import HostingError

from .files import JobFiles
from .job import JobError
from .ledger import Ledger

log = logging.getLogger("evolink_ui.jobs")

DAY_SECONDS = 86_400.0
EVERY_SECONDS = 3600.0
KEY_LIFE_SECONDS = DAY_SECONDS  # a stopped or unknown job's key; the vendor's result is gone after it too


class Housekeeping:
    """Sweeps in a thread of its own until it is closed.

    Args:
        ledger: the jobs.
        files: where their files are.
        attend: has somebody work on the jobs that nobody works on, as after a very long outage of the database.
        keep_days: days after which an ended job goes.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(
        self,
        ledger: Ledger,
        files: JobFiles,
        attend: Callable[[], None],
        *,
        keep_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._files, self._attend, self._keep_days, self._clock = ledger, files, attend, keep_days, clock
        passing = (SQLAlchemyError, HostingError, OSError)
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
        for job in self._ledger.outdated(ended_before=now - self._keep_days * DAY_SECONDS):
            try:
                self._ledger.delete(job.id)
            except JobError:
                continue  # taken up again or deleted by its owner this very moment
            self._files.remove(job.id)
            log.info("job=%s removed after %s days", job.id, self._keep_days)
        self._files.sweep(self._ledger.known_ids)
        self._attend()
