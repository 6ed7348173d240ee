"""Links from strangers: what is never reached, what is never read, and what arrives whole."""

import asyncio
import datetime as dt
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evolink_ui.net import (
    MAX_REDIRECTS,
    Refused,
    checked_url,
    fetch,
    host_in_url,
    is_loopback,
    is_public,
    public_client,
    resolve,
)
from tests.loopback.sitecustomize import LeavesThisMachine, attempts

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets the request's head, writes whatever it likes."""


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback that answers each connection's requests with `answer`; gives its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(await reader.readuntil(b"\r\n\r\n"), writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return answer


def redirecting(to: str) -> Answer:
    return whole(b"", "302 Found", f"Location: {to}")


def names(**table: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def look_up(host: str, _port: int) -> list[str]:
        if host.replace(".", "_") not in table:
            raise OSError
        return table[host.replace(".", "_")].split()

    return look_up


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def refusal(
    url: str,
    folder: Path,
    *,
    max_bytes: int = 1000,
    timeout_seconds: float = 5.0,
    allow_private: bool = False,
    https_only: bool = True,
    resolver: Callable[[str, int], Awaitable[list[str]]] = resolve,
) -> str:
    """The code with which a link is refused; nothing may be left on the disk."""
    with pytest.raises(Refused) as caught:
        await fetch(
            url,
            folder / "file",
            max_bytes=max_bytes,
            timeout_seconds=timeout_seconds,
            allow_private=allow_private,
            https_only=https_only,
            resolver=resolver,
        )
    assert names_in(folder) == [], "a refused link leaves nothing behind"
    assert caught.value.message and caught.value.next_step
    assert str(folder) not in caught.value.message
    return caught.value.code


HOSTILE_HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[100::1]",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
async def test_no_spelling_of_an_inner_address_is_reached(host: str, tmp_path: Path) -> None:
    # "unreachable" would mean that it was tried.
    assert await refusal(f"https://{host}/a.mp4", tmp_path) in ("link_private", "link_malformed")


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
async def test_allowing_loopback_opens_nothing_else_inside(host: str, tmp_path: Path) -> None:
    async def spy(name: str, port: int) -> list[str]:
        addresses = await resolve(name, port)
        return [] if all(is_loopback(address) for address in addresses) else addresses

    url = f"https://{host}/a.mp4"
    assert await refusal(url, tmp_path, allow_private=True, resolver=spy) in ("link_private", "link_malformed")


REGISTRY = (Path(__file__).parent / "special_purpose_blocks.txt").read_text("ascii")
SPECIAL_PURPOSE_BLOCKS = [line for line in REGISTRY.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("block", SPECIAL_PURPOSE_BLOCKS)
def test_no_address_of_a_special_purpose_block_is_public_whatever_this_python_says(block: str) -> None:
    network = ip_network(block)
    first, last = int(network[0]), int(network[-1])
    for number in {first, min(first + 1, last), (first + last) // 2, last}:
        assert not is_public(str(type(network[0])(number)))


def test_the_tests_themselves_cannot_leave_this_machine() -> None:
    kept = len(attempts)
    with pytest.raises(LeavesThisMachine), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))
    with pytest.raises(LeavesThisMachine):
        socket.getaddrinfo("files.evolink.ai", 80)
    script = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert "LeavesThisMachine" in child.stderr
    assert len(attempts) == kept + 2
    del attempts[kept:]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/a.mp4", "link_not_https"),
        ("ftp://example.com/a.mp4", "link_malformed"),
        ("file:///etc/passwd", "link_malformed"),
        ("gopher://example.com/", "link_malformed"),
        ("javascript:alert(1)", "link_malformed"),
        ("data:video/mp4;base64,AAAA", "link_malformed"),
        ("//example.com/a.mp4", "link_malformed"),
        ("https://", "link_malformed"),
        ("https:///a.mp4", "link_malformed"),
        ("example.com/a.mp4", "link_malformed"),
        ("", "link_malformed"),
        ("https://user@example.com/a.mp4", "link_with_user"),
        ("https://example.com@127.0.0.1/a.mp4", "link_with_user"),
        ("https://example.com:pass@127.0.0.1/", "link_with_user"),
        ("https://127.0.0.1\\@example.com/", "link_malformed"),
        ("https://example.com/a b", "link_malformed"),
        ("https://example.com/a\r\nHost: inner", "link_malformed"),
        ("https://example.com/\x00", "link_malformed"),
        ("https://example.com:22/a.mp4", "link_port"),
        ("https://example.com:25/a.mp4", "link_port"),
        ("https://example.com:99999/", "link_port"),
        ("https://example.com:abc/", "link_malformed"),
        ("https://[::1/", "link_malformed"),
        ("https://0177.0.0.1/", "link_malformed"),
        ("https://exa mple.com/", "link_malformed"),
        ("https://xn--\ud800.com/", "link_malformed"),
        ("https://example.com/" + "a" * 2048, "link_too_long"),
    ],
)
async def test_a_link_that_is_wrong_as_text_is_refused_without_a_look(url: str, code: str, tmp_path: Path) -> None:
    async def never(_host: str, _port: int) -> list[str]:
        raise AssertionError("nothing may be resolved")

    assert await refusal(url, tmp_path, resolver=never) == code


@pytest.mark.parametrize("addresses", ["10.0.0.1", "8.8.8.8 127.0.0.1", "2606:4700::1111 ::1", "fe80::1%lo", ""])
async def test_a_name_that_leads_inside_is_refused_even_beside_public_addresses(addresses: str, tmp_path: Path) -> None:
    code = await refusal("https://rebound.example/a", tmp_path, resolver=names(rebound_example=addresses))
    assert code == "link_private"


async def test_a_name_is_asked_once_and_the_connection_goes_to_that_answer(tmp_path: Path) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked = []

    async def changing(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async with serving(whole(b"movie")) as port:
        url = f"http://rebinding.example:{port}/a"
        size = await fetch(
            url,
            tmp_path / "a",
            max_bytes=10,
            timeout_seconds=5,
            allow_private=True,
            https_only=False,
            resolver=changing,
        )
    assert (size, asked) == (5, ["rebinding.example"])
    assert (tmp_path / "a").read_bytes() == b"movie"


async def test_the_next_address_is_tried_where_the_first_is_dead(tmp_path: Path) -> None:
    async with serving(whole(b"movie")) as port:
        resolver = names(two_example="127.0.0.2 127.0.0.1")
        url = f"http://two.example:{port}/a"
        size = await fetch(
            url,
            tmp_path / "a",
            max_bytes=10,
            timeout_seconds=5,
            allow_private=True,
            https_only=False,
            resolver=resolver,
        )
    assert size == 5


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "link_private"),
        ("http://10.0.0.1/", "link_private"),
        ("http://[::ffff:10.0.0.1]/", "link_private"),
        ("http://inner.example/", "link_private"),
        ("http://user@outer.example/", "link_with_user"),
        ("http://outer.example:22/", "link_port"),
        ("file:///etc/passwd", "link_malformed"),
        ("ftp://outer.example/", "link_malformed"),
        ("http://[broken/", "link_unreachable"),
    ],
)
async def test_a_redirect_leads_nowhere_that_a_link_could_not(to: str, code: str, tmp_path: Path) -> None:
    async with serving(redirecting(to)) as port:
        resolver = names(
            outer_example="127.0.0.1", inner_example="192.168.0.1", **{"169_254_169_254": "169.254.169.254"},
            **{"10_0_0_1": "10.0.0.1", "::ffff:10_0_0_1": "::ffff:10.0.0.1", "::ffff:a00:1": "::ffff:10.0.0.1"},
        )  # fmt: skip
        url = f"http://outer.example:{port}/"
        assert await refusal(url, tmp_path, allow_private=True, https_only=False, resolver=resolver) == code


async def test_a_redirect_from_https_to_http_is_refused_where_only_https_is_taken(
    tmp_path: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server_tls, client_tls = tls
    async with serving(redirecting("http://files.example/plain"), server_tls) as port:
        with pytest.raises(Refused) as caught:
            await fetch(
                f"https://files.example:{port}/",
                tmp_path / "a",
                max_bytes=10,
                timeout_seconds=5,
                allow_private=True,
                resolver=names(files_example="127.0.0.1"),
                tls=client_tls,
            )
    assert caught.value.code == "link_not_https"


async def test_circles_of_redirects_end(tmp_path: Path) -> None:
    hops = []

    async def around(head: bytes, writer: asyncio.StreamWriter) -> None:
        hops.append(head)
        await redirecting("/again")(head, writer)

    async with serving(around) as port:
        assert await refusal(f"http://127.0.0.1:{port}/", tmp_path, allow_private=True) == "link_redirects"
    assert len(hops) == MAX_REDIRECTS + 1


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's TLS for the one name files.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "files.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("files.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_tls_is_checked_against_the_name_although_the_connection_goes_to_an_address(
    tmp_path: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server_tls, client_tls = tls
    heads = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await whole(b"movie")(head, writer)

    async with serving(answer, server_tls) as port:
        resolver = names(files_example="127.0.0.1", other_example="127.0.0.1")
        for name in ("files.example", "other.example"):
            work = fetch(
                f"https://{name}:{port}/a.mp4",
                tmp_path / name,
                max_bytes=10,
                timeout_seconds=5,
                allow_private=True,
                resolver=resolver,
                tls=client_tls,
            )
            if name == "files.example":
                assert await work == 5
            else:
                with pytest.raises(Refused) as caught:
                    await work
                assert caught.value.code == "link_unreachable"
    assert len(heads) == 1
    assert f"host: files.example:{port}".encode() in heads[0].lower()


async def test_a_file_larger_than_announced_or_allowed_is_cut_off(tmp_path: Path) -> None:
    async def endless(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with serving(endless) as endless_port, serving(whole(b"x" * 1001)) as announced_port:
        for port in (endless_port, announced_port):
            assert await refusal(f"http://127.0.0.1:{port}/", tmp_path, allow_private=True) == "link_too_large"


async def test_a_compressed_answer_is_refused_because_it_could_unfold_to_any_size(tmp_path: Path) -> None:
    async with serving(whole(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")) as port:
        assert await refusal(f"http://127.0.0.1:{port}/", tmp_path, allow_private=True) == "link_compressed"


async def test_a_drip_of_bytes_ends_with_the_time_allowed(tmp_path: Path) -> None:
    async def drip(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as port:
        started = asyncio.get_running_loop().time()
        url = f"http://127.0.0.1:{port}/"
        assert await refusal(url, tmp_path, allow_private=True, timeout_seconds=0.3) == "link_too_slow"
        assert asyncio.get_running_loop().time() - started < 2


async def test_a_slow_name_server_counts_too(tmp_path: Path) -> None:
    async def slow(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    assert await refusal("https://slow.example/", tmp_path, timeout_seconds=0.2, resolver=slow) == "link_too_slow"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (whole(b"nothing", "404 Not Found"), "link_not_found"),
        (whole(b"", "204 No Content"), "link_not_found"),
        (whole(b"part", "206 Partial Content"), "link_not_found"),
        (whole(b"down", "500 Internal Server Error"), "link_not_found"),
        (whole(b""), "link_empty"),
    ],
)
async def test_only_a_whole_file_counts(answer: Answer, code: str, tmp_path: Path) -> None:
    async with serving(answer) as port:
        assert await refusal(f"http://127.0.0.1:{port}/", tmp_path, allow_private=True) == code


async def test_a_connection_that_breaks_leaves_no_part_behind(tmp_path: Path) -> None:
    async def broken(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf")

    async with serving(broken) as port:
        assert await refusal(f"http://127.0.0.1:{port}/", tmp_path, allow_private=True) == "link_unreachable"
    assert await refusal("http://127.0.0.1:9/", tmp_path, allow_private=True) == "link_port"
    assert await refusal("https://no.such.name.invalid/", tmp_path, resolver=names()) == "link_unreachable"


async def test_a_failed_fetch_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"earlier")
    async with serving(whole(b"x" * 2000)) as port:
        with pytest.raises(Refused):
            await fetch(
                f"http://127.0.0.1:{port}/",
                tmp_path / "file",
                max_bytes=1000,
                timeout_seconds=5,
                allow_private=True,
            )
    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"earlier"


async def test_a_client_for_results_reads_plain_http_takes_no_cookies_and_sends_no_key() -> None:
    heads = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        await whole(b"movie", "200 OK", "Set-Cookie: track=1")(head, writer)

    async with serving(answer) as port, public_client(allow_private=True) as client:
        for _ in range(2):
            assert (await client.get(f"http://127.0.0.1:{port}/")).content == b"movie"
    assert len(heads) == 2
    assert not any(b"cookie" in head or b"authorization" in head for head in heads)


async def test_a_client_for_results_reaches_no_inner_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # a proxy would resolve names out of our sight
    async with public_client() as client:
        with pytest.raises(Refused):
            await client.get("http://127.0.0.1:8000/")
    async with public_client(resolver=names()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://unknown.example/")


async def test_a_resolver_that_hangs_ends_as_a_connect_timeout() -> None:
    async def slow(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    async with public_client(resolver=slow) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("http://slow.example/", timeout=0.1)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)
    assert not is_loopback(address)


def test_ordinary_links_pass() -> None:
    for url in ("https://example.com/a.mp4?x=1", "https://bücher.example/ü", "https://example.com:8443/"):
        assert str(checked_url(url)).startswith("https://")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("192.168.1.7", "192.168.1.7"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
    ],
)
def test_whatever_a_server_listens_at_its_link_can_be_opened_here(host: str, shown: str) -> None:
    assert host_in_url(host) == shown
