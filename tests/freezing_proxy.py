"""A proxy on loopback whose connections can stop answering without being closed, as behind a forgetful firewall."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 * 1024


class FreezingProxy:
    """Forwards each connection to `port` on loopback until `freeze`. Use as a context manager.

    Attributes:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="freezing-proxy", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._flows: set[asyncio.Event] = set()
        self.frozen = 0
        """How many connections were frozen."""

    def freeze(self) -> None:
        """What is open says and takes nothing any more, and stays open. New connections work."""
        asyncio.run_coroutine_threadsafe(self._freeze(), self._loop).result(10)

    async def _freeze(self) -> None:
        for flows in self._flows:
            flows.clear()
        self.frozen += len(self._flows)
        self._flows.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        flows = asyncio.Event()
        flows.set()
        self._flows.add(flows)
        writers = [writer]
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
            writers.append(there_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there_writer, flows))
                both.create_task(self._pump(there_reader, writer, flows))
        except* OSError:
            pass
        finally:
            self._flows.discard(flows)
            self._connections.discard(task)
            for opened in writers:
                opened.close()
                with suppress(OSError):
                    await opened.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await flows.wait()
            writer.write(data)
            await writer.drain()
        await flows.wait()  # a frozen connection doesn't pass on that the other side closed, either
        writer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        async def close() -> None:
            self._server.close()
            for task in list(self._connections):
                task.cancel()
                with suppress(asyncio.CancelledError, OSError):
                    await task

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
