"""Where a request comes from: the caller's address and scheme behind trusted proxies, its Host, its Origin."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Headers = dict[bytes, bytes]
"""Lower-case names; of repeated headers the first."""

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


@dataclass(frozen=True, slots=True)
class Seen:
    """Where one request comes from."""

    address: str
    """The caller's own; IPv6 as its /64, because that is what one household has."""
    https: bool
    host: str
    """`name[:port]`, lower case, as the browser shows it."""


class Origins:
    """Judges addresses, hosts and origins for one instance."""

    def __init__(self, *, trusted_proxies: Sequence[Network], on_space: bool, own_addresses: Sequence[str]) -> None:
        self._trusted = tuple(trusted_proxies)
        self._on_space = on_space
        urls = [urlsplit(address) for address in own_addresses if address]
        self._own_hosts = frozenset(_bare(url.netloc) for url in urls)
        self._https_hosts = frozenset(_bare(url.netloc) for url in urls if url.scheme == "https")
        self._local_names = frozenset({"localhost", socket.gethostname().lower()})

    def see(self, peer: str, scheme: str, headers: Headers) -> Seen:
        """Who stands behind a connection from `peer`. Forwarding headers count only when a trusted proxy sent them."""
        address, https, host = peer, scheme == "https", headers.get(b"host", b"").decode("latin-1").lower()
        if self._is_trusted(peer):
            address = self._behind(peer, headers.get(b"x-forwarded-for", b""))
            proto = headers.get(b"x-forwarded-proto", b"").split(b",")[0].strip().lower()
            https = proto == b"https" if proto else https
            forwarded_host = headers.get(b"x-forwarded-host", b"").split(b",")[0].strip().lower()
            host = forwarded_host.decode("latin-1") or host
        https = https or _bare(host) in self._https_hosts
        return Seen(household(address), https, host)

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin header names this very app (the host that was asked, or a configured address)."""
        netloc = _bare(origin.partition("://")[2])
        return bool(netloc) and (netloc == _bare(host) or netloc in self._own_hosts)

    def is_known_host(self, peer: str, host: str) -> bool:
        """Whether a request from this very machine names a host of ours. Another name there means that a foreign page
        had its own name point to 127.0.0.1 (DNS rebinding): its script would look like ours in every other way."""
        if not _is_loopback(peer) or self._is_trusted(peer):
            return True
        bare = _bare(host)
        name = bare.rpartition(":")[0] if bare.rpartition(":")[2].isdecimal() and not bare.endswith("]") else bare
        if name in self._local_names or name.endswith(".localhost") or bare in self._own_hosts:
            return True
        return _is_address(name.strip("[]"))

    def _is_trusted(self, peer: str) -> bool:
        return self._on_space or is_proxy(peer, self._trusted)  # a Space is reached through its platform's proxy alone

    def _behind(self, peer: str, forwarded_for: bytes) -> str:
        # Proxies append; what stands left of the first stranger (from the right) was written by that stranger.
        address = peer
        for part in reversed(forwarded_for.decode("latin-1").split(",")):
            try:
                ip = ipaddress.ip_address(part.strip())
            except ValueError:
                break
            address = str(ip)
            inside = any(ip in network for network in self._trusted) or (self._on_space and ip.is_private)
            if not inside:
                break
        return address


def is_proxy(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of the proxies that are believed."""
    if not trusted:
        return False
    try:
        ip = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(ip in network for network in trusted)


def _bare(netloc: str) -> str:
    return netloc.lower().removesuffix(":443").removesuffix(":80")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def household(address: str) -> str:
    """What one caller's limits are counted for: an IPv4 address, or the /64 around an IPv6 address."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
