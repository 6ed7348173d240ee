"""One process per data folder: a second one on the same SQLite files would take the first one's jobs."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from .job import JobError


class SingleProcess:
    """A lock that the system frees when the process ends, however it ends.

    Args:
        path: of the file that is locked.
        what: what it stands for, as the owner knows it.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._what, self._lock = what, FileLock(path, thread_local=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            JobError: another process has it.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise JobError(
                "already_running",
                f"Another process already works with {self._what}.",
                "End it first, or give this one a folder and a database of its own: EVOLINK_UI_DATA_DIR=other",
            ) from None

    def release(self) -> None:
        """Give it back."""
        self._lock.release()
