"""One bucket of any S3-compatible store: AWS, Cloudflare R2, Backblaze B2, MinIO and so on.

obstore signs, httpx sends. obstore, because it is ready to sign after 0.02 s and with 13 MB where boto3 takes 0.3 s and
39 MB. Its own `put`, like boto3's, cuts large files into parts, which take memory (`benchmarks/hosting.py`) and stay in
the bucket, hidden and paid for, when a process dies between them; so a file goes out as one signed PUT from disk.
"""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

import httpx

from evolink_ui.evolink.disk import open_file, put_away
from evolink_ui.executors import DISK, STORE
from evolink_ui.settings import Settings

from .host import HostingError, OnBytes

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")
log = logging.getLogger("evolink_ui.hosting")

REQUEST_LIFE = timedelta(hours=1)  # of a signed request of our own, which is judged when it arrives
PIECE_BYTES = 256 * 1024  # read from disk at a time: a hop to a thread is cheap against it, and so is the memory
ATTEMPTS = 4
PAUSES_SECONDS = (1.0, 3.0, 9.0)  # between them
WHOLE_SECONDS = 1800.0  # of one attempt: 100 MB at 0.5 Mbit/s
SMALL_SECONDS = timedelta(seconds=15)  # of one request without a body, its repetitions included
TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # the answer comes only when the store has kept the whole object

NOT_CHARGED = "Nothing was ordered or charged."
ASK_OWNER = "The owner of this app finds the reason in its log and corrects EVOLINK_UI_S3_{what}."
LATER = "Wait a few minutes, then try again, or give a public https link instead of the file."


@dataclass(frozen=True, slots=True)
class Stored:
    """One object: its name and when it was written, in seconds since 1970 (UTC)."""

    name: str
    written_at: float


class Bucket:
    """Objects in and out, streamed.

    Args:
        endpoint: the store's address; the bucket is named in the path, which every store understands.
        region, name, access_key_id, secret_access_key: as the store gave them.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        name: str,
        access_key_id: str,
        secret_access_key: str,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.endpoint, self.name = endpoint, name
        self._address = (endpoint, region, name, access_key_id, secret_access_key)
        self._sleep = sleep

    @classmethod
    def of(cls, settings: Settings) -> Bucket:
        """The one that the settings name (`has_s3`)."""
        secret = settings.s3_secret_access_key
        return cls(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            name=settings.s3_bucket,
            access_key_id=settings.s3_access_key_id,
            secret_access_key=secret.get_secret_value() if secret else "",
        )

    async def put(self, path: Path, name: str, *, on_progress: OnBytes | None = None) -> None:
        """Write a file as one object.

        Raises:
            HostingError: the store doesn't take it.
            OSError: the file can't be read.
        """
        address = await self.link(name, REQUEST_LIFE, method="PUT")
        opened = await open_file(path, "rb")
        try:
            size_bytes = await DISK.run(opened.seek, 0, 2)
            headers = {
                "content-length": str(size_bytes),
                "content-type": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            }

            async def send(http: httpx.AsyncClient) -> httpx.Response:
                return await http.put(address, headers=headers, content=_pieces(opened, size_bytes, on_progress))

            await self._insist(send)
        finally:
            await put_away(opened.close)

    async def fetch(self, name: str, path: Path) -> bool:
        """Bring an object to `path`, which never holds half of one; False where the bucket has none of that name.

        Raises:
            HostingError: the store doesn't give it.
            OSError: the file can't be written.
        """
        address = await self.link(name, REQUEST_LIFE)
        part_path = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        part = await open_file(part_path, "xb")
        try:

            async def read(http: httpx.AsyncClient) -> httpx.Response:
                async with http.stream("GET", address) as answer:
                    if not answer.is_success:
                        await answer.aread()
                        return answer
                    await DISK.run(part.seek, 0)
                    await DISK.run(part.truncate)
                    async for piece in answer.aiter_bytes(PIECE_BYTES):
                        await DISK.run(part.write, piece)
                    return answer

            if not await self._insist(read, may_be_missing=True):
                return False
            await DISK.run(part.close)  # what is still in memory may meet a full disk
            await DISK.run(part_path.replace, path)
            return True
        finally:
            await put_away(_tidy, part, part_path)

    async def delete(self, name: str) -> None:
        """Delete an object; one that is gone already is fine.

        Raises:
            HostingError: the store refuses or doesn't answer.
        """
        address = await self.link(name, REQUEST_LIFE, method="DELETE")
        await self._insist(lambda http: http.delete(address), may_be_missing=True)

    async def link(self, name: str, life: timedelta, *, method: Literal["GET", "PUT", "DELETE"] = "GET") -> str:
        """An address under which one request may do that with an object, signed."""
        from obstore import sign

        return await STORE.run(lambda: sign(_store(*self._address), method, name, life))

    async def copy(self, name: str, to: str) -> None:
        """Have the store copy an object within the bucket.

        Raises:
            HostingError: it doesn't.
        """
        from obstore import copy

        await STORE.run(self._ask, lambda store: copy(store, name, to))

    def list(self, prefix: str) -> list[Stored]:
        """All objects below a prefix (which ends in a slash). Blocks.

        Raises:
            HostingError: the store doesn't say.
        """
        from obstore import list as list_all

        found = self._ask(lambda store: [item for page in list_all(store, prefix) for item in page])
        return [Stored(item["path"], item["last_modified"].timestamp()) for item in found]

    def remove(self, names: Sequence[str]) -> None:
        """Delete objects. Blocks.

        Raises:
            HostingError: the store doesn't.
        """
        from obstore import delete

        if names:
            self._ask(lambda store: delete(store, list(names)))

    def _ask(self, ask: Callable[[S3Store], T]) -> T:
        from obstore.exceptions import BaseError

        try:
            return ask(_store(*self._address))
        except (BaseError, OSError, NotImplementedError) as error:  # some of its errors are Python's own
            log.warning("the S3 store says: %s", type(error).__name__)
            raise _unreachable() from None

    async def _insist(
        self, send: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], *, may_be_missing: bool = False
    ) -> bool:
        """Send until the store has clearly taken or refused it: all of this may be repeated freely.

        Returns whether there was such an object; raises where one is missing that may not be.
        """
        context = await DISK.run(_tls)
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(WHOLE_SECONDS), httpx.AsyncClient(timeout=TIMEOUT, verify=context) as http:
                    answer = await send(http)
            except (httpx.TransportError, TimeoutError) as error:
                status, told = None, type(error).__name__
            else:
                if answer.is_success:
                    return True
                status, told = answer.status_code, _code(answer.text)
            if status == 404 and told != "NoSuchBucket" and may_be_missing:
                return False
            log.warning("the S3 store says: %s %s", status or "nothing", told)
            if status is not None and status < 500 and status not in (408, 429):
                raise _refused(status)
            if attempt < ATTEMPTS - 1:
                await self._sleep(PAUSES_SECONDS[attempt])
        raise _unreachable()


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
        client_options={"allow_http": True},  # the settings say which http:// addresses may be used
        retry_config={"retry_timeout": SMALL_SECONDS},
    )


@cache
def _tls() -> ssl.SSLContext:
    """Reading the root certificates takes 20 ms, so once is enough."""
    return httpx.create_ssl_context()


async def _pieces(file: BinaryIO, size_bytes: int, on_progress: OnBytes | None) -> AsyncIterator[bytes]:
    await DISK.run(file.seek, 0)
    sent = 0
    if on_progress:
        on_progress(0)
    while sent < size_bytes:
        piece = await DISK.run(file.read, min(PIECE_BYTES, size_bytes - sent))
        if not piece:
            raise OSError("the file became shorter while it was sent")
        yield piece
        sent += len(piece)
        if on_progress:
            on_progress(sent)


def _tidy(part: BinaryIO, path: Path) -> None:
    try:
        part.close()
    except OSError:
        log.warning("a part of a file could not be written: the disk is full or broken")
    finally:
        path.unlink(missing_ok=True)


def _code(text: str) -> str:
    """The store's own error code, for the log; its sentences may name keys and buckets."""
    found = re.search(r"<Code>(\w{1,64})</Code>", text)
    return found[1] if found else ""


def _unreachable() -> HostingError:
    return HostingError(
        "store_unreachable", f"The app's file store can't be reached at the moment. {NOT_CHARGED}", LATER
    )


def _refused(status: int) -> HostingError:
    if status in (401, 403):
        code, said, what = "store_denied", "refuses this app's access key", "ACCESS_KEY_ID and _SECRET_ACCESS_KEY"
    elif status == 404:
        code, said, what = "store_bucket_missing", "has no such bucket", "BUCKET"
    else:
        code, said, what = "store_refused", f"refuses the upload (HTTP {status})", "ENDPOINT and _REGION"
    return HostingError(code, f"The app's file store {said}. {NOT_CHARGED}", ASK_OWNER.format(what=what))
