"""In the child: one video's facts, poster, proof that it decodes, and what its frames show."""

import contextlib
import io
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
import av.container
import av.error
import av.video
import numpy as np
from PIL import Image

from evolink_ui.media import limits, motion
from evolink_ui.media.boxes import Layout, walk_boxes
from evolink_ui.media.files import DEMUXERS
from evolink_ui.media.refusal import Refused, Tell

READ_BUFFER_BYTES: Final = 1 << 20
SKIPPING_AFTER_SECONDS: Final = 0.08
"""By then it is known how fast this video decodes."""
THREADS_WEIGH: Final = 1.2
"""Two decoding threads use up to twice the wall's time; on a quiet machine the look takes at most 1.1 s of it."""
MAX_LOOKED_AT: Final = 1800
"""Frames; 30 s at 60 fps. Looking at more would take longer than a check may."""
PLAIN_PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})
LAST_SAMPLES: Final = 1000
"""So many of the index's last entries are compared with the file's length, where the file was cut off."""
END_SECONDS: Final = 0.1
"""A picture that stops this much before its last frame lost its end; the last frame of 10 a second is just not lost."""

ERRORS: Final = (av.error.FFmpegError, ValueError, OSError, MemoryError, ArithmeticError)
_TURNS: Final = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def examine_film(file: BinaryIO, format_name: str, seconds: float, tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Tell the facts of the header, then look at the frames for at most SCAN_SECONDS. Raises Refused."""
    allowance = Allowance(min(limits.SCAN_SECONDS, seconds / 2))
    size_bytes = file.seek(0, io.SEEK_END)
    demuxer = DEMUXERS[format_name]
    layout = walk_boxes(file, size_bytes) if demuxer == "mov" else Layout()
    file.seek(0)
    try:
        # The demuxer is forced and reads only through our file object: no playlist, no other file, no network.
        with av.open(file, "r", format=demuxer, metadata_errors="replace", buffer_size=READ_BUFFER_BYTES) as container:
            return _examine(container, layout, allowance, size_bytes, tell)
    except Refused:
        raise
    except ERRORS as error:
        raise Refused("video_damaged") from error


class Allowance:
    """Time for looking at frames: processor time, so that a busy machine doesn't shorten the look; see BUSY_FACTOR."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._processor, self._wall = seconds, time.process_time(), time.monotonic()

    def spent(self) -> float:
        """Seconds used so far."""
        processor = (time.process_time() - self._processor) / THREADS_WEIGH
        return max(processor, (time.monotonic() - self._wall) / limits.BUSY_FACTOR)

    def is_used_up(self) -> bool:
        """Whether nothing is left."""
        return self.spent() > self._seconds


def picture_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The one that players show: the first that is switched on, else the first. Raises Refused."""
    shown = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None
    ]
    for stream in shown:
        if stream.disposition & av.stream.Disposition.default:
            return stream
    if not shown:
        raise Refused("video_without_picture")
    return shown[0]


def _examine(
    container: av.container.InputContainer, layout: Layout, allowance: Allowance, size_bytes: int, tell: Tell
) -> tuple[dict[str, Any], bytes | None]:
    facts = header_facts(container, layout)
    tell({"facts": facts})
    stream = picture_stream(container)
    context = stream.codec_context
    timing = Timing(stream.time_base)
    timing.expected = len(stream.index_entries)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if context.width * context.height > limits.VIDEO_DECODE_MAX_PIXELS:
        for packet in container.demux(stream):
            timing.add(packet)
        return {**facts, **timing.facts(), "claimed_seconds": claimed_seconds(layout, timing.seconds)}, None
    context.thread_type, context.thread_count = "AUTO", 2
    context.options = {"max_pixels": str(limits.VIDEO_DECODE_MAX_PIXELS), "skip_loop_filter": "all"}
    scan = _Scan(timing, allowance)
    scan.run(container, stream)
    if scan.first is None:
        raise Refused("video_damaged")
    facts |= _shown_size(scan.first.width, scan.first.height, aspect, scan.first.rotation)
    facts |= timing.facts()
    facts |= scan.facts()
    facts["claimed_seconds"] = claimed_seconds(layout, timing.seconds)
    facts["cut_off"] = is_cut_off(layout, stream, size_bytes) or scan.lost_its_end
    if not scan.complete and not _last_frame_decodes(container, stream, timing):
        facts["missing"] = max(int(facts["missing"]), 1)
        facts["cut_off"] = facts["cut_off"] or bool(layout.tracks)  # other containers are not as good at seeking
    return facts, _poster(scan.first, int(facts["width"]), int(facts["height"]))


def is_cut_off(layout: Layout, stream: av.video.stream.VideoStream, size_bytes: int) -> bool:
    """Whether frames that the index knows lie behind the end of the file. To be asked when all packets were read."""
    if not layout.cut_off:
        return False
    entries, count = stream.index_entries, len(stream.index_entries)
    return any(
        entries[place].pos + entries[place].size > size_bytes for place in range(max(count - LAST_SAMPLES, 0), count)
    )


def claimed_seconds(layout: Layout, seconds: float) -> float:
    """Of all lengths that the headers state, the one that is farthest from the picture's own; 0 where none does."""
    return max(layout.claims_seconds, key=lambda claim: abs(claim - seconds), default=0.0)


def header_facts(container: av.container.InputContainer, layout: Layout) -> dict[str, Any]:
    """What the header says of the picture, as shown; lengths are its claims. Raises Refused."""
    pictures = layout.pictures
    if layout.tracks and not pictures:
        raise Refused("video_without_picture")
    if any(track.protected for track in pictures):
        raise Refused("video_protected")
    stream = picture_stream(container)
    context = stream.codec_context
    if context.width <= 0 or context.height <= 0:
        raise Refused("video_damaged")
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    rotation = pictures[0].rotation if pictures else 0
    return {
        "has_audio": bool(container.streams.audio),
        "codec": context.codec.canonical_name,
        "pixels": context.pix_fmt or "",
        "stored_width": context.width,
        "stored_height": context.height,
        "duration_seconds": seconds,
        "fps": float(stream.average_rate or 0),
        **_shown_size(context.width, context.height, stream.sample_aspect_ratio or Fraction(1), rotation),
    }


def _shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> dict[str, int]:
    """Pixels as a player shows them."""
    if aspect > 0 and aspect != 1:
        width = max(round(width * aspect), 1)
    turned = quarter_turns(rotation)
    if turned % 180:
        width, height = height, width
    return {"width": width, "height": height, "rotation": turned}


def quarter_turns(rotation: int) -> int:
    """0, 90, 180 or 270 degrees; what players don't turn (45 degrees, a matrix of zeros) counts as upright."""
    return rotation % 360 if rotation % 90 == 0 and abs(rotation) <= 360 else 0


class Timing:
    """The picture's own length, from its packets: neither the header's claim nor the sound's."""

    def __init__(self, base: Fraction | None) -> None:
        self.base = base or Fraction(1, 1000)
        self.expected = 0
        self.packets = 0
        self.first: int | None = None
        self.last = 0
        self.end = 0

    def add(self, packet: "av.Packet[Any]") -> None:
        if packet.size == 0 or packet.is_discard:
            return
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None:
            return
        self.packets += 1
        self.first = at if self.first is None else min(self.first, at)
        self.last = max(self.last, at)
        self.end = max(self.end, at + max(packet.duration or 0, 0))

    @property
    def seconds(self) -> float:
        return float((self.end - (self.first or 0)) * self.base)

    def facts(self) -> dict[str, Any]:
        return {
            "duration_seconds": round(self.seconds, 4),
            "fps": round(self.packets / self.seconds, 3) if self.seconds > 0 else 0.0,
            "frames": self.packets,
        }


class _Scan:
    """Decodes the picture once, in order, as far as the time allows."""

    def __init__(self, timing: Timing, allowance: Allowance) -> None:
        self.timing = timing
        self.allowance = allowance
        self.first: av.VideoFrame | None = None
        self.complete = True
        self.skipping = False
        self.decoded = 0
        self.sent = 0
        self.errors = 0
        self.until = 0.0
        self.seen_until = 0.0
        self.small: list[motion.Small] = []
        self.times: list[float] = []

    def run(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        for packet in container.demux(stream):
            self.timing.add(packet)
            if not self.complete:
                continue
            if self.allowance.is_used_up() or len(self.small) >= MAX_LOOKED_AT:
                self.complete = False
                continue
            spent = self.allowance.spent()
            if not self.skipping and spent > SKIPPING_AFTER_SECONDS:
                self._perhaps_skip(stream, spent)
            self.sent += packet.size > 0 and not packet.is_discard
            for frame in self._frames(packet):
                self._look(frame)

    def _frames(self, packet: "av.Packet[Any]") -> Iterator[av.VideoFrame]:
        try:
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    yield frame
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self.errors += 1

    def _perhaps_skip(self, stream: av.video.stream.VideoStream, spent: float) -> None:
        """Leave out the frames that no other needs, where decoding all would take too long."""
        if self.timing.expected * spent > limits.THOROUGH_SECONDS * max(self.sent, 1):
            stream.codec_context.skip_frame = "NONREF"
        self.skipping = True

    def _look(self, frame: av.VideoFrame) -> None:
        self.decoded += not frame.is_corrupt
        if self.first is None:
            self.first = frame
        at = float((frame.pts - (self.timing.first or 0)) * self.timing.base) if frame.pts is not None else self.until
        self.until = max(self.until, at)
        if not frame.is_corrupt:
            self.seen_until = max(self.seen_until, at)
        small = _small(frame)
        if small is not None:
            self.small.append(small)
            self.times.append(at)

    @property
    def lost_its_end(self) -> bool:
        """Whether the last frames were there and could not be decoded."""
        last = float((self.timing.last - (self.timing.first or 0)) * self.timing.base)
        damaged = self.errors > 0 or self.decoded < self.sent
        return self.complete and damaged and last - self.seen_until > END_SECONDS

    def facts(self) -> dict[str, Any]:
        seen = motion.judge(self.small, self.times)
        limited = self.first is not None and not self.first.format.name.startswith("yuvj")
        brightness = seen.brightness
        if brightness is not None and limited:  # video range: black is 16, white is 235
            brightness = round(min(max((brightness - 16) * 255 / 219, 0.0), 255.0), 1)
        frames_left_out = self.skipping and self.decoded < self.sent
        return {
            "missing": self.errors if frames_left_out or not self.complete else max(self.sent - self.decoded, 0),
            "checked_seconds": round(self.timing.seconds if self.complete else self.until, 3),
            "cuts_seconds": seen.cuts_seconds,
            "speed": seen.speed,
            "brightness": brightness,
        }


def _small(frame: av.VideoFrame) -> motion.Small | None:
    """The frame at 64 x 36 in grey, 0-255; None where its pixels are laid out in a way that is not worth it."""
    if frame.format.name not in PLAIN_PIXELS:
        frame = frame.reformat(width=128, height=72, format="gray", interpolation="POINT")
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * frame.height].reshape(
        frame.height, plane.line_size
    )
    return motion.shrink(luma[:, : frame.width])


def _last_frame_decodes(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, timing: Timing
) -> bool:
    """From the last key frame on: its first frame is proof enough, the rest hangs on it."""
    with contextlib.suppress(*ERRORS):
        container.seek(timing.last, stream=stream, backward=True)
        stream.codec_context.flush_buffers()
        stream.codec_context.skip_frame = "NONKEY"
        for packet in container.demux(stream):
            if any(isinstance(frame, av.VideoFrame) and not frame.is_corrupt for frame in packet.decode()):
                return True
    return False


def _poster(frame: av.VideoFrame, width: int, height: int) -> bytes:
    """A JPEG of the frame as shown."""
    turned = quarter_turns(frame.rotation)
    shown = (height, width) if turned % 180 else (width, height)
    scale = min(limits.POSTER_MAX_SIDE_PX / max(shown), 1.0)
    width, height = (max(round(side * scale), 1) for side in shown)
    small = frame.reformat(width=width, height=height, format="rgb24")
    picture = Image.fromarray(small.to_ndarray())
    if turned in _TURNS:
        picture = picture.transpose(_TURNS[turned])
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()
