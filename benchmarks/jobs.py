"""A thousand jobs followed in one process on SQLite, five hundred after a kill, and how soon a finished one is here.

    python -m benchmarks.jobs

Where our work is counted, the stand-in EvoLink runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from evolink_ui.jobs import Jobs, OrderInputs, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.settings import Settings, load_settings
from evolink_ui.web.routes import build_routes
from evolink_ui.web.signing import FileLinks
from tests.jobs.material import inputs, make_image, make_video
from tests.jobs.worker import main as worker_main
from tests.stub import RemoteStub, Stub, Timeline

FOLLOWED, KILLED, COMPLETED = 1000, 500, 60
WATCH_SECONDS = 30.0
TASK_SECONDS = 600.0
KEY = "sk-benchmark-0123456789"


@contextmanager
def stand_in() -> Iterator[dict[str, str]]:
    """Run the stand-in; give its addresses."""
    command = [sys.executable, "-m", "tests.stub", "--seconds", str(TASK_SECONDS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def settings_for(vendor: dict[str, str], folder: Path, **more: Any) -> Settings:
    """Limits high enough for so many."""
    return load_settings(
        _env_file=None,
        api_key=KEY,
        base_url=vendor["base_url"],
        files_url=vendor["files_url"],
        data_dir=folder,
        allow_private_urls=True,
        max_active_jobs=FOLLOWED,
        max_active_jobs_per_visitor=FOLLOWED,
        vendor_requests_per_second=1000,
        **more,
    )


def visitor(number: int) -> str:
    """Who places the order of this number: one visitor may have 40 jobs waiting."""
    return f"visitor-{number // 20}"


def rss_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def until_all(jobs: Jobs, state: State, number: int) -> None:
    """Wait until so many jobs are in a state."""
    while True:
        if (await jobs.health())["jobs"].get(state) == number:
            return
        await asyncio.sleep(0.2)


async def follow_many(jobs: Jobs, order: OrderInputs) -> None:
    """Start a thousand, watch them for a while."""
    await jobs.start(order, visitor="warm")
    await until_all(jobs, State.RUNNING, 1)
    idle = rss_mb()
    started = time.perf_counter()
    ids = [(await jobs.start(order, visitor=visitor(number))).id for number in range(FOLLOWED - 1)]
    await until_all(jobs, State.RUNNING, FOLLOWED)
    print(f"{FOLLOWED} jobs ordered in               {time.perf_counter() - started:8.1f} s")
    cpu, watched = time.process_time(), time.perf_counter()
    looks: list[float] = []
    while time.perf_counter() - watched < WATCH_SECONDS:
        before = time.perf_counter()
        found = await jobs.find(ids[len(looks) % len(ids)])
        assert found
        await jobs.show(found)
        looks.append(time.perf_counter() - before)
        await asyncio.sleep(0.05)
    share = (time.process_time() - cpu) / (time.perf_counter() - watched)
    states = (await jobs.health())["jobs"]
    print(f"a core's share while following       {100 * share:8.1f} %   (limit 25)")
    print(f"memory above idle                    {rss_mb() - idle:8.1f} MB  (limit 250)")
    print(f"a page's look meanwhile, p95         {1000 * sorted(looks)[int(0.95 * len(looks))]:8.1f} ms  (limit 10)")
    print(f"lost                                 {FOLLOWED - states.get(State.RUNNING, 0):8d}")


def worker(settings: Settings, image: Path, video: Path) -> subprocess.Popen[str]:
    """The engine as a process of its own."""
    environment = {
        **os.environ,
        "EVOLINK_API_KEY": KEY,
        "EVOLINK_BASE_URL": settings.base_url,
        "EVOLINK_FILES_URL": settings.files_url,
        "EVOLINK_UI_DATA_DIR": str(settings.data_dir),
        "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
        "EVOLINK_UI_MAX_ACTIVE_JOBS": str(KILLED),
        "EVOLINK_UI_MAX_ACTIVE_JOBS_PER_VISITOR": str(KILLED),
        "EVOLINK_UI_VENDOR_REQUESTS_PER_SECOND": "1000",
    }
    command = [sys.executable, "-m", worker_main.__module__, str(image), str(video)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def after_a_kill(settings: Settings, image: Path, video: Path) -> None:
    """Kill a process with many running jobs, start another, time it until each task was looked at again."""
    first = worker(settings, image, video)
    assert first.stdin
    first.stdin.write("".join(f"{visitor(number)}\n" for number in range(KILLED)))
    first.stdin.flush()
    ledger = Ledger(settings.sqlalchemy_url)
    while ledger.count_by_state().get(State.RUNNING) != KILLED:
        time.sleep(0.5)
    first.kill()
    first.wait()
    stub = RemoteStub(settings.base_url)
    seen = len(stub.state()["requests"])
    second = worker(settings, image, video)
    ready = time.monotonic()
    looked: list[dict[str, Any]] = []
    while len({look["path"] for look in looked}) < KILLED:
        time.sleep(0.5)
        assert time.monotonic() - ready < 120, "some jobs were not taken up"
        looked = [request for request in stub.state()["requests"][seen:] if request["place"] == "task"]
    firsts: dict[str, float] = {}
    for look in looked:
        firsts.setdefault(look["path"], look["at"])
    print(f"{KILLED} jobs looked at again after a kill{max(firsts.values()) - ready:8.1f} s  (limit 5, from ready)")
    second.kill()
    second.wait()
    ledger.close()


class Varied(Stub):
    """Its tasks take between ten and forty seconds, and it doesn't say so beforehand."""

    dice = random.Random(4)  # noqa: S311  dice of a benchmark keep no secrets

    @property
    def timeline(self) -> Timeline:
        return Timeline(seconds=self.dice.uniform(10, 40), estimated_time=None, video_seconds=8.0)

    @timeline.setter
    def timeline(self, _: Timeline) -> None:
        """Nobody else decides."""


def certificate(folder: Path) -> Path:
    """Key and certificate that nobody vouches for: callbacks go to https addresses only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).sign(
        key, hashes.SHA256()
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(plain + signed.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def served(jobs: Jobs, secret: bytes, port: int, pem: Path) -> Iterator[None]:
    """The app's own routes on https."""
    app = Starlette(routes=build_routes(jobs, FileLinks(secret), private=False))
    config = uvicorn.Config(app, port=port, ssl_keyfile=pem, ssl_certfile=pem, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


async def from_end_to_done(jobs: Jobs, stub: Stub, order: OrderInputs) -> list[float]:
    """Seconds from the end of each task at the vendor until its video is here."""
    started = [(await jobs.start(order, visitor=visitor(number))).id for number in range(COMPLETED)]
    await until_all(jobs, State.DONE, COMPLETED)
    ends = {task.task_id: task.created + task.timeline.seconds for task in stub.orders}
    done = [await jobs.get(job_id) for job_id in started]
    return sorted((job.finished_at or 0.0) - ends[job.task_id or ""] for job in done)


def completion(folder: Path, order: OrderInputs) -> None:
    """With the vendor's calls, and without them."""
    pem = certificate(folder)
    for called, what, limit in ((True, "with callback", "(limit 1, and the download)"), (False, "without", "")):
        with Varied() as stub, socket.create_server(("127.0.0.1", 0)) as probe:
            stub.send_callbacks = called
            port = probe.getsockname()[1]
            probe.close()
            addresses = {"base_url": stub.base_url, "files_url": stub.files_url}
            settings = settings_for(addresses, folder / what, public_url=f"https://127.0.0.1:{port}")
            jobs = Jobs(settings)
            jobs.launch()
            try:
                with served(jobs, settings.secret_key, port, pem):
                    took = asyncio.run(from_end_to_done(jobs, stub, order))
            finally:
                jobs.close()
            median, late = took[len(took) // 2], took[int(0.95 * len(took))]
            print(f"end at the vendor to done, {what:13}  median {median:5.2f} s, p95 {late:6.2f} s  {limit}")


def main() -> None:
    """Print the figures."""
    logging.getLogger("evolink_ui").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, video = make_image(folder / "a.png"), make_video(folder / "a.mp4", seconds=8)
        completion(folder, inputs(image, video))
        with stand_in() as vendor:
            jobs = Jobs(settings_for(vendor, folder / "many"))
            jobs.launch()
            try:
                asyncio.run(follow_many(jobs, inputs(image, video)))
            finally:
                jobs.close()
        with stand_in() as vendor:
            after_a_kill(settings_for(vendor, folder / "killed"), image, video)


if __name__ == "__main__":
    main()
