"""What deploy/compose.yaml starts, by hand on loopback: the shipped proxy file, two replicas of the app, PostgreSQL, an
S3 server that checks signatures, and the stand-in EvoLink."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from evolink_ui.catalog import DEFAULT_MODEL
from tests.browser.app_process import free_port
from tests.loopback import python_path
from tests.pins import ROOT
from tests.postgres import Server, postgres_server
from tests.stub import Stub, Timeline
from tests.stub.clip import small_clip
from tests.stub.vendor import place_of
from tests.stub.wire import Request, Response
from tests.web.process import upload
from tests.web.site import call

from .proxy import proxy

KEY = "sk-owner-0123456789abcdef"
STORE_KEY_ID, STORE_KEY, BUCKET = "GK0123456789abcdef01234567", "5f" * 32, "evolink"
START_SECONDS = 120.0  # a replica is ready after 4 s on a quiet machine
GRACE_SECONDS = 45.0  # compose.yaml's stop_grace_period
ORDER_SECONDS = 1.0  # EvoLink takes as long for the answer to an order
TRY_AGAIN_SECONDS = 1.0


class SlowVendor(Stub):
    """Answers an order a second after it took it, so that the ends of replicas meet orders on their way."""

    async def handle(self, request: Request) -> Response:
        response = await super().handle(request)
        if place_of(request) == "order":
            await asyncio.sleep(ORDER_SECONDS)
        return response


@dataclass
class Replica:
    """One process of the app, which can be ended and started again at the same address."""

    name: str
    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Past the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EVOLINK", "GRADIO", "SPACE", "OAUTH"))
        }
        own = {
            "EVOLINK_UI_DATA_DIR": str(self.folder / "data"),
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "PYTHONPATH": python_path(ROOT),
        }
        with (self.folder / "terminal.log").open("ab") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                cwd=self.folder,
                env=clean | own | self.environment,
                stdout=terminal,
                stderr=terminal,
            )

    def wait_until_ready(self) -> None:
        """Returns when it takes orders."""
        until(lambda: status_of(f"{self.url}/readyz") == 200, START_SECONDS, self.log)

    def end(self) -> int:
        """SIGTERM, as a deploy sends it; gives the exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(GRACE_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a machine without memory sends it."""
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def log(self) -> str:
        """What it wrote to its terminal."""
        return (self.folder / "terminal.log").read_text(errors="replace")


@dataclass
class Topology:
    """Everything, running."""

    url: str
    """The proxy's."""
    replicas: list[Replica]
    vendor: SlowVendor
    database: Server
    store: str

    def visitor(self, replica: str = "") -> httpx.Client:
        """A browser that never was here; `replica` ("app-1") puts it there."""
        client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        if replica:
            client.cookies.set("replica", replica, domain="127.0.0.1")
        return client


@contextmanager
def topology(folder: Path) -> Iterator[Topology]:
    """Start everything; ends it afterwards."""
    with ExitStack() as stack:
        vendor = SlowVendor()
        stack.enter_context(vendor)
        vendor.result_bytes = small_clip()
        vendor.timeline = Timeline(seconds=3.0, video_seconds=4.0)
        vendor.offers_list = False  # an order in doubt must not settle itself unseen
        database = stack.enter_context(postgres_server())
        store = stack.enter_context(_store(folder))
        environment = {
            "EVOLINK_API_KEY": KEY,
            "EVOLINK_BASE_URL": vendor.base_url,
            "EVOLINK_FILES_URL": vendor.files_url,
            "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
            "EVOLINK_UI_SECRET": "k3J8sN2vQ9xZ4mB7tR1wY6uP5cF0dHgL",
            "EVOLINK_UI_DATABASE_URL": database.url,
            "EVOLINK_UI_TRUSTED_PROXIES": "127.0.0.0/8",
            "EVOLINK_UI_HOSTING": "s3",
            "EVOLINK_UI_S3_ENDPOINT": store,
            "EVOLINK_UI_S3_REGION": "garage",
            "EVOLINK_UI_S3_BUCKET": BUCKET,
            "EVOLINK_UI_S3_ACCESS_KEY_ID": STORE_KEY_ID,
            "EVOLINK_UI_S3_SECRET_ACCESS_KEY": STORE_KEY,
            "EVOLINK_UI_CLEAN_UP_UPLOADS": "true",
            "EVOLINK_UI_REQUESTS_PER_MINUTE": "1000000",  # all visitors of a test share one address
            "EVOLINK_UI_UPLOADS_PER_HOUR": "1000000",
        }
        replicas = [Replica(name, folder / name, environment) for name in ("app-1", "app-2")]
        for replica in replicas:
            stack.callback(replica.kill)
            replica.start()
        url = stack.enter_context(proxy(folder, [f"127.0.0.1:{replica.port}" for replica in replicas]))
        for replica in replicas:
            replica.wait_until_ready()
        yield Topology(url, replicas, vendor, database, store)


@contextmanager
def _store(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.deploy.signed_store", str(port), STORE_KEY_ID, STORE_KEY, BUCKET],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: status_of(url) is not None, START_SECONDS, (folder / "store.log").read_text)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def until(holds: Callable[[], bool], seconds: float, explain: Callable[[], str] = str) -> None:
    """Wait for something; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def status_of(url: str) -> int | None:
    """The status of a GET; None where nobody answers."""
    try:
        return httpx.get(url, timeout=10, trust_env=False).status_code
    except httpx.TransportError:
        return None


@dataclass(frozen=True)
class Files:
    """What an order needs."""

    image: bytes
    video: bytes


def order_once(client: httpx.Client, files: Files, reference: str = "") -> dict[str, Any]:
    """Upload and order, as a program does; gives the job's view.

    Raises:
        AssertionError: the app refused, with its words.
        httpx.HTTPError: it didn't answer as it does.
    """
    image, video = upload(client, "photo.png", files.image), upload(client, "dance.mp4", files.video)
    form = ["a dance", "720p", "image", True, False, "", "", "", DEFAULT_MODEL, reference]
    view: dict[str, Any] = call(client, "start", image, video, *form)[0]
    return view


def order_until_taken(client: httpx.Client, files: Files, reference: str, seconds: float) -> tuple[dict[str, Any], int]:
    """Order again under the same reference until the app answers; gives the job and how often it did not."""
    deadline, failed = time.monotonic() + seconds, 0
    while True:
        try:
            return order_once(client, files, reference), failed
        except (AssertionError, httpx.HTTPError) as error:
            assert time.monotonic() < deadline, f"nobody took the order: {error}"
            failed += 1
            time.sleep(TRY_AGAIN_SECONDS)


def state_of(client: httpx.Client, job_id: str) -> str | None:
    """A job's state; None where nobody says."""
    try:
        answer = client.get(f"/jobs/{job_id}")
    except httpx.TransportError:
        return None
    return str(answer.json()["state"]) if answer.status_code == 200 else None
