"""A bounded walk over the boxes of an MP4 or MOV, before any demuxer sees it.

A few bytes of a header can ask a demuxer for gigabytes: a compressed header, a table of one size for four thousand
million samples, a run of one duration for as many, an edit list that repeats a track. Whatever would be multiplied is
counted here and refused when it cannot be honest; what remains costs a demuxer some megabytes.
"""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from evolink_ui.media.refusal import Refused

MAX_TOP_BOXES: Final = 50_000
"""A fragmented recording has two a fragment; with one a frame, 30 s at 240 fps are 14,400."""
MAX_HEADER_BYTES: Final = 32_000_000
"""The `moov` box; two hours of film with sound have about 6 MB."""
MAX_INNER_BOXES: Final = 20_000
MAX_DEPTH: Final = 12
MAX_TRACKS: Final = 32
MAX_SAMPLES: Final = 4_000_000
"""Of all tracks together. PCM sound counts each value: 30 s at 48 kHz are 1.4 million."""
MAX_PICTURE_SAMPLES: Final = 1_000_000
MAX_EDITS: Final = 1000
MAX_EDITED_SAMPLES: Final = 20_000_000
"""Edits times samples: what an index would hold when each edit repeats the track."""
SAME_LENGTH_SECONDS: Final = 0.5
"""Within it, a track's header agrees with its samples."""
PROTECTED: Final = frozenset({b"encv", b"drmi"})
"""Sample descriptions of pictures that only a licence makes readable (common encryption, FairPlay)."""

_PARENTS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"})


@dataclass(slots=True)
class Track:
    """What one `trak` claims."""

    handler: bytes = b""
    """b"vide", b"soun", ..."""
    seconds: float = 0.0
    """By its media header."""
    time_scale: int = 0
    """Units a second, by its media header."""
    samples_seconds: float = 0.0
    """What the durations of its samples add up to."""
    samples: int = 0
    edits: int = 0
    rotation: int = 0
    """Degrees, 0, 90, 180 or 270, by which a player turns it."""
    protected: bool = False


@dataclass(slots=True)
class Layout:
    """What the boxes of a file claim; nothing of it was compared with the samples."""

    seconds: float = 0.0
    """By the movie header."""
    tracks: list[Track] = field(default_factory=list)
    fragments: int = 0
    cut_off: bool = False
    """The last box reaches beyond the end of the file."""

    @property
    def pictures(self) -> list[Track]:
        """The tracks that players show."""
        return [track for track in self.tracks if track.handler == b"vide"]

    @property
    def claims_seconds(self) -> list[float]:
        """The lengths that headers state. Of a track that agrees with its samples but is shown in part (edits), only
        the film's own counts; and in a fragmented file that speaks of the first part alone."""
        if self.fragments:
            return []
        odd = [track.seconds for track in self.pictures if not _agrees(track)]
        return [claim for claim in (self.seconds, *odd) if claim]


def walk_boxes(file: BinaryIO, size_bytes: int) -> Layout:
    """Read the layout of a file of `size_bytes`. Raises Refused("video_damaged") where it cannot be an honest one."""
    layout = Layout()
    header_found, at, budget = False, 0, MAX_HEADER_BYTES
    for _ in range(MAX_TOP_BOXES):
        if at + 8 > size_bytes:
            break
        file.seek(at)
        start = file.read(16)
        length, name, skip = _box(start, size_bytes - at)
        if length < skip:
            break  # what follows is no box: junk behind the film, or no film at all
        if name in (b"moov", b"moof"):
            header_found = header_found or name == b"moov"
            layout.fragments += name == b"moof"
            budget -= length
            if budget < 0 or at + length > size_bytes:
                raise Refused("video_damaged")
            file.seek(at + skip)
            _Inner(layout).walk(memoryview(file.read(length - skip)), 0)
        at += length
        layout.cut_off = at > size_bytes
    else:
        raise Refused("video_damaged")
    if not header_found:
        raise Refused("video_damaged")
    _judge(layout)
    return layout


def _agrees(track: Track) -> bool:
    return abs(track.seconds - track.samples_seconds) <= SAME_LENGTH_SECONDS


def _box(start: bytes | memoryview, left: int) -> tuple[int, bytes, int]:
    """(length with its header, name, length of its header) of the box that begins here."""
    length, name = int.from_bytes(start[:4], "big"), bytes(start[4:8])
    if length == 1:
        return int.from_bytes(start[8:16], "big"), name, 16
    return (length or left), name, 8


def _judge(layout: Layout) -> None:
    if len(layout.tracks) > MAX_TRACKS:
        raise Refused("video_damaged")
    if sum(track.samples for track in layout.tracks) > MAX_SAMPLES:
        raise Refused("video_damaged")
    for track in layout.tracks:
        if track.handler == b"vide" and track.samples > MAX_PICTURE_SAMPLES:
            raise Refused("video_damaged")
        if track.edits > MAX_EDITS or track.samples * track.edits > MAX_EDITED_SAMPLES:
            raise Refused("video_damaged")


class _Inner:
    """The walk inside of one `moov` or `moof`."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.boxes = 0
        self.fragment_samples = 0
        self.track = Track()

    def walk(self, data: memoryview, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Refused("video_damaged")
        at = 0
        while at + 8 <= len(data):
            self.boxes += 1
            length, name, skip = _box(data[at : at + 16], len(data) - at)
            if self.boxes > MAX_INNER_BOXES or length < skip or at + length > len(data):
                raise Refused("video_damaged")
            body = data[at + skip : at + length]
            if name == b"cmov":
                raise Refused("video_damaged")
            if name == b"trak":
                self.track = Track()
                self.layout.tracks.append(self.track)
            if name in _PARENTS:
                self.walk(body, depth + 1)
            elif name in _READERS:
                try:
                    _READERS[name](self, body)
                except (struct.error, IndexError) as error:
                    raise Refused("video_damaged") from error
            at += length

    def movie_header(self, body: memoryview) -> None:
        self.layout.seconds = _seconds(body)

    def media_header(self, body: memoryview) -> None:
        self.track.seconds = _seconds(body)
        (self.track.time_scale,) = struct.unpack_from(">I", body, 20 if body[0] == 1 else 12)

    def descriptions(self, body: memoryview) -> None:
        self.track.protected = bytes(body[12:16]) in PROTECTED

    def handler(self, body: memoryview) -> None:
        # QuickTime files have a second handler, of the data, behind the first.
        self.track.handler = self.track.handler or bytes(body[8:12])

    def sizes(self, body: memoryview) -> None:
        size, count = struct.unpack_from(">II", body, 4)
        if size == 0 and 12 + 4 * count > len(body):
            raise Refused("video_damaged")
        self.track.samples = max(self.track.samples, count)

    def packed_sizes(self, body: memoryview) -> None:
        bits, count = struct.unpack_from(">xxxBI", body, 4)
        if bits not in (4, 8, 16) or 12 + count * bits // 8 > len(body):
            raise Refused("video_damaged")
        self.track.samples = max(self.track.samples, count)

    def runs(self, body: memoryview) -> int:
        """Tables of (count, value): a demuxer unrolls them. The sum of all values."""
        (entries,) = struct.unpack_from(">I", body, 4)
        if 8 + 8 * entries > len(body):
            raise Refused("video_damaged")
        counted = length = 0
        for count, each in struct.iter_unpack(">II", body[8 : 8 + 8 * entries]):
            counted += count
            length += count * each
            if counted > MAX_SAMPLES:
                raise Refused("video_damaged")
        return length

    def durations(self, body: memoryview) -> None:
        length = self.runs(body)
        self.track.samples_seconds = length / self.track.time_scale if self.track.time_scale else 0.0

    def edits(self, body: memoryview) -> None:
        (entries,) = struct.unpack_from(">I", body, 4)
        if 8 + (20 if body[0] else 12) * entries > len(body):
            raise Refused("video_damaged")
        self.track.edits = entries

    def fragment_run(self, body: memoryview) -> None:
        flags, count = struct.unpack_from(">II", body, 0)
        flags &= 0xFFFFFF
        each = 4 * bin(flags & 0xF00).count("1")
        self.fragment_samples += count
        if self.fragment_samples > MAX_PICTURE_SAMPLES or 8 + each * count > len(body):
            raise Refused("video_damaged")
        if each == 0 and count > 100_000:
            raise Refused("video_damaged")

    def track_header(self, body: memoryview) -> None:
        across, up = struct.unpack_from(">ii", body, 40 + 12 * (body[0] == 1))
        down, along = struct.unpack_from(">ii", body, 52 + 12 * (body[0] == 1))
        if across == along == 0 and up and down:
            self.track.rotation = 90 if up > 0 else 270
        elif across < 0 and along < 0:
            self.track.rotation = 180


_READERS: Final = {
    b"mvhd": _Inner.movie_header,
    b"mdhd": _Inner.media_header,
    b"hdlr": _Inner.handler,
    b"stsd": _Inner.descriptions,
    b"stsz": _Inner.sizes,
    b"stz2": _Inner.packed_sizes,
    b"stts": _Inner.durations,
    b"ctts": _Inner.runs,
    b"elst": _Inner.edits,
    b"trun": _Inner.fragment_run,
    b"tkhd": _Inner.track_header,
}


def _seconds(body: memoryview) -> float:
    """Duration in seconds of an `mvhd` or `mdhd`; 0 where it is not known."""
    scale, length = struct.unpack_from(">IQ", body, 20) if body[0] == 1 else struct.unpack_from(">II", body, 12)
    unknown = length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return 0.0 if scale == 0 or unknown else length / scale
