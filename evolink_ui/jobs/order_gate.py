"""The gate that every paid POST passes, so that a process that is to end can wait for the answers on their way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from .job import JobError

LOOK_SECONDS = 0.05  # between two looks at what is still on its way


class Restarting(JobError):
    """This process is about to end."""

    def __init__(self) -> None:
        super().__init__(
            "restarting",
            "The app is restarting. Nothing was ordered or charged.",
            "Try again in a minute.",
            status=503,
        )


class OrderGate:
    """Counts the POSTs on their way, and lets none out once it is closed.

    Orders pass on the engine's event loop; `close` is called on the web server's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on_their_way: set[Passage] = set()
        self.is_closed = False
        """Whether this process is about to end."""

    def passage(self) -> Passage:
        """A context manager for one order; leaving it says that the outcome is written down."""
        return Passage(self)

    def try_enter(self, passage: Passage) -> bool:
        """Count an order as on its way; False where none goes out any more."""
        with self._lock:
            if not self.is_closed:
                self._on_their_way.add(passage)
            return not self.is_closed

    def leave(self, passage: Passage) -> None:
        """Count an order as on its way no longer; doing so twice changes nothing."""
        with self._lock:
            self._on_their_way.discard(passage)

    async def close(
        self,
        patience_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> bool:
        """Let no order out any more and wait for those on their way.

        Returns:
            Whether all of them have their outcome; False after `patience_seconds`.
        """
        with self._lock:
            self.is_closed = True
        until = clock() + patience_seconds
        while self._on_their_way:
            if clock() >= until:
                return False
            await sleep(LOOK_SECONDS)
        return True


class Passage:
    """One order at the gate. It may pass several times: an order that EvoLink puts off goes out again later."""

    def __init__(self, gate: OrderGate) -> None:
        self._gate = gate

    async def enter(self) -> None:
        """Pass, right before the claim of the order. At a closed gate this never returns: the job keeps its place and
        goes on in the next process."""
        if not self._gate.try_enter(self):
            await asyncio.Event().wait()

    def leave(self) -> None:
        """The order is not on its way: its outcome is written down, or it was put off."""
        self._gate.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.leave()
