"""The second reader of a video: MoviePy's facts beside PyAV's, as a simple program reads the file, such as a vendor's.

PyAV judges; this never refuses a file, and its answer comes after the verdict. It warns where the two differ.
"""

import atexit
import math
import threading
import time
from typing import Any, BinaryIO, Final

from evolink_ui.media.child import Child, ChildFailed
from evolink_ui.media.files import Unreadable, look_at
from evolink_ui.media.report import Problem, Report, VideoFacts
from evolink_ui.media.words import problem, seconds_text

SECONDS: Final = 2.0
"""People and programs wait for it before they order, and no longer. MoviePy takes .3 s for 10 s of 720p."""
START_SECONDS: Final = 20.0
"""Its import takes 1.5 s on a busy core, once."""
LENGTHS_DIFFER_SECONDS: Final = 0.3
"""Sound is some hundredths longer than the picture in ordinary files, and MoviePy counts the longest track."""
SIZES_DIFFER_PX: Final = 2
"""Coders round to even sides."""


def read_again(path: object, report: Report) -> list[Problem] | None:
    """Warnings about a video that passed its check, by a second reading of at most 2 s; blocking.

    The first one also waits until MoviePy is loaded. Empty where both readers agree; None where the second one found
    no time. Never raises.
    """
    if not report.ok or not isinstance(report.facts, VideoFacts):
        return []
    try:
        with look_at(path) as source:
            said = _TEMPLATE.read(source.file)
    except (ChildFailed, OSError, Unreadable):
        return None
    return None if said.get("late") else differences(report.facts, said)


def differences(facts: VideoFacts, said: dict[str, Any]) -> list[Problem]:
    """What the second reader says otherwise: one warning or none. `said` is its answer, which is not trusted."""
    if said.get("failed"):
        return [problem("second_reader_failed", "video")]
    found = []
    seconds: Any = said.get("seconds")
    size = (said.get("width"), said.get("height"))
    is_length = isinstance(seconds, float) and math.isfinite(seconds)
    if is_length and abs(seconds - facts.duration_seconds) > LENGTHS_DIFFER_SECONDS:
        found.append(f"{seconds_text(seconds)} long instead of {seconds_text(facts.duration_seconds)}")
    if all(isinstance(side, int) for side in size) and not _same_size(facts, size):
        found.append(f"{size[0]} x {size[1]} px instead of {facts.width} x {facts.height} px")
    if isinstance(said.get("has_audio"), bool) and said["has_audio"] is not facts.has_audio:
        found.append("without sound" if facts.has_audio else "with sound, although none can be read")
    return [problem("readers_differ", "video", differences=", ".join(found))] if found else []


def _same_size(facts: VideoFacts, size: tuple[Any, ...]) -> bool:
    """Whether a size is the video's, up to a quarter turn and the pixels' aspect."""
    known = [(facts.width, facts.height), facts.stored_size]
    return any(
        abs(one - other) <= SIZES_DIFFER_PX and abs(two - another) <= SIZES_DIFFER_PX
        for one, two in known
        for other, another in (size, size[::-1])
    )


class Template:
    """One warm process that has MoviePy loaded and forks for each file; started for the first one."""

    def __init__(self, module: str = "evolink_ui.media.second_reader_worker") -> None:
        self._module = module
        self._lock = threading.Lock()
        self._child: Child | None = None

    def read(self, file: BinaryIO) -> dict[str, Any]:
        """What MoviePy says of an open file. Raises ChildFailed."""
        give_up_at = time.monotonic() + SECONDS
        if not self._lock.acquire(timeout=SECONDS):
            raise ChildFailed
        try:
            child = self._started()
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise ChildFailed
            try:
                # It ends its own children in time; only where it can't, it is ended itself.
                with child.deadline(left + 1.0):
                    child.send({"seconds": left}, file)
                    return child.read_line()
            except ChildFailed:
                self._end()
                raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process; the next file starts another."""
        with self._lock:
            self._end()

    def _started(self) -> Child:
        if self._child is None or self._child.process.poll() is not None:
            self._end()
            try:
                self._child = Child(self._module)
            except OSError as error:
                raise ChildFailed from error
        try:
            self._child.wait_ready(START_SECONDS)
        except ChildFailed:
            self._end()
            raise
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


_TEMPLATE: Final = Template()
close = _TEMPLATE.close
atexit.register(close)
