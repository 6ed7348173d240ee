"""A thousand tasks followed at once in one process: processor, memory, and whether all of them arrive.

    python -m benchmarks.follow_many [--tasks 1000] [--seconds 60]

The server is the tests' stand-in in a process of its own; the tasks end spread over 0.5 to 1.5 times `seconds`, which
is what is announced for each of them. Beside ours: the plainest loop there is, one httpx client that reads each task
every 8 s, as the vendor's own client does. Each runs in a fresh process; memory is counted above the idle process that
has everything imported, its client made and one request answered.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from statistics import fmean

import httpx

from evolink_ui.evolink import EvoLink, ModelParams, MotionControlRequest
from tests.stub import RemoteStub

BATCHES = 20
PLAIN_SECONDS = 8.0
ORDER = MotionControlRequest(
    image_urls=["https://example.com/a.png"],
    video_urls=["https://example.com/a.mp4"],
    model_params=ModelParams(character_orientation="image"),
)


def place_orders(url: str, tasks: int, seconds: float) -> dict[str, float]:
    """Order all tasks; returns when each will end, by id, in wall-clock seconds since 1970."""
    remote, ends = RemoteStub(url), {}
    headers = {"Authorization": "Bearer benchmark-key"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
        for batch in range(BATCHES):
            length = seconds * (0.5 + batch / (BATCHES - 1))
            remote.set(timeline={"seconds": length, "estimated_time": seconds})
            for _ in range(tasks // BATCHES):
                task = http.post("/v1/videos/generations", json=ORDER.to_wire()).json()
                ends[task["id"]] = time.time() + length
    return ends


async def ours(url: str, ends: dict[str, float], estimate: float) -> list[float | None]:
    """Follow all with the client; returns how late each end was seen, in seconds."""

    async def one(evolink: EvoLink, task_id: str) -> float | None:
        async for task in evolink.follow(task_id, estimated_seconds=estimate):
            if task.is_finished:
                return time.time() - ends[task_id]
        return None

    async with EvoLink("benchmark-key", base_url=url, files_url=url) as evolink:
        return await asyncio.gather(*(one(evolink, task_id) for task_id in ends))


async def plain(url: str, ends: dict[str, float], estimate: float) -> list[float | None]:
    """Follow all with a plain loop, which a failed read ends."""

    async def one(http: httpx.AsyncClient, task_id: str) -> float | None:
        while True:
            try:
                answer = await http.get(f"/v1/tasks/{task_id}")
            except httpx.HTTPError:
                return None
            if answer.json()["status"] == "completed":
                return time.time() - ends[task_id]
            await asyncio.sleep(PLAIN_SECONDS)

    headers = {"Authorization": "Bearer benchmark-key"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        return await asyncio.gather(*(one(http, task_id) for task_id in ends))


async def warm_up(url: str) -> None:
    """What an idle process has done: a client made, a request answered."""
    async with EvoLink("benchmark-key", base_url=url, files_url=url) as evolink:
        await evolink.credits()


def peak_bytes() -> int:
    """The process's highest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(way: str, url: str, estimate: float) -> None:
    """In a fresh process: follow what stands on stdin, print the figures as JSON."""
    ends: dict[str, float] = json.loads(sys.stdin.read())
    asyncio.run(warm_up(url))
    idle, cpu, begun = peak_bytes(), time.process_time(), time.perf_counter()
    late = asyncio.run((ours if way == "ours" else plain)(url, ends, estimate))
    wall = time.perf_counter() - begun
    seen = [seconds for seconds in late if seconds is not None]
    figures = {
        "seen": len(seen),
        "late": fmean(seen) if seen else float("nan"),
        "cores": (time.process_time() - cpu) / wall,
        "megabytes": (peak_bytes() - idle) / 1e6,
    }
    print(json.dumps(figures))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "URL"))
    given = parser.parse_args()
    if given.child:
        child(given.child[0], given.child[1], given.seconds)
        return
    print(f"{given.tasks} tasks of {given.seconds * 0.5:.0f} to {given.seconds * 1.5:.0f} s, all followed at once")
    print(f"  {'':22} {'arrived':>8} {'late s':>7} {'looks/task':>11} {'cores':>6} {'memory above idle':>18}")
    for way, name in (("ours", "ours"), ("plain", f"plain loop, {PLAIN_SECONDS:.0f} s")):
        server = subprocess.Popen([sys.executable, "-m", "tests.stub"], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["base_url"]
        ends = place_orders(url, given.tasks, given.seconds)
        command = [sys.executable, "-m", "benchmarks.follow_many", "--seconds", str(given.seconds), "--child", way, url]
        limit = given.seconds * 10
        told = subprocess.run(
            command, input=json.dumps(ends), capture_output=True, text=True, check=True, timeout=limit
        )
        figures = json.loads(told.stdout)
        looks = sum(order["looks"] for order in RemoteStub(url).state()["orders"]) / given.tasks
        server.terminate()
        server.wait()
        print(
            f"  {name:22} {figures['seen']:8d} {figures['late']:7.2f} {looks:11.1f} {figures['cores']:6.2f}"
            f" {figures['megabytes']:15.1f} MB"
        )


if __name__ == "__main__":
    main()
