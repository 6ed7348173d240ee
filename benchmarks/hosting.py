"""Picture and video on their way together, and what 100 MB to an S3-compatible store cost in time and memory.

    python -m benchmarks.hosting [--rounds 3]

First table: one job's files go to a server that takes 20 MB/s a connection and answers 0.2 s after the last byte, by
the app's own way (hashing, ledger and all): the picture alone, the video alone, both. Second table: one file to a real
S3-compatible server (moto's, a process of its own), each way in a fresh process after a small first upload; `memory` is
the growth of its resident peak. The best round of each counts, because the machine is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from evolink_ui.hosting import LocalFile
from evolink_ui.hosting.bucket import Bucket
from evolink_ui.hosting.s3 import S3Host
from evolink_ui.jobs.files import JobFiles
from evolink_ui.jobs.keys import KeySafe
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.pace import Pace
from evolink_ui.jobs.shipping import Shipping
from evolink_ui.jobs.vendor import Vendor
from evolink_ui.settings import load_settings

MEGABYTE = 1_000_000
PICTURE_BYTES, VIDEO_BYTES = 10 * MEGABYTE, 40 * MEGABYTE
BYTES_PER_SECOND = 20 * MEGABYTE
ANSWER_SECONDS = 0.2
LARGE_BYTES = 100 * MEGABYTE
SMALL_BYTES = 300_000
PIECE_BYTES = 256 * 1024
START_SECONDS = 60.0
REGION, ACCESS_KEY_ID, SECRET_ACCESS_KEY = "us-east-1", "AKIDEXAMPLE", "example"
BUCKET = "benchmark"


# ---- picture and video together ----


def throttled(pipe: Connection) -> None:
    """The vendor's files host on a slow line, for ever."""
    asyncio.run(_throttled(pipe))


async def _throttled(pipe: Connection) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        left, started, taken = int(head.split("content-length: ")[1].split("\r\n")[0]), time.monotonic(), 0
        while taken < left:
            taken += len(await reader.read(min(PIECE_BYTES, left - taken)))
            await asyncio.sleep(max(0.0, started + taken / BYTES_PER_SECOND - time.monotonic()))
        await asyncio.sleep(ANSWER_SECONDS)
        name = os.urandom(8).hex()
        data = {"file_id": name, "file_url": f"https://files.example.com/{name}", "file_size": left}
        body = json.dumps({"success": True, "code": 200, "msg": "ok", "data": data}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def together(folder: Path, files_url: str, rounds: int) -> dict[str, float]:
    """Seconds of the picture alone, the video alone and both."""
    settings = load_settings(_env_file=None, api_key="sk-benchmark", files_url=files_url, data_dir=folder)
    ledger, safe = Ledger(settings.sqlalchemy_url), KeySafe(settings.secret_key)
    vendor = Vendor(settings, safe, None, Pace(10.0), min_poll_seconds=2.0)
    shipping = Shipping(settings, ledger, safe, JobFiles(folder))
    best: dict[str, float] = {}
    for number in range(rounds):
        for what, image, video in (("picture", True, False), ("video", False, True), ("both", True, True)):
            name = f"{what}-{number}"
            (folder / name).mkdir()
            (folder / name / "image.png").write_bytes(os.urandom(PICTURE_BYTES))  # new bytes: nothing is found again
            (folder / name / "video.mp4").write_bytes(os.urandom(VIDEO_BYTES))
            job = ledger.add(
                id=name,
                visitor="benchmark",
                mode="live",
                state="hosting",
                request={},
                idempotency_key=name,
                image_name="image.png" if image else None,
                video_name="video.mp4" if video else None,
                video_seconds=4.0,
                credits_estimated=1.0,
            )
            started = time.perf_counter()
            await shipping.ship(job, vendor)
            best[what] = min(best.get(what, 1e9), time.perf_counter() - started)
    await vendor.close()
    ledger.close()
    return best


# ---- 100 MB to a store ----


async def ours(endpoint: str, path: Path) -> None:
    """As the app does it."""
    bucket = Bucket(
        endpoint=endpoint,
        region=REGION,
        name=BUCKET,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )
    await S3Host(bucket).put(LocalFile(path, "video", "benchmark"))


async def by_obstore(endpoint: str, path: Path) -> None:
    """obstore's own put, in parts."""
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=endpoint,
        region=REGION,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    await obstore.put_async(store, f"obstore-{path.name}", path)


async def by_boto3(endpoint: str, path: Path) -> None:
    """boto3's upload_file, in parts and threads."""
    import boto3  # type: ignore[import-untyped]  # has no types

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    await asyncio.to_thread(client.upload_file, str(path), BUCKET, f"boto3-{path.name}")


WAYS: dict[str, Callable[[str, Path], Any]] = {"ours": ours, "obstore.put": by_obstore, "boto3": by_boto3}


async def one(way: str, endpoint: str, folder: Path) -> None:
    """Upload the small file, then the large one; print seconds and megabytes."""
    started = time.perf_counter()
    await WAYS[way](endpoint, folder / "small.mp4")
    first_seconds = time.perf_counter() - started
    before_bytes = peak_bytes(reset=True)
    started = time.perf_counter()
    await WAYS[way](endpoint, folder / "large.mp4")
    seconds = time.perf_counter() - started
    grown = (peak_bytes() - before_bytes) / MEGABYTE
    print(json.dumps({"first": first_seconds, "seconds": seconds, "memory": grown}))


def peak_bytes(*, reset: bool = False) -> int:
    """The highest resident size of this process, or since a reset; Linux only (getrusage keeps the parent's)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def s3_server() -> Any:
    """Moto's server with one bucket; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                assert httpx.put(f"http://127.0.0.1:{port}/{BUCKET}").is_success
                break
            except httpx.TransportError:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("WAY", "ENDPOINT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, endpoint, folder = options.one
        asyncio.run(one(way, endpoint, Path(folder)))
        return

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        here, there = get_context("spawn").Pipe()
        slow = get_context("spawn").Process(target=throttled, args=(there,), daemon=True)
        slow.start()
        stack.callback(slow.terminate)
        best = asyncio.run(together(folder, f"http://127.0.0.1:{here.recv()}", options.rounds))
        slower = max(best["picture"], best["video"])
        print(f"{'one job':<16}{'MB':>6}{'s':>8}{'x slower one':>14}")
        for what, size in (("picture", PICTURE_BYTES), ("video", VIDEO_BYTES), ("both", PICTURE_BYTES + VIDEO_BYTES)):
            print(f"{what:<16}{size / MEGABYTE:>6.0f}{best[what]:>8.2f}{best[what] / slower:>14.2f}")

        (folder / "small.mp4").write_bytes(os.urandom(SMALL_BYTES))
        with (folder / "large.mp4").open("wb") as large:
            for _ in range(LARGE_BYTES // MEGABYTE):
                large.write(os.urandom(MEGABYTE))
        endpoint = stack.enter_context(s3_server())
        print(f"\n{'100 MB to S3':<16}{'s':>6}{'memory, MB':>14}{'first small, s':>16}")
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.hosting", "--one", way, endpoint, str(folder)]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(options.rounds)]
            seconds, memory, first = (min(run[name] for run in runs) for name in ("seconds", "memory", "first"))
            print(f"{way:<16}{seconds:>6.2f}{memory:>14.1f}{first:>16.2f}")


if __name__ == "__main__":
    main()
