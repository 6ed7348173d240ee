"""An ASGI app as the other end of an `httpx.AsyncClient`, in one process, with bodies that stream both ways.

`httpx.ASGITransport` gives an answer only when its body is whole, in memory; here a piece waits until it is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands requests to `app`. An app that raises has answered 500, or cut its answer off, as behind a server.

    What the body of a request raises goes to whoever sends it; to the app, its client has gone away.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(self._app, request)
        try:
            status, headers = await exchange.head
        except BaseException:
            await exchange.aclose()
            raise
        return httpx.Response(status, headers=headers, stream=exchange)


class _Exchange(httpx.AsyncByteStream):
    """One request and the body of its answer; closing it ends the app's work on it."""

    def __init__(self, app: App, request: httpx.Request) -> None:
        self.head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        self._request = request
        self._incoming = aiter(request.stream) if isinstance(request.stream, httpx.AsyncByteStream) else None
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._whole = asyncio.Event()
        self._work = asyncio.create_task(self._run(app))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece
        if not self._whole.is_set():
            raise httpx.RemoteProtocolError("the app ended before its answer was whole", request=self._request)

    async def aclose(self) -> None:
        self._work.cancel()
        await asyncio.wait({self._work})

    async def _run(self, app: App) -> None:
        url = self._request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 0),
            "root_path": "",
        }
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            log.exception("an app in this process failed to answer %s", self._request.method)
        if not self.head.done():
            self.head.set_result((httpx.codes.INTERNAL_SERVER_ERROR, []))
            self._whole.set()
        await self._pieces.put(None)

    async def _receive(self) -> Message:
        try:
            chunk = await anext(self._incoming, None) if self._incoming is not None else None
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to whoever sends the request
            self._incoming = None
            if not self.head.done():
                self.head.set_exception(error)
            return {"type": "http.disconnect"}
        if chunk is not None:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if self._incoming is not None:
            self._incoming = None
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._whole.wait()  # who goes away before that closes the exchange
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self.head.done():  # else nobody listens any more
                self.head.set_result((message["status"], list(message.get("headers", []))))
            return
        body = message.get("body", b"")
        if body and self._request.method != "HEAD":
            await self._pieces.put(body)
        if not message.get("more_body", False):
            self._whole.set()
