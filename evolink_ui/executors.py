"""Thread pools for blocking work, one per kind, so that no kind can use up another's threads.

Nothing runs in an event loop's default pool: other libraries share it, and DBOS replaces it. Each event loop has its
own threads of each kind, so the page's loop and the engine's loop do not wait for each other.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NEWEST_SHARE: Final = 0.2
"""Weight of the newest duration in the mean by which a waiting time is estimated."""


class Busy(Exception):
    """The line is full; nothing was begun.

    Attributes:
        retry_after_seconds: in which the line is likely to be shorter.
    """

    def __init__(self, name: str, retry_after_seconds: int) -> None:
        super().__init__(f"{name}: the line is full, {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Executor:
    """Runs functions in threads, first come first served, with a bounded line.

    Waiting costs no thread: a semaphore of the event loop is passed first. Its place is given back when the thread has
    ended, also where the waiter was cancelled before.

    Args:
        name: of its threads.
        threads: functions at once, of each event loop.
        waiting: functions that may wait for a thread; None where the callers are bounded elsewhere.
        each: functions at once of one key (a visitor); None for no such limit.
        each_waiting: functions of one key that may wait.
        seconds: how long one function is expected to take, until some were measured.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        *,
        waiting: int | None = None,
        each: int | None = None,
        each_waiting: int = 0,
        seconds: float = 1.0,
    ) -> None:
        self.name, self.threads = name, threads
        self._waiting, self._each, self._each_waiting = waiting, each, each_waiting
        self._seconds = seconds
        self.on_end: Callable[[float], object] | None = None
        """Called with the seconds that each function took, in the thread that ran it."""
        self._lock = threading.Lock()
        self._places: dict[asyncio.AbstractEventLoop, _Places] = {}

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread. Like `asyncio.to_thread`, but in this executor.

        Raises:
            Busy: the line is full.
        """
        return await self._run(None, partial(function, *args, **kwargs))

    async def run_for(self, key: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`run` on behalf of `key`, of whose functions only some run at once; the others do not hold up other keys.

        Raises:
            Busy: the line, or the key's own line, is full.
        """
        return await self._run(key, partial(function, *args, **kwargs))

    def require_room(self, key: str) -> None:
        """Check that `run_for` would take one more function of this key now.

        Raises:
            Busy: it would not.
        """
        self._lines(self._here(), key)

    def _lines(self, places: _Places, key: str | None) -> list[_Line]:
        lines = [places.everybody] if key is None or self._each is None else [places.own(key), places.everybody]
        for line in lines:
            if line.is_full:
                raise Busy(self.name, max(1, math.ceil(self._seconds * line.inside / line.at_once)))
        return lines

    async def _run(self, key: str | None, function: Callable[[], T]) -> T:
        places = self._here()
        lines = self._lines(places, key)
        for line in lines:
            line.inside += 1
            if line.key is not None:
                places.lines[line.key] = line
        passed: list[_Line] = []
        try:
            for line in lines:  # the key's own line first, so that it has few places in the common one
                await line.turn.acquire()
                passed.append(line)
            began = time.monotonic()
            future = places.pool.submit(copy_context().run, function)
        except BaseException:
            places.leave(lines, passed)
            raise
        loop = asyncio.get_running_loop()

        def ended(done: Future[T]) -> None:
            if not done.cancelled():
                took_seconds = time.monotonic() - began
                self._seconds += NEWEST_SHARE * (took_seconds - self._seconds)
                if self.on_end is not None:
                    self.on_end(took_seconds)
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(places.leave, lines, passed)

        future.add_done_callback(ended)
        return await asyncio.wrap_future(future)

    def _here(self) -> _Places:
        loop = asyncio.get_running_loop()
        places = self._places.get(loop)
        if places is None:
            with self._lock:
                for gone in [other for other in self._places if other.is_closed()]:
                    self._places.pop(gone).pool.shutdown(wait=False)
                places = self._places[loop] = _Places(self)
        return places


class _Line:
    """Those who run or wait: of one executor, or of one key in it."""

    def __init__(self, at_once: int, most: int | None, key: str | None = None) -> None:
        self.turn = asyncio.Semaphore(at_once)
        self.at_once, self.key, self._most = at_once, key, most
        self.inside = 0

    @property
    def is_full(self) -> bool:
        return self._most is not None and self.inside >= self._most


class _Places:
    """An executor's threads and lines on one event loop; used on that loop alone."""

    def __init__(self, executor: Executor) -> None:
        threads, waiting = executor.threads, executor._waiting
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=executor.name)
        self.everybody = _Line(threads, None if waiting is None else threads + waiting)
        self._each, self._each_most = executor._each or threads, (executor._each or threads) + executor._each_waiting
        self.lines: dict[str, _Line] = {}
        """Of the keys that run or wait."""

    def own(self, key: str) -> _Line:
        return self.lines.get(key) or _Line(self._each, self._each_most, key)

    def leave(self, lines: list[_Line], passed: list[_Line]) -> None:
        for line in passed:
            line.turn.release()
        for line in lines:
            line.inside -= 1
            if line.key is not None and line.inside == 0:
                self.lines.pop(line.key, None)


LEDGER: Final = Executor("ledger", 6, waiting=500, seconds=0.02)
"""Calls of the database, fewer than its connections (5, and 10 more at peaks) on both loops together."""
CHECKS: Final = Executor("checks", 2, waiting=40, each=2, each_waiting=10, seconds=0.5)
"""Checks of files: as many as there are decoding children. A page checks a picture and a video at once."""
SECOND_READINGS: Final = Executor("second-readings", 1, waiting=20, each=1, each_waiting=4, seconds=0.5)
"""MoviePy's looks at videos; there is one process for them."""
FIXES: Final = Executor("fixes", 1, waiting=24, each=1, each_waiting=3, seconds=20.0)
"""Fixes of files: encoding uses all cores already."""
EXPORTS: Final = Executor("exports", 1, waiting=24, seconds=5.0)
"""Media that the app makes for the page, such as the examples."""
DISK: Final = Executor("disk", 8)
"""Short reads and writes of local files; what waits is bounded by connections and by jobs at once."""
STORE: Final = Executor("store", 8)
"""Blocking calls of the S3 client, which wait for a network."""
NAMES: Final = Executor("names", 8)
"""Name resolution of links that people give: a slow name server holds up other links at most."""
SANDBOX: Final = Executor("sandbox", 6)
"""The sandbox's database and files, when it runs inside the app."""
