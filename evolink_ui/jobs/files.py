"""A job's files: inputs, poster and result, in a folder of this machine and, where several share the work, in a bucket.

Without a bucket the folder is all there is. With one, a file counts as kept when the bucket has it; folders are caches,
filled when a file is made here or asked for here, so that any process can serve and go on with any job.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from weakref import WeakValueDictionary

from evolink_ui.executors import DISK
from evolink_ui.hosting import HostingError
from evolink_ui.hosting.bucket import Bucket

from .job import JobError

log = logging.getLogger("evolink_ui.jobs")

PREFIX = "evolink-ui-jobs/"  # beside, not below, what EvoLink may read and a lifecycle rule deletes after days
YOUNG_SECONDS = 3600.0  # files without a row may belong to an order that is just being taken in
RESULT, POSTER = "result.mp4", "poster.jpg"


class StoreTrouble(JobError):
    """The bucket doesn't take or give a file."""

    def __init__(self, error: HostingError) -> None:
        super().__init__(error.code, error.message, error.next_step, status=503)


class DiskTrouble(JobError):
    """This machine's disk doesn't take or give a file, before anything was ordered or after all is over."""

    def __init__(self) -> None:
        super().__init__(
            "disk_trouble",
            "This app's disk is full or can't be used. Nothing was sent or charged.",
            "Tell the owner of this app, and try again later.",
            status=503,
        )


class JobFiles:
    """Where the files of all jobs are.

    Args:
        folder: holds one folder for each job.
        bucket: keeps the files for all processes, or None.
        instance: names this app's part of the bucket: other apps may use it too.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(
        self, folder: Path, bucket: Bucket | None = None, *, instance: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._bucket, self._clock = folder, bucket, clock
        self._prefix = f"{PREFIX}{instance}/"
        self._locks: WeakValueDictionary[tuple[int, Path], asyncio.Lock] = WeakValueDictionary()

    def of(self, job_id: str) -> Path:
        """The job's own folder on this machine."""
        return self._folder / job_id

    def kept_as(self, path: Path) -> str | None:
        """The name of one of a job's files in the bucket; None without one."""
        return f"{self._prefix}{path.parent.name}/{path.name}" if self._bucket else None

    async def keep(self, paths: Iterable[Path]) -> None:
        """Have files, that were written here, kept for all processes.

        Raises:
            StoreTrouble: the bucket doesn't take one.
            OSError: one can't be read.
        """
        if self._bucket is None:
            return
        sending = [asyncio.create_task(self._bucket.put(path, self.kept_as(path) or "")) for path in paths]
        try:
            await asyncio.gather(*sending)
        except HostingError as error:
            raise StoreTrouble(error) from None
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def bring(self, path: Path) -> bool:
        """Have a job's file on this machine; False where there is none.

        Raises:
            StoreTrouble: the bucket doesn't give it.
            OSError: it can't be written here.
        """
        if self._bucket is None or await DISK.run(path.is_file):
            return await DISK.run(path.is_file)
        lock = self._locks.setdefault((id(asyncio.get_running_loop()), path), asyncio.Lock())
        async with lock:  # ten players that ask at once wait for one transfer
            if await DISK.run(path.is_file):
                return True
            await DISK.run(path.parent.mkdir, parents=True, exist_ok=True)
            try:
                return await self._bucket.fetch(self.kept_as(path) or "", path)
            except HostingError as error:
                raise StoreTrouble(error) from None

    def remove(self, job_id: str) -> None:
        """Delete a job's files. What the bucket doesn't delete now is swept later. Blocks."""
        shutil.rmtree(self.of(job_id), ignore_errors=True)
        if self._bucket is None:
            return
        try:
            self._bucket.remove([found.name for found in self._bucket.list(f"{self._prefix}{job_id}/")])
        except HostingError as error:
            log.warning("job=%s its files stay in the store until the next sweep: %s", job_id, error.code)

    def check_store(self) -> None:
        """Ask the bucket something, where there is one. Blocks.

        Raises:
            HostingError: it refuses or doesn't answer.
        """
        if self._bucket:
            self._bucket.list("no-such-folder/")

    def sweep(self, known_ids: Callable[[], Collection[str]]) -> None:
        """Delete the files of jobs that nobody knows, unless they are young. Blocks.

        Args:
            known_ids: asked after the listing: a row is written after its files.

        Raises:
            HostingError: the bucket can't be listed.
        """
        old = self._clock() - YOUNG_SECONDS
        there = self._folder.iterdir() if self._folder.is_dir() else ()
        folders = [path for path in there if path.stat().st_mtime < old]
        objects = [found for found in self._bucket.list(self._prefix) if found.written_at < old] if self._bucket else []
        known = known_ids()
        for path in folders:
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
        orphans = [found.name for found in objects if found.name.removeprefix(self._prefix).split("/")[0] not in known]
        if self._bucket:
            self._bucket.remove(orphans)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file (hex). Blocks while it is read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
