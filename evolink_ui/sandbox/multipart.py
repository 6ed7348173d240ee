"""Reading one multipart upload as it comes in: its file goes straight to disk, its few text fields stay in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from evolink_ui.evolink.disk import put_away
from evolink_ui.executors import SANDBOX

from .errors import FilesError

FIELD_MAX_BYTES = 4096  # names and folders; whatever is longer is not one
MAX_PARTS = 20
BATCH_BYTES = 1_000_000  # handed to a thread at a time: fewer hops, still next to no memory


class MultipartUpload:
    """Feed it a body; then `fields`, `file_name` and `content_type` say what came with the file in `part`.

    Args:
        content_type: the request's header.
        part: where the file goes. The caller removes it when anything is raised.
        max_bytes: largest file.

    Raises:
        FilesError: 400, this is not multipart/form-data.
    """

    def __init__(self, content_type: str, part: Path, max_bytes: int) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise FilesError(400, "Send the file as multipart/form-data, in the field 'file'.")
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self.content_type = ""
        self._part, self._max_bytes, self._size_bytes = part, max_bytes, 0
        self._file: BinaryIO | None = None
        self._seen_file = False
        self._ended = False
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._name: str | None = None
        self._text = bytearray()
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
        )

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Take in the whole body.

        Raises:
            FilesError: 400, malformed, cut off or without a file; 413, the file is too large.
        """
        try:
            batch: list[bytes] = []
            batch_bytes = 0
            async for chunk in chunks:
                batch.append(chunk)
                batch_bytes += len(chunk)
                if batch_bytes >= BATCH_BYTES:
                    await SANDBOX.run(self._feed, b"".join(batch))
                    batch, batch_bytes = [], 0
            await SANDBOX.run(self._feed, b"".join(batch))
        except MultipartParseError:
            raise FilesError(400, "The multipart body is malformed. Nothing was stored.") from None
        finally:
            await put_away(self._close)
        if not self._ended:
            raise FilesError(400, "The upload was cut off. Nothing was stored.")
        if not self._seen_file:
            raise FilesError(400, "The field 'file' is missing. Nothing was stored.")

    def _feed(self, data: bytes) -> None:
        if data:
            self._parser.write(data)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise FilesError(400, "The multipart body has too many fields. Nothing was stored.")
        self._headers, self._name = {}, None
        self._text = bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name != "file":
            return
        if self._seen_file:
            raise FilesError(400, "Send one file per request. Nothing was stored.")
        self._seen_file = True
        self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.content_type = self._headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        self._file = self._part.open("xb")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._size_bytes += end - start
            if self._size_bytes > self._max_bytes:
                raise file_too_large(self._max_bytes)
            self._file.write(memoryview(data)[start:end])
        else:
            self._text += data[start:end]
            if len(self._text) > FIELD_MAX_BYTES:
                raise FilesError(400, f"The field '{self._name}' is too long. Nothing was stored.")

    def _on_part_end(self) -> None:
        if self._file is not None:
            self._close()
        elif self._name:
            self.fields[self._name] = self._text.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._ended = True


def file_too_large(max_bytes: int) -> FilesError:
    """413."""
    return FilesError(413, f"The file is larger than {max_bytes / 1e6:.0f} MB. Nothing was stored.")
