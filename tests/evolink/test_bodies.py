"""Answers as bytes: packed ones are read, endless ones are not, and what no database takes stays outside."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import brotli  # type: ignore[import-untyped]  # comes with the app's page; httpx uses it where it is there
import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest, OutcomeUnknown, failure_of
from evolink_ui.evolink.transport import ANSWER_MAX_BYTES
from tests.evolink.conftest import KEY, QUICK, FakeTime
from tests.stub import Stub, answer

BALANCE = json.dumps({"data": {"user": {"remaining_credits": 7}}}).encode()
MEBIBYTE = 2**20


@asynccontextmanager
async def host_of(head: bytes, body: bytes, address: str = "127.0.0.1") -> AsyncIterator[EvoLink]:
    """A client of a server that gives everybody this one answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n%s\r\n\r\n%s" % (head, body))
        with suppress(ConnectionError):  # the client may have heard enough
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, address, 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    time = FakeTime()
    client = EvoLink(
        KEY, base_url=url, files_url=url, timeouts=QUICK, read_seconds=1, clock=time.clock, sleep=time.sleep
    )
    async with server, client:
        yield client


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("GZIP", gzip.compress), ("", bytes)],
)
async def test_an_answer_that_comes_packed_unasked_is_read(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body = pack(BALANCE)
    async with host_of(b"content-encoding: %s\r\ncontent-length: %d" % (encoding.encode(), len(body)), body) as evolink:
        assert (await evolink.credits()).remaining_credits == 7


async def test_an_answer_is_read_from_the_machines_own_second_address() -> None:
    async with host_of(b"content-length: %d" % len(BALANCE), BALANCE, "::1") as evolink:
        assert (await evolink.credits()).remaining_credits == 7


FILL = bytes(100 * MEBIBYTE)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(FILL)),
        ("gzip, gzip", gzip.compress(gzip.compress(FILL))),
        ("br", brotli.compress(FILL, quality=1)),
    ],
    ids=["gzip", "gzip twice", "brotli"],
)
async def test_a_small_answer_that_unfolds_to_a_hundred_megabytes_is_not_unfolded(encoding: str, body: bytes) -> None:
    async with host_of(b"content-encoding: %s" % encoding.encode(), body) as evolink:
        tracemalloc.start()
        with pytest.raises(EvoLinkError):
            await evolink.credits()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < ANSWER_MAX_BYTES + 4 * MEBIBYTE


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"content-encoding: gzip", b"not packed at all"),
        (b"content-encoding: gzip", gzip.compress(b'{"id": "task-unified-1"}')[:-12]),
        (b"content-encoding: br", brotli.compress(b'{"id": "task-unified-1"}')),
        (b"transfer-encoding: chunked", b'18\r\n{"id": "task-unified-1"}\r\n'),
        (b"transfer-encoding: chunked", b"soon\r\n"),
        (b"x-long: " + b"x" * 200_000, b"{}"),
        (b"content-length: 1\r\ncontent-length: 2", b"{}"),
    ],
    ids=["false gzip", "gzip cut short", "brotli", "chunks without end", "no chunk", "endless head", "two lengths"],
)
async def test_an_order_whose_answer_cannot_be_read_is_an_unknown_outcome(
    head: bytes, body: bytes, request_: MotionControlRequest
) -> None:
    async with host_of(head, body) as evolink:
        with pytest.raises(OutcomeUnknown):
            await evolink.create(request_)


async def test_text_that_no_database_takes_is_mended(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    stub.script = [{"status": "failed", "error": {"code": "odd", "message": "Half a dancer \ud83d and a \0 NUL"}}]
    failure = failure_of(await evolink.get(task.id))
    assert "Half a dancer ? and a NUL" in failure.message
    assert json.dumps(failure.to_dict(), ensure_ascii=False).encode()


async def test_a_key_that_an_answer_echoes_as_a_name_is_hidden(evolink: EvoLink, stub: Stub) -> None:
    body: dict[str, Any] = {"id": "task-1", KEY: {"deep": [f"Bearer {KEY}"]}}
    stub.fail("task", answer(200, body=body))
    task = await evolink.get("task-1")
    assert KEY not in repr(task.raw)


async def test_a_key_that_is_an_ordinary_word_maims_no_id(stub: Stub, request_: MotionControlRequest) -> None:
    async with EvoLink("task", base_url=stub.base_url, files_url=stub.files_url) as evolink:
        assert (await evolink.create(request_)).id == stub.orders[0].task_id


async def test_a_code_of_several_lines_stays_on_one(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    stub.fail("order", answer(503, "bad\r\nlevel=ERROR code" * 99))
    with pytest.raises(OutcomeUnknown) as caught:
        await evolink.create(request_)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
