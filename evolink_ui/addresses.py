"""Which addresses belong to the public internet, and which are this very machine."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""How people write this very machine."""

# Global by the letter of the registries, yet never a place for a stranger's file.
_REFUSED_V4 = (
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("168.63.129.16/32"),  # a cloud's inner service, reachable from its machines only
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291: all that is handed out to the public internet
_REFUSED_V6 = (
    ipaddress.ip_network("2001::/23"),  # protocol assignments, Teredo among them
    ipaddress.ip_network("2001:db8::/32"),  # documentation
    ipaddress.ip_network("2002::/16"),  # 6to4: carries any IPv4 address
    ipaddress.ip_network("3fff::/20"),  # documentation
)


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6, as text) belongs to the public internet. Addresses that wrap an IPv4 address
    (mapped, NAT64) count as what they wrap; 6to4, Teredo, metadata services and everything private do not pass."""
    return _is_public(ipaddress.ip_address(address))


def _is_public(ip: Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        special = ip.is_multicast or ip.is_reserved or ip.is_unspecified
        return ip.is_global and not special and not any(ip in network for network in _REFUSED_V4)
    if ip.ipv4_mapped is not None:
        return _is_public(ip.ipv4_mapped)
    if ip in _NAT64:
        return _is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    inside = ip in _GLOBAL_UNICAST and ip.is_global and ip.scope_id is None
    return inside and not any(ip in network for network in _REFUSED_V6)


def is_loopback(address: str) -> bool:
    """Whether `address` (as text) is this very machine, IPv4-mapped forms included."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped.is_loopback
    return ip.is_loopback


def host_in_url(host: str) -> str:
    """What a URL on this machine has for a server that listens at `host`, an address or a name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host
    if ip.version == 4:
        return "127.0.0.1" if ip.is_unspecified else str(ip)
    return "[::1]" if ip.is_unspecified else f"[{ip}]"
