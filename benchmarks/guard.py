"""What the guard costs per request, and what a flood does to another visitor.

    python -m benchmarks.guard [--seconds 60] [--connections 50] [--only costs|flood|fixes|unread|wide]

First table: one request at a time, in process. The floor is the bare application without the guard; the peer is what
Gradio itself puts in front of every request (its CORS and Brotli layers). Second table: `connections` pour requests of
every kind (looks, pages, uploads, queue joins, calls, closed doors, garbage; with one cookie, with none) onto the real
app, in a process of its own on loopback, while another visitor looks at a job. Third table: eight visitors have a video
fixed at once and a ninth asks for forty fixes, while another visitor looks at a job and a proxy at /healthz. Fourth:
memory over 2,000 queued calls that nobody fetches. Fifth: wide calls of a megabyte, 200 looks a second, twenty orders
at once and the eight fixes, all together.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from gradio.brotli_middleware import BrotliMiddleware
from gradio.route_utils import CustomCORSMiddleware

from evolink_ui.web import limits
from evolink_ui.web.doors import Doors
from evolink_ui.web.guard import Guard
from evolink_ui.web.headers import HeaderSets
from evolink_ui.web.limits import Limits, Meter
from evolink_ui.web.origin import Origins
from evolink_ui.web.rates import Allowance
from evolink_ui.web.visitor import Cookies
from tests.jobs.material import make_video

REQUESTS = 4000
"""Per row; enough for a steady 95th percentile."""

GUARD_LIMIT_MS = 0.3
LOOK_LIMIT_MS = 250.0
LOOKS_PER_SECOND = 4.0
FIXING_VISITORS = 8
CALLS_OF_ONE_VISITOR = 40
FIXING_FACTOR = 5.0
"""By how much fixes of others may lengthen the 95th percentile of a look, against the idle app of the same run."""
LOOKED_AT = "/jobs/abcdefghijklmnopqrstuv"

UNREAD_CALLS = 2_000
UNREAD_LIMIT_MB = 25.0
"""Growth over the unread calls; 290 calls of one visitor took 60 MB."""

STORM_LOOKS_PER_SECOND = 200
STORM_ORDERS = 20
WIDE_CALL = b'{"data": [' + b"[]," * 330_000 + b"[]]}"
"""1 MB; it took /healthz 12 s. Such a call, and one below the limit of 64 KB, are sent in turn."""

App = Callable[[Any, Any, Any], Awaitable[None]]


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    """The smallest application: reads the body and answers with a job's worth of JSON."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"700")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 700})


def guarded(login: Callable[[Any], str | None] | None = None) -> Guard:
    """The guard with its whole equipment and allowances that the benchmark doesn't reach."""
    return Guard(
        bare,
        cookies=Cookies.create(b"benchmark", embedded=False),
        doors=Doors(),
        headers=HeaderSets(embedded=False, https=True),
        origins=Origins(on_space=False, own_addresses=["https://videos.example.com"]),
        meter=Meter(Limits(Allowance(10**9, 60.0), Allowance(10**9, 60.0)), free_bytes=lambda: 10**12),
        login=login,
    )


def refusing() -> Guard:
    """A guard whose visitors have used everything up, without the pause that they would get."""
    guard = guarded()
    limits.PATIENT_REFUSALS_PER_MINUTE = 10**9
    guard.meter = Meter(Limits(Allowance(1e-9, 60.0), Allowance(1.0, 60.0)))
    return guard


def scope(method: str, path: str, cookie: bool, length: int = 0) -> dict[str, Any]:
    """A request as a browser sends it: some 15 headers."""
    names = "accept accept-encoding accept-language dnt priority referer sec-ch-ua sec-ch-ua-mobile sec-fetch-dest"
    headers = [(name.encode(), b"some value of usual length; q=0.9") for name in names.split()]
    headers += [(b"host", b"localhost:7860"), (b"user-agent", b"Mozilla/5.0"), (b"sec-fetch-site", b"same-origin")]
    if method == "POST":
        headers += [(b"origin", b"http://localhost:7860"), (b"content-length", str(length).encode())]
    if cookie:
        line = Cookies.create(b"benchmark", embedded=False).visitor_header("v_abcdefghijklmnopqrstuv", https=False)
        headers.append((b"cookie", b"theme=dark; " + line.split(";")[0].encode()))
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 7860),
    }


async def cost_ms(app: App, request: dict[str, Any], body: bytes = b"") -> tuple[float, float]:
    """Median and 95th percentile of one request, in milliseconds."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: Any) -> None:
        return

    took = []
    for _ in range(REQUESTS):
        mine = {**request, "headers": list(request["headers"])}
        started = time.perf_counter()
        await app(mine, receive, send)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


async def costs() -> float:
    """Print the first table; returns the dearest median that the guard adds, in milliseconds."""
    look = scope("GET", "/jobs/abcdefghijklmnop", cookie=True)
    call = json.dumps({"data": ["x" * 300]}).encode()
    rows: list[tuple[str, App, dict[str, Any], bytes]] = [
        ("floor: no guard", bare, look, b""),
        ("peer: Gradio's CORS + Brotli", BrotliMiddleware(CustomCORSMiddleware(bare)), look, b""),
        ("guard: look at a job", guarded(), look, b""),
        ("guard: same, logged in", guarded(lambda cookies: "anna"), look, b""),
        ("guard: first visit (cookie made)", guarded(), scope("GET", "/config", cookie=False), b""),
        ("guard: asset", guarded(), scope("GET", "/assets/index-0123.js", cookie=True), b""),
        ("guard: call with a body", guarded(), scope("POST", "/gradio_api/call/start", True, len(call)), call),
        ("guard: upload", guarded(), scope("POST", "/gradio_api/upload", True, len(call)), call),
        ("guard: refused as too many", refusing(), look, b""),
        ("guard: closed door", guarded(), scope("GET", "/monitoring/summary", cookie=True), b""),
    ]
    print(f"{'one request in process':<36}{'median ms':>11}{'p95 ms':>9}{'added':>9}")
    floor, dearest = 0.0, 0.0
    for name, app, request, body in rows:
        median, p95 = await cost_ms(app, request, body)
        floor = floor or median
        if name.startswith("guard"):
            dearest = max(dearest, median - floor)
        print(f"{name:<36}{median:>11.4f}{p95:>9.4f}{median - floor:>9.4f}")
    return dearest


@contextmanager
def real_app(**settings: str) -> Iterator[tuple[str, int]]:
    """`python app.py` with its sandbox and these settings, as a child; gives address and process id."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK")}
        environment |= {
            "EVOLINK_UI_DATA_DIR": f"{folder}/data",
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_ANALYTICS_ENABLED": "False",
            **settings,
        }
        app = Path(__file__).parent.parent / "app.py"
        with (Path(folder) / "log").open("wb") as log:
            child = subprocess.Popen([sys.executable, str(app)], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 60
            while not _is_up(url):
                assert child.poll() is None and time.monotonic() < deadline, (Path(folder) / "log").read_text()
                time.sleep(0.2)
            yield url, child.pid
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def memory_mb(pid: int) -> float:
    """Resident memory of a process, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def looks(url: str, path: str, seconds: float) -> list[float]:
    """Another visitor's looks at a job, a few a second: milliseconds each."""
    took = []
    with httpx.Client(base_url=url, timeout=20) as client:
        client.get("/config").raise_for_status()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.perf_counter()
            status = client.get(path).status_code
            took.append((time.perf_counter() - started) * 1000)
            assert status in (200, 404), f"the other visitor got {status}"
            time.sleep(1 / LOOKS_PER_SECOND)
    return took


class Flooder:
    """Keeps `connections` pouring: each sends its next request as soon as the last is answered. Raw sockets on one
    event loop, so that the flood itself leaves most of the machine to the app."""

    def __init__(self, port: int, cookie: str, function: int) -> None:
        self._port = port
        self.counts: Counter[str] = Counter()
        name = f"Cookie: {cookie}\r\n"
        join = json.dumps({"data": ["x"], "fn_index": function, "session_hash": "flood"})
        part = "--x\r\nContent-Disposition: form-data; name=files; filename=a.png\r\n\r\n" + "a" * 1000
        form = "Content-Type: multipart/form-data; boundary=x\r\n"
        self.requests = {
            "look": _request("GET", "/jobs/abcdefghijklmnopqrstuv", name),
            "look, no cookie": _request("GET", "/jobs/abcdefghijklmnopqrstuv", ""),
            "page": _request("GET", "/", name + "Accept-Encoding: gzip\r\n"),
            "upload": _request("POST", "/gradio_api/upload", name + form, f"{part}\r\n--x--\r\n"),
            "queue join": _request("POST", "/gradio_api/queue/join", name, join),
            "call": _request("POST", "/gradio_api/run/page_videos", name, '{"data": [{}]}'),
            "closed door": _request("GET", "/monitoring/summary", name),
            "no JSON": _request("POST", "/gradio_api/call/start", name, "{" * 1000),
            "garbage": b"\x16\x03\x01 what is this\r\n\r\n",
            "new connections": _request("GET", "/key", "Connection: close\r\n"),
        }

    async def run(self, connections: int, seconds: float) -> None:
        """Pour for so long."""
        kinds = list(self.requests)
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._pour(kinds[n % len(kinds)], until) for n in range(connections)))

    async def _pour(self, kind: str, until: float) -> None:
        while time.monotonic() < until:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                self.counts["no connection"] += 1
                await asyncio.sleep(0.1)
                continue
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
                while time.monotonic() < until:
                    writer.write(self.requests[kind])
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.counts[head[9:12].decode()] += 1
                    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                    if length is None or b"connection: close" in head.lower():
                        break
                    await reader.readexactly(int(length[1]))
            writer.close()


def _request(method: str, path: str, headers: str, body: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}".encode()


FLOOD = """
import asyncio, json, sys
from benchmarks.guard import Flooder
port, cookie, function, connections, seconds = sys.argv[1:]
flooder = Flooder(int(port), cookie, int(function))
asyncio.run(flooder.run(int(connections), float(seconds)))
print(json.dumps(flooder.counts))
"""


def flood(seconds: float, connections: int) -> None:
    """Print the second table."""
    with real_app() as (url, pid):
        path = LOOKED_AT
        quiet = looks(url, path, min(5.0, seconds))
        before_mb, before_cpu = memory_mb(pid), cpu_seconds(pid)
        with httpx.Client(base_url=url) as flooder:
            functions = flooder.get("/config").json()["dependencies"]
            cookie = "; ".join(f"{name}={value}" for name, value in flooder.cookies.items())
        status = next(function["id"] for function in functions if function["api_name"] == "status")
        arguments = [url.rsplit(":", 1)[1], cookie, str(status), str(connections), str(seconds)]
        with subprocess.Popen([sys.executable, "-c", FLOOD, *arguments], stdout=subprocess.PIPE, text=True) as pouring:
            during = looks(url, path, seconds)
            output, _ = pouring.communicate(timeout=seconds + 60)
        counts: dict[str, int] = json.loads(output)
        after_mb, spent_cpu = memory_mb(pid), cpu_seconds(pid) - before_cpu
        print(f"\n{'another visitor looks at a job':<36}{'median ms':>11}{'p95 ms':>9}{'looks':>9}")
        for name, took in (("quiet", quiet), (f"flood of {connections} connections, {seconds:.0f} s", during)):
            print(
                f"{name:<36}{statistics.median(took):>11.1f}{statistics.quantiles(took, n=20)[-1]:>9.1f}{len(took):>9}"
            )
        answered = sum(counts.values())
        print(f"the flood's answers by status: {counts}")
        print(
            f"the app's processor time: {spent_cpu / seconds:.1%} of a core, {spent_cpu / answered * 1000:.2f} ms an "
            f"answer; memory {before_mb:.0f} -> {after_mb:.0f} MB"
        )
        p95 = statistics.quantiles(during, n=20)[-1]
        assert p95 < LOOK_LIMIT_MS, f"p95 {p95:.0f} ms is over {LOOK_LIMIT_MS:.0f} ms"


class Fixer:
    """A visitor with a page of their own who presses Fix it."""

    def __init__(self, url: str, video: Path) -> None:
        self._client = httpx.Client(base_url=url, timeout=120)
        self._client.get("/config").raise_for_status()
        uploaded = self._client.post("/gradio_api/upload", files={"files": (video.name, video.read_bytes())})
        uploaded.raise_for_status()
        self._form = {"path": uploaded.json()[0], "orig_name": video.name, "kind": "video"}

    def start(self) -> dict[str, Any]:
        """Ask for a fix; its id or why not."""
        return self._ask("mend", self._form)

    def finish(self, started: dict[str, Any]) -> dict[str, Any]:
        """Ask how far it is, as often as the page does, until it is over."""
        while "progress" in (state := self._ask("mending", started)):
            time.sleep(0.3)
        return state

    def fix(self) -> dict[str, Any]:
        """Both."""
        return self.finish(self.start())

    def _ask(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/gradio_api/run/page_{name}", json={"data": [value]})
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"][0]
        return data


def fixes(seconds: float) -> None:
    """Print the third table."""
    with tempfile.TemporaryDirectory() as folder, real_app() as (url, _pid), ThreadPoolExecutor(32) as people:
        small = make_video(Path(folder) / "small.mp4", seconds=30.0, width=320, height=240)
        fixers = [Fixer(url, small) for _ in range(FIXING_VISITORS + 1)]
        paths = {"another visitor looks at a job": LOOKED_AT, "/healthz": "/healthz"}
        idle = {name: people.submit(looks, url, path, min(10.0, seconds)) for name, path in paths.items()}
        quiet = {name: taken.result() for name, taken in idle.items()}
        began = time.monotonic()
        walks = [people.submit(fixer.fix) for fixer in fixers[:-1]]
        many = people.submit(lambda: [fixers[-1].start() for _ in range(CALLS_OF_ONE_VISITOR)])
        busy = {name: people.submit(looks, url, path, seconds) for name, path in paths.items()}
        refused = [answer["error"] for answer in many.result() if "error" in answer]
        during = {name: taken.result() for name, taken in busy.items()}
        states = [walk.result() for walk in walks]
        whole_seconds = time.monotonic() - began
    assert all("file" in state for state in states), states
    print(f"\n{f'{FIXING_VISITORS} visitors fix a video at once':<36}{'median ms':>11}{'p95 ms':>9}{'looks':>9}")
    for when, taken in (("idle", quiet), ("fixing", during)):
        for name, took in taken.items():
            p95 = statistics.quantiles(took, n=20)[-1]
            print(f"{f'{when}: {name}':<36}{statistics.median(took):>11.1f}{p95:>9.1f}{len(took):>9}")
    print(
        f"all {FIXING_VISITORS} were fixed within {whole_seconds:.0f} s; of {CALLS_OF_ONE_VISITOR} calls of one "
        f"visitor {len(refused)} were refused: {refused[-1]['next_step']}"
    )
    for name in paths:
        quiet_p95, busy_p95 = (statistics.quantiles(taken[name], n=20)[-1] for taken in (quiet, during))
        assert busy_p95 <= FIXING_FACTOR * quiet_p95, f"{name}: p95 {busy_p95:.0f} ms, idle {quiet_p95:.0f} ms"


def unread(calls: int) -> None:
    """Print the fourth table: what `calls` queued calls leave in memory when nobody fetches their answers."""
    with real_app(EVOLINK_UI_REQUESTS_PER_MINUTE="1000000") as (url, pid):
        print(f"\n{'calls that nobody fetches':<36}{'answered':>11}{'refused':>9}{'MB':>9}")
        with httpx.Client(base_url=url, timeout=20) as warm:  # what the first calls load stays anyway
            for _ in range(20):
                event = warm.post("/gradio_api/call/status", json={"data": ["x"]}).json()["event_id"]
                warm.get(f"/gradio_api/call/status/{event}")
        before_mb = memory_mb(pid)
        with httpx.Client(base_url=url, timeout=20) as one:
            one.get("/config").raise_for_status()
            statuses = Counter(_unread_call(one) for _ in range(50))  # who goes on after 20 refusals waits
        _unread_row("one visitor", statuses, memory_mb(pid) - before_mb)
        statuses = Counter()
        for _ in range((calls - 50) // 10):
            with httpx.Client(base_url=url, timeout=20) as visitor:
                visitor.get("/healthz").raise_for_status()
                visitor.get("/key").raise_for_status()
                statuses.update(_unread_call(visitor) for _ in range(10))
        grown_mb = memory_mb(pid) - before_mb
        _unread_row("a new cookie every ten calls", statuses, grown_mb)
    assert grown_mb < UNREAD_LIMIT_MB, f"{calls} unread calls took {grown_mb:.0f} MB"


def _unread_call(client: httpx.Client) -> int:
    return client.post("/gradio_api/call/status", json={"data": ["x" * 200]}).status_code


def _unread_row(name: str, statuses: "Counter[int]", grown_mb: float) -> None:
    answered = statuses.pop(200, 0)
    print(f"{name:<36}{answered:>11}{sum(statuses.values()):>9}{grown_mb:>+9.1f}")


STORM = """
import json, sys, threading, time
import httpx
from benchmarks.guard import WIDE_CALL, STORM_LOOKS_PER_SECOND, LOOKED_AT
url, seconds = sys.argv[1], float(sys.argv[2])
until, counts, lock = time.monotonic() + seconds, {}, threading.Lock()
def count(name, status):
    with lock:
        key = f"{name} {status}"
        counts[key] = counts.get(key, 0) + 1
def look(number):
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/key")
        at = time.monotonic()
        while time.monotonic() < until:
            count("look", client.get(LOOKED_AT).status_code)
            at += 20 / STORM_LOOKS_PER_SECOND
            time.sleep(max(0.0, at - time.monotonic()))
def wide():
    small = b'{"data": [' + b"[]," * 20_000 + b"[]]}"
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/key")
        while time.monotonic() < until:
            for body in (WIDE_CALL, small):
                count("wide", client.post("/gradio_api/call/start", content=body).status_code)
            time.sleep(0.2)
threads = [threading.Thread(target=look, args=[n]) for n in range(20)] + [threading.Thread(target=wide)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(counts))
"""


def wide(seconds: float) -> None:
    """Print the fifth table: everything at once, against the idle app of the same run."""
    options = {"EVOLINK_UI_REQUESTS_PER_MINUTE": "100000", "EVOLINK_UI_UPLOADS_PER_HOUR": "100000"}
    with (
        tempfile.TemporaryDirectory() as folder,
        real_app(**options) as (url, _pid),
        ThreadPoolExecutor(48) as people,
    ):
        small = make_video(Path(folder) / "small.mp4", seconds=30.0, width=320, height=240)
        fixers = [Fixer(url, small) for _ in range(FIXING_VISITORS)]
        orders = [_order(url) for _ in range(STORM_ORDERS)]
        paths = {"another visitor looks at a job": LOOKED_AT, "/healthz": "/healthz"}
        idle = {name: people.submit(looks, url, path, min(10.0, seconds)) for name, path in paths.items()}
        quiet = {name: taken.result() for name, taken in idle.items()}
        storm = subprocess.Popen([sys.executable, "-c", STORM, url, str(seconds)], stdout=subprocess.PIPE, text=True)
        with storm:
            walks = [people.submit(fixer.fix) for fixer in fixers]
            placed = [people.submit(order) for order in orders]
            busy = {name: people.submit(looks, url, path, seconds) for name, path in paths.items()}
            during = {name: taken.result() for name, taken in busy.items()}
            output, _ = storm.communicate(timeout=seconds + 60)
        states, answers = [walk.result() for walk in walks], [answer.result() for answer in placed]
    print(f"\n{'everything at once':<36}{'median ms':>11}{'p95 ms':>9}{'looks':>9}")
    for when, taken in (("idle", quiet), ("busy", during)):
        for name, took in taken.items():
            p95 = statistics.quantiles(took, n=20)[-1]
            print(f"{f'{when}: {name}':<36}{statistics.median(took):>11.1f}{p95:>9.1f}{len(took):>9}")
    fixed, taken_in = sum("file" in state for state in states), sum("job" in answer for answer in answers)
    print(f"{fixed} of {len(states)} fixes made, {taken_in} of {len(answers)} orders taken; answers: {output.strip()}")
    for name in paths:
        quiet_p95, busy_p95 = (statistics.quantiles(taken[name], n=20)[-1] for taken in (quiet, during))
        assert busy_p95 <= FIXING_FACTOR * quiet_p95, f"{name}: p95 {busy_p95:.0f} ms, idle {quiet_p95:.0f} ms"


def _order(url: str) -> Callable[[], dict[str, Any]]:
    """A visitor who has both files uploaded and is about to press Generate."""
    client = httpx.Client(base_url=url, timeout=120)
    client.get("/config").raise_for_status()
    example = client.post("/gradio_api/run/page_example", json={"data": [{}]}).json()["data"][0]
    form = {"image": example["image"], "video": example["video"], "quality": "720p", "character_orientation": "video"}

    def order() -> dict[str, Any]:
        answer: dict[str, Any] = client.post("/gradio_api/run/page_order", json={"data": [form]}).json()["data"][0]
        return answer

    return order


def main() -> None:
    """All tables; stops where the guard costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--only", choices=("costs", "flood", "fixes", "unread", "wide"))
    options = parser.parse_args()
    if options.only in (None, "costs"):
        dearest = asyncio.run(costs())
        assert dearest < GUARD_LIMIT_MS, f"the guard adds {dearest:.3f} ms"
    if options.only in (None, "flood"):
        flood(options.seconds, options.connections)
    if options.only in (None, "fixes"):
        fixes(options.seconds)
    if options.only in (None, "unread"):
        unread(UNREAD_CALLS)
    if options.only in (None, "wide"):
        wide(options.seconds)


if __name__ == "__main__":
    main()
