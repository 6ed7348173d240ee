"""One exchange with EvoLink: a request goes out, a bounded JSON answer or a fault comes back. Nothing is repeated here.

Requests are built here from nothing, not by the shared httpx client: whatever that client carries (cookies that an
answer set, default headers, a login) must not travel with another person's key.
"""

import asyncio
import ipaddress
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from evolink_ui.evolink.policy import Fault, retry_after_seconds

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
"""Longest wait for a connection; the vendor's hosts answer in well under one."""

POOL_SECONDS = 30.0
"""Longest wait for a free place among our own connections."""

READ_SECONDS = 30.0
"""Longest silence while reading; a task read makes the gateway ask the model's provider first."""

ORDER_READ_SECONDS = 90.0
"""Longest silence after an order: giving up early leaves its outcome unknown, so patience is cheap."""

WRITE_SECONDS = 60.0
"""Longest time that one piece of an upload may stand still."""

EXCHANGE_SECONDS = 240.0
"""Longest whole exchange of small messages, so that an answer that drips has an end."""

ANSWER_MAX_BYTES = 4 * 1024 * 1024
"""Largest JSON answer that is read; real ones have a few kilobytes."""

USER_AGENT = "evolink-ui"

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


def checked_base_url(url: str) -> str:
    """Return the base URL without its last slash.

    Raises ValueError where a key would travel unencrypted (http:// is for loopback only) or the URL carries anything
    besides host and path.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise ValueError("the base URL is not a URL") from None
    if not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("the base URL must be a host and at most a path")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and is_loopback(parsed.host)):
        raise ValueError("the base URL must begin with https:// (http:// only for this machine itself)")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether this name or address never leaves the machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ApiKey:
    """A key that shows itself only in the header of a request."""

    __slots__ = ("_header",)

    def __init__(self, text: str) -> None:
        key = text.strip() if isinstance(text, str) else ""
        if not re.fullmatch(r"[!-~]{1,512}", key):
            # Checked here because a refused header is quoted, key and all, by the libraries below.
            raise ValueError("the API key must be printable ASCII without spaces")
        self._header = f"Bearer {key}"

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled")

    def header(self) -> str:
        """The value of the Authorization header."""
        return self._header

    def hide_in(self, text: str | None) -> str | None:
        """The text without the key, should a server have echoed it."""
        return text.replace(self._header.removeprefix("Bearer "), "[key]") if text else text


class Clients:
    """The httpx clients, made on first use on the running loop, or borrowed and then never closed."""

    def __init__(self, http: httpx.AsyncClient | None, downloads: httpx.AsyncClient | None) -> None:
        self._http, self._downloads = http, downloads
        self._own: list[httpx.AsyncClient] = []
        self._tls: ssl.SSLContext | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """For the API and files hosts."""
        if self._http is None:
            self._http = self._make()
        return self._http

    @property
    def downloads(self) -> httpx.AsyncClient:
        """For the hosts of results. Never sees the key."""
        if self._downloads is None:
            self._downloads = self._make()
        return self._downloads

    def _make(self) -> httpx.AsyncClient:
        self._tls = self._tls or httpx.create_ssl_context()
        # A connection idle for longer than 5 s is not used again: the server may just be closing it, and an order lost
        # that way would have an unknown outcome.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
        client = httpx.AsyncClient(verify=self._tls, limits=limits, timeout=READ_SECONDS, max_redirects=5)
        self._own.append(client)
        return client

    async def close(self) -> None:
        """Close what was made here."""
        while self._own:
            await self._own.pop().aclose()


class Transport:
    """Sends one request with the key to the API or files host and reads the answer whole."""

    def __init__(self, key: ApiKey, base_url: str, files_url: str, clients: Clients, now: Clock) -> None:
        self._key = key
        self._hosts: Mapping[Host, str] = {"api": checked_base_url(base_url), "files": checked_base_url(files_url)}
        self._clients = clients
        self._now = now

    async def exchange(
        self,
        method: str,
        host: Host,
        path: str,
        *,
        body: Body | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
        whole_seconds: float = EXCHANGE_SECONDS,
    ) -> Answer | NoAnswer:
        """Send one request. Never raises for what happens on the way; only cancellation passes through."""
        request = self._request(method, self._hosts[host] + path, body, headers or {}, read_seconds)
        head: list[httpx.Response] = []
        try:
            async with asyncio.timeout(whole_seconds):
                return await self._send(request, head)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            fault = Fault.NEVER_SENT
        except (httpx.TimeoutException, TimeoutError):
            fault = Fault.TIMED_OUT
        except Exception as error:  # noqa: BLE001 - sockets and in-process servers raise kinds of their own; to an order that was sent they all mean the same, and none may escape with the key in it
            log.debug("exchange with EvoLink broke off: %s", type(error).__name__)
            fault = Fault.LOST
        if not head:
            return NoAnswer(fault)
        return NoAnswer(fault, head[0].status_code, _request_id(head[0].headers))

    def _request(
        self, method: str, url: str, body: Body | dict[str, Any] | None, headers: Mapping[str, str], read_seconds: float
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
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=POOL_SECONDS)
        return httpx.Request(
            method, address, headers=sent, content=content, stream=stream, extensions={"timeout": timeout.as_dict()}
        )

    async def _send(self, request: httpx.Request, head: list[httpx.Response]) -> Answer:
        # auth=None and no redirects, whatever the shared client's defaults are: the key stays with this host.
        response = await self._clients.http.send(request, stream=True, auth=None, follow_redirects=False)
        head.append(response)
        try:
            received = bytearray()
            async for piece in response.aiter_bytes():
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
            request_id=_request_id(headers),
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
    """The answer without the key, should the server have echoed it."""
    if isinstance(body, str):
        return key.hide_in(body)
    if isinstance(body, list):
        return [_cleaned(item, key) for item in body]
    if isinstance(body, dict):
        return {name: _cleaned(item, key) for name, item in body.items()}
    return body


def _request_id(headers: httpx.Headers) -> str | None:
    found = headers.get("x-request-id") or headers.get("x-oneapi-request-id")
    return found[:128] if found else None


def opened(client: httpx.AsyncClient, request: httpx.Request) -> AbstractAsyncContextManager[httpx.Response]:
    """Send a request without a key and hold its answer open for streaming."""
    return _Opened(client, request)


class _Opened:
    def __init__(self, client: httpx.AsyncClient, request: httpx.Request) -> None:
        self._client, self._request = client, request
        self._response: httpx.Response | None = None

    async def __aenter__(self) -> httpx.Response:
        self._response = await self._client.send(self._request, stream=True, auth=None, follow_redirects=True)
        return self._response

    async def __aexit__(self, *exc: object) -> None:
        if self._response is not None:
            await self._response.aclose()
