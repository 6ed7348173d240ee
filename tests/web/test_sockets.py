"""Connections that come to nothing come to an end, and nobody takes all places."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from evolink_ui.web import sockets
from evolink_ui.web.sockets import connection_class
from tests.web.site import serving

LARGE = b"x" * 65536
PIECES = 240
"""15 MB: more than the buffers of a loopback connection take."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers /large with much, everything else with little."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(PIECES if scope["path"] == "/large" else 0):
        await send({"type": "http.response.body", "body": LARGE, "more_body": True})
    await send({"type": "http.response.body", "body": b"done"})
    ended.append(scope["path"])


ended: list[str] = []
"""Paths whose answers are over, in one way or the other."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with limits that a test can wait for."""
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.3)
    monkeypatch.setattr(sockets, "UNREAD_BODY_SECONDS", 0.3)
    monkeypatch.setattr(sockets, "UNREAD_BODY_MAX_BYTES", 4 * 1024 * 1024)
    monkeypatch.setattr(sockets, "CONNECTIONS_PER_ADDRESS", 5)
    with serving(lambda: app, lifespan="off", http=connection_class(lambda _peer: False)) as address:
        yield address


def connect(url: str) -> socket.socket:
    parts = httpx.URL(url)
    return socket.create_connection((parts.host, parts.port or 80), timeout=20)


def is_over(raw: socket.socket) -> bool:
    """Whether the server ends the connection; waits for it."""
    try:
        return raw.recv(65536) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_a_head_that_does_not_become_whole_is_not_waited_for(url: str, begun: bytes) -> None:
    with connect(url) as raw:
        raw.sendall(begun)
        assert is_over(raw)


def test_a_head_that_drips_is_not_waited_for_either(url: str) -> None:
    with connect(url) as raw, contextlib.suppress(ConnectionError):
        raw.settimeout(0.05)
        deadline = time.monotonic() + 20
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        while time.monotonic() < deadline:
            raw.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                if not raw.recv(100):
                    return
        pytest.fail("the connection was kept")


def test_the_next_head_on_a_connection_is_not_waited_for_without_end(url: str) -> None:
    with connect(url) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b"done" not in answer:
            answer += raw.recv(65536)
        raw.sendall(b"GET / HT")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := raw.recv(65536):
                answer += chunk
        assert b"200" not in answer


def test_a_whole_request_is_given_its_time(url: str) -> None:
    with httpx.Client(base_url=url, timeout=20) as client:
        assert client.get("/").text == "done"
        time.sleep(0.5)  # longer than a head may take: between requests the keep-alive counts
        assert client.get("/").text == "done"


def test_a_reader_who_reads_nothing_is_left(url: str) -> None:
    ended.clear()
    with connect(url) as raw:
        raw.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 20
        while not ended:  # the answer can't end by being read
            assert time.monotonic() < deadline, "it is still waited for"
            time.sleep(0.02)
        size_bytes = 0
        with contextlib.suppress(ConnectionResetError):
            while chunk := raw.recv(1 << 20):
                size_bytes += len(chunk)
        assert size_bytes < PIECES * len(LARGE)


def test_a_reader_who_reads_gets_all(url: str) -> None:
    assert len(httpx.get(f"{url}/large", timeout=30).content) > PIECES * len(LARGE)


def test_one_address_has_so_many_connections_and_gets_its_places_back(url: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(url)).sendall(b"GET / HT")
        assert is_over(stack.enter_context(connect(url)))
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx.TransportError):
            assert httpx.get(url, timeout=20).text == "done"
            return
        assert time.monotonic() < deadline


def test_who_sends_much_that_is_no_http_waits_and_nobody_else_does(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MALFORMED_PER_MINUTE", 3)
    monkeypatch.setattr(sockets, "PAUSE_SECONDS", 0.3)
    took = []
    for _ in range(5):
        with connect(url) as raw:
            started = time.monotonic()
            raw.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
            assert raw.recv(4096).startswith(b"HTTP/1.1 400 ")
            took.append(time.monotonic() - started)
    assert min(took[3:]) >= 0.3
    assert httpx.get(url, timeout=20).text == "done"
    with connect(url) as raw:
        raw.sendall(b"\x16\r\n\r\n")  # and whoever doesn't wait for the answer is forgotten
    assert httpx.get(url, timeout=20).text == "done"


def test_a_proxys_connections_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CONNECTIONS_PER_ADDRESS", 0)
    proxied = connection_class(lambda peer: peer == "127.0.0.1")
    with serving(lambda: app, lifespan="off", http=proxied) as url:
        assert httpx.get(url, timeout=20).text == "done"


CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


@pytest.mark.parametrize(("piece", "pause_seconds"), [(CHUNK, 0.0), (b"1\r\nx\r\n", 0.05)])
def test_a_body_that_nobody_reads_is_not_taken_without_end(url: str, piece: bytes, pause_seconds: float) -> None:
    with connect(url) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b" 200 " in raw.recv(65536)  # answered without having been read
        until, sent_bytes = time.monotonic() + 10, 0
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                raw.sendall(piece)
                sent_bytes += len(piece)
                time.sleep(pause_seconds)
            pytest.fail(f"{sent_bytes} bytes were taken")
        assert sent_bytes < 64 * 1024 * 1024  # the limit, and what the buffers of loopback take


def whole_answer(raw: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"0\r\n\r\n"):
        answer += raw.recv(65536) or pytest.fail("the connection ended")
    return answer


def test_what_follows_a_body_that_nobody_read_is_answered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 20.0)
    with connect(url) as raw:
        for _ in range(2):
            raw.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
            assert b" 200 " in whole_answer(raw)
            raw.sendall(b"hello")
        time.sleep(0.5)  # longer than an unread body may take
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in whole_answer(raw)
