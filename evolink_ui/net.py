"""Fetching what strangers name: public addresses only, bounded in size and time.

A link is judged three times: as text (`checked_url`), after its name was resolved (the connection then goes to the very
address that was judged, so a name that changes its mind meanwhile gains nothing), and again at every redirect.
"""

import asyncio
import http.cookiejar
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import certifi
import httpcore
import httpx

from evolink_ui.addresses import LOOPBACK_NAMES as LOOPBACK_NAMES
from evolink_ui.addresses import host_in_url as host_in_url
from evolink_ui.addresses import is_loopback as is_loopback
from evolink_ui.addresses import is_public as is_public
from evolink_ui.evolink.disk import open_file, put_away
from evolink_ui.executors import DISK, NAMES

URL_MAX_CHARS = 2048
"""The vendor's limit for links; browsers and proxies agree on about as much."""

MAX_REDIRECTS = 5
"""Share links of the large stores take two or three hops."""

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
"""One silent read; the whole fetch has a limit of its own."""

CHUNK_BYTES = 256 * 1024
"""Written to disk in one go, from a thread."""

FIRST_FREE_PORT = 1024
"""Below it live mail, shells and name servers; a link to a file has no business there, except on 80 and 443."""

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Host name and port in, addresses as text out; raises OSError where the name has none."""


class Refused(Exception):
    """Something a stranger handed in is not accepted. Every text is meant for that stranger."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step


def checked_url(url: str, *, https_only: bool = True, allow_private: bool = False) -> httpx.URL:
    """Judge a link as text: scheme, length, user name, port. Opens nothing and resolves nothing.

    `allow_private` also lets plain http:// through for loopback names (tests and development).
    Raises Refused.
    """
    if len(url) > URL_MAX_CHARS:
        raise Refused("link_too_long", f"The link is longer than {URL_MAX_CHARS} characters.", "Give a shorter link.")
    if "\\" in url or any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url):
        raise Refused("link_malformed", "The link contains spaces or other characters no link has.", "Copy it again.")
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Refused("link_malformed", "This is not a link.", "Give a link that begins with https://.") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise Refused("link_malformed", "Only web links are taken.", "Give a link that begins with https://.")
    if parsed.scheme == "http" and https_only and not (allow_private and host in LOOPBACK_NAMES):
        raise Refused("link_not_https", "Only https:// links are taken.", "Give the https:// form of the link.")
    if parsed.userinfo:
        raise Refused("link_with_user", "The link carries a user name or password.", "Give a link without them.")
    port = parsed.port or 443
    if port not in (80, 443) and not FIRST_FREE_PORT <= port < 65536:
        raise Refused("link_port", f"Port {port} is not a web port.", "Give a link to an ordinary web server.")
    return parsed


async def resolve(host: str, port: int) -> list[str]:
    """Addresses of `host`, in the system's order, without repeats. Raises OSError where the name has none."""
    answers = await NAMES.run(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, judges, then connects to exactly what was judged. TLS above it still checks the host's own name."""

    def __init__(self, allow_private: bool, resolver: Resolver) -> None:
        self._allow_private = allow_private
        self._resolve = resolver
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout("name resolution took too long") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the name does not resolve") from None
        # One private answer among public ones is an attack or a mistake; neither deserves a second try.
        if not addresses or not all(self._permitted(address) for address in addresses):
            raise Refused(
                "link_private",
                "The link leads to an address that is not on the public internet.",
                "Upload the file, or give a link that anybody can open.",
            )
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _permitted(self, address: str) -> bool:
        return is_public(address) or (self._allow_private and is_loopback(address))

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise Refused("link_private", "The link leads to a local socket.", "Give a link that anybody can open.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _PublicTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on our sockets; judges the text of every hop's link, redirects included."""

    def __init__(self, *, https_only: bool, allow_private: bool, resolver: Resolver, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        # httpx has no public way to hand in a network backend; if the pool ever moves, refuse to work unguarded.
        if not isinstance(getattr(self, "_pool", None), httpcore.AsyncConnectionPool):
            raise RuntimeError("this httpx keeps its pool elsewhere: the address check would not be used")
        self._https_only = https_only
        self._allow_private = allow_private
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_PinnedBackend(allow_private, resolver),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        checked_url(str(request.url), https_only=self._https_only, allow_private=self._allow_private)
        return await super().handle_async_request(request)


@lru_cache(maxsize=1)
def _default_tls() -> ssl.SSLContext:
    # Reading the certificates takes some 20 ms: once per process, not once per link.
    return ssl.create_default_context(cafile=certifi.where())


def public_client(
    *,
    allow_private: bool = False,
    https_only: bool = False,
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
    make: Callable[..., httpx.AsyncClient] = httpx.AsyncClient,
) -> httpx.AsyncClient:
    """An HTTP client that reaches public addresses only, for results (whose links may be http) and strangers' links.

    `allow_private` lets loopback through as well (tests and development), nothing else that is private.
    Follows up to MAX_REDIRECTS redirects, each judged again; takes no cookies and no proxies from the environment.
    Requests raise Refused for what may not be reached, httpx's own errors for everything else. `make` is the client's
    class.
    """
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return make(
        transport=_PublicTransport(
            https_only=https_only, allow_private=allow_private, resolver=resolver, tls=tls or _default_tls()
        ),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        cookies=no_cookies,
        headers={"User-Agent": "evolink-ui", "Accept": "*/*", "Accept-Encoding": "identity"},
    )


async def fetch(
    url: str,
    path: Path,
    *,
    max_bytes: int,
    timeout_seconds: float,
    allow_private: bool = False,
    https_only: bool = True,
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
    took: Callable[[int], object] | None = None,
) -> int:
    """Bring a stranger's link to `path`, streamed, through a part file that never outlives a failure.

    `max_bytes` bounds the body, `timeout_seconds` everything together. `took` gets the bytes of the body that came,
    also where it was refused. Returns the size in bytes. Raises Refused.
    """
    checked_url(url, https_only=https_only, allow_private=allow_private)
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            public_client(allow_private=allow_private, https_only=https_only, resolver=resolver, tls=tls) as client,
            client.stream("GET", url) as response,
        ):
            size_bytes = await _save(response, part, max_bytes, took)
        await DISK.run(part.replace, path)
    except TimeoutError:
        raise Refused(
            "link_too_slow", f"The link gave no whole file within {timeout_seconds:.0f} seconds.", "Upload the file."
        ) from None
    except httpx.TooManyRedirects:
        raise Refused("link_redirects", "The link leads round in circles.", "Give the file's own link.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
        raise Refused(
            "link_unreachable", "The link could not be read.", "Open it in a browser to test it, or upload the file."
        ) from None
    finally:
        await put_away(part.unlink, missing_ok=True)
    return size_bytes


async def _save(response: httpx.Response, part: Path, max_bytes: int, took: Callable[[int], object] | None) -> int:
    too_large = Refused(
        "link_too_large", f"The linked file is larger than {max_bytes / 1e6:.0f} MB.", "Give a smaller file."
    )
    if response.status_code != httpx.codes.OK:
        raise Refused(
            "link_not_found",
            f"The link answers with status {response.status_code} instead of a file.",
            "Open it in a private browser window to test it, or upload the file.",
        )
    # A compressed answer could unfold to any size; it was not asked for.
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise Refused("link_compressed", "The link gives a compressed answer.", "Upload the file instead.")
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    size_bytes = 0
    file = await open_file(part, "xb")
    try:
        async for chunk in response.aiter_raw(CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise too_large
            await DISK.run(file.write, chunk)
    finally:
        if took is not None:
            took(size_bytes)
        await put_away(file.close)
    if size_bytes == 0:
        raise Refused("link_empty", "The link gives an empty file.", "Give another link, or upload the file.")
    return size_bytes
