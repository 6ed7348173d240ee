"""A real engine, a real ledger, the stand-in EvoLink over real sockets, small real files."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.settings import Settings, load_settings
from tests.stub import Stub, Timeline
from tests.stub.plugin import clip, stub  # noqa: F401  pytest finds fixtures by their names here

from .material import inputs, make_image, make_video

KEY = "sk-owner-0123456789abcdef"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that the vendor takes."""
    return make_image(tmp_path_factory.mktemp("material") / "character.png")


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 4 s video that the vendor takes."""
    return make_video(tmp_path_factory.mktemp("material") / "dance.mp4", seconds=4)


@pytest.fixture
def order(image: Path, video: Path) -> OrderInputs:
    return inputs(image, video, prompt="A dance")


@pytest.fixture(scope="session")
def used_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after its first start, at which the engine takes a second longer until it works."""
    folder = tmp_path_factory.mktemp("used") / "data"
    jobs = Jobs(load_settings(_env_file=None, data_dir=folder))
    jobs.launch()
    jobs.close()
    return folder


@pytest.fixture
def live(stub: Stub, tmp_path: Path, used_before: Path) -> Settings:  # noqa: F811  the fixture imported above
    """Settings that send orders to the stand-in, which takes a moment for each."""
    stub.timeline = Timeline(seconds=0.2, video_seconds=4.0)
    shutil.copytree(used_before, tmp_path / "data")
    return live_settings(stub, tmp_path / "data")


def live_settings(stub: Stub, data_dir: Path) -> Settings:  # noqa: F811  the fixture imported above
    """The owner's settings, read anew."""
    return load_settings(
        _env_file=None,
        api_key=KEY,
        base_url=stub.base_url,
        files_url=stub.files_url,
        data_dir=data_dir,
        allow_private_urls=True,
    )


def _shut(jobs: Jobs) -> None:
    """Close an engine that has written down the end of each job that ended: it complains of being cut short there."""
    give_up_at = time.monotonic() + 5
    with suppress(
        SQLAlchemyError, dbos_error.DBOSException
    ):  # a test may have closed it already, or taken its database away
        while time.monotonic() < give_up_at:
            at_work = {run.workflow_id for run in DBOS.list_workflows(status="PENDING", load_input=False)}
            if at_work <= {job.workflow_id for job in jobs._ledger.unfinished()}:
                break
            time.sleep(0.02)
    jobs.close()


@pytest.fixture
def launch() -> Iterator[Callable[..., Jobs]]:
    """Start an engine; the one before, if any, is closed first (DBOS is one per process)."""
    running: list[Jobs] = []

    def start(settings: Settings, **options: Any) -> Jobs:
        while running:
            with ThreadPoolExecutor(1) as thread:  # the engine's blocking calls refuse a thread with an event loop
                thread.submit(_shut, running.pop()).result()
        jobs = Jobs(settings, **{"min_poll_seconds": 0.05, **options})
        with ThreadPoolExecutor(1) as thread:  # as in the app, where no event loop runs yet
            thread.submit(jobs.launch).result()
        running.append(jobs)
        return jobs

    yield start
    while running:
        _shut(running.pop())


@pytest.fixture
async def jobs(live: Settings, launch: Callable[..., Jobs]) -> AsyncIterator[Jobs]:
    """An engine with the stand-in as its vendor."""
    yield launch(live)


@pytest.fixture
def ended(jobs: Jobs) -> Callable[[str], Awaitable[Job]]:
    """Wait until a job is not active any more."""

    async def wait(job_id: str) -> Job:
        return await until(jobs, job_id, lambda job: not job.is_active)

    return wait


async def until(jobs: Jobs, job_id: str, reached: Callable[[Job], bool], *, seconds: float = 30.0) -> Job:
    """Look at a job until something is true of it."""
    give_up_at = time.monotonic() + seconds
    while not reached(job := await jobs.get(job_id)):
        assert time.monotonic() < give_up_at, f"the job is still {job.state}: {job}"
        await asyncio.sleep(0.02)
    return job


def in_state(*states: State) -> Callable[[Job], bool]:
    """For `until`."""
    return lambda job: job.state in states
