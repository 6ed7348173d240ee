"""Looks at the vendor: how many a second, and how late they are."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import httpx

from evolink_ui.evolink.transport import READ


class Pace:
    """Spreads this process's reads evenly, in the order in which they came. One for all event loops and threads.

    The paid POST doesn't wait here: between its claim in the ledger and its departure nothing may take time.

    Args:
        per_second: reads a second, of all processes together.
        clock: seconds, never going backwards.
        sleep: waits.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._per_second, self._processes = per_second, 1
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def share_among(self, processes: int) -> None:
        """So many processes live: each takes its equal part."""
        self._processes = max(1, processes)

    async def before_read(self, request: httpx.Request) -> None:
        """Wait for this request's turn."""
        if not request.extensions.get(READ):
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next, now)
            self._next = turn + self._processes / self._per_second
        if turn > now:
            await self._sleep(turn - now)


class Lateness:
    """How late the looks are that this process owes: waiting for a turn, for a connection, or for a busy machine.

    Args:
        clock: seconds, never going backwards.
        sleep: waits.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._due: dict[str, float] = {}

    def pause(self, job_id: str) -> Callable[[float], Awaitable[object]]:
        """A sleep for the one who follows a job: when it is over, the next look is due."""

        async def until_due(seconds: float) -> None:
            self._due[job_id] = self._clock() + seconds
            try:
                await self._sleep(seconds)
            except asyncio.CancelledError:  # news call the look earlier
                self._due[job_id] = self._clock()
                raise

        return until_due

    def looked(self, job_id: str) -> None:
        """The look has its answer, or nobody looks any more."""
        self._due.pop(job_id, None)

    def seconds(self) -> float:
        """Of the latest look that is due and has no answer yet; 0 where there is none."""
        due = list(self._due.values())  # at once: another thread follows the jobs
        return max(0.0, self._clock() - min(due)) if due else 0.0
