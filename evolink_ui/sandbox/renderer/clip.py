"""The reference video: its facts, and its frames as a stream.

Files come from strangers. PyAV reads the facts with the demuxer forced to ISO-BMFF, and ffmpeg decodes under the same
rule, so a playlist that calls itself .mp4 can reach neither the network nor another file.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from . import children
from .errors import RenderError

MAX_FPS: Final = Fraction(61, 2)
"""Frames a second: faster clips are halved until they fit, as the vendor's results never exceed 30."""

MIN_FPS: Final = Fraction(4)
"""Frames a second: below it a clip is a slide show; its frames are repeated."""

USABLE_SECONDS: Final = 31.0
"""Seconds: the vendor takes 30; what lies behind is not rendered, so a header that promises hours costs nothing."""

MAX_SIDE_PX: Final = 4100
"""Pixels: a little above the vendor's 3850; a header that claims more is refused before anything is decoded."""

_BROKEN: Final = "The video can't be read. Export it again as MP4 (H.264) and give the new file."

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """Facts of a reference video, as people see it."""

    path: Path
    width: int
    """Pixels, after rotation and sample aspect."""
    height: int
    """Pixels, after rotation and sample aspect."""
    fps: Fraction
    """Frames a second of the result: the clip's own rate, halved while it is above 30."""
    frame_count: int
    """Frames of the result by the clip's own clock; the decoder has the last word."""
    audio_codec: str | None
    """ffmpeg's name of the first sound track's codec, None for a silent clip."""


def read_clip(path: Path) -> Clip:
    """Look at a clip without decoding more than its first frame.

    Raises:
        RenderError: `invalid_parameters` when this is no MP4/MOV with at least one readable frame.
    """
    try:
        return _facts(path)
    except (av.FFmpegError, OSError, ValueError, IndexError, StopIteration, ArithmeticError) as error:
        raise RenderError("invalid_parameters", _BROKEN) from error


def _facts(path: Path) -> Clip:
    with av.open(str(path.resolve()), format="mov", options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.video[0]
        if max(stream.width, stream.height) > MAX_SIDE_PX:
            raise RenderError("invalid_parameters", f"The video is larger than {MAX_SIDE_PX} px. Scale it down.")
        stream.thread_type = "NONE"
        first = next(container.decode(stream))
        width, height = first.width, first.height
        aspect = stream.sample_aspect_ratio
        if aspect:
            width = round(width * aspect)
        if first.rotation % 180:
            width, height = height, width
        seconds = float((stream.duration or 0) * stream.time_base) if stream.time_base else 0.0
        if not seconds:
            seconds = float((container.duration or 0) / av.time_base)
        fps = output_rate(stream.average_rate or stream.guessed_rate)
        count = max(1, round(min(seconds, USABLE_SECONDS) * fps))
        sound = container.streams.audio[0].codec_context.name if container.streams.audio else None
        return Clip(path.resolve(), width, height, fps, count, sound)


def output_rate(rate: Fraction | None) -> Fraction:
    """The result's frames a second for a clip of this average rate (None: unknown, 25 is taken)."""
    fps = rate if rate and rate > 0 else Fraction(25)
    while fps > MAX_FPS:
        fps /= 2
    return max(fps, MIN_FPS)


@contextmanager
def frames(clip: Clip, long_side_px: int, pixels: Literal["rgb", "gray"], every: int = 1) -> Iterator[Iterator[Frame]]:
    """Stream the clip at its constant output rate, scaled down so that its long side is at most `long_side_px`.

    Args:
        clip: facts from `read_clip`.
        long_side_px: upper bound of the longer side, in pixels.
        pixels: `rgb` gives (height, width, 3), `gray` (height, width), both uint8.
        every: 2 gives frames 0, 2, 4, ... only; the others are dropped before they cost anything.
    """
    scale = min(1.0, long_side_px / max(clip.width, clip.height))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (clip.width, clip.height))
    thin = f",select='not(mod(n,{every}))'" if every > 1 else ""
    process = children.start(
        [
            *("-protocol_whitelist", "file,pipe", "-f", "mov", "-threads", "2", "-t", str(USABLE_SECONDS)),
            *("-skip_loop_filter", "noref"),  # edges of blocks don't show in small frames; saves a tenth
            *("-i", str(clip.path), "-map", "0:v:0"),
            *("-vf", f"fps={clip.fps}{thin},scale={width}:{height}:flags=bilinear"),
            *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p" if pixels == "rgb" else "gray", "-"),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        # OpenCV turns planes into RGB in a fifth of ffmpeg's time.
        rows = height * 3 // 2 if pixels == "rgb" else height
        read = _read(process, (rows, width))
        yield map(_rgb, read) if pixels == "rgb" else read
    finally:
        children.end(process)


def _read(process: subprocess.Popen[bytes], shape: tuple[int, ...]) -> Iterator[Frame]:
    size_bytes = math.prod(shape)
    pipe = process.stdout
    assert pipe is not None  # noqa: S101  it was asked for above
    while len(buffer := pipe.read(size_bytes)) == size_bytes:
        yield np.frombuffer(buffer, np.uint8).reshape(shape)


def _rgb(planes: Frame) -> Frame:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


def output_frames(clip: Clip, decoded: int, every: int = 1) -> int:
    """How many frames the result gets: the clock's count, or the decoder's where the clip's header is wrong.

    Args:
        clip: the reference.
        decoded: frames that `frames(..., every=every)` gave.
        every: the step that was used.
    """
    by_decoder = decoded * every
    return clip.frame_count if abs(clip.frame_count - by_decoder) <= every + 1 else by_decoder
