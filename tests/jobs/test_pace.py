"""How many looks go out, from one process or several, and how late they are."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import Engine

from evolink_ui.jobs import Jobs, OrderInputs
from evolink_ui.jobs.pace import Lateness, Pace
from evolink_ui.jobs.replicas import Replicas
from evolink_ui.jobs.tables import changing, metadata, open_engine
from evolink_ui.jobs.wire import NewsWire
from evolink_ui.settings import Settings
from tests.postgres import postgres, postgres_server
from tests.stub import Stub, Timeline, hang

from .conftest import until

READ = httpx.Request("GET", "https://example.com", extensions={"evolink_ui.is_read": True})


class Watch:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def departures(pace: Pace, watch: Watch, number: int) -> list[float]:
    times = []
    for _ in range(number):
        await pace.before_read(READ)
        times.append(watch.now)
    return times


async def test_no_second_sees_more_looks_than_allowed_also_after_a_pause() -> None:
    watch = Watch()
    pace = Pace(10.0, clock=watch, sleep=watch.sleep)
    first = await departures(pace, watch, 30)
    watch.now += 60
    times = first + await departures(pace, watch, 30)
    assert max(sum(start <= moment < start + 0.999 for moment in times) for start in times) == 10


async def test_the_paid_post_never_waits() -> None:
    watch = Watch()
    pace = Pace(0.001, clock=watch, sleep=watch.sleep)
    for _ in range(3):
        await pace.before_read(httpx.Request("POST", "https://example.com"))
    assert watch.now == 0


async def test_each_of_several_processes_takes_its_part() -> None:
    watch = Watch()
    pace = Pace(10.0, clock=watch, sleep=watch.sleep)
    pace.share_among(4)
    assert await departures(pace, watch, 3) == pytest.approx([0.0, 0.4, 0.8])
    pace.share_among(0)  # cannot be: this one lives
    await departures(pace, watch, 1)
    assert await departures(pace, watch, 2) == pytest.approx([1.3, 1.4])


@pytest.fixture
def database() -> Iterator[Engine]:
    with postgres() as url:
        engine = open_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with changing(engine) as connection:
            metadata.create_all(connection)
        yield engine
        engine.dispose()


def grow_old(database: Engine) -> None:
    with changing(database) as connection:
        connection.exec_driver_sql("update replicas set beat_at = beat_at - interval '7 s'")


def test_processes_on_one_database_count_each_other_and_bury_the_dead_but_not_after_an_outage_for_all(
    database: Engine,
) -> None:
    heard: dict[str, list[int]] = {"a": [], "b": []}
    buried: list[str] = []
    watch = Watch()
    one, two = (Replicas(database, name, buried.extend, count=heard[name].append, clock=watch) for name in heard)
    one.announce()
    two.announce()
    one.announce()
    assert heard == {"a": [1, 2], "b": [2]}
    for _ in range(3):  # time for the others to show that they live
        watch.now += 2
        one.announce()
    grow_old(database)
    watch.now += 7  # all of them were cut off
    one._bury()
    one.announce()
    one._bury()
    assert buried == []
    two.announce()
    for _ in range(3):
        watch.now += 2
        one.announce()
    one._bury()
    assert buried == []
    grow_old(database)  # this time it is only the other one
    one.announce()
    one._bury()
    assert (heard["a"][-1], buried) == (1, ["b"])


def test_news_reach_the_process_that_follows_the_job_also_after_an_outage() -> None:
    with postgres_server() as server:
        engine = open_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
        heard: queue.Queue[str] = queue.Queue()
        wire = NewsWire(engine, heard.put)
        wire.start()
        for job_id in ("before", "after"):
            give_up_at = time.monotonic() + 20
            while heard.empty():  # it begins to listen within moments
                assert time.monotonic() < give_up_at
                wire.send(job_id)
                time.sleep(0.1)
            assert heard.get() == job_id
            server.stop()
            server.start()
            while not heard.empty():
                heard.get()
        wire.close()
        engine.dispose()


async def test_lateness_is_that_of_the_latest_look_that_is_due() -> None:
    watch = Watch()

    async def no_time(_seconds: float) -> None:
        return None

    lateness = Lateness(clock=watch, sleep=no_time)
    assert lateness.seconds() == 0
    await lateness.pause("a")(5.0)
    await lateness.pause("b")(1.0)
    assert lateness.seconds() == 0
    watch.now = 8.0
    assert lateness.seconds() == 7.0
    lateness.looked("b")
    assert lateness.seconds() == 3.0
    lateness.looked("a")
    lateness.looked("nobody")
    assert lateness.seconds() == 0


async def test_health_tells_the_line_and_how_late_the_looks_are(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"max_active_jobs_per_visitor": 1}))
    stub.timeline = Timeline(seconds=60)
    first = await jobs.start(order, visitor="anna")
    await until(jobs, first.id, lambda _: bool(stub.orders and stub.orders[0].looks))
    second = await jobs.start(order, visitor="anna")
    health = await jobs.health()
    assert (health["ok"], health["waiting"], health["jobs"]["running"]) == (True, 1, 1)
    stub.fail("task", hang(), times=9)
    await jobs.callback(first.id, jobs._callbacks.token(first.id))  # or the next look would be seconds away
    give_up_at = time.monotonic() + 60
    while (await jobs.health())["follower_lag_seconds"] < 0.3:
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.05)
    await jobs.stop(second.id)
    await jobs.stop(first.id)
