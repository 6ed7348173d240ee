"""In the child: MoviePy, loaded once in a template process that forks for each file.

The template never reads a byte of a file. Each fork closes itself off to its one file and FFmpeg, answers over a pipe
of its own and is ended, with all it started, when it takes too long; so no file has an effect on the next one.

Request: {"seconds": ...} and a descriptor. Answer: {"seconds", "width", "height", "has_audio"}, {"failed": true} where
MoviePy can't read the file, or {"late": true}.
"""

import contextlib
import json
import os
import select
import signal
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from evolink_ui import confine
from evolink_ui.media import channel, fence
from evolink_ui.media.mender import ADDRESS_SPACE_BYTES, DATA_BYTES

MAX_ANSWER_BYTES: Final = 4096
MAX_DESCRIPTORS: Final = 1024
"""The template has a dozen."""


def facts_of(file: BinaryIO) -> dict[str, Any]:
    """What MoviePy's clip says of an open file."""
    from moviepy.video.io.ffmpeg_reader import ffmpeg_parse_infos

    # MoviePy starts FFmpeg without this descriptor; by this name, FFmpeg opens the parent's.
    infos = ffmpeg_parse_infos(f"/proc/{os.getpid()}/fd/{file.fileno()}")
    width, height = infos["video_size"]
    return {
        "seconds": float(infos["duration"]),
        "width": int(width),
        "height": int(height),
        "has_audio": bool(infos["audio_found"]),
    }


def read(file: BinaryIO) -> dict[str, Any]:
    """One file's facts. Never raises."""
    try:
        return facts_of(file)
    except Exception:  # noqa: BLE001 - whatever a library throws at a stranger's bytes is one answer
        return {"failed": True}


def run_apart(file: BinaryIO, seconds: float) -> dict[str, Any]:
    """`read` in a forked, closed-off process."""
    from moviepy.config import FFMPEG_BINARY

    answer, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        try:
            os.setpgid(0, 0)
            _keep_only(file.fileno(), write)
            fence.start_clock(seconds + fence.CLOCK_GRACE_SECONDS)
            fence.limit_writing(0)
            confine.close_off(read=[file.fileno()], programs=[Path(FFMPEG_BINARY)])
            os.write(write, json.dumps(read(file)).encode())
        finally:
            os._exit(0)
    os.close(write)
    try:
        said = _receive(answer, time.monotonic() + seconds)
    finally:
        os.close(answer)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # should it have died or not yet have made its group
        os.waitpid(pid, 0)
    return said


def _keep_only(*descriptors: int) -> None:  # pragma: no cover - would close those of the tests
    """Close all others, the template's channel to the app above all; standard input becomes the void, as output is."""
    os.dup2(1, 0)
    start = 3
    for descriptor in sorted(descriptors):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, MAX_DESCRIPTORS)


def _receive(descriptor: int, until: float) -> dict[str, Any]:
    data = b""
    while (left := until - time.monotonic()) > 0 and len(data) <= MAX_ANSWER_BYTES:
        if not select.select([descriptor], [], [], left)[0]:
            break
        part = os.read(descriptor, MAX_ANSWER_BYTES)
        if not part:
            with contextlib.suppress(ValueError):
                said = json.loads(data)
                return said if isinstance(said, dict) else {"failed": True}
            return {"failed": True}
        data += part
    return {"late": True}


def main() -> None:  # pragma: no cover - shuts the doors of its own process
    """Serve until the parent closes our input, which it also does by dying."""
    answers = fence.shut_doors()
    fence.limit_memory(ADDRESS_SPACE_BYTES, DATA_BYTES)
    fence.hide_dotenv()

    def tell(message: dict[str, Any]) -> None:
        view = memoryview(json.dumps(message).encode() + b"\n")
        while view:
            view = view[os.write(answers, view) :]

    tell({"ready": True})
    for request, file in channel.requests():
        tell(run_apart(file, float(request["seconds"])))


if __name__ == "__main__":
    main()
