"""A thousand jobs followed in one process on SQLite, and five hundred after a kill.

    python -m benchmarks.jobs

The stand-in EvoLink runs in a process of its own, so that its work isn't counted as ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evolink_ui.jobs import Jobs, Order, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.settings import Settings, load_settings
from tests.jobs.material import make_image, make_video
from tests.jobs.worker import main as worker_main
from tests.stub import RemoteStub

FOLLOWED, KILLED = 1000, 500
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


def settings_for(vendor: dict[str, str], folder: Path) -> Settings:
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
    )


def rss_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def until_running(jobs: Jobs, number: int) -> None:
    """Wait until so many jobs are followed."""
    while True:
        if (await jobs.health())["jobs"].get(State.RUNNING) == number:
            return
        await asyncio.sleep(0.2)


async def follow_many(jobs: Jobs, order: Order) -> None:
    """Start a thousand, watch them for a while."""
    await jobs.start(order, visitor="warm")
    await until_running(jobs, 1)
    idle = rss_mb()
    started = time.perf_counter()
    ids = [(await jobs.start(order, visitor="anna")).id for _ in range(FOLLOWED - 1)]
    await until_running(jobs, FOLLOWED)
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
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def after_a_kill(settings: Settings, image: Path, video: Path) -> None:
    """Kill a process with many running jobs, start another, time it until each task was looked at again."""
    first = worker(settings, image, video)
    assert first.stdin
    first.stdin.write("anna\n" * KILLED)
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


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, video = make_image(folder / "a.png"), make_video(folder / "a.mp4", seconds=8)
        with stand_in() as vendor:
            jobs = Jobs(settings_for(vendor, folder / "many"))
            jobs.launch()
            try:
                asyncio.run(follow_many(jobs, Order(image=image, video=video)))
            finally:
                jobs.close()
        with stand_in() as vendor:
            after_a_kill(settings_for(vendor, folder / "killed"), image, video)


if __name__ == "__main__":
    main()
