"""The vendor's file store: a local file becomes a public address for 72 hours."""

import asyncio
import mimetypes
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from evolink_ui.evolink.answers import Answer, NoAnswer
from evolink_ui.evolink.codes import consequence
from evolink_ui.evolink.disk import open_file, put_away
from evolink_ui.evolink.errors import LocalFileProblem, NotFound
from evolink_ui.evolink.models import Quota, UploadedFile
from evolink_ui.evolink.policy import UPLOAD_ATTEMPTS, Verdict, judge_read, read_wait_seconds
from evolink_ui.evolink.reads import Reader, no_answer, refusal
from evolink_ui.evolink.transport import Body, Transport
from evolink_ui.evolink.world import World
from evolink_ui.executors import DISK

PIECE_BYTES = 512 * 1024
"""Bytes read from disk at a time: large enough that the hop to a thread costs little, small enough that the three or
four pieces alive at once (read, sent, waiting in the socket) stay within 3 MB."""

UPLOAD_PATH = "/api/v1/files/upload/stream"

OnBytes = Callable[[int], None]
"""Called with the bytes handed over so far; starts again from 0 when a transfer starts again."""


class Files:
    """Upload, delete, quota."""

    def __init__(self, transport: Transport, reader: Reader, world: World, patience_seconds: float) -> None:
        self._transport, self._reader, self._world = transport, reader, world
        self._patience_seconds = patience_seconds

    async def upload(self, path: Path, file_name: str | None, on_progress: OnBytes | None) -> UploadedFile:
        """See `EvoLink.upload`."""
        name = (file_name or path.name).encode("ascii", "replace").decode().replace("?", "_")
        name = "".join("_" if char in '"\\/\r\n' or not char.isprintable() else char for char in name)[-120:] or "file"
        attempt = 0
        while True:
            outcome = await self._send_once(path, name, on_progress)
            if isinstance(outcome, Answer):
                stored = _stored(outcome)
                if stored is not None:
                    return stored
                if judge_read(outcome.standing, usable=False, is_page=outcome.is_page) is Verdict.REFUSED:
                    raise refusal("upload", outcome)
            elif judge_read(None, usable=False, fault=outcome.fault) is Verdict.REFUSED:
                raise no_answer("upload", outcome)
            attempt += 1
            if attempt >= UPLOAD_ATTEMPTS:
                raise no_answer("upload", outcome)
            told = outcome.retry_after_seconds if isinstance(outcome, Answer) else None
            await self._world.pause(read_wait_seconds(attempt, told, self._world.random()))

    async def _send_once(self, path: Path, name: str, on_progress: OnBytes | None) -> Answer | NoAnswer:
        try:
            file = await open_file(path, "rb")
        except OSError:
            raise _unreadable() from None
        try:
            size = await DISK.run(file.seek, 0, 2)
            form = _Form(file, size, name, on_progress)
            outcome = await self._transport.exchange(
                "POST", "files", UPLOAD_PATH, body=form.body(), whole_seconds=self._transport.timeouts.upload
            )
            if form.failure is not None:
                raise form.failure
            return outcome
        finally:
            await put_away(file.close)

    async def delete(self, file_id: str) -> None:
        """See `EvoLink.delete_file`."""
        try:
            await self._reader.read(
                "files",
                f"/api/v1/files/{quote(file_id, safe='')}",
                lambda answer: None if answer.declined else True,
                place="upload",
                patience_seconds=self._patience_seconds,
                method="DELETE",
            )
        except NotFound:
            return

    async def quota(self) -> Quota:
        """See `EvoLink.quota`."""

        def usable(answer: Answer) -> Quota | None:
            return None if answer.data is None else Quota.model_validate(answer.data)

        return await self._reader.read(
            "files", "/api/v1/files/quota", usable, place="upload", patience_seconds=self._patience_seconds
        )


class _Form:
    """One multipart form with one file, read from disk piece by piece in a thread."""

    def __init__(self, file: BinaryIO, size: int, name: str, on_progress: OnBytes | None) -> None:
        boundary = f"evolink-ui-{secrets.token_hex(16)}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._type = f"multipart/form-data; boundary={boundary}"
        self._file, self._size, self._on_progress = file, size, on_progress
        self.failure: Exception | None = None
        """What broke it off on our side: the file, or whoever hears of its progress."""

    def body(self) -> Body:
        return Body(self._pieces(), len(self._head) + self._size + len(self._tail), self._type)

    def _tell(self, sent: int) -> None:
        try:
            if self._on_progress:
                self._on_progress(sent)
        except Exception as error:
            self.failure = error
            raise

    def _read_ahead(self, start: int) -> asyncio.Task[bytes | None]:
        return asyncio.create_task(DISK.run(self._file.read, min(PIECE_BYTES, self._size - start)))

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._head
        await DISK.run(self._file.seek, 0)
        sent = 0
        self._tell(sent)
        ahead = self._read_ahead(sent)
        try:
            while sent < self._size:
                await asyncio.wait({ahead})
                piece = b"" if ahead.exception() else ahead.result()
                if not piece:
                    self.failure = _unreadable()
                    raise self.failure
                sent += len(piece)
                ahead = self._read_ahead(sent)  # the disk works while the network does
                yield piece
                self._tell(sent)
        finally:
            await asyncio.wait({ahead})  # nobody may close the file under a thread that reads it
        yield self._tail


def _stored(answer: Answer) -> UploadedFile | None:
    if not 200 <= answer.status < 300 or answer.data is None:
        return None
    try:
        return UploadedFile.model_validate(answer.data | {"raw": answer.data})
    except ValueError:
        return None


def _unreadable() -> LocalFileProblem:
    return LocalFileProblem(
        f"The file could not be read to its end, or it changed meanwhile. {consequence('upload', 'no')}",
        code="file_unreadable",
        charged="no",
        next_step="Choose the file again.",
    )
