"""One render: a child process, what it says, and its end.

The child is called as `[*command, IMAGE, VIDEO, OUT, --orientation …, --quality …, (--no-sound), (--watermark)]` and
speaks JSON lines: {"progress": 0-1, "stage"} at least once a second, at last {"done": {…}} or
{"error": {"code", "message"}}.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolink_ui.confine import clean_environment

from .orders import Order

log = logging.getLogger(__name__)

KILLED_SECONDS = 0.2
GRACE_SECONDS = 0.55  # the renderer promises to end within 0.5 s of being told
EXIT_SECONDS = 5.0  # between its last word and its end it has nothing left to do
LOG_TAIL_BYTES = 2000

# The vendor's words for the end of a task; whatever else a renderer says becomes `unknown_error`.
TASK_ERROR_CODES = frozenset(
    {"content_policy_violation", "invalid_parameters", "image_processing_error", "image_dimension_mismatch"}
    | {"request_cancelled", "generation_failed_no_content", "service_error", "generation_timeout"}
    | {"resource_exhausted", "quota_exceeded", "service_unavailable", "unknown_error", "resource_not_found"}
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished video. `path_taken` is "body", or "flow" where no person was found."""

    seconds: float
    path_taken: str | None


class RenderFailed(Exception):
    """No video. `code` is the task's error code, the text is for the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Render:
    """One run of the renderer.

    Args:
        command: start of the command line.
        folder: the task's own; OUT lies in a folder of its own below it, the only one in which the child may write.
    """

    def __init__(self, command: Sequence[str], order: Order, image: Path, video: Path, folder: Path) -> None:
        self.out = folder / "out" / "out.mp4"
        self._log = folder / "renderer.log"
        self._command = [*command, str(image), str(video), str(self.out)]
        self._command += ["--orientation", order.character_orientation, "--quality", order.quality]
        self._command += [] if order.keep_sound else ["--no-sound"]
        self._command += ["--watermark"] if order.watermark else []
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._overdue = False
        self._heard_at = time.monotonic()
        self._started_at = self._heard_at

    def run(self, on_progress: Callable[[float], None]) -> Rendered:
        """Render; blocks until the child is gone. `on_progress` hears 0-1.

        Raises:
            RenderFailed: the child said so, fell silent, died, or was stopped.
        """
        last: dict[str, Any] = {}
        process = self._start()
        assert process.stdout is not None  # noqa: S101 - follows from PIPE, told to the type checker
        try:
            with process.stdout:
                for line in process.stdout:
                    self._heard_at = time.monotonic()
                    said = _parsed(line)
                    if isinstance(said.get("progress"), (int, float)):
                        on_progress(float(said["progress"]))
                    elif said:
                        last = said
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(EXIT_SECONDS)
        finally:  # whatever happened here, the child is gone
            _kill(process)
            exit_code = process.wait()
        return self._outcome(last, exit_code)

    def stop(self) -> None:
        """Tell the child to end; returns at once. `make_sure` has the last word."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def make_sure(self, seconds: float) -> None:
        """Wait up to `seconds` for a child that was told to end, then end it and all its own children."""
        with self._lock:
            process = self._process
        if process is None:
            return
        try:
            process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            _kill(process)
            with contextlib.suppress(subprocess.TimeoutExpired):  # SIGKILL is prompt; this only takes its leave
                process.wait(KILLED_SECONDS)

    def stop_if_overdue(self, silence_seconds: float, max_seconds: float) -> None:
        """End a child that has fallen silent or takes impossibly long; its task then fails as timed out."""
        now = time.monotonic()
        if now - self._heard_at > silence_seconds or now - self._started_at > max_seconds:
            self._overdue = True
            with self._lock:
                if self._process is not None:
                    _kill(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        self.out.parent.mkdir(exist_ok=True)
        with self._lock, self._log.open("wb") as errors:
            if self._stopped:
                raise RenderFailed("service_unavailable", "The sandbox is closing.")
            self._heard_at = self._started_at = time.monotonic()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=clean_environment(),
                start_new_session=True,  # so that it can be ended together with its own children
            )
            return self._process

    def _outcome(self, last: dict[str, Any], exit_code: int) -> Rendered:
        if self._overdue:
            raise RenderFailed("generation_timeout", "The renderer took too long. Credits are returned; try again.")
        done, error = last.get("done"), last.get("error")
        if exit_code == 0 and isinstance(done, dict) and self.out.is_file():
            return Rendered(float(done["seconds"]), done.get("path"))
        if isinstance(error, dict):
            code = str(error.get("code"))
            known = code if code in TASK_ERROR_CODES else "unknown_error"
            raise RenderFailed(known, f"{error.get('message')} Credits are returned.")
        if not self._stopped:
            tail = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
            log.error("the renderer ended with exit code %s and no result: %s", exit_code, tail)
        raise RenderFailed("service_error", "The renderer stopped unexpectedly. Credits are returned; try again.")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}  # something printed by a library; not part of the talk
    return said if isinstance(said, dict) else {}


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all of them are gone already
