"""One exchange with EvoLink: a request goes out, a bounded JSON answer or a fault comes back. Nothing is repeated here.

Requests are built here from nothing, not by the shared httpx client: whatever that client carries (cookies that an
answer set, default headers, a login) must not travel with another person's key.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from evolink_ui.evolink.answers import Answer, NoAnswer
from evolink_ui.evolink.bodies import Decoded, NotAsPacked, decoded, pieces_of, task_ids_in
from evolink_ui.evolink.connections import USER_AGENT, Clients, Timeouts, is_untrusted
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
        received = _Received()
        try:
            async with asyncio.timeout(whole_seconds or self.timeouts.exchange):
                response = await _receive(http, request, received)
            return self._answer(request, response, received)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            fault = Fault.UNTRUSTED if is_untrusted(error) else Fault.NEVER_SENT
        except (httpx.TimeoutException, TimeoutError):
            fault = Fault.TIMED_OUT
        except Exception as error:  # noqa: BLE001 - sockets and in-process servers raise kinds of their own; to an order that was sent they all mean the same, and none may escape with the key in it
            log.debug("exchange with EvoLink broke off: %s", type(error).__name__)
            fault = Fault.LOST
        if received.head is None:
            return NoAnswer(fault)
        headers = received.head.headers
        task_ids = self._task_ids(request, received)
        return NoAnswer(fault, received.head.status_code, self._request_id(headers), task_ids)

    def _answer(self, request: httpx.Request, response: httpx.Response, received: "_Received") -> Answer:
        read = Decoded() if received.is_too_long else decoded(received.body)
        headers = response.headers
        is_markup = "html" in headers.get("content-type", "").lower() or received.body[:64].lstrip()[:1] == b"<"
        return Answer(
            status=response.status_code,
            body=_cleaned(read.value, self._key),
            request_id=self._request_id(headers),
            retry_after_seconds=retry_after_seconds(
                headers.get("retry-after"), date=headers.get("date"), now=self._now()
            ),
            replayed=headers.get("idempotency-replayed", "").lower() == "true",
            is_page=is_markup and not isinstance(read.value, dict),
            damaged=read.damaged,
            task_ids=self._task_ids(request, received),
        )

    def _task_ids(self, request: httpx.Request, received: "_Received") -> tuple[str, ...]:
        """Ids in all that was received, without those that the order itself holds: an error page may repeat them, or a
        part of one."""
        if request.extensions[READ] or received.head is None:
            return ()
        head = [value for _, value in received.head.headers.raw]
        sent = request.content if isinstance(request.stream, httpx.ByteStream) else b""
        found = task_ids_in([received.body, *head])
        return tuple(name for name in found if name.encode() not in sent and self._key.hide_in(name) == name)

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


@dataclass(slots=True)
class _Received:
    """What has arrived of an answer so far."""

    head: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    is_too_long: bool = False


async def _receive(http: httpx.AsyncClient, request: httpx.Request, received: _Received) -> httpx.Response:
    """Send a request and collect its answer, at most ANSWER_MAX_BYTES of it and one piece."""
    # auth=None and no redirects, whatever the shared client's defaults are: the key stays with this host.
    response = received.head = await http.send(request, stream=True, auth=None, follow_redirects=False)
    try:
        async for piece in pieces_of(response, PIECE_BYTES, at_once=True):
            received.body += piece
            if len(received.body) > ANSWER_MAX_BYTES:
                received.is_too_long = True
                break
    except NotAsPacked as error:
        received.body += error.piece
        raise
    finally:
        await response.aclose()
    return response


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
