"""The database goes away while jobs are in line, running and being saved, and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from dbos import DBOS, StepOptions
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from evolink_ui.jobs import JobError, Jobs, OrderInputs, State
from evolink_ui.settings import Settings
from evolink_ui.web.routes import build_routes
from evolink_ui.web.signing import FileLinks
from tests.postgres import postgres_server
from tests.stub import Stub, Timeline, hang

from .conftest import in_state, until

OUTAGE_SECONDS, LONG_OUTAGE_SECONDS = 3.0, 45.0


async def outage(live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, seconds: float) -> None:
    with postgres_server() as database:
        jobs = launch(live.model_copy(update={"database_url": database.url, "max_active_jobs_per_visitor": 1}))
        try:
            stub.timeline = Timeline(seconds=seconds + 1, video_seconds=4.0)
            running = await jobs.start(order, visitor="anna")
            await until(jobs, running.id, in_state(State.RUNNING))
            waiting = await jobs.start(order, visitor="anna")
            stub.timeline = Timeline(seconds=0.0, video_seconds=4.0)
            stub.fail("result", hang(seconds / 2))
            saving = await jobs.start(order, visitor="ben")
            await until(jobs, saving.id, in_state(State.SAVING))
            assert (await jobs.get(waiting.id)).state is State.QUEUED

            await asyncio.to_thread(database.stop)
            page = Starlette(routes=build_routes(jobs, FileLinks(b"secret"), private=False))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://page") as browser:
                look = await browser.get(f"/jobs/{running.id}")
                call = await browser.post(f"/callbacks/evolink/{running.id}/{jobs._callbacks.token(running.id)}")
            assert (look.status_code, look.json()["error"]["code"]) == (503, "database_away")
            assert call.status_code == 204, "the vendor doesn't wait for our database"
            for question in (jobs.get(running.id), jobs.start(order, visitor="cleo"), jobs.health()):
                with pytest.raises(JobError) as caught:
                    await question
                assert (caught.value.code, caught.value.status) == ("database_away", 503)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(database.start)

            for job in (running, waiting, saving):
                done = await until(jobs, job.id, lambda job: not job.is_active, seconds=60 + seconds)
                assert done.state is State.DONE, done.fault
            later = await jobs.start(order, visitor="cleo")
            assert (await until(jobs, later.id, lambda job: not job.is_active)).state is State.DONE
            assert [job.id for job in await jobs.history("cleo")] == [later.id]
            assert len(list((live.data_dir / "jobs").iterdir())) == 4
        finally:
            await asyncio.to_thread(jobs.close)
            jobs.close = lambda: None  # type: ignore[method-assign]  # closed already, before its database
    posts = Counter(seen.headers["idempotency-key"] for seen in stub.seen if seen.place == "order")
    assert set(posts.values()) == {1}
    assert stub.paid == 4


async def test_jobs_outlive_an_outage_of_the_database(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    await outage(live, launch, stub, order, OUTAGE_SECONDS)


@pytest.mark.parametrize("begun", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["host", "submit", "follow", "keep"])
async def test_a_failure_of_the_engines_database_at_any_step_stops_no_job_and_orders_nothing_twice(
    step: str, begun: bool, jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_step, failures = DBOS.run_step_async, [OperationalError("update", {}, QueryCanceled("too slow"))]

    async def run_or_fail(options: StepOptions, *args: Any) -> None:
        if begun:
            await run_step(options, *args)
        if options["name"] == step and failures:
            raise failures.pop()
        if not begun:
            await run_step(options, *args)

    monkeypatch.setattr(DBOS, "run_step_async", run_or_fail)
    job = await jobs.start(order, visitor="anna")
    done = await until(jobs, job.id, lambda job: not job.is_active and not failures)
    assert done.state is State.DONE, done.fault
    assert stub.paid == 1


@pytest.mark.soak
async def test_jobs_outlive_a_long_outage_of_the_database(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    await outage(live, launch, stub, order, LONG_OUTAGE_SECONDS)
