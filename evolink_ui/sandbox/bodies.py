"""Reading request bodies: never more than allowed, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

IDLE_SECONDS = 60.0  # a phone that changes its network is back within half a minute; who says nothing longer is gone
WHOLE_SECONDS = 1800.0  # 100 MB at half a megabit per second; or a byte a minute would hold a connection for years


class Stalled(Exception):
    """The client sent nothing for IDLE_SECONDS, or too little in WHOLE_SECONDS."""


async def chunks(request: Request, max_bytes: int, refusal: Exception) -> AsyncIterator[bytes]:
    """The body as it comes in.

    Raises:
        Exception: `refusal`, as soon as it is longer than `max_bytes`.
        Stalled: it stopped coming.
        ClientDisconnect: the client went away.
    """
    incoming, clock = request.stream(), asyncio.get_running_loop().time
    ends_at = clock() + WHOLE_SECONDS
    size_bytes = 0
    while True:
        try:
            async with asyncio.timeout_at(min(clock() + IDLE_SECONDS, ends_at)):
                chunk = await anext(incoming, None)
        except TimeoutError:
            raise Stalled from None
        if chunk is None:
            return
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise refusal
        yield chunk


async def whole(request: Request, max_bytes: int, refusal: Exception) -> bytes:
    """The body in one piece; raises as `chunks`."""
    return b"".join([chunk async for chunk in chunks(request, max_bytes, refusal)])
