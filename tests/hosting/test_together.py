"""Several processes, each with a disk of its own: the store keeps the files, so any of them can do anything."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolink_ui.hosting import LocalFile
from evolink_ui.hosting.bucket import Bucket as S3Bucket
from evolink_ui.jobs import JobError, Jobs, OrderInputs, State
from evolink_ui.jobs.faults import NOT_SAVED_YET
from evolink_ui.jobs.files import YOUNG_SECONDS, JobFiles, StoreTrouble
from evolink_ui.settings import Settings
from tests.jobs.conftest import until
from tests.loopback import python_path
from tests.postgres import postgres
from tests.stub import Stub, Timeline, answer

from .conftest import KEY, Bucket, Clock, read

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
TAKEOVER_SECONDS = 15.0  # promised
NOWHERE = Bucket("http://127.0.0.1:9", "nothing-listens-there")


async def at_once(_seconds: float) -> None:
    """No pause."""


def opened(bucket: Bucket) -> S3Bucket:
    """The bucket as the app opens it."""
    settings = bucket.settings()
    return S3Bucket(
        endpoint=settings["s3_endpoint"],
        region="us-east-1",
        name=settings["s3_bucket"],
        access_key_id=settings["s3_access_key_id"],
        secret_access_key=settings["s3_secret_access_key"],
        sleep=at_once,
    )


@pytest.fixture
def here(bucket: Bucket, tmp_path: Path) -> JobFiles:
    return JobFiles(tmp_path / "here", opened(bucket), instance="i")


@pytest.fixture
def there(bucket: Bucket, tmp_path: Path) -> JobFiles:
    return JobFiles(tmp_path / "there", opened(bucket), instance="i")


def made(files: JobFiles, job_id: str, name: str, content: bytes) -> Path:
    folder = files.of(job_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


async def test_what_one_process_keeps_another_one_has_when_it_asks(here: JobFiles, there: JobFiles) -> None:
    content = os.urandom(700_000)
    await here.keep([made(here, "a", "result.mp4", content), made(here, "a", "poster.jpg", b"poster")])
    asked = there.of("a") / "result.mp4"
    assert all(await asyncio.gather(*(there.bring(asked) for _ in range(5))))
    assert asked.read_bytes() == content
    assert [path.name for path in there.of("a").iterdir()] == ["result.mp4"]
    assert not await there.bring(there.of("a") / "image.png")
    assert not await there.bring(there.of("nobody") / "poster.jpg")


async def test_without_a_store_the_folder_is_all_there_is(tmp_path: Path) -> None:
    alone = JobFiles(tmp_path)
    path = made(alone, "a", "poster.jpg", b"poster")
    await alone.keep([path])
    assert alone.kept_as(path) is None
    assert await alone.bring(path)
    assert not await alone.bring(path.with_name("result.mp4"))


async def test_a_large_file_is_held_in_memory_on_neither_way(here: JobFiles, there: JobFiles) -> None:
    path = made(here, "a", "video.mp4", os.urandom(24_000_000))
    await here.keep([made(here, "a", "poster.jpg", b"poster")])  # what is imported once is not counted
    tracemalloc.start()
    try:
        await here.keep([path])
        assert await there.bring(there.of("a") / "video.mp4")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert (there.of("a") / "video.mp4").stat().st_size == 24_000_000


async def test_deleted_files_are_gone_here_and_in_the_store(here: JobFiles, there: JobFiles, bucket: Bucket) -> None:
    for job_id in ("a", "ab"):
        await here.keep([made(here, job_id, "poster.jpg", b"poster")])
    await asyncio.to_thread(here.remove, "a")
    assert not here.of("a").exists()
    assert not await there.bring(there.of("a") / "poster.jpg")
    assert bucket.keys() == ["evolink-ui-jobs/i/ab/poster.jpg"]


async def test_leftovers_are_swept_but_neither_young_ones_nor_another_apps(bucket: Bucket, tmp_path: Path) -> None:
    clock = Clock(time.time())
    ours = JobFiles(tmp_path / "ours", opened(bucket), instance="ours", clock=clock)
    theirs = JobFiles(tmp_path / "theirs", opened(bucket), instance="theirs")
    for files in (ours, theirs):
        await files.keep([made(files, name, "poster.jpg", b"poster") for name in ("known", "orphan")])
    await asyncio.to_thread(ours.sweep, lambda: {"known"})
    assert len(bucket.keys()) == 4
    clock.now += YOUNG_SECONDS + 60
    await asyncio.to_thread(ours.sweep, lambda: {"known"})
    assert not ours.of("orphan").exists()
    assert bucket.keys() == [
        "evolink-ui-jobs/ours/known/poster.jpg",
        "evolink-ui-jobs/theirs/known/poster.jpg",
        "evolink-ui-jobs/theirs/orphan/poster.jpg",
    ]


async def test_a_store_that_refuses_or_is_away_is_said_so_and_leaves_no_half_files(stub: Stub, tmp_path: Path) -> None:
    files = JobFiles(tmp_path, opened(Bucket(stub.files_url, "files")), instance="i")
    path = made(files, "a", "poster.jpg", b"poster")
    stub.fail("file", answer(403), answer(503), answer(503), answer(503), answer(503), answer(403))
    for code in ("store_denied", "store_unreachable"):
        with pytest.raises(StoreTrouble) as caught:
            await files.keep([path])
        assert caught.value.code == code
    with pytest.raises(StoreTrouble):
        await files.bring(path.with_name("result.mp4"))
    assert [found.name for found in files.of("a").iterdir()] == ["poster.jpg"]
    files.remove("a")  # the store isn't one: that is noted and swept another time
    assert not files.of("a").exists()


async def test_an_input_in_the_store_is_copied_there_for_the_vendor_and_not_sent_twice(
    bucket: Bucket, here: JobFiles
) -> None:
    path = made(here, "a", "image.png", b"\x89PNG\r\n\x1a\n" + bytes(1000))
    await here.keep([path])
    heard: list[int] = []
    kept = LocalFile(path, "image", "a", here.kept_as(path))
    hosted = await bucket.host().put(kept, on_progress=heard.append)
    assert heard == [1008]  # at once, not piece by piece
    assert (await read(hosted.url)).content == path.read_bytes()
    here.remove("a")
    assert (await read(hosted.url)).status_code == 200, "the vendor's copy is its own"


async def test_where_the_store_cannot_copy_the_file_is_sent(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    hosted = await bucket.host().put(LocalFile(path, "image", "a", "evolink-ui-jobs/i/a/lost.png"))
    assert (await read(hosted.url)).content == path.read_bytes()


async def test_an_order_that_the_store_does_not_take_is_refused_and_costs_nothing(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live)
    jobs._files._bucket = opened(NOWHERE)
    with pytest.raises(JobError) as caught:
        await jobs.start(order, visitor="anna")
    assert (caught.value.code, caught.value.status) == ("store_unreachable", 503)
    assert await jobs.history("anna") == []
    assert not any((live.data_dir / "jobs").iterdir())
    assert stub.paid == 0


async def test_a_result_that_the_store_does_not_take_is_offered_again_until_it_does(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, bucket: Bucket, order: OrderInputs
) -> None:
    jobs = launch(live)
    jobs._files._bucket = opened(bucket)
    stub.timeline = Timeline(seconds=60, video_seconds=4.0)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, lambda job: job.state is State.RUNNING)
    jobs._files._bucket = opened(NOWHERE)
    stub.orders[0].timeline = Timeline(seconds=0.0, video_seconds=4.0)
    await jobs.callback(job.id, jobs._callbacks.token(job.id))
    waiting = await until(jobs, job.id, lambda job: job.notice is not None)
    assert (waiting.state, waiting.notice) == (State.SAVING, NOT_SAVED_YET)
    jobs._files._bucket = opened(bucket)
    done = await until(jobs, job.id, lambda job: not job.is_active)
    assert (done.state, done.notice) == (State.DONE, None)
    assert stub.requests("result") == 1, "it is here: only the store has to be asked again"
    kept = bucket.keys()
    assert {name.rsplit("/", 1)[1] for name in kept} == {"image.png", "video.mp4", "poster.jpg", "result.mp4"}
    await jobs.delete(job.id)
    assert bucket.keys() == []


class Replica:
    """A process with a disk of its own."""

    def __init__(self, environment: dict[str, str], data_dir: Path, image: Path, video: Path) -> None:
        self._command = [sys.executable, "-m", "tests.hosting.replica", str(image), str(video)]
        self._environment = {**environment, "EVOLINK_UI_DATA_DIR": str(data_dir)}
        self.process: subprocess.Popen[str] | None = None

    def start_up(self) -> None:
        self.process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        word, port = self.process.stdout.readline().split()
        assert word == "ready"
        self.url = f"http://127.0.0.1:{port}"

    def order(self) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/start", timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        view: dict[str, Any] = answer.json()
        return view

    def look(self, job_id: str) -> dict[str, Any]:
        view: dict[str, Any] = httpx.get(f"{self.url}/jobs/{job_id}", timeout=10).json()
        return view

    def kill(self) -> None:
        if self.process and self.process.stdout:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"still not true after {seconds} s"
        time.sleep(0.05)


def test_a_replica_serves_and_finishes_what_another_one_began_without_a_shared_disk(
    stub: Stub, bucket: Bucket, image: Path, video: Path, clip: bytes, tmp_path: Path
) -> None:
    with postgres() as database, ExitStack() as stack:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": python_path(ROOT),
            "EVOLINK_API_KEY": KEY,
            "EVOLINK_BASE_URL": stub.base_url,
            "EVOLINK_FILES_URL": stub.files_url,
            "EVOLINK_UI_DATABASE_URL": database,
            "EVOLINK_UI_SECRET": "the same long text for all of them",
            "EVOLINK_UI_HOSTING": "s3",
            "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
            "EVOLINK_UI_MAX_ACTIVE_JOBS_PER_VISITOR": "1",
            **{f"EVOLINK_UI_{name.upper()}": value for name, value in bucket.settings().items()},
        }
        doomed, survivor = (Replica(environment, tmp_path / name, image, video) for name in ("doomed", "survivor"))
        stack.callback(doomed.kill)
        doomed.start_up()

        stub.timeline = Timeline(seconds=0.2, video_seconds=4.0)
        done = doomed.order()["id"]
        wait_for(lambda: doomed.look(done)["state"] == "done")
        stub.timeline = Timeline(seconds=600.0, video_seconds=4.0)
        running = doomed.order()["id"]
        wait_for(lambda: doomed.look(running)["state"] == "running")
        waiting = doomed.order()["id"]

        stack.callback(survivor.kill)
        survivor.start_up()  # only now, so that none of these is its own
        view = survivor.look(done)
        assert httpx.get(f"{survivor.url}/{view['poster_url']}").headers["content-type"] == "image/jpeg"
        result = f"{survivor.url}/{view['result']['url']}"
        part = httpx.get(result, headers={"Range": "bytes=5-24"})
        assert (part.status_code, part.content) == (206, clip[5:25])
        assert httpx.get(result).content == clip
        assert httpx.get(f"{survivor.url}/{view['reference_url']}").content == video.read_bytes()

        assert [survivor.look(job_id)["state"] for job_id in (running, waiting)] == ["running", "queued"]
        stub.orders[1].timeline = stub.timeline = Timeline(seconds=0.2, video_seconds=4.0)
        looks = stub.orders[1].looks
        doomed.kill()
        wait_for(lambda: stub.orders[1].looks > looks, TAKEOVER_SECONDS)
        for job_id in (running, waiting):
            wait_for(lambda job_id=job_id: survivor.look(job_id)["state"] == "done")  # type: ignore[misc]
            view = survivor.look(job_id)
            assert httpx.get(f"{survivor.url}/{view['result']['url']}").content == clip
        assert stub.paid == 3
        assert stub.requests("upload") == 0
