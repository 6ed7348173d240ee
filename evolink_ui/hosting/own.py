"""This app itself as the host: EvoLink fetches the job's file here, by a signed link. Nothing is uploaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol

from evolink_ui.executors import DISK

from .host import Hosted, LocalFile, OnBytes

LIFE_SECONDS = 26 * 3600  # a day for the vendor, and two hours in which an order may wait in line


class LinkPath(Protocol):
    """Makes the signed path of a job's file, without a leading slash; it lives at least `live_seconds`."""

    def __call__(self, kind: Literal["image", "video"], job_id: str, /, *, suffix: str, live_seconds: int) -> str: ...


class OwnHost:
    """Gives links to this app.

    Args:
        address: this app's https address as the internet sees it, without a slash at its end.
        link_path: makes signed paths below it.
    """

    name = "own"
    title = "this app's own address"

    def __init__(self, address: str, link_path: LinkPath, *, clock: Callable[[], float] = time.time) -> None:
        self._address, self._link_path, self._clock = address, link_path, clock

    def scope(self, account: str, job_id: str) -> str:
        """The job alone: its link dies with its files."""
        return job_id

    async def put(self, file: LocalFile, *, on_progress: OnBytes | None = None) -> Hosted:
        """See `Host.put`: sends nothing, so all bytes count as sent at once."""
        size_bytes = (await DISK.run(file.path.stat)).st_size
        expires_at = self._clock() + LIFE_SECONDS
        path = self._link_path(file.kind, file.job_id, suffix=file.path.suffix, live_seconds=LIFE_SECONDS)
        if on_progress:
            on_progress(size_bytes)
        return Hosted(f"{self._address}/{path}", expires_at)

    async def delete(self, file_id: str) -> None:
        """There is no copy."""
