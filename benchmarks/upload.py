"""Uploading 100 MiB on loopback: ours beside curl's, in time and memory.

    python -m benchmarks.upload [--mebibytes 100] [--rounds 5]

Both send the same multipart form from the same file to the same server in a process of its own, turn by turn, because
the machine is shared; the best round of each counts. Two servers: one that takes the form apart as web servers do (the
tests' stand-in), and one that only counts bytes, faster than any real one, where the cost of the event loop shows.
`cpu` is the sender's own processor time, `memory` the growth of our process's resident peak while it uploads.
"""

import argparse
import asyncio
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from evolink_ui.evolink import EvoLink
from tests.stub import Stub

ANSWER = b'{"success": true, "code": 200, "data": {"file_id": "f", "file_url": "https://example.com/f"}}'
PATH = "/api/v1/files/upload/stream"
HEAD_MAX_BYTES = 65536
RECEIVE_BYTES = 1024 * 1024


def serve(pipe: Connection) -> None:
    """Swallow uploads, one connection after the other, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    room = bytearray(RECEIVE_BYTES)
    while True:
        connection, _ = listener.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(HEAD_MAX_BYTES)
            top, _, body = head.partition(b"\r\n\r\n")
            _, _, length = top.lower().partition(b"content-length:")
            left = int(length.split(b"\r\n")[0] or 0) - len(body)
            if b"100-continue" in top.lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while left > 0:
                left -= connection.recv_into(room)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
            )


@dataclass(frozen=True)
class Sent:
    """One upload: wall and processor seconds, and growth of memory (0 for curl: not measured)."""

    seconds: float
    cpu_seconds: float
    grown_bytes: int = 0


def stand_in(pipe: Connection) -> None:
    """Take uploads apart, as the tests' EvoLink."""
    with Stub() as stub:
        pipe.send(int(stub.files_url.rsplit(":", 1)[1]))
        while True:
            time.sleep(0.2)
            stub.reset()


def cpu_of_children() -> float:
    """Processor seconds of all processes that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def curl(url: str, path: Path) -> Sent:
    """curl's own transfer, its start-up not counted in the wall time."""
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", "-H", "Authorization: Bearer benchmark-key"]
    before = cpu_of_children()
    told = subprocess.run([*command, "-F", f"file=@{path}", url + PATH], capture_output=True, text=True, check=True)
    return Sent(float(told.stdout), cpu_of_children() - before)


async def our_seconds(url: str, path: Path) -> tuple[float, float]:
    """Wall and processor time of one upload, the client already made and warm."""
    async with EvoLink("benchmark-key", base_url=url, files_url=url) as evolink:
        await evolink.quota()
        begun, cpu = time.perf_counter(), time.process_time()
        await evolink.upload(path)
        return time.perf_counter() - begun, time.process_time() - cpu


def peak_bytes() -> int:
    """The process's highest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(url: str, path: Path, warm: Path) -> None:
    """In a fresh process: upload a small file, then the large one; print seconds and growth of memory."""
    asyncio.run(our_seconds(url, warm))
    before = peak_bytes()
    seconds, cpu = asyncio.run(our_seconds(url, path))
    print(seconds, cpu, peak_bytes() - before)


def ours(url: str, path: Path, warm: Path) -> Sent:
    """Our upload, in a fresh process."""
    again = [sys.executable, "-m", "benchmarks.upload", "--child", url, str(path), str(warm)]
    told = subprocess.run(again, capture_output=True, text=True, check=True).stdout.split()
    return Sent(float(told[0]), float(told[1]), int(told[2]))


def compare(name: str, server: Callable[[Connection], None], path: Path, warm: Path, rounds: int) -> None:
    """Print both senders' best rounds against one server."""
    context = get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=server, args=(far,), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{near.recv()}"
    theirs, own = [], []
    for _ in range(rounds):
        theirs.append(curl(url, path))
        own.append(ours(url, path, warm))
    process.terminate()
    process.join()
    size = path.stat().st_size / 1024**2
    best, floor = min(sent.seconds for sent in own), min(sent.seconds for sent in theirs)
    cpu, cpu_floor = min(sent.cpu_seconds for sent in own), min(sent.cpu_seconds for sent in theirs)
    grown = max(sent.grown_bytes for sent in own) / 1e6
    print(f"\n{size:.0f} MiB to {name}, best of {rounds} rounds")
    print(f"  {'':6} {'MiB/s':>7} {'of curl':>8} {'cpu ms':>8} {'memory (worst round)':>22}")
    print(f"  {'curl':6} {size / floor:7.0f} {1:8.2f} {cpu_floor * 1000:8.0f}")
    print(f"  {'ours':6} {size / best:7.0f} {floor / best:8.2f} {cpu * 1000:8.0f} {grown:19.1f} MB")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--child", nargs=3, metavar=("URL", "FILE", "WARM"))
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]), Path(given.child[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path, warm = Path(folder) / "large.mp4", Path(folder) / "small.mp4"
        block = os.urandom(1024 * 1024)
        with path.open("wb") as file:
            for _ in range(given.mebibytes):
                file.write(block)
        warm.write_bytes(block)
        compare("a server that takes the form apart", stand_in, path, warm, given.rounds)
        compare("a server that only counts", serve, path, warm, given.rounds)


if __name__ == "__main__":
    main()
