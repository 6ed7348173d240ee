"""A bounded walk over the markers of a JPEG: its size, its orientation, and a copy that holds nothing else.

Pillow 11.3 can be kept busy for 20 s, or made to take 1.2 GB, by the application segments of a small file. It therefore
gets a copy without them, and the two facts they hold that we need are read here.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_SEGMENTS: Final = 4000
"""Cameras write fewer than 50; a restart of the tables before each of 100 scans stays far below, too."""
MAX_SCANS: Final = 100
"""Progressive files have about 10; each costs a pass over the whole picture."""
MAX_EXIF_ENTRIES: Final = 512

_NEXT_MARKER: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive, Huffman coded: what every reader knows."""
_ARITHMETIC_FRAMES: Final = frozenset({0xC9, 0xCA})
"""The same with arithmetic coding: legal, and unknown to every browser."""
_PROGRESSIVE_FRAMES: Final = frozenset({0xC2, 0xCA})
_RARE_FRAMES: Final = frozenset({0xC3, *range(0xC5, 0xC8), 0xCB, *range(0xCD, 0xD0)})
_KEPT: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
"""Huffman tables, arithmetic conditioning, quantisation tables, restart interval."""
_ANY_BITS: Final = bytes(range(1, 128))
"""Coded data that decodes to something that changes from block to block."""
_PLAIN_JFIF: Final = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


class Damaged(Exception):
    """The structure is not that of a whole file."""


class Unusual(Exception):
    """A legal variant that few readers know."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the structure of a picture file says."""

    width: int
    """Pixels as stored, not yet turned."""
    height: int
    """Pixels as stored, not yet turned."""
    orientation: int
    """Exif's 1-8; 1 is upright."""
    channels: int
    clean: bytes
    """The picture alone, without metadata."""
    icc_profile: bytes | None = None
    """The colour profile, as found."""
    animated: bool = False
    unusual: bool = False
    """Readable here, but not everywhere."""

    def with_more_data(self) -> bytes:
        """`clean` with some more coded data at the end of its last scan. A whole picture looks the same with it; one
        that was cut off, and got an end marker all the same, looks different."""
        return self.clean[:-2] + _ANY_BITS + self.clean[-2:]


def walk_jpeg(data: bytes) -> Header:
    """Read the structure of a JPEG. Raises Damaged, or Unusual (lossless, hierarchical, 12-bit)."""
    if data[:2] != b"\xff\xd8":
        raise Damaged
    kept: list[bytes] = [b"\xff\xd8"]
    icc: dict[int, bytes] = {}
    size: tuple[int, int, int] | None = None
    unfinished: set[int] = set()  # components whose brightness (DC) is not yet there to its last bit
    coded = fewest_bits = 0
    unusual = False
    orientation: int | None = None
    scans, at, ending = 0, 2, b""
    for _ in range(MAX_SEGMENTS):
        marker, at = _marker(data, at)
        if marker == 0xD9:
            ending = b"\xff\xd9"
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise Damaged
        segment = data[at + 2 : at + length]
        end = at + length
        if marker in _FRAMES | _ARITHMETIC_FRAMES:
            if size is not None:
                raise Damaged
            size = _frame(segment)
            unfinished = set(segment[6::3])
            unusual = marker in _ARITHMETIC_FRAMES
            fewest_bits = 0 if unusual or marker in _PROGRESSIVE_FRAMES else _fewest_bits(segment)
            kept.append(data[at - 2 : end])
        elif marker in _RARE_FRAMES:
            raise Unusual
        elif marker == 0xDA:
            scans += 1
            if size is None or scans > MAX_SCANS:
                raise Damaged
            unfinished -= _finished_by(segment)
            found = _NEXT_MARKER.search(data, end)
            end = found.start() if found else len(data)
            kept.append(data[at - 2 : end])
            coded += end - at - length
            if found is None:
                break  # without the end marker, which would make a cut-off picture look whole to the decoder
        elif marker in _KEPT:
            kept.append(data[at - 2 : end])
        elif marker == 0xE0 and segment[:5] == b"JFIF\0":
            kept.append(_PLAIN_JFIF)
        elif marker == 0xEE and segment[:5] == b"Adobe" and length == 14:
            kept.append(data[at - 2 : end])
        elif marker == 0xE1 and segment[:6] == b"Exif\0\0" and orientation is None:
            orientation = exif_orientation(segment[6:]) or 1  # of several, readers take the first
        elif marker == 0xE2 and segment[:12] == b"ICC_PROFILE\0" and len(segment) > 14:
            icc[segment[12]] = segment[14:]
        at = end
    else:
        raise Damaged
    if size is None or unfinished or 8 * coded < fewest_bits:
        raise Damaged
    profile = b"".join(icc[number] for number in sorted(icc)) if icc else None
    return Header(*size[:2], orientation or 1, size[2], b"".join(kept) + ending, profile, unusual=unusual)


def _finished_by(scan: bytes) -> set[int]:
    """The components whose brightness a scan holds to the last bit; sequential scans hold all of theirs."""
    count = scan[0] if scan else 0
    if not 1 <= count <= 4 or len(scan) != 4 + 2 * count:
        raise Damaged
    from_brightness_on, to_the_last_bit = scan[-3] == 0, scan[-1] & 15 == 0
    return set(scan[1 : 1 + 2 * count : 2]) if from_brightness_on and to_the_last_bit else set()


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at` (fill bytes skipped) and the offset behind it."""
    if data[at : at + 1] != b"\xff":
        raise Damaged
    found = _NEXT_MARKER.match(data, at)
    if found is None:
        if data[at + 1 : at + 2] and 0xD0 <= data[at + 1] <= 0xD7:
            return data[at + 1], at + 2
        raise Damaged
    return data[found.end() - 1], found.end()


def _frame(segment: bytes) -> tuple[int, int, int]:
    if len(segment) < 6:
        raise Damaged
    precision, channels = segment[0], segment[5]
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if precision != 8 or channels not in (1, 3, 4):
        raise Unusual
    if width == 0 or height == 0 or len(segment) != 6 + 3 * channels:
        raise Damaged
    return width, height, channels


def _fewest_bits(segment: bytes) -> int:
    """What the picture cannot do without: two bits for each block of 8 x 8. A size that was made up needs more."""
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    samplings = [divmod(segment[6 + 3 * channel + 1], 16) for channel in range(segment[5])]
    most_across, most_down = (max(each) for each in zip(*samplings, strict=True))
    blocks = 0
    for across, down in samplings:
        if not 1 <= across <= 4 or not 1 <= down <= 4:
            raise Damaged
        columns, rows = -(-width * across // most_across), -(-height * down // most_down)
        blocks += -(-columns // 8) * -(-rows // 8)
    return 2 * blocks


def exif_orientation(tiff: bytes) -> int | None:
    """Exif's orientation 1-8 from the first directory of a TIFF block; None where it has none."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    little = order == "little"

    def number(at: int, count: int) -> int:
        return int.from_bytes(tiff[at : at + count], "little" if little else "big")

    first = number(4, 4)
    entries = number(first, 2) if first + 2 <= len(tiff) else 0
    for index in range(min(entries, MAX_EXIF_ENTRIES)):
        at = first + 2 + 12 * index
        if at + 12 > len(tiff):
            return None
        if number(at, 2) == 0x0112:
            value = number(at + 8, 2)
            return value if 1 <= value <= 8 else None
    return None
