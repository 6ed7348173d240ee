"""One exchange with EvoLink: a request goes out, a bounded JSON answer or a fault comes back. Nothing is repeated here.

Requests are built here from nothing, not by the shared httpx client: whatever that client carries (cookies that an
answer set, default headers, a login) must not travel with another person's key.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from evolink_ui.evolink.bodies import pieces_of
from evolink_ui.evolink.connections import USER_AGENT, Clients, Timeouts
from evolink_ui.evolink.key import ApiKey, checked_base_url
from evolink_ui.evolink.policy import Fault, retry_after_seconds

log = logging.getLogger(__name__)

REQUEST_ID_MAX_CHARS = 128
"""Support asks for it; real ones have about 36 characters."""

ANSWER_MAX_BYTES = 4 * 1024 * 1024
"""Largest JSON answer that is read; real ones have a few kilobytes."""

PIECE_BYTES = 64 * 1024
"""Bytes of an answer that are read at a time."""

READ = "evolink_ui.is_read"
"""Name of the request extension that tells a read, which is free and may wait, from the paid order and uploads."""

Clock = Callable[[], float]
Host = Literal["api", "files"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `body` is the parsed JSON, None where it is not JSON."""

    status: int
    body: Any
    request_id: str | None
    retry_after_seconds: float | None
    replayed: bool

    @property
    def record(self) -> dict[str, Any]:
        """The body as an object, empty where it is something else."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def declined(self) -> bool:
        """Whether it says no in the body: 200 with `success: false`."""
        return 200 <= self.status < 300 and self.record.get("success") is False

    @property
    def standing(self) -> int:
        """The status that counts: for a declined one the number in its body, 400 where it has none."""
        number = self.record.get("code")
        if not self.declined:
            return self.status
        return number if isinstance(number, int) and 400 <= number < 600 else 400

    @property
    def data(self) -> dict[str, Any] | None:
        """What the files host and the credits wrap their answers in; None where there is none or it is declined."""
        data = self.record.get("data")
        return data if isinstance(data, dict) and not self.declined else None

    @property
    def code(self) -> str | None:
        """The vendor's error code."""
        error = self.record.get("error")
        code = error.get("code") if isinstance(error, dict) else self.record.get("code")
        return code if isinstance(code, str) and code else None

    @property
    def words(self) -> str | None:
        """The vendor's error text: `error.message` of the API, `msg` of the files host."""
        error = self.record.get("error")
        places = [error.get("message") if isinstance(error, dict) else error]
        places += [self.record.get(name) for name in ("msg", "message", "detail")]
        return next((text for text in places if isinstance(text, str) and text.strip()), None)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no whole answer. `status` and `request_id` where at least the head arrived."""

    fault: Fault
    status: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: pieces and their total length in bytes."""

    pieces: AsyncIterator[bytes]
    size_bytes: int
    content_type: str


class _Streamed(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield piece


class Transport:
    """Sends one request with the key to the API or files host and reads the answer whole."""

    def __init__(
        self, key: ApiKey, base_url: str, files_url: str, clients: Clients, timeouts: Timeouts, now: Clock
    ) -> None:
        self._key = key
        self._hosts: Mapping[Host, str] = {"api": checked_base_url(base_url), "files": checked_base_url(files_url)}
        self._clients = clients
        self.timeouts = timeouts
        self._now = now

    async def exchange(
        self,
        method: str,
        host: Host,
        path: str,
        *,
        body: Body | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float | None = None,
        whole_seconds: float | None = None,
        is_read: bool = False,
    ) -> Answer | NoAnswer:
        """Send one request. Never raises for what happens on the way; only cancellation passes through.

        A read waits for a free place among the reads; `READ` among the request's extensions says so to hooks of a
        given httpx client, which may pace it further.

        Raises RuntimeError, before anything is sent, where the connections are closed for good.
        """
        http = self._clients.http
        request = self._request(method, self._hosts[host] + path, body, headers or {}, read_seconds)
        request.extensions[READ] = is_read
        if not is_read:
            return await self._exchange(http, request, whole_seconds)
        async with self._clients.read_gate:
            return await self._exchange(http, request, whole_seconds)

    async def _exchange(
        self, http: httpx.AsyncClient, request: httpx.Request, whole_seconds: float | None
    ) -> Answer | NoAnswer:
        head: list[httpx.Response] = []
        try:
            async with asyncio.timeout(whole_seconds or self.timeouts.exchange):
                return await self._send(http, request, head)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            fault = Fault.NEVER_SENT
        except (httpx.TimeoutException, TimeoutError):
            fault = Fault.TIMED_OUT
        except Exception as error:  # noqa: BLE001 - sockets and in-process servers raise kinds of their own; to an order that was sent they all mean the same, and none may escape with the key in it
            log.debug("exchange with EvoLink broke off: %s", type(error).__name__)
            fault = Fault.LOST
        if not head:
            return NoAnswer(fault)
        return NoAnswer(fault, head[0].status_code, self._request_id(head[0].headers))

    def _request_id(self, headers: httpx.Headers) -> str | None:
        found = headers.get("x-request-id") or headers.get("x-oneapi-request-id")
        return (self._key.hide_in(found) or "")[:REQUEST_ID_MAX_CHARS] if found else None

    def _request(
        self,
        method: str,
        url: str,
        body: Body | dict[str, Any] | None,
        headers: Mapping[str, str],
        read_seconds: float | None,
    ) -> httpx.Request:
        address = httpx.URL(url)
        sent = {
            "Host": address.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
            "Authorization": self._key.header(),
            **headers,
        }
        stream: _Streamed | None = None
        content: bytes | None = None
        if isinstance(body, Body):
            stream = _Streamed(body.pieces)
            sent |= {"Content-Type": body.content_type, "Content-Length": str(body.size_bytes)}
        elif body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        return httpx.Request(
            method,
            address,
            headers=sent,
            content=content,
            stream=stream,
            extensions={"timeout": self.timeouts.per_operation(read_seconds)},
        )

    async def _send(self, http: httpx.AsyncClient, request: httpx.Request, head: list[httpx.Response]) -> Answer:
        # auth=None and no redirects, whatever the shared client's defaults are: the key stays with this host.
        response = await http.send(request, stream=True, auth=None, follow_redirects=False)
        head.append(response)
        try:
            received = bytearray()
            async for piece in pieces_of(response, PIECE_BYTES):
                received += piece
                if len(received) > ANSWER_MAX_BYTES:
                    received.clear()
                    break
        finally:
            await response.aclose()
        headers = response.headers
        return Answer(
            status=response.status_code,
            body=_cleaned(_parsed(bytes(received)), self._key),
            request_id=self._request_id(headers),
            retry_after_seconds=retry_after_seconds(
                headers.get("retry-after"), date=headers.get("date"), now=self._now()
            ),
            replayed=headers.get("idempotency-replayed", "").lower() == "true",
        )


def _parsed(received: bytes) -> Any:
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        return None


def _cleaned(body: Any, key: ApiKey) -> Any:
    """The answer without the key, should the server have echoed it, and without what is no text: NUL, and halves of
    characters as a message that was cut in the middle of an emoji has. No database takes those."""
    if isinstance(body, str):
        return key.hide_in(body.replace("\0", "").encode("utf-8", "replace").decode())
    if isinstance(body, list):
        return [_cleaned(item, key) for item in body]
    if isinstance(body, dict):
        return {_cleaned(name, key): _cleaned(item, key) for name, item in body.items()}
    return body
