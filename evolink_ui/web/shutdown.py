"""uvicorn's server, with an end that loses no order."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

ACCEPTED_SECONDS = 0.3
"""A proxy sends a request right after its connection was accepted; a busy process reads it some milliseconds later."""


class GracefulServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then awaits `before_shutdown` while it still answers, and returns.

    uvicorn's own `handle_exit` records the signal and raises it once more after its shutdown, so that the process ends
    before the caller's `finally`. Here the signal only asks for the end; a second SIGINT skips all waiting.

    Args:
        config: as for `uvicorn.Server`.
        before_shutdown: awaited between the signal and the moment when no connection is taken any more.
    """

    def __init__(self, config: uvicorn.Config, before_shutdown: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by Python for each signal."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve; returns when the listening sockets may be closed."""
        await super().main_loop()
        await self._before_shutdown()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listening sockets first, and idle connections only when requests on their way were read.

        uvicorn closes both at once. A proxy whose request was sent and not read yet then answers 502.
        """
        for server in self.servers:
            server.close()
        await asyncio.sleep(ACCEPTED_SECONDS)
        await super().shutdown(sockets)
