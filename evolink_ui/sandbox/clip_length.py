"""How long an MP4 or QuickTime file says it is, read from its movie header without any decoder.

Good enough to reserve credits with before the file has been judged; the judged length settles them.
Box layout: ISO/IEC 14496-12, 4.2 (boxes) and 8.2.2 (movie header).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

MAX_BOXES = 1000  # top-level boxes looked at; fragmented files have many, the movie header comes early or right last


def header_seconds(path: Path) -> float | None:
    """Seconds, or None where the file has no readable movie header that names a length."""
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            movie = _find(file, b"moov", 0, end)
            header = _find(file, b"mvhd", *movie) if movie else None
            return _movie_seconds(file, header[0]) if header else None
    except (OSError, struct.error):
        return None


def _find(file: BinaryIO, kind: bytes, start: int, end: int) -> tuple[int, int] | None:
    """(start, end) of the contents of the first box of `kind` between two offsets."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return None
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:  # the size follows in 64 bits
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        stop = end if size == 0 else start + size  # 0: up to the end
        if size != 0 and size < head:
            return None
        if name == kind:
            return start + head, min(stop, end)
        start = stop
    return None


def _movie_seconds(file: BinaryIO, start: int) -> float | None:
    file.seek(start)
    version = file.read(4)[:1]
    if version == b"\1":
        _, _, timescale, duration = struct.unpack(">QQIQ", file.read(28))
        unknown = 2**64 - 1
    else:
        _, _, timescale, duration = struct.unpack(">IIII", file.read(16))
        unknown = 2**32 - 1
    if timescale == 0 or duration in (0, unknown):
        return None
    return float(duration / timescale)
