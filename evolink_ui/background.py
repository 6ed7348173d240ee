"""Background threads: each repeats one task until it is closed, survives what the task raises, and shows its age."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

log = logging.getLogger(__name__)

LATE_AFTER_SECONDS: Final = 60.0
"""Added to a thread's pause: how long one call of its task may take on a busy machine."""

_started: WeakSet[BackgroundThread] = WeakSet()


class BackgroundThread:
    """A daemon thread that calls `task` again and again, from `start` to `close`.

    What the task raises is logged, once for as long as it stays the same, and the next call comes after the usual
    pause. A call that returns is a beat; `late_threads` names the threads without one for too long.

    Args:
        name: of the thread, for logs and `/healthz`.
        task: one round of work; may return the seconds until the next one, in place of `every_seconds`.
        every_seconds: pause between two rounds.
        first_after_seconds: pause before the first round.
        late_after_seconds: age of the last beat from which on the thread counts as late.
        vital: whether the app can't do its work without it.
        expected: exceptions that are logged without a traceback, such as those of a database that is away.
        clock: seconds, never going backwards.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[], float | None],
        *,
        every_seconds: float,
        first_after_seconds: float = 0.0,
        late_after_seconds: float | None = None,
        vital: bool = False,
        expected: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.vital = name, vital
        self._task, self._every_seconds, self._expected, self._clock = task, every_seconds, expected, clock
        self._first_after_seconds, self._late_after_seconds = first_after_seconds, late_after_seconds
        self._closing, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._pause_seconds = first_after_seconds
        self._beat_at = clock()
        self._fault = ""

    def start(self) -> None:
        """Begin."""
        self.beat()
        _started.add(self)
        self._thread.start()

    def close(self, wait_seconds: float | None = None) -> None:
        """End after the round under way, for which at most `wait_seconds` are waited (None: to its end)."""
        self._closing.set()
        self._wake.set()
        _started.discard(self)
        if self._thread.is_alive():
            self._thread.join(wait_seconds)

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called; a task that takes long asks for it."""
        return self._closing.is_set()

    def wake(self) -> None:
        """Begin the next round now."""
        self._wake.set()

    def beat(self) -> None:
        """Count as alive from now on; for a task that takes long."""
        self._beat_at = self._clock()

    @property
    def is_late(self) -> bool:
        """Whether its last beat is too old."""
        allowed = self._late_after_seconds or self._pause_seconds + LATE_AFTER_SECONDS
        return self._clock() - self._beat_at > allowed

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause_seconds)
            self._wake.clear()
            if self._closing.is_set():
                return
            pause_seconds = self._round()
            self._pause_seconds = self._every_seconds if pause_seconds is None else pause_seconds

    def _round(self) -> float | None:
        try:
            pause_seconds = self._task()
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            if fault != self._fault and not self._closing.is_set():
                known = isinstance(error, self._expected)
                log.log(
                    logging.WARNING if known else logging.ERROR,
                    "%s: a round failed and is tried again: %s",
                    self.name,
                    type(error).__name__,
                    exc_info=None if known else error,
                )
            self._fault = fault
            return None
        if self._fault:
            log.info("%s: works again", self.name)
            self._fault = ""
        self.beat()
        return pause_seconds


def late_threads() -> list[BackgroundThread]:
    """The started threads of this process without a beat for too long, by name."""
    return sorted((thread for thread in list(_started) if thread.is_late), key=lambda thread: thread.name)
