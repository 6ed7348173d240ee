"""Any S3-compatible store: AWS, Cloudflare R2, Backblaze B2, MinIO and so on.

obstore signs, httpx sends. obstore, because it is ready to sign after 0.02 s and with 13 MB where boto3 takes 0.3 s and
39 MB. Its own `put`, like boto3's, cuts large files into parts, which take memory (`benchmarks/hosting.py`) and stay in
the bucket, hidden and paid for, when a process dies between them; so a file goes out as one signed PUT from disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import mimetypes
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import quote

import httpx

from evolink_ui.evolink.disk import open_file

from .host import Hosted, HostingError, LocalFile, OnBytes

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger("evolink_ui.hosting")

LIFE_SECONDS = 72 * 3600  # as long as at the vendor's; S3 signs links for up to seven days
REQUEST_LIFE = timedelta(hours=1)  # of a signed PUT or DELETE, which is judged when it arrives
PREFIX = "evolink-ui/"
NAME_BYTES = 24  # 192 random bits: the name is all that protects an object in a public bucket
PIECE_BYTES = 256 * 1024  # read from disk at a time: a hop to a thread is cheap against it, and so is the memory
ATTEMPTS = 4
PAUSES_SECONDS = (1.0, 3.0, 9.0)  # between them
WHOLE_SECONDS = 1800.0  # of one attempt: 100 MB at 0.5 Mbit/s
TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # the answer comes only when the store has kept the whole object

NOT_CHARGED = "Nothing was ordered or charged."
ASK_OWNER = "The owner of this app finds the reason in its log and corrects EVOLINK_UI_S3_{what}."
LATER = "Wait a few minutes, then try again, or give a public https link instead of the file."


class S3Host:
    """Puts files into a bucket under names that nobody can guess.

    Args:
        endpoint: the store's address; the bucket is named in the path, which every store understands.
        region, bucket, access_key_id, secret_access_key: as the store gave them.
        public_url: address under which the bucket is public; without one, links are presigned.
        clock: gives seconds since 1970 (UTC).
        sleep: waits between attempts.
    """

    name = "s3"
    title = "this app's own store"

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        public_url: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._endpoint, self._region, self._bucket = endpoint, region, bucket
        self._access_key_id, self._secret_access_key = access_key_id, secret_access_key
        self._public_url, self._clock, self._sleep = public_url, clock, sleep

    def scope(self, account: str, job_id: str) -> str:
        """The account and the place: after a change of settings nothing is looked for at the old one."""
        place = "\n".join((account, self._endpoint, self._bucket, self._public_url))
        return hashlib.sha256(place.encode()).hexdigest()

    async def put(self, file: LocalFile, *, on_progress: OnBytes | None = None) -> Hosted:
        """See `Host.put`.

        Raises:
            HostingError: the store doesn't take the file; another host may.
            OSError: the file can't be read.
        """
        name = f"{PREFIX}{secrets.token_urlsafe(NAME_BYTES)}{file.path.suffix}"
        expires_at = self._clock() + LIFE_SECONDS
        address = await asyncio.to_thread(self._sign, "PUT", name, REQUEST_LIFE)
        context = await asyncio.to_thread(_tls)
        opened = await open_file(file.path, "rb")
        try:
            size_bytes = await asyncio.to_thread(opened.seek, 0, 2)
            headers = {
                "content-length": str(size_bytes),
                "content-type": mimetypes.guess_type(file.path.name)[0] or "application/octet-stream",
            }
            async with httpx.AsyncClient(timeout=TIMEOUT, verify=context) as http:
                await self._insist(
                    lambda: http.put(address, headers=headers, content=_pieces(opened, size_bytes, on_progress))
                )
        finally:
            await asyncio.to_thread(opened.close)
        url = f"{self._public_url}/{quote(name)}"
        if not self._public_url:
            url = await asyncio.to_thread(self._sign, "GET", name, timedelta(seconds=LIFE_SECONDS))
        return Hosted(url, expires_at, name)

    async def delete(self, file_id: str) -> None:
        """See `Host.delete`.

        Raises:
            HostingError: the store refuses or doesn't answer.
        """
        address = await asyncio.to_thread(self._sign, "DELETE", file_id, REQUEST_LIFE)
        context = await asyncio.to_thread(_tls)
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=context) as http:
            await self._insist(lambda: http.delete(address))

    async def _insist(self, send: Callable[[], Awaitable[httpx.Response]]) -> None:
        """Send until the store has clearly taken or refused it; PUT and DELETE may be repeated freely."""
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(WHOLE_SECONDS):
                    answer = await send()
            except (httpx.TransportError, TimeoutError) as error:
                status, told = None, type(error).__name__
            else:
                if answer.is_success:
                    return
                status, told = answer.status_code, _code(answer.text)
            log.warning("the S3 store says: %s %s", status or "nothing", told)
            if status is not None and status < 500 and status not in (408, 429):
                raise _refused(status)
            if attempt < ATTEMPTS - 1:
                await self._sleep(PAUSES_SECONDS[attempt])
        raise HostingError(
            "store_unreachable", f"The app's file store can't be reached at the moment. {NOT_CHARGED}", LATER
        )

    def _sign(self, method: Literal["GET", "PUT", "DELETE"], name: str, life: timedelta) -> str:
        from obstore import sign

        return sign(
            _store(self._endpoint, self._region, self._bucket, self._access_key_id, self._secret_access_key),
            method,
            name,
            life,
        )


@cache
def _store(endpoint: str, region: str, bucket: str, access_key_id: str, secret_access_key: str) -> S3Store:
    from obstore.store import S3Store

    return S3Store(
        bucket,
        endpoint=endpoint,
        region=region,
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},  # loopback only: the settings take no other http:// address
    )


@cache
def _tls() -> ssl.SSLContext:
    """Reading the root certificates takes 20 ms, so once is enough."""
    return httpx.create_ssl_context()


async def _pieces(file: BinaryIO, size_bytes: int, on_progress: OnBytes | None) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    sent = 0
    if on_progress:
        on_progress(0)
    while sent < size_bytes:
        piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, size_bytes - sent))
        if not piece:
            raise OSError("the file became shorter while it was sent")
        yield piece
        sent += len(piece)
        if on_progress:
            on_progress(sent)


def _code(text: str) -> str:
    """The store's own error code, for the log; its sentences may name keys and buckets."""
    found = re.search(r"<Code>(\w{1,64})</Code>", text)
    return found[1] if found else ""


def _refused(status: int) -> HostingError:
    if status in (401, 403):
        code, said, what = "store_denied", "refuses this app's access key", "ACCESS_KEY_ID and _SECRET_ACCESS_KEY"
    elif status == 404:
        code, said, what = "store_bucket_missing", "has no such bucket", "BUCKET"
    else:
        code, said, what = "store_refused", f"refuses the upload (HTTP {status})", "ENDPOINT and _REGION"
    return HostingError(code, f"The app's file store {said}. {NOT_CHARGED}", ASK_OWNER.format(what=what))
