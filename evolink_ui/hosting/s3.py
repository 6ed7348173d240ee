"""An S3-compatible store of one's own as the host: copies under names that nobody can guess."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from evolink_ui.executors import DISK

from .bucket import Bucket
from .host import Hosted, HostingError, LocalFile, OnBytes

log = logging.getLogger("evolink_ui.hosting")

LIFE_SECONDS = 72 * 3600  # as long as at the vendor's; S3 signs links for up to seven days
PREFIX = "evolink-ui/"
NAME_BYTES = 24  # 192 random bits: the name is all that protects an object in a public bucket


class S3Host:
    """Puts files into a bucket.

    Args:
        bucket: takes them.
        public_url: address under which the bucket is public; without one, links are presigned.
        clock: gives seconds since 1970 (UTC).
    """

    name = "s3"
    title = "this app's own store"

    def __init__(self, bucket: Bucket, *, public_url: str = "", clock: Callable[[], float] = time.time) -> None:
        self._bucket, self._public_url, self._clock = bucket, public_url, clock

    def scope(self, account: str, job_id: str) -> str:
        """The account and the place: after a change of settings nothing is looked for at the old one."""
        place = "\n".join((account, self._bucket.endpoint, self._bucket.name, self._public_url))
        return hashlib.sha256(place.encode()).hexdigest()

    async def put(self, file: LocalFile, *, on_progress: OnBytes | None = None) -> Hosted:
        """See `Host.put`. What the bucket keeps already is copied there, not sent again.

        Raises:
            HostingError: the store doesn't take the file; another host may.
            OSError: the file can't be read.
        """
        name = f"{PREFIX}{secrets.token_urlsafe(NAME_BYTES)}{file.path.suffix}"
        expires_at = self._clock() + LIFE_SECONDS
        if not await self._copied(file, name, on_progress):
            await self._bucket.put(file.path, name, on_progress=on_progress)
        url = f"{self._public_url}/{quote(name)}"
        if not self._public_url:
            url = await self._bucket.link(name, timedelta(seconds=LIFE_SECONDS))
        return Hosted(url, expires_at, name)

    async def delete(self, file_id: str) -> None:
        """See `Host.delete`.

        Raises:
            HostingError: the store refuses or doesn't answer.
        """
        await self._bucket.delete(file_id)

    async def _copied(self, file: LocalFile, name: str, on_progress: OnBytes | None) -> bool:
        if file.kept_as is None:
            return False
        try:
            await self._bucket.copy(file.kept_as, name)
        except HostingError:
            log.info("job=%s %s could not be copied within the store: it is sent once more", file.job_id, file.kind)
            return False
        if on_progress:
            on_progress((await DISK.run(file.path.stat)).st_size)
        return True
