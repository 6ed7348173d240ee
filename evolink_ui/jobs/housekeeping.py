"""What is swept away, at the start and once an hour: old jobs, keys that nobody needs, leftovers of crashes."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from .job import JobError
from .ledger import DAY_SECONDS, Ledger

log = logging.getLogger("evolink_ui.jobs")

EVERY_SECONDS = 3600.0
KEY_LIFE_SECONDS = DAY_SECONDS  # a stopped or unknown job's key; the vendor's result is gone after it too
YOUNG_SECONDS = 3600.0  # a folder without a row may belong to an order that is just being taken in


class Housekeeping:
    """Sweeps in a thread of its own until it is closed.

    Args:
        ledger: the jobs.
        folder: the folder that holds one folder for each job.
        keep_days: days after which an ended job goes.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(self, ledger: Ledger, folder: Path, *, keep_days: int, clock: Callable[[], float] = time.time) -> None:
        self._ledger, self._folder, self._keep_days, self._clock = ledger, folder, keep_days, clock
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Sweep now and then once an hour."""
        self._thread.start()

    def close(self) -> None:
        """End within a sweep's time."""
        self._closing.set()
        self._thread.join()

    def sweep(self) -> None:
        """Sweep once."""
        now = self._clock()
        self._ledger.wipe_keys(ended_before=now - KEY_LIFE_SECONDS)
        for job in self._ledger.outdated(ended_before=now - self._keep_days * DAY_SECONDS):
            try:
                self._ledger.delete(job.id)
            except JobError:
                continue  # taken up again or deleted by its owner this very moment
            shutil.rmtree(self._folder / job.id, ignore_errors=True)
            log.info("job=%s removed after %s days", job.id, self._keep_days)
        self._sweep_leftovers(now)

    def _sweep_leftovers(self, now: float) -> None:
        if not self._folder.is_dir():
            return
        folders = [path for path in self._folder.iterdir() if path.stat().st_mtime < now - YOUNG_SECONDS]
        known = self._ledger.known_ids()  # after the listing: a row is written after its folder
        for path in folders:
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except (DBAPIError, OSError) as error:
                log.warning("sweeping goes on in an hour: %s", type(error).__name__)
            if self._closing.wait(EVERY_SECONDS):
                return
