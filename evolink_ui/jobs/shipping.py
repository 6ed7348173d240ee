"""Putting a job's two files at public addresses, both at the same time, and not twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from evolink_ui.evolink import EvoLink
from evolink_ui.hosting import Host, HostingError
from evolink_ui.hosting.evolink import EvoLinkHost

from .job import Job
from .keys import KeySafe
from .ledger import Ledger
from .vendor import Vendor

STILL_GOOD_SECONDS = (
    2 * 3600.0
)  # an earlier upload is used again when it lives at least so long: orders can wait in line
REPORT_SECONDS = 0.5  # between two notes of the bytes sent


class Shipping:
    """Uploads what has no address yet.

    Args:
        ledger: knows earlier uploads and takes the progress.
        safe: names accounts without telling keys.
        folder_of: a job's own folder.
        hosts: the hosts to try for a client, the preferred one first.
    """

    def __init__(
        self,
        ledger: Ledger,
        safe: KeySafe,
        folder_of: Callable[[str], Path],
        hosts: Callable[[EvoLink], list[Host]] = lambda evolink: [EvoLinkHost(evolink)],
    ) -> None:
        self._ledger, self._safe, self._folder_of, self._hosts = ledger, safe, folder_of, hosts

    async def ship(self, job: Job, vendor: Vendor) -> None:
        """Give `image_url` and `video_url` of the job an address.

        Raises:
            HostingError: no host took a file.
            EvoLinkError, JobError, KeyLost, OSError: from the parts.
        """
        files = {
            column: self._folder_of(job.id) / name
            for column, name, known in (
                ("image_url", job.image_name, job.image_url),
                ("video_url", job.video_name, job.video_url),
            )
            if name and not known
        }
        if not files:
            return
        hosts = self._hosts(vendor.of_job(job))
        account = self._safe.account(vendor.key(job.mode, vendor.visitors_key(job)))
        sent = dict.fromkeys(files, 0)
        total = await asyncio.to_thread(lambda: sum(path.stat().st_size for path in files.values()))
        await asyncio.to_thread(self._ledger.note, job, total_bytes=total, uploaded_bytes=0)
        reporter = asyncio.create_task(self._report(job, sent))
        try:
            uploads = [
                asyncio.create_task(self._ship_one(path, hosts, account, partial(sent.__setitem__, column)))
                for column, path in files.items()
            ]
            try:
                urls = await asyncio.gather(*uploads)
            finally:
                for upload in uploads:
                    upload.cancel()
        finally:
            reporter.cancel()
        await asyncio.to_thread(self._ledger.note, job, uploaded_bytes=total, **dict(zip(files, urls, strict=True)))

    async def _ship_one(self, path: Path, hosts: list[Host], account: str, on_progress: Callable[[int], None]) -> str:
        sha256 = await asyncio.to_thread(_sha256, path)
        known = await asyncio.to_thread(self._ledger.find_upload, sha256, account, valid_seconds=STILL_GOOD_SECONDS)
        if known:
            return known
        refusal: HostingError | None = None
        for host in hosts:
            try:
                hosted = await host.put(path, on_progress=on_progress)
            except HostingError as error:
                refusal = error
                if not error.another_may:
                    raise
                continue
            await asyncio.to_thread(
                self._ledger.remember_upload, sha256, account, host.name, hosted.url, hosted.expires_at
            )
            return hosted.url
        assert refusal is not None  # noqa: S101  there is always at least one host
        raise refusal

    async def _report(self, job: Job, sent: dict[str, int]) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            await asyncio.to_thread(self._ledger.note, job, uploaded_bytes=sum(sent.values()))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
