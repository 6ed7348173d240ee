"""One running site for the tests that change no settings."""

import datetime
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.web.process import CANARY, AppProcess, app_process
from tests.web.site import Site, site


@pytest.fixture(scope="package", autouse=True)
def few_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing here speaks TLS, yet every client reads the world's certificates, 20 ms each time. One is enough."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    path = tmp_path_factory.mktemp("certificates") / "one.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with generous limits; tests bring their own visitors and jobs."""
    with site(tmp_path_factory.mktemp("site"), requests_per_minute=100_000, uploads_per_hour=100_000) as started:
        yield started


@pytest.fixture(scope="package")
def hostile_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The app on its sandbox, as strangers meet it; whatever it answered to them is searched at the end."""
    with app_process(tmp_path_factory.mktemp("hostile")) as app:
        yield app
        heard = b"".join(app.heard)
        for secret in (
            CANARY.encode(),
            b"root:x:0:0",
            b"SQLite format",
            b"Traceback",
            b'File "/',
            str(app.folder).encode(),
            b"site-packages",
        ):
            assert secret not in heard, f"{secret!r} was answered to somebody"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gradio runs in this process here, and uses what pandas has announced to drop."""
    for item in items:
        if "tests/web" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"))
