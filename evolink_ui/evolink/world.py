"""Time and chance, passed in so that tests own them."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class World:
    """What the client asks of the world around it besides the network."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, never going backwards."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    """Pause for that many seconds."""

    random: Callable[[], float] = random.random
    """A number from 0 to 1."""

    now: Callable[[], float] = time.time
    """Seconds since 1970."""

    async def pause(self, seconds: float, wake: asyncio.Event | None = None) -> bool:
        """Sleep; an event that is or becomes set ends the pause early. Returns whether it did, and clears it."""
        if wake is None:
            await self.sleep(seconds)
            return False
        sleeper, waker = asyncio.ensure_future(self.sleep(seconds)), asyncio.ensure_future(wake.wait())
        try:
            await asyncio.wait((sleeper, waker), return_when=asyncio.FIRST_COMPLETED)
            woken = waker.done()
        finally:
            for half in (sleeper, waker):
                half.cancel()
            await asyncio.gather(sleeper, waker, return_exceptions=True)
        if woken:
            wake.clear()
        return woken
