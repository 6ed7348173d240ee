"""A real S3-compatible server, the stand-in EvoLink, a real ledger, small real files."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from evolink_ui.evolink import EvoLink
from evolink_ui.hosting import LocalFile
from evolink_ui.hosting.bucket import Bucket as S3Bucket
from evolink_ui.hosting.s3 import S3Host
from evolink_ui.jobs.files import JobFiles
from evolink_ui.jobs.keys import KeySafe
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.pace import Pace
from evolink_ui.jobs.shipping import Shipping
from evolink_ui.jobs.vendor import Vendor
from evolink_ui.settings import Settings, load_settings
from tests.jobs.conftest import ended, image, jobs, launch, live, order, used_before, video  # noqa: F401  fixtures
from tests.stub import Stub
from tests.stub.plugin import clip, stub  # noqa: F401  pytest finds fixtures by their names here

KEY = "sk-owner-0123456789abcdef"
START_SECONDS = 60.0  # the S3 server loads for 2 s, and much longer on a busy machine


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Bucket:
    """One empty bucket of the running server."""

    endpoint: str
    name: str

    def host(self, **changes: Any) -> S3Host:
        """A host that puts into it."""
        values = {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "name": self.name,
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI-example",
        }
        public_url = changes.pop("public_url", "")
        return S3Host(S3Bucket(**(values | changes)), public_url=public_url)

    def settings(self) -> dict[str, Any]:
        """What the app's settings need to use it."""
        return {
            "s3_endpoint": self.endpoint,
            "s3_bucket": self.name,
            "s3_access_key_id": "AKIDEXAMPLE",
            "s3_secret_access_key": "wJalrXUtnFEMI-example",
        }

    def open_to_all(self) -> None:
        """Let everybody read, as the owner of a public bucket does."""
        rule = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [rule]}
        assert httpx.put(f"{self.endpoint}/{self.name}?policy", json=policy).is_success

    def keys(self) -> list[str]:
        """Names of all objects in it."""
        listing = ElementTree.fromstring(httpx.get(f"{self.endpoint}/{self.name}?list-type=2").text)  # noqa: S314  ours
        return [found.text or "" for found in listing.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")]


async def read(url: str) -> httpx.Response:
    """What EvoLink gets there."""
    async with httpx.AsyncClient() as http:
        return await http.get(url)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Moto's server as a process of its own: what it patches and warns about stays there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/moto-api/")
                break
            except httpx.TransportError:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def bucket(s3_server: str, request: pytest.FixtureRequest) -> Bucket:
    """A bucket that only this test uses."""
    name = f"test-{abs(hash(request.node.nodeid)):x}"
    assert httpx.put(f"{s3_server}/{name}").status_code == 200
    return Bucket(s3_server, name)


@pytest.fixture
def picture(tmp_path: Path) -> LocalFile:
    """A file of 600 kB: three pieces."""
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2400)
    return LocalFile(path, "image", "job-1")


@pytest.fixture
async def evolink(stub: Stub) -> AsyncIterator[EvoLink]:  # noqa: F811  the fixture imported above
    """The client, without pauses."""

    async def at_once(_seconds: float) -> None:
        return None

    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, sleep=at_once) as client:
        yield client


def settings_for(stub: Stub, data_dir: Path, **changes: Any) -> Settings:  # noqa: F811  the fixture imported above
    """The owner's settings, read as at a start."""
    data_dir.mkdir(parents=True, exist_ok=True)
    common = {"api_key": KEY, "base_url": stub.base_url, "files_url": stub.files_url, "allow_private_urls": True}
    return load_settings(_env_file=None, data_dir=data_dir, **(common | changes))


@dataclass
class Dock:
    """Shipping over a real ledger and real sockets, without an engine."""

    settings: Settings
    ledger: Ledger
    shipping: Shipping
    vendor: Vendor
    clock: Clock
    folder: Path
    image: bytes = b"\x89PNG\r\n\x1a\n" + b"picture " * 1000
    video: bytes = b"\x00\x00\x00\x18ftypmp42" + b"video " * 50_000

    def job(self, name: str, **values: Any) -> Any:
        """A job whose two files lie in its folder, at the step that hosts them."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        (folder / "image.png").write_bytes(self.image)
        (folder / "video.mp4").write_bytes(self.video)
        row: dict[str, Any] = {
            "id": name,
            "visitor": "anna",
            "mode": "live",
            "request": {},
            "idempotency_key": f"key-{name}",
            "image_name": "image.png",
            "video_name": "video.mp4",
            "video_seconds": 4.0,
            "credits_estimated": 32.0,
            "state": "hosting",
        }
        return self.ledger.add(**{**row, **values})

    async def ship(self, name: str) -> Any:
        """Ship a job as the engine does, and read it again."""
        await self.shipping.ship(self.ledger.get(name), self.vendor)
        return self.ledger.get(name)


@pytest.fixture
async def docks(stub: Stub, tmp_path: Path) -> AsyncIterator[Any]:  # noqa: F811  the fixture imported above
    """Makes docks with given settings."""
    made: list[Dock] = []

    def make(**changes: Any) -> Dock:
        settings = settings_for(stub, tmp_path / f"data{len(made)}", **changes)
        clock = Clock(time.time())
        ledger = Ledger(settings.sqlalchemy_url, clock=clock)
        safe = KeySafe(settings.secret_key)
        vendor = Vendor(settings, safe, None, Pace(10.0), min_poll_seconds=0.05)
        folder = tmp_path / f"data{len(made)}" / "jobs"

        def link_path(kind: str, job_id: str, /, *, suffix: str, live_seconds: int) -> str:
            return f"files/{kind}-{job_id}{suffix}"

        shipping = Shipping(settings, ledger, safe, JobFiles(folder), link_path=link_path, clock=clock)
        made.append(Dock(settings, ledger, shipping, vendor, clock, folder))
        return made[-1]

    yield make
    for dock in made:
        await dock.vendor.close()
        dock.ledger.close()
