"""Where a request comes from, behind which proxies, and whose page sent it."""

import socket
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from evolink_ui.web.origin import UNKNOWN_ADDRESS, Network, Origins, behind_proxies, household

OPEN = Origins(on_space=False, own_addresses=[])
NAMED = Origins(on_space=False, own_addresses=["https://videos.example.com"])
SPACE = Origins(on_space=True, own_addresses=["https://anna-dance.hf.space", "https://dance.example.com"])
PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"))


async def seen_through(
    peer: str, lines: Sequence[tuple[str, str]], proxies: Sequence[Network] = PROXIES, *, on_space: bool = False
) -> tuple[str, str]:
    """The address, as limits count it, and the scheme that an application sees behind the proxies."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append((household(scope["client"][0]), scope["scheme"]))

    headers = [(name.lower().encode(), value.encode()) for name, value in lines]
    scope = {"type": "http", "client": (peer, 5000), "scheme": "http", "headers": headers}
    await behind_proxies(app, proxies, on_space=on_space)(scope, None, None)
    address, scheme = seen[0]
    return address, scheme


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("192.0.2.9", ["1.1.1.1"], "192.0.2.9"),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1, 10.2.3.4"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "7.7.7.7, 1.1.1.1", "10.2.3.4"], "1.1.1.1"),
        ("10.0.0.1", ["10.2.3.4", "1.1.1.1:4711"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "[2001:db8:1:2::5]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], UNKNOWN_ADDRESS),
        ("10.0.0.1", ["1.1.1.1, <script>"], UNKNOWN_ADDRESS),
        ("no address", ["1.1.1.1"], UNKNOWN_ADDRESS),
    ],
)
async def test_the_address_is_the_right_most_that_no_trusted_proxy_has(
    peer: str, lines: list[str], address: str
) -> None:
    assert (await seen_through(peer, [("X-Forwarded-For", line) for line in lines]))[0] == address


async def test_without_trusted_proxies_nothing_is_believed() -> None:
    lines = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https")]
    assert await seen_through("127.0.0.1", lines, ()) == ("127.0.0.1", "http")


async def test_on_a_space_the_platforms_private_addresses_are_its_proxies() -> None:
    lines = [("X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.20.0.7"), ("X-Forwarded-Proto", "https")]
    assert await seen_through("10.16.0.1", lines, (), on_space=True) == ("1.1.1.1", "https")


async def test_the_scheme_is_believed_from_trusted_proxies_only_and_the_last_line_counts() -> None:
    lines = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")]
    assert (await seen_through("10.0.0.1", lines))[1] == "http"
    assert (await seen_through("10.0.0.1", lines[:1]))[1] == "https"
    assert (await seen_through("192.0.2.9", lines[:1]))[1] == "http"


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%nonsense%", UNKNOWN_ADDRESS),
        ("", UNKNOWN_ADDRESS),
    ],
)
def test_limits_count_a_household(address: str, counted_as: str) -> None:
    assert household(address) == counted_as


def headers(host: str, forwarded: str = "") -> dict[bytes, bytes]:
    return {b"host": host.encode(), b"x-forwarded-host": forwarded.encode()}


def test_x_forwarded_host_chooses_among_a_spaces_own_names_and_does_nothing_else() -> None:
    for origins in (OPEN, NAMED):
        assert origins.see("10.0.0.1", "http", headers("app:7860", "videos.example.com")).host == "app:7860"
    assert SPACE.see("10.0.0.1", "http", headers("internal", "dance.example.com")).host == "dance.example.com"
    assert SPACE.see("10.0.0.1", "http", headers("anna-dance.hf.space", "evil.example")).host == "anna-dance.hf.space"


def test_the_configured_address_is_https_whoever_ends_the_tls() -> None:
    seen = NAMED.see("192.0.2.9", "http", headers("Videos.Example.com"))
    assert (seen.https, seen.host) == (True, "videos.example.com")
    assert not OPEN.see("192.0.2.9", "http", headers("videos.example.com")).https


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
    assert NAMED.is_own_origin(origin, host) is own


@pytest.mark.parametrize(
    ("client", "host", "known"),
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
        ("no address", "anything.example", True),
    ],
)
def test_on_this_machine_no_foreign_name_is_answered(client: str, host: str, known: bool) -> None:
    assert OPEN.is_known_host(client, host) is known


@pytest.mark.parametrize("client", ["127.0.0.1", "192.168.1.7", "203.0.113.9"])
def test_with_a_configured_address_no_foreign_name_is_answered_to_anybody(client: str) -> None:
    for known in ("videos.example.com", "videos.example.com:443", "192.168.1.5:7860", "localhost:7860"):
        assert NAMED.is_known_host(client, known)
    for foreign in ("other.example.com", "videos.example.com.evil.example", "videos.example.com:8443", "a@b", ""):
        assert not NAMED.is_known_host(client, foreign)
