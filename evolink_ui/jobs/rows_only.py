"""`Jobs` in a process that doesn't work on them: it moves rows of the ledger, and the running app takes them up."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import make_url

from evolink_ui.settings import Settings

from .desk import Jobs
from .insist import AWAY
from .job import Job, JobError
from .machinery import cant_be_opened
from .migrations import is_current
from .replicas import count_living
from .tables import open_engine


class RowsOnly(Jobs):
    """The same reads and actions, also while the app runs, on SQLite and PostgreSQL. No engine, no lock, no files.

    Args:
        settings: the app's settings.
    """

    def __init__(self, settings: Settings) -> None:
        require_ledger(settings)
        super().__init__(settings)

    def open(self, *, bring_up_to_date: bool = False) -> None:
        """Open the ledger.

        Args:
            bring_up_to_date: whether tables of an older version are brought to this one's, as at the app's start.

        Raises:
            JobError: the database can't be opened, or the app has to bring it up to date first.
        """
        try:
            if not bring_up_to_date and not _is_current(self._settings):
                raise JobError(
                    "database_is_older",
                    "The database is from another version of this app.",
                    "Start this version of the app once, which brings it up to date.",
                )
            self._open_ledger()
        except AWAY as error:
            raise cant_be_opened(error) from None

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def mark_restored(self) -> int:
        """Have EvoLink asked before any waiting order goes out: a newer copy of this ledger may have seen it go out.

        Returns:
            How many jobs were marked.

        Raises:
            JobError: the app is running, and would order meanwhile.
        """
        with ExitStack() as locked:
            for lock in self._locks:
                lock.acquire()
                locked.callback(lock.release)
            if self._settings.on_postgres and (living := count_living(self._ledger.engine)):
                raise JobError(
                    "already_running",
                    f"{living} {'process works' if living == 1 else 'processes work'} with this database.",
                    "Stop every process of the app first, and wait ten seconds.",
                )
            return self._doubts.book.require_verification()

    async def _enqueue(self, job: Job) -> None:
        """The running app finds the new run in the ledger; one that starts later does, too."""

    def _tell(self, job_id: str) -> None:
        """The running app finds it at its next look."""


def require_ledger(settings: Settings) -> None:
    """Check that there is a ledger, before anything makes an empty one.

    Raises:
        JobError: there is none.
    """
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise JobError(
            "no_ledger",
            f"There is no database {url.database}.",
            "Run this where the app runs, with its settings: EVOLINK_UI_DATA_DIR, EVOLINK_UI_DATABASE_URL, or .env.",
        )


def _is_current(settings: Settings) -> bool:
    engine = open_engine(settings.sqlalchemy_url, late_storage=settings.has_late_storage)
    try:
        with engine.connect() as connection:
            return is_current(connection)
    finally:
        engine.dispose()
