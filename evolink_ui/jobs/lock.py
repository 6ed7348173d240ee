"""One process per data folder: a second one on the same SQLite files would take the first one's jobs."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from .job import JobError


class SingleProcess:
    """A lock that the system frees when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, FileLock(path, thread_local=False)

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
                f"Another process already works with the data folder {self._path.parent}.",
                "End it first, or give this one a folder of its own: EVOLINK_UI_DATA_DIR=other",
            ) from None

    def release(self) -> None:
        """Give it back."""
        self._lock.release()
