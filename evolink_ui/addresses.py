"""Which addresses belong to the public internet, and which are this very machine."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""How people write this very machine."""

# `ipaddress.is_global` changed between patch levels of Python (192.0.0.0/24 was public on some), so the table is our
# own: every block of IANA's IPv4 and IPv6 special-purpose registries (RFC 6890), globally reachable or not, because a
# stranger's file lies in none of them; plus multicast and one cloud's inner service.
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform service, reachable from its machines only; in no registry
        "169.254.0.0/16",  # link-local, clouds' metadata among it
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, Oracle's metadata (192.0.0.192) among them
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast among it
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291: all that is handed out to the public internet
# Special blocks inside 2000::/3; everything outside it is refused as a whole.
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6, as text) belongs to the public internet. Addresses that wrap an IPv4 address
    (mapped, NAT64) count as what they wrap; 6to4, Teredo, metadata services and everything private do not pass."""
    return _is_public(ipaddress.ip_address(address))


def _is_public(ip: Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in block for block in _SPECIAL_V4)
    if ip.ipv4_mapped is not None:
        return _is_public(ip.ipv4_mapped)
    if ip in _NAT64:
        return _is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return ip in _GLOBAL_UNICAST and ip.scope_id is None and not any(ip in block for block in _SPECIAL_V6)


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
