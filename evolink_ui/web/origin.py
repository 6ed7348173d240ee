"""Where a request comes from: the caller's address and scheme behind trusted proxies, its Host, its Origin.

Address and scheme are uvicorn's rule (`behind_proxies`): all lines of X-Forwarded-For are joined, and the right-most
address that is no trusted proxy's is the caller's. Host is our own rule, not Starlette's `TrustedHostMiddleware`:
that one knows neither "any IP address" nor "loopback only while no address is configured", and it answers without
saying what to do.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, cast
from urllib.parse import urlsplit

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from evolink_ui.net import LOOPBACK_NAMES

Network = IPv4Network | IPv6Network
Headers = dict[bytes, bytes]
"""Lower-case names; of repeated headers the first."""
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

FORWARDING = frozenset(
    {
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-gradio-server",
        b"x-real-ip",
    }
)
"""Headers that only proxies may set; they never reach Gradio, which would believe them."""

PROXY_MARKS = FORWARDING | {
    b"via",
    b"x-forwarded",
    b"x-forwarded-server",
    b"x-forwarded-by",
    b"x-cluster-client-ip",
    b"x-client-ip",
    b"x-original-host",
    b"x-original-forwarded-for",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"cf-ray",
    b"cdn-loop",
    b"fastly-client-ip",
    b"fly-client-ip",
    b"x-envoy-external-address",
    b"x-amzn-trace-id",
}
"""Headers that say that a proxy, a tunnel or a CDN passed a request on."""

SPACE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1")
"""Private networks, in which a Space's platform has its proxies; nothing else reaches a Space."""

UNKNOWN_ADDRESS = "unknown"
"""All callers without a readable address share this one, and its allowance."""


def behind_proxies(app: AsgiApp, trusted: Sequence[Network], *, on_space: bool) -> AsgiApp:
    """`app` with the caller's own address and scheme in its scope, where a trusted proxy passes them on."""
    hosts = [str(network) for network in trusted] + (list(SPACE_NETWORKS) if on_space else [])
    return cast(AsgiApp, ProxyHeadersMiddleware(app, hosts)) if hosts else app


@dataclass(frozen=True, slots=True)
class Seen:
    """Where one request comes from."""

    address: str
    """The caller's own; IPv6 as its /64, because that is what one household has."""
    https: bool
    host: str
    """`name[:port]`, lower case, as the browser shows it."""
    is_this_machine: bool = False
    """Whether it was sent on this machine, to its loopback address, and nothing says that a proxy passed it on."""


class Origins:
    """Judges addresses, hosts and origins for one instance."""

    def __init__(self, *, on_space: bool, own_addresses: Sequence[str]) -> None:
        self._on_space = on_space
        urls = [urlsplit(address) for address in own_addresses if address]
        self._own_hosts = frozenset(_bare(url.netloc) for url in urls)
        self._https_hosts = frozenset(_bare(url.netloc) for url in urls if url.scheme == "https")
        self._local_names = frozenset({"localhost", socket.gethostname().lower()})

    def see(self, client: str, scheme: str, headers: Headers) -> Seen:
        """Where a request comes from.

        Args:
            client: the address in the scope, as `behind_proxies` left it.
            scheme: the scope's.
            headers: the request's.
        """
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._on_space:
            # Only as a choice among the Space's own names. Elsewhere not even a proxy's counts: a page whose own name
            # was pointed at the proxy could send this header along, and look like ours.
            forwarded = headers.get(b"x-forwarded-host", b"").split(b",")[0].strip().decode("latin-1").lower()
            host = forwarded if _bare(forwarded) in self._own_hosts else host
        https = scheme == "https" or _bare(host) in self._https_hosts
        return Seen(household(client), https, host, _is_direct(client, host, headers))

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin header names this very app (the host that was asked, or a configured address)."""
        netloc = _bare(origin.partition("://")[2])
        return bool(netloc) and (netloc == _bare(host) or netloc in self._own_hosts)

    def is_known_host(self, client: str, host: str) -> bool:
        """Whether the app answers under a Host. A foreign one means that another site pointed its name here (DNS
        rebinding): its script would look like ours in every other way.

        Known are the configured addresses, this machine's own names, and every IP address, which no name can be
        pointed to. Where no address is configured, other machines may use any name: the owner's is not known then.
        A Space is chosen by its Host, so a foreign one never arrives there.
        """
        bare = _bare(host)
        name = _name(bare)
        if bare in self._own_hosts or name in self._local_names or name.endswith(".localhost"):
            return True
        if _is_address(name.strip("[]")):
            return True
        return self._on_space or not (self._own_hosts or _is_loopback(client))


def is_proxy(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of the trusted proxies."""
    if not trusted:
        return False
    try:
        ip = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(ip in network for network in trusted)


def _bare(netloc: str) -> str:
    return netloc.lower().removesuffix(":443").removesuffix(":80")


def _name(netloc: str) -> str:
    """A Host without its port."""
    name, _, port = netloc.rpartition(":")
    return name if port.isdecimal() and not netloc.endswith("]") else netloc


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_direct(client: str, host: str, headers: Headers) -> bool:
    """Whether a request was sent on this machine by a program that addresses it as such. The Host keeps out what comes
    through a plain tunnel, and pages whose name was pointed at loopback (DNS rebinding)."""
    return _is_loopback(client) and _name(host).strip("[]") in LOOPBACK_NAMES and PROXY_MARKS.isdisjoint(headers)


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def household(address: str) -> str:
    """What one caller's limits are counted for: an IPv4 address, the /64 around an IPv6 address, or `UNKNOWN_ADDRESS`
    for what is no address, because whoever wrote it could write another one next time."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN_ADDRESS
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
