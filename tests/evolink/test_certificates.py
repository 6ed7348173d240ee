"""A certificate that nobody here trusts: said at once, whatever is done, and nothing is sent."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest, ResultUnusable, Unreachable
from tests.evolink.conftest import KEY, QUICK, FakeTime


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a company's proxy")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class TlsHost:
    """Answers the balance over TLS; counts connections and requests."""

    def __init__(self) -> None:
        self.url, self.requests = "", 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            body = b'{"data": {"user": {"remaining_credits": 7}}}'
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        writer.close()


@pytest.fixture
async def host(certificate: Path) -> AsyncIterator[TlsHost]:
    host, tls = TlsHost(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with await asyncio.start_server(host.serve, "127.0.0.1", 0, ssl=tls) as server:
        host.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield host


@pytest.mark.parametrize("deed", ["create", "get", "follow", "credits", "list_tasks", "upload", "download"])
async def test_a_certificate_that_is_not_trusted_is_said_at_once(
    deed: str, host: TlsHost, request_: MotionControlRequest, picture: Path, tmp_path: Path
) -> None:
    time = FakeTime()
    async with EvoLink(
        KEY, base_url=host.url, files_url=host.url, timeouts=QUICK, clock=time.clock, sleep=time.sleep
    ) as evolink:
        with pytest.raises(EvoLinkError) as caught:
            match deed:
                case "create":
                    await evolink.create(request_)
                case "follow":
                    await anext(evolink.follow("task-unified-1"))
                case "get":
                    await evolink.get("task-unified-1")
                case "upload":
                    await evolink.upload(picture)
                case "download":
                    await evolink.download(f"{host.url}/1.mp4", tmp_path / "1.mp4")
                case _:
                    await getattr(evolink, deed)()
    error = caught.value
    assert isinstance(error, ResultUnusable if deed == "download" else Unreachable)
    assert error.code == "certificate_untrusted"
    assert "certificate" in error.message
    assert "SSL_CERT_FILE" in error.next_step
    assert "internet connection" not in error.next_step
    assert error.charged == {"get": "unknown", "follow": "unknown", "download": "yes"}.get(deed, "no")
    assert (time.pauses, host.requests) == ([], 0)


async def test_the_certificate_that_ssl_cert_file_names_is_trusted(
    host: TlsHost, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with EvoLink(KEY, base_url=host.url, files_url=host.url, timeouts=QUICK) as evolink:
        assert (await evolink.credits()).remaining_credits == 7
