"""Answers put together at random: whatever comes back, an order leaves once, and only our own errors come out."""

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest, Task, Timeouts
from tests.evolink.conftest import KEY, FakeTime

STATUSES = (
    101, 200, 200, 200, 201, 204, 206, 226, 301, 304, 400, 401, 403, 404, 408, 409, 418, 451, 500, 503, 599, 777,
)  # fmt: skip
HEADERS = (
    b"content-length: 5", b"content-length: -1", b"content-encoding: gzip", b"content-encoding: br, gzip",
    b"transfer-encoding: chunked", b"retry-after: nan", b"retry-after: " + b"9" * 5000, b"date: soon",
    b"content-range: bytes 5-9/*", b'etag: "\xff"', b"x-request-id: \xff\xfe", b"location: https://evil.invalid/",
    b"set-cookie: a=b", b"content-type: text/html; charset=utf-99", b"idempotency-replayed: TRUE", b"x: y\r\n folded",
)  # fmt: skip
BODIES = (
    b"", b"{}", b"null", b"[1", b'{"id": "task-1"}', b'{"id": "task-1"}'[:9], gzip.compress(b'{"id": "task-1"}'),
    b'{"id": 1, "error": "x"}', b'{"error": {"code": {}, "message": []}}', b'{"success": false, "code": true}',
    b'{"success": false, "code": ' + b"9" * 5000 + b"}", b'{"data": []}', b"\xff\xfe", b"5\r\n{\r\n0\r\n\r\n", b"NaN",
    b'{"id": "task-unified-1-a"} trailing', b'{"id": "task-unified-1-a", "x": "\xff"}', b'{"id": "task-unified-1-a"',
    b"<html>task-unified-1-a</html>", b'{"id": "task-unified-1-a"}{"id": "task-unified-2-b"}',
    b'{"id": "task-unified-1-a", "n": ' + b"9" * 5000 + b"}",
    b'{"id": "task-1", "progress": 1e400, "created": -1e300, "usage": {"cost": []}, "result_data": {"video_url": 3}}',
)  # fmt: skip


class Host:
    """Gives a random answer to each request, and counts the requests."""

    def __init__(self) -> None:
        self.dice, self.requests = random.Random(20260101), 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            lines = [b"HTTP/1.1 %d Odd" % self.dice.choice(STATUSES), b"connection: close"]
            lines += self.dice.sample(HEADERS, self.dice.randint(0, 2))
            writer.write(b"\r\n".join([*lines, b"", self.dice.choice(BODIES)]))
            await writer.drain()
            writer.write_eof()
            while await reader.read(65536):
                pass
        writer.close()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    async with await asyncio.start_server(host.serve, "127.0.0.1", 0) as server:
        host.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield host


async def test_an_order_leaves_once_whatever_comes_back(host: Host, request_: MotionControlRequest) -> None:
    ends = set()
    async with EvoLink(KEY, base_url=host.url, sleep=FakeTime().sleep, timeouts=Timeouts(order_read=5)) as evolink:
        for number in range(1, 301):
            try:
                assert isinstance(await evolink.create(request_), Task)
                ends.add("ordered")
            except EvoLinkError as error:
                ends.add(error.charged)
                assert json.dumps(error.to_dict(), allow_nan=False)
            assert host.requests == number
    assert ends == {"ordered", "no", "unknown"}


@pytest.mark.parametrize("deed", ["get", "follow", "credits", "quota"])
async def test_a_read_ends_whatever_comes_back(deed: str, host: Host) -> None:
    time = FakeTime()
    async with EvoLink(
        KEY, base_url=host.url, files_url=host.url, sleep=time.sleep, clock=time.clock, read_seconds=20,
        follow_minutes=0.5,
    ) as evolink:  # fmt: skip
        for _ in range(40):
            with suppress(EvoLinkError):
                match deed:
                    case "get":
                        await evolink.get("task-1")
                    case "follow":
                        assert [task.id async for task in evolink.follow("task-1")]
                    case _:
                        await getattr(evolink, deed)()
    assert host.requests >= 40
