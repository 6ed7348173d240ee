"""The ffmpeg processes and unfinished files of this rendering, so that a stop leaves neither behind.

A rendering is stopped from a thread of its own (see `__main__`) while the main thread may be deep inside a long
computation. Everything that has to disappear is therefore written down here before it exists.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import IO, Final

import imageio_ffmpeg

_LOCK: Final = threading.Lock()
_RUNNING: Final[set[subprocess.Popen[bytes]]] = set()
_UNFINISHED: Final[set[Path]] = set()

PIPE_BYTES: Final = 1 << 20
"""Bytes: the most that Linux grants to everybody."""

FFMPEG: Final[str] = imageio_ffmpeg.get_ffmpeg_exe()


def start(arguments: list[str], *, stdin: int | None = None, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """Start ffmpeg with these arguments. Its words go nowhere: they name server paths."""
    with _LOCK:
        process = subprocess.Popen(
            [FFMPEG, "-hide_banner", "-v", "error", "-nostats", *arguments],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.DEVNULL,
        )
        _RUNNING.add(process)
    for pipe in (process.stdin, process.stdout):
        _widen(pipe)
    return process


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a frame, so that both ends work at the same time; where the system allows it."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)  # not on macOS
    if pipe is not None and resize is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, resize, PIPE_BYTES)


def end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that this process is gone and its pipes are closed; harmless when it has ended already."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        close_quietly(pipe)
    process.wait()
    with _LOCK:
        _RUNNING.discard(process)


def close_quietly(pipe: IO[bytes] | None) -> None:
    """Close a pipe whose other end may be gone with bytes still waiting."""
    if pipe is not None:
        try:
            pipe.close()
        except BrokenPipeError:
            return


def unfinished(path: Path) -> None:
    """Remember a file that must not survive a stop."""
    with _LOCK:
        _UNFINISHED.add(path)


def finished(path: Path) -> None:
    """Forget a file: it has been renamed or removed."""
    with _LOCK:
        _UNFINISHED.discard(path)


def remove_everything() -> None:
    """Kill every child and delete every unfinished file. The lock is kept: nothing new may start after this."""
    _LOCK.acquire()
    for process in _RUNNING:
        process.kill()
    for process in _RUNNING:
        process.wait()
    for path in _UNFINISHED:
        path.unlink(missing_ok=True)
