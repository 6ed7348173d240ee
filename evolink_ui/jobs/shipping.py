"""Putting a job's two files at public addresses, both at the same time, and not twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.evolink import EvoLink, EvoLinkError
from evolink_ui.executors import DISK, LEDGER
from evolink_ui.hosting import Host, HostingError, LocalFile, choose_hosts, put_at_first
from evolink_ui.hosting.evolink import EvoLinkHost
from evolink_ui.hosting.own import LinkPath
from evolink_ui.settings import Settings

from . import links
from .files import JobFiles, sha256_of
from .insist import insist
from .job import Job, JobError, Mode, State
from .keys import KeySafe
from .ledger import Ledger
from .uploads import Kind, Uploads
from .vendor import Vendor

log = logging.getLogger("evolink_ui.jobs")

REPORT_SECONDS = 0.5  # between two notes of the bytes sent


class Shipping:
    """Uploads what has no address yet, and cleans up afterwards. Used on the engine's event loop.

    Args:
        settings: which hosts there are, and whether copies are deleted when a job ends.
        ledger: takes the addresses and the progress.
        safe: names accounts without telling keys.
        job_files: where a job's files are.
        link_path: makes signed paths of this app, or None where it serves nobody.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        safe: KeySafe,
        job_files: JobFiles,
        *,
        link_path: LinkPath | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._ledger, self._safe = settings, ledger, safe
        self._job_files, self._link_path = job_files, link_path
        self._uploads = Uploads(ledger.engine, clock=clock)
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._cleaning: set[asyncio.Task[None]] = set()

    async def ship(self, job: Job, vendor: Vendor) -> None:
        """Give both files of a job an address that lives long enough, also where they had one once.

        Where a person gave a link instead of a file, our copy of its bytes is put there; only where no host takes it
        does the link itself stand for it. Ends early, without an error, when the job moves on meanwhile: its owner
        pressed Stop.

        Raises:
            HostingError: no host took a file.
            EvoLinkError, JobError, OSError: from the parts.
        """
        names: dict[Kind, str | None] = {"image": job.image_name, "video": job.video_name}
        paths = {kind: self._job_files.of(job.id) / name for kind, name in names.items() if name}
        files = [LocalFile(path, kind, job.id, self._job_files.kept_as(path)) for kind, path in paths.items()]
        if not files:
            return
        await asyncio.gather(*(self._job_files.bring(file.path) for file in files))
        hosts = self._hosts(job.mode, vendor.of_job(job))
        accounts = self._safe.accounts(vendor.key(job.mode, vendor.visitors_key(job)))
        sizes = {file.kind: (await DISK.run(file.path.stat)).st_size for file in files}
        sent: dict[Kind, int] = dict.fromkeys(sizes, 0)
        notices: list[str] = []
        total = sum(sizes.values())
        await insist(self._ledger.note, job, total_bytes=total, uploaded_bytes=0)

        async def ship_one(file: LocalFile) -> None:
            try:
                host = await self._ship_one(job, file, hosts, accounts, partial(sent.__setitem__, file.kind))
            except HostingError:
                if not job.request.get(f"{file.kind}_url"):
                    raise
                notices.append(await self._send_link(job, file.kind))
                return
            if host and host is not hosts[0]:
                notices.append(f"{hosts[0].title} did not take the {file.kind}; EvoLink fetches it from {host.title}.")
            sent[file.kind] = sizes[file.kind]

        uploads = [asyncio.create_task(ship_one(file)) for file in files]
        watch = asyncio.create_task(self._watch(job, sent))
        try:
            pending = {*uploads}
            while pending and not watch.done():
                done, _ = await asyncio.wait({*pending, watch}, return_when=asyncio.FIRST_COMPLETED)
                for upload in done & pending:
                    upload.result()
                pending -= done
        finally:
            for task in (*uploads, watch):
                task.cancel()
            await asyncio.gather(*uploads, watch, return_exceptions=True)
        notice = " ".join(notices) or job.notice
        await insist(self._ledger.note, job, uploaded_bytes=sum(sent.values()), notice=notice)

    async def forget(self, job: Job) -> bool:
        """Use the addresses of a job's files no more; whether one of them is from before this job."""
        return await insist(self._uploads.drop, job)

    def ended(self, job: Job, to: Job, vendor: Vendor) -> None:
        """Clean up in the background where that is wanted and EvoLink certainly needs the files no more.

        Args:
            job: before its end, with the key that may delete.
            to: after it.
            vendor: gives the client.
        """
        over = to.state is State.DONE or (to.state is State.FAILED and to.fault and to.fault.charged != "unknown")
        if self._settings.clean_up_uploads and over:
            task = asyncio.create_task(self._clean_up(job, vendor))
            self._cleaning.add(task)
            task.add_done_callback(self._cleaning.discard)

    async def _ship_one(
        self, job: Job, file: LocalFile, hosts: list[Host], accounts: list[str], on_progress: Callable[[int], None]
    ) -> Host | None:
        """The host that took the file now; None where it was somewhere already.

        accounts: names of the key's account, the one to write first.
        """
        sha256 = await DISK.run(sha256_of, file.path)
        scopes = [{host.name: host.scope(account, job.id) for host in hosts} for account in accounts]
        lock = self._locks.setdefault((sha256, accounts[0]), asyncio.Lock())
        async with lock:  # the same bytes for two jobs at once: the second one waits and finds the first one's address
            for known in scopes:
                if await insist(self._uploads.use, job, file.kind, sha256, known) is not None:
                    return None
            host, hosted = await put_at_first(hosts, file, on_progress=on_progress)
            await insist(self._uploads.add, job, file.kind, sha256, host.name, scopes[0][host.name], hosted)
            return host

    async def _send_link(self, job: Job, kind: Kind) -> str:
        """Let a link itself go to the vendor; gives what its owner is told."""
        values: dict[str, Any] = {f"{kind}_url": job.request[f"{kind}_url"]}
        most = links.longest_credits(job)
        if kind == "video":  # what it leads to when EvoLink comes for it is not in our hands
            values["credits_estimated"] = most
        log.warning("job=%s %s goes out as the link that was given", job.id, kind)
        await insist(self._ledger.note, job, **values)
        return links.notice_of(kind, most)

    async def _watch(self, job: Job, sent: Mapping[Kind, int]) -> None:
        """Note the bytes sent now and then; ends when the job has moved on."""
        on = True
        while on:
            await asyncio.sleep(REPORT_SECONDS)
            on = await insist(self._ledger.note, job, uploaded_bytes=sum(sent.values()))

    async def _clean_up(self, job: Job, vendor: Vendor) -> None:
        try:
            hosts = {host.name: host for host in self._hosts(job.mode, vendor.of_job(job))}
            for name, file_id in await LEDGER.run(self._uploads.release, job):
                if name in hosts:
                    await hosts[name].delete(file_id)
        except (HostingError, EvoLinkError, JobError, SQLAlchemyError) as error:
            log.warning("job=%s a copy of its files stays until it expires: %s", job.id, type(error).__name__)

    def _hosts(self, mode: Mode, evolink: EvoLink) -> list[Host]:
        """The sandbox keeps its files to itself; live orders go where the settings say."""
        return choose_hosts(self._settings, evolink, self._link_path) if mode == "live" else [EvoLinkHost(evolink)]
