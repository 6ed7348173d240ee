"""Is this file one whole video? Judged by its outermost structure only; nothing is decoded."""

from typing import BinaryIO

MATROSKA = b"\x1a\x45\xdf\xa3"
"""First bytes of WebM and Matroska."""

FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""Boxes that an MP4 or QuickTime file may begin with."""

BOXES_MAX = 100_000
"""A fragmented video has a few boxes per second; more than this is not one."""


def problem_of(file: BinaryIO, size: int, *, vouched_for: bool) -> str | None:
    """Say what is wrong with a file of `size` bytes, or None where it is a whole video.

    `vouched_for`: the server announced exactly this length and sent it in one piece, so only the kind is checked.
    Otherwise every outermost box must be there to its end, the index (`moov`) among them.
    """
    file.seek(0)
    head = file.read(12)
    if head.startswith(MATROSKA):
        return None
    if head[4:8] not in FIRST_BOXES:
        return "The result is not a video."
    return None if vouched_for else _gap(file, size)


def _gap(file: BinaryIO, size: int) -> str | None:
    at, names = 0, set()
    for _ in range(BOXES_MAX):
        if size - at < 8:
            break
        file.seek(at)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        if length < 8 or at + length > size:
            return "The result is a video that was cut short."
        names.add(name)
        at += length
    return None if b"moov" in names else "The result is a video without its index."
