"""The result: frames in, one MP4 out, with the reference's sound."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from . import children
from .errors import RenderError

COMMENT: Final = "Sandbox preview: moved on this computer, not by the real model"
"""Written into the file, so that a preview stays recognisable after it has left the page."""

X264: Final = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p")
"""The benchmark's floor uses the same settings."""

_FAILED: Final = "The result could not be written. Try again; nothing was charged."


class Encoder:
    """Writes H.264 in MP4 to `out`; the file appears under its name only when it is whole.

    Used as a context manager: leaving it with an exception removes what was written.
    """

    def __init__(
        self, out: Path, width: int, height: int, fps: Fraction, frame_count: int, sound: tuple[Path, str] | None
    ) -> None:
        """Args:
        out: final path; a sibling with `.part` in its name is used until the end.
        width: pixels, even.
        height: pixels, even.
        fps: frames a second.
        frame_count: how many frames will come; the sound is cut there.
        sound: the reference and the codec of its sound track, None for a silent result.
        """
        self._out = out
        self._part = out.with_name(f".{out.stem}.part.mp4")
        self._i420 = np.empty((height * 3 // 2, width), np.uint8)
        arguments = ["-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}"]
        arguments += ["-r", str(fps), "-i", "-"]
        if sound:
            path, codec = sound
            arguments += ["-protocol_whitelist", "file,pipe", "-f", "mov", "-i", str(path), "-map", "0:v", "-map"]
            arguments += ["1:a:0", *(("-c:a", "copy") if codec == "aac" else ("-c:a", "aac", "-b:a", "128k"))]
            arguments += ["-t", f"{float(frame_count / fps):.6f}"]
        # OpenCV makes BT.601 video-range planes; the stream says so, and players turn them back exactly.
        colour = ("-colorspace", "smpte170m", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
        arguments += [*X264, *colour, "-movflags", "+faststart", "-metadata", f"comment={COMMENT}", str(self._part)]
        children.unfinished(self._part)
        self._process = children.start(arguments, stdin=subprocess.PIPE)

    def write(self, bgr: NDArray[np.uint8]) -> None:
        """Add one frame, (height, width, 3) uint8 in BGR.

        Raises:
            RenderError: `service_error` when the encoder has gone (a full disk, most often).
        """
        cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420, dst=self._i420)
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101  it was asked for above
        try:
            pipe.write(self._i420.data)
        except BrokenPipeError as error:
            raise RenderError("service_error", _FAILED) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            children.end(self._process)
            self._part.unlink(missing_ok=True)
            children.finished(self._part)

    def _finish(self) -> None:
        children.close_quietly(self._process.stdin)
        if self._process.wait() != 0:
            raise RenderError("service_error", _FAILED)
        self._part.replace(self._out)
