"""The result: frames in, one MP4 out, with the reference's sound."""

from __future__ import annotations

import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from queue import Queue
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
"""The benchmark's floor uses these alone."""

QUICKER: Final = ("-x264-params", "bframes=0:subme=1:rc-lookahead=4")
"""Most of a drawn frame stands still: for 60 % of the time the file is a quarter larger, SSIM .996 instead of .997."""

ENCODER_THREADS: Final = "1"
"""It keeps one core as busy as drawing keeps the other; more threads cost more time in total and hold more frames."""

WAITING_FRAMES: Final = 3
"""One is being drawn, one waits, one is on its way into the pipe."""

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
        # A few frames wait between drawing and encoding, in buffers that go round.
        self._free: Queue[NDArray[np.uint8]] = Queue()
        for _ in range(WAITING_FRAMES):
            self._free.put(np.empty((height * 3 // 2, width), np.uint8))
        self._full: Queue[NDArray[np.uint8] | None] = Queue()
        # OpenCV makes BT.601 video-range planes; the stream says so, and players turn them back exactly. Said of the
        # input, too, or else ffmpeg converts what needs no converting.
        colour = ("-colorspace", "smpte170m", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
        arguments = ["-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", *colour]
        arguments += ["-r", str(fps), "-i", "-"]
        if sound:
            path, codec = sound
            arguments += ["-protocol_whitelist", "file,pipe", "-f", "mov", "-i", str(path), "-map", "0:v", "-map"]
            arguments += ["1:a:0", *(("-c:a", "copy") if codec == "aac" else ("-c:a", "aac", "-b:a", "128k"))]
            arguments += ["-t", f"{float(frame_count / fps):.6f}"]
        arguments += [
            *X264,
            *QUICKER,
            *colour,
            "-threads",
            ENCODER_THREADS,
            "-movflags",
            "+faststart",
            "-metadata",
            f"comment={COMMENT}",
            str(self._part),
        ]
        children.unfinished(self._part)
        self._process = children.start(arguments, stdin=subprocess.PIPE)
        self._broken = False
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def write(self, bgr: NDArray[np.uint8]) -> None:
        """Add one frame, (height, width, 3) uint8 in BGR.

        Raises:
            RenderError: `service_error` when the encoder has gone (a full disk, most often).
        """
        if self._broken:
            raise RenderError("service_error", _FAILED)
        planes = self._free.get()
        cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420, dst=planes)
        self._full.put(planes)

    def _feed(self) -> None:
        """Pass frames on to ffmpeg, beside the drawing."""
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101  it was asked for above
        while (planes := self._full.get()) is not None:
            try:
                if not self._broken:
                    pipe.write(planes.data)
            except (BrokenPipeError, ValueError):  # ffmpeg has gone, or `end` has closed the pipe
                self._broken = True
            self._free.put(planes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._full.put(None)
            children.end(self._process)
            self._feeder.join()
            self._part.unlink(missing_ok=True)
            children.finished(self._part)

    def _finish(self) -> None:
        self._full.put(None)
        self._feeder.join()
        children.close_quietly(self._process.stdin)
        if self._process.wait() != 0:
            raise RenderError("service_error", _FAILED)
        self._part.replace(self._out)
