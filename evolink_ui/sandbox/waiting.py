"""Async work inside the sandbox's threads, given up when the sandbox closes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

STOP_LOOK_SECONDS = 0.1  # how soon network work notices that the sandbox closes

T = TypeVar("T")


class Closing(Exception):
    """The sandbox is closing; the work is given up and done again at the next start."""


def run_until(stop: threading.Event, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in this thread, on a loop of its own.

    Raises:
        Closing: `stop` was set first; the coroutine was cancelled.
    """

    async def watch() -> T:
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait({task}, timeout=STOP_LOOK_SECONDS)
            if stop.is_set() and not task.done():
                task.cancel()
                await asyncio.wait({task})
                raise Closing
        return task.result()

    return asyncio.run(watch())
