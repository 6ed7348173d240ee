"""A client and an app in one process talk as over a socket: bodies stream, and what breaks off is noticed."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from evolink_ui.evolink.in_process import InProcessTransport

PIECE = bytes(256 * 1024)
PIECES = 200  # 52 MB
made: list[int] = []
begun = asyncio.Event()
ended: list[str] = []


async def pieces() -> AsyncIterator[bytes]:
    for number in range(PIECES):
        made.append(number)
        yield PIECE
        await asyncio.sleep(0)


async def large(request: Request) -> Response:
    return StreamingResponse(pieces())


async def echo(request: Request) -> Response:
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
    return JSONResponse({"size": size_bytes, "query": request.url.query, "a": request.headers.get("a")}, 201)


async def early(request: Request) -> Response:
    return Response("no", 413)


async def broken(request: Request) -> Response:
    raise RuntimeError("a fault")


async def cut(request: Request) -> Response:
    async def some() -> AsyncIterator[bytes]:
        yield b"some"
        raise RuntimeError("a fault in the middle")

    return StreamingResponse(some())


async def endless(request: Request) -> Response:
    begun.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        ended.append("endless")
        raise
    return Response()


async def waits_for_the_end(request: Request) -> Response:
    try:
        async for _ in request.stream():
            continue
        return Response("all", headers={"left": str(await request.is_disconnected())})
    except ClientDisconnect:
        ended.append("gone")
        return Response("gone")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    made.clear()
    ended.clear()
    begun.clear()
    handlers = (large, echo, early, broken, cut, endless, waits_for_the_end)
    app = Starlette(routes=[Route(f"/{one.__name__}", one, methods=["GET", "POST"]) for one in handlers])
    async with httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://app") as http:
        yield http


async def test_an_answer_is_never_held_in_memory(client: httpx.AsyncClient) -> None:
    tracemalloc.start()
    try:
        size_bytes = 0
        async with client.stream("GET", "/large") as answer:
            async for chunk in answer.aiter_raw():
                size_bytes += len(chunk)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size_bytes == PIECES * len(PIECE)
    assert peak_bytes < 4_000_000


async def test_an_answer_that_nobody_reads_on_is_not_made_on(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/large") as answer:
        await anext(answer.aiter_raw())
        await asyncio.sleep(0.1)
    assert len(made) < 5
    await asyncio.sleep(0.05)
    assert len(made) < 5


async def test_a_request_comes_in_with_its_body_query_and_headers(client: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield PIECE

    answer = await client.post("/echo?b=%20c", content=body(), headers={"A": "d"})
    assert (answer.status_code, answer.json()) == (201, {"size": 3 * len(PIECE), "query": "b=%20c", "a": "d"})
    assert (await client.post("/echo", json={})).json()["size"] == 2
    assert (await client.post("/waits_for_the_end", content=b"x")).headers["left"] == "False"


async def test_an_answer_may_come_before_the_request_was_read(client: httpx.AsyncClient) -> None:
    assert (await client.post("/early", content=PIECE)).status_code == 413


async def test_a_request_whose_body_breaks_off_fails_for_who_sends_it_and_is_no_fault_of_the_app(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def unreadable() -> AsyncIterator[bytes]:
        yield PIECE
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        await client.post("/waits_for_the_end", content=unreadable())
    assert ended == ["gone"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_head_of_an_answer_has_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/echo")
    assert (answer.status_code, answer.content) == (201, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_an_app_that_fails_has_answered_500(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, "evolink_ui.evolink.in_process"):
        assert (await client.get("/broken")).status_code == 500


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "evolink_ui.evolink.in_process"), pytest.raises(httpx.RemoteProtocolError):
        await client.get("/cut")


async def test_an_app_that_says_nothing_has_answered_500() -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        return

    async with httpx.AsyncClient(transport=InProcessTransport(silent)) as client:
        assert (await client.get("http://app/")).status_code == 500


async def test_who_waits_no_longer_ends_the_apps_work(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.get("/endless"))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["endless"]
