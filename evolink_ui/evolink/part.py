"""The part of a result that is on disk already, and whether an answer goes on where it ends."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from evolink_ui.evolink.bodies import encoding_of


@dataclass(slots=True)
class Part:
    """What is on disk already, and what the server said about the whole."""

    path: Path
    file: BinaryIO
    size: int = 0
    """Bytes on disk."""

    total: int | None = None
    """Bytes of the whole, where the server announced them."""

    validator: str | None = None
    """Names this very version of the video, for If-Range."""

    resumed: bool = False
    """Whether it was put together from several answers."""

    packed: bool = False
    """Its size is that of the unpacked bytes: nothing to count a continuation from."""

    def restart(self) -> None:
        """Empty it."""
        self.file.seek(0)
        self.file.truncate()
        self.size, self.total, self.validator, self.resumed, self.packed = 0, None, None, False, False

    def publish(self, path: Path) -> None:
        """Make it safe on the disk and give it its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.path.replace(path)

    def tidy(self) -> None:
        """Close it, and remove it where it has not got its name."""
        with suppress(OSError):  # a full disk may refuse the last flush; the error that matters is on its way already
            self.file.close()
        self.path.unlink(missing_ok=True)

    def begins(self, headers: httpx.Headers) -> None:
        """Take in the head of a whole answer."""
        self.restart()
        length = headers.get("content-length", "")
        self.packed = encoding_of(headers) is not None
        self.total = int(length) if length.isdecimal() and not self.packed else None
        self.validator = _validator(headers)

    def continues(self, headers: httpx.Headers) -> bool:
        """Take in the head of a part of an answer; false where it is not the rest of this very video."""
        span = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", headers.get("content-range", ""))
        if span is None or int(span[1]) != self.size or encoding_of(headers) is not None:
            return False
        total = self.total if span[2] == "*" else int(span[2])
        if self.total not in (None, total) or self.validator not in (None, _validator(headers) or self.validator):
            return False
        self.total, self.resumed = total, True
        return True


def _validator(headers: httpx.Headers) -> str | None:
    etag: str = headers.get("etag", "")
    modified: str | None = headers.get("last-modified")
    return etag if etag.startswith('"') else modified  # a weak ETag (W/) does not vouch for every byte
