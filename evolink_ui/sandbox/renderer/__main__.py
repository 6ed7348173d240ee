"""The renderer as a process: JSON lines on stdout, gone within a moment of SIGTERM.

{"progress": 0.31, "stage": "drawing"}                      several times a second
{"done": {"path": "body", "frames": 240, "fps": 30.0, ...}}    last line, exit 0
{"error": {"code": "invalid_parameters", "message": "..."}}   last line, exit 1
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Final, get_args

from evolink_ui.catalog import Orientation, Quality

SAY_EVERY_SECONDS: Final = 0.25
"""Seconds between two lines of progress; the app looks once a second."""

MAX_IMAGE_PIXELS: Final = 1 << 27
"""Pixels: 128 million; a 10 MB picture that claims more is a bomb."""

MAX_MEMORY_BYTES: Final = 6 << 30
"""Bytes of address space for this process and each of its children: a hostile header ends here, not in swap."""

NICENESS: Final = 10
"""A page that is looked at goes first: a rendering takes all processors for half a minute."""

MAX_FILE_BYTES: Final = 1 << 30
"""Bytes: 30 s at 1080p have some 60 MB, so no file of this process and its children gets near it."""

STOPPED_EXIT: Final = 143
"""128 + SIGTERM, as a shell would report it."""


class Reporter:
    """Prints what is known several times a second, also while a long computation says nothing."""

    def __init__(self) -> None:
        self._share, self._stage = 0.0, "starting"
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def progress(self, share: float, stage: str) -> None:
        """Remember the newest state."""
        self._share, self._stage = share, stage

    def finish(self, last: dict[str, object]) -> None:
        """Print the last line; nothing follows it."""
        self._over.set()
        self._thread.join()
        self._say(last)

    def _repeat(self) -> None:
        while True:
            self._say({"progress": round(self._share, 4), "stage": self._stage})
            if self._over.wait(SAY_EVERY_SECONDS):
                return

    def _say(self, line: dict[str, object]) -> None:
        with self._lock:
            try:
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                stop_now()  # whoever asked for this rendering is gone


def stop_now() -> None:
    """Leave no process, no file and no further line."""
    from . import children

    children.remove_everything()
    os._exit(STOPPED_EXIT)


def watch_for_stop() -> None:
    """Let a thread of its own wait for SIGTERM and SIGINT: the main thread may be busy in a long native call."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        signal.sigwait(signals)
        stop_now()

    threading.Thread(target=wait, daemon=True).start()


def limit_resources() -> None:
    """Bound what a hostile file can take, before the libraries that read it are loaded."""
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_IMAGE_PIXELS)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the stages run beside each other already
    try:
        import resource
    except ImportError:  # not on Windows
        return
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))


def close_off(order: argparse.Namespace) -> None:
    """Give up everything but the two files, the folder of the result, and FFmpeg.

    Before the libraries are loaded: some start threads, which would stay outside.
    """
    from evolink_ui import confine

    from .children import FFMPEG

    read, write = [order.image, order.video], [order.out.parent]
    confine.close_off(
        read=[path for path in read if path.exists()],  # what is missing is said later, with its code
        write=[folder for folder in write if folder.is_dir()],
        programs=[Path(FFMPEG)],
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one rendering; returns the exit code."""
    parser = argparse.ArgumentParser(prog="evolink_ui.sandbox.renderer", description="Move a picture like a video.")
    parser.add_argument("image", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--orientation", choices=get_args(Orientation), default="image")
    parser.add_argument("--quality", choices=get_args(Quality), default="720p")
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument("--watermark", action="store_true")
    order = parser.parse_args(arguments)
    limit_resources()
    close_off(order)
    watch_for_stop()
    reporter = Reporter()
    last, code = _run(order, reporter)
    reporter.finish(last)
    return code


def _run(order: argparse.Namespace, reporter: Reporter) -> tuple[dict[str, object], int]:
    import cv2

    from .errors import RenderError
    from .rendering import render

    # One thread here: ffmpeg decodes and encodes beside us, and two threads in a net cost twice the CPU for little.
    cv2.setNumThreads(1)
    try:
        result = render(
            order.image,
            order.video,
            order.out,
            orientation=order.orientation,
            quality=order.quality,
            keep_sound=not order.no_sound,
            watermark=order.watermark,
            progress=reporter.progress,
        )
    except RenderError as error:
        return {"error": {"code": error.code, "message": error.message}}, 1
    except Exception:  # noqa: BLE001  the process boundary: the caller gets a code, the log gets the trace
        traceback.print_exc()
        return {"error": {"code": "service_error", "message": "The preview failed. Try other files."}}, 1
    return {"done": result.to_dict()}, 0


if __name__ == "__main__":
    sys.exit(main())
