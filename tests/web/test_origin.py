"""Where a request comes from, behind which proxies, and whose page sent it."""

import socket
from ipaddress import ip_network

import pytest

from evolink_ui.web.origin import Origins

NONE = Origins(trusted_proxies=(), on_space=False, own_addresses=[])
PROXIED = Origins(
    trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32")),
    on_space=False,
    own_addresses=["https://videos.example.com"],
)
SPACE = Origins(trusted_proxies=(), on_space=True, own_addresses=["https://anna-dance.hf.space"])


def forwarded(value: str, **more: str) -> dict[bytes, bytes]:
    headers = {b"x-forwarded-for": value.encode(), b"host": b"app:7860"}
    return headers | {name.replace("_", "-").encode(): text.encode() for name, text in more.items()}


@pytest.mark.parametrize(
    ("origins", "peer", "header", "address"),
    [
        (NONE, "192.0.2.9", "1.1.1.1", "192.0.2.9"),
        (NONE, "127.0.0.1", "1.1.1.1", "127.0.0.1"),
        (PROXIED, "192.0.2.9", "1.1.1.1", "192.0.2.9"),
        (PROXIED, "10.0.0.1", "1.1.1.1", "1.1.1.1"),
        (PROXIED, "10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        (PROXIED, "10.0.0.1", "6.6.6.6, 1.1.1.1, 10.2.3.4", "1.1.1.1"),
        (PROXIED, "10.0.0.1", "", "10.0.0.1"),
        (PROXIED, "10.0.0.1", "unknown", "10.0.0.1"),
        (PROXIED, "10.0.0.1", "1.1.1.1, <script>", "10.0.0.1"),
        (PROXIED, "not an address", "1.1.1.1", "not an address"),
        (SPACE, "10.16.0.1", "6.6.6.6, 1.1.1.1, 10.20.0.7", "1.1.1.1"),
        (NONE, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (NONE, "2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        (NONE, "::ffff:192.0.2.9", "", "192.0.2.9"),
        (NONE, "fe80::1%nonsense%", "", "fe80::1%nonsense%"),
    ],
)
def test_the_address_is_believed_from_trusted_proxies_only(
    origins: Origins, peer: str, header: str, address: str
) -> None:
    assert origins.see(peer, "http", forwarded(header)).address == address


def test_scheme_and_host_are_believed_from_trusted_proxies_only() -> None:
    lies = forwarded("1.1.1.1", x_forwarded_proto="https", x_forwarded_host="evil.example")
    seen = NONE.see("192.0.2.9", "http", lies)
    assert (seen.https, seen.host) == (False, "app:7860")
    seen = PROXIED.see("10.0.0.1", "http", lies)
    assert (seen.https, seen.host) == (True, "evil.example")
    seen = PROXIED.see("192.0.2.9", "http", {b"host": b"Videos.Example.com"})
    assert seen.https, "the configured address is https, whoever ends the TLS"


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:7860", "localhost:7860", True),
        ("https://videos.example.com", "app:7860", True),
        ("https://VIDEOS.example.com:443", "videos.example.com", True),
        ("http://videos.example.com:80", "videos.example.com", True),
        ("https://evil.example", "videos.example.com", False),
        ("https://videos.example.com.evil.example", "videos.example.com", False),
        ("https://evilvideos.example.com", "videos.example.com", False),
        ("http://localhost:3000", "localhost:7860", False),
        ("https://videos.example.com:8443", "videos.example.com", False),
        ("null", "videos.example.com", False),
        ("", "videos.example.com", False),
        ("", "", False),
        ("https://", "", False),
    ],
)
def test_only_our_own_page_is_our_own_origin(origin: str, host: str, own: bool) -> None:
    assert PROXIED.is_own_origin(origin, host) is own


@pytest.mark.parametrize(
    ("peer", "host", "known"),
    [
        ("127.0.0.1", "localhost:7860", True),
        ("127.0.0.1", "127.0.0.1:7860", True),
        ("127.0.0.1", "[::1]:7860", True),
        ("127.0.0.1", "[::1]", True),
        ("127.0.0.1", "app.localhost:7860", True),
        ("127.0.0.1", socket.gethostname(), True),
        ("::1", "rebound.evil.example:7860", False),
        ("127.0.0.1", "rebound.evil.example:7860", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "", False),
        ("192.0.2.9", "anything.example", True),
        ("not an address", "anything.example", True),
    ],
)
def test_on_this_machine_no_foreign_name_is_answered(peer: str, host: str, known: bool) -> None:
    assert NONE.is_known_host(peer, host) is known


def test_a_configured_name_or_a_trusted_proxy_makes_a_host_known() -> None:
    plain = Origins(trusted_proxies=(), on_space=False, own_addresses=["https://videos.example.com"])
    assert plain.is_known_host("127.0.0.1", "videos.example.com")
    assert not plain.is_known_host("127.0.0.1", "other.example.com")
    assert PROXIED.is_known_host("127.0.0.1", "other.example.com")
