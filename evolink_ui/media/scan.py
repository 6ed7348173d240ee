"""In the child: the packets and frames of one video, looked at once and in order, as far as the time allows."""

import contextlib
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import av
import av.container
import av.error
import av.video
import numpy as np

from evolink_ui.media import limits, motion

SKIPPING_AFTER_SECONDS: Final = 0.08
"""By then it is known how fast this video decodes."""
THREADS_WEIGH: Final = 1.2
"""Two decoding threads use up to twice the wall's time; on a quiet machine the look takes at most 1.1 s of it."""
MAX_LOOKED_AT: Final = 1800
"""Frames; 30 s at 60 fps. Looking at more would take longer than a check may."""
PLAIN_PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})
START_SECONDS: Final = 0.5
"""A picture that can be decoded only from so late on has lost its start; some frames that nobody sees are usual."""
END_SECONDS: Final = 0.1
"""A picture whose last frame that decodes lies more than this before its last frame has lost its end."""

ERRORS: Final = (av.error.FFmpegError, ValueError, OSError, MemoryError, ArithmeticError)


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


class Scan:
    """Decodes the picture once, in order, as far as the time allows."""

    def __init__(self, timing: Timing, allowance: Allowance) -> None:
        self.timing = timing
        self.allowance = allowance
        self.first: av.VideoFrame | None = None
        self.complete = True
        self.paced = False
        self.skips = False
        self.decoded = 0
        self.sent = 0
        self.errors = 0
        self.until = 0.0
        self.seen_from: float | None = None
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
            if not self.paced and spent > SKIPPING_AFTER_SECONDS:
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
            self.skips = True
        self.paced = True

    def _look(self, frame: av.VideoFrame) -> None:
        self.decoded += not frame.is_corrupt
        if self.first is None:
            self.first = frame
        at = float((frame.pts - (self.timing.first or 0)) * self.timing.base) if frame.pts is not None else self.until
        self.until = max(self.until, at)
        if not frame.is_corrupt:
            self.seen_from = at if self.seen_from is None else self.seen_from
            self.seen_until = max(self.seen_until, at)
        small = _small(frame)
        if small is not None:
            self.small.append(small)
            self.times.append(at)

    @property
    def lost_an_end(self) -> bool:
        """Whether the first or the last frames were there and could not be decoded."""
        if self.seen_from is not None and self.seen_from > START_SECONDS:
            return True
        last = float((self.timing.last - (self.timing.first or 0)) * self.timing.base)
        damaged = self.errors > 0 or (self.decoded < self.sent and not self.skips)
        return self.complete and damaged and last - self.seen_until > (START_SECONDS if self.skips else END_SECONDS)

    def facts(self) -> dict[str, Any]:
        seen = motion.judge(self.small, self.times)
        limited = self.first is not None and not self.first.format.name.startswith("yuvj")
        brightness = seen.brightness
        if brightness is not None and limited:  # video range: black is 16, white is 235
            brightness = round(min(max((brightness - 16) * 255 / 219, 0.0), 255.0), 1)
        frames_left_out = self.skips and self.decoded < self.sent
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


def last_frame_decodes(
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
