"""Faults that no answer can express: doors that refuse, doors that never open, a pool without a free place."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Literal

import httpx

from tests.evolink.conftest import FakeTime
from tests.stub import Stub, hang

Door = Literal["api", "files", "results"]
Trouble = Callable[[Stub, FakeTime, Door, httpx.AsyncClient], contextlib.AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def none(stub: Stub, time: FakeTime, door: Door, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Nothing below HTTP goes wrong."""
    yield


@contextlib.asynccontextmanager
async def refused(stub: Stub, time: FakeTime, door: Door, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Connections are refused until the client has paused twice."""
    stub.close_door(door)

    def reopen() -> None:
        if len(time.pauses) == 1:
            stub.open_door(door)

    time.before_pause = reopen
    yield


@contextlib.asynccontextmanager
async def unreachable(stub: Stub, time: FakeTime, door: Door, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Connections are neither taken nor refused until the client has paused once: a listener whose queue is full."""
    port = int(stub.addresses[door].rsplit(":", 1)[1])
    stub.close_door(door)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
    await asyncio.sleep(0.02)

    def reopen() -> None:
        if listener.fileno() >= 0:
            for part in (*fillers, listener):
                part.close()
            stub.open_door(door)

    time.before_pause = reopen
    try:
        yield
    finally:
        reopen()


@contextlib.asynccontextmanager
async def crowded(stub: Stub, time: FakeTime, door: Door, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """The only place in the connection pool is taken until the client has paused once."""
    stub.fail("file", hang(30))
    hog = asyncio.create_task(http.get(f"{stub.addresses[door]}/files/hog/x", timeout=30))
    await asyncio.sleep(0.05)

    def make_room() -> None:
        hog.cancel()

    time.before_pause = make_room
    try:
        yield
    finally:
        hog.cancel()
        await asyncio.gather(hog, return_exceptions=True)
