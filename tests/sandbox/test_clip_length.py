"""The announced length of a clip: read from its header, and simply unknown where there is none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_ui.sandbox.clip_length import header_seconds


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def long_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


def header(timescale: int, duration: int, *, version: int = 0) -> bytes:
    if version == 1:
        return box(b"mvhd", bytes([1, 0, 0, 0]) + struct.pack(">QQIQ", 0, 0, timescale, duration))
    return box(b"mvhd", bytes(4) + struct.pack(">IIII", 0, 0, timescale, duration))


FTYP = box(b"ftyp", b"isom")


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (FTYP + box(b"moov", header(1000, 8500)), 8.5),
        (FTYP + box(b"mdat", bytes(100)) + box(b"moov", header(600, 1800, version=1)), 3.0),
        (FTYP + long_box(b"mdat", bytes(100)) + box(b"moov", box(b"udta", b"") + header(1, 7)), 7.0),
        (FTYP + struct.pack(">I4s", 0, b"moov") + header(10, 55), 5.5),  # a box that lasts to the end of the file
        (FTYP + box(b"moov", header(0, 8500)), None),
        (FTYP + box(b"moov", header(1000, 0)), None),
        (FTYP + box(b"moov", header(1000, 2**32 - 1)), None),
        (FTYP + box(b"moov", b""), None),
        (FTYP + box(b"moov", header(1000, 8500)[:12]), None),
        (FTYP + struct.pack(">I4s", 3, b"free"), None),
        (FTYP + box(b"free", b"") * 1500 + box(b"moov", header(1, 7)), None),
        (FTYP + struct.pack(">I4s", 1, b"mdat"), None),
        (b"", None),
    ],
)
def test_the_header_says_how_long_the_clip_is(tmp_path: Path, content: bytes, seconds: float | None) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert header_seconds(path) == seconds


@settings(deadline=None, max_examples=60)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(FTYP + content)
    header_seconds(path)
    path.write_bytes(FTYP + box(b"moov", content))
    header_seconds(path)


def test_a_missing_file_has_no_length(tmp_path: Path) -> None:
    assert header_seconds(tmp_path / "none.mp4") is None
