"""Wakes the follower of a job: after a callback from the vendor, or when its owner stops it."""

from __future__ import annotations

import asyncio
import threading


class News:
    """One event per followed job, settable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    def event(self, job_id: str) -> asyncio.Event:
        """The event that the follower waits on, for the loop that calls this."""
        event = asyncio.Event()
        with self._lock:
            self._events[job_id] = (asyncio.get_running_loop(), event)
        return event

    def forget(self, job_id: str, event: asyncio.Event) -> None:
        """Nobody waits on this event any more; one of a later run stays."""
        with self._lock:
            if self._events.get(job_id, (None, None))[1] is event:
                del self._events[job_id]

    def tell(self, job_id: str) -> bool:
        """There is news; False where this process doesn't follow the job."""
        with self._lock:
            loop, event = self._events.get(job_id, (None, None))
        if loop is None or event is None or loop.is_closed():
            return False
        loop.call_soon_threadsafe(event.set)
        return True
