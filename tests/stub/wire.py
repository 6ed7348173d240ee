"""A small HTTP/1.1 server over asyncio streams that can misbehave below HTTP."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.stub.faults import Fault, soiled

HEAD_MAX_BYTES = 256 * 1024
BODY_MAX_BYTES = 1024**3
PIECE_BYTES = 64 * 1024


@dataclass(slots=True)
class Request:
    """One request, its body read whole unless a fault answers early."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    host: str
    """Which door it came through: `api`, `files` or `results`."""
    body: bytes = b""


@dataclass(slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]
FaultFinder = Callable[[Request], Fault | None]


class Gone(Exception):
    """The other side closed the connection, or we do."""


async def serve(
    host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, fault_for: FaultFinder
) -> None:
    """Serve one connection until it ends."""
    try:
        while True:
            await _one(host, reader, writer, handler, fault_for)
    except (Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()
        with suppress(ConnectionError, OSError):
            await writer.wait_closed()


async def _one(
    host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, fault_for: FaultFinder
) -> None:
    request = _parsed(await reader.readuntil(b"\r\n\r\n"), host)
    fault = fault_for(request)
    if fault is not None and fault.early:
        with suppress(Gone):
            await _send(writer, request, Response(fault.status, fault.body.encode(), dict(fault.headers)), close=True)
        await _linger(reader, writer)
        raise Gone
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.body = await _body(reader, request.headers)
    if fault is None:
        await _send(writer, request, await handler(request))
        return
    response = await handler(request) if fault.work else None
    if fault.end == "drip" and response is not None:
        await _send(writer, request, response, keep_bytes=0)
        for byte in response.body:
            writer.write(bytes([byte]))
            await writer.drain()
            await _silence(reader, fault.seconds)
        return
    if fault.seconds:
        await _silence(reader, fault.seconds)
    if fault.end == "answer" and fault.dirt is not None and response is not None:
        body = soiled(response.body, fault)
        headers = {**response.headers, **fault.headers}
        if fault.dirt == "broken_after_id":
            headers["content-length"] = str(len(response.body))
        await _send(writer, request, Response(fault.status, body, headers), close=fault.dirt == "broken_after_id")
        return
    if fault.end == "answer":
        await _send(writer, request, Response(fault.status, fault.body.encode(), dict(fault.headers)))
        return
    if fault.end == "cut" and response is not None:
        await _send(writer, request, response, keep_bytes=fault.keep_bytes)
    if fault.end == "reset":
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    raise Gone


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half-close and swallow what still comes, as careful servers do: a reset would eat the answer."""
    writer.write_eof()
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            while await reader.read(PIECE_BYTES):
                pass


async def _silence(reader: asyncio.StreamReader, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if not await reader.read(1):
                raise Gone


def _parsed(head: bytes, host: str) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    parts = urlsplit(target)
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, host)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(pieces)
    length = int(headers.get("content-length", "0"))
    if length > BODY_MAX_BYTES:
        raise Gone
    body = bytearray()
    while len(body) < length:
        piece = await reader.read(min(PIECE_BYTES, length - len(body)))
        if not piece:
            raise Gone
        body += piece
    return bytes(body)


async def _send(
    writer: asyncio.StreamWriter,
    request: Request,
    response: Response,
    *,
    keep_bytes: int | None = None,
    close: bool = False,
) -> None:
    headers = {"content-length": str(len(response.body)), **{k.lower(): v for k, v in response.headers.items()}}
    if close:
        headers["connection"] = "close"
    no_length = headers.pop("x-stub-no-length", None)
    if no_length:
        headers.pop("content-length")
        headers["connection"] = "close"
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    body = b"" if request.method == "HEAD" else response.body
    body = body if keep_bytes is None else body[:keep_bytes]
    for start in range(0, len(body), PIECE_BYTES):
        writer.write(body[start : start + PIECE_BYTES])
        await writer.drain()
    await writer.drain()
    if headers.get("connection") == "close" or request.headers.get("connection") == "close":
        raise Gone
