"""Connections to the database that stop answering without being closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
import pytest
from dbos._utils import retriable_postgres_exception
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from evolink_ui.jobs import Jobs, OrderInputs, State
from evolink_ui.jobs import postgres as bounded
from evolink_ui.jobs.postgres import BoundedConnection, connector
from evolink_ui.jobs.tables import open_engine
from evolink_ui.settings import Settings
from tests.freezing_proxy import FreezingProxy
from tests.postgres import postgres_server
from tests.stub import Stub, Timeline

from .conftest import in_state, until

BACK_TO_WORK_SECONDS = 30.0


async def test_work_goes_on_by_itself_where_every_connection_freezes(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    with postgres_server() as database, FreezingProxy(make_url(database.url).port or 0) as proxy:
        url = make_url(database.url).set(port=proxy.port).render_as_string(hide_password=False)
        jobs = launch(live.model_copy(update={"database_url": url}))
        try:
            stub.timeline = Timeline(seconds=2.0, video_seconds=4.0)
            running = await jobs.start(order, visitor="anna")
            await until(jobs, running.id, in_state(State.RUNNING))
            proxy.freeze()
            frozen_at = time.monotonic()
            while (time.monotonic() - frozen_at) < BACK_TO_WORK_SECONDS:
                try:
                    later = await jobs.start(order, visitor="ben")
                    break
                except Exception:  # noqa: BLE001  a person, too, would press again
                    await asyncio.sleep(0.5)
            for job in (running, later):
                done = await until(jobs, job.id, lambda job: not job.is_active, seconds=BACK_TO_WORK_SECONDS)
                assert done.state is State.DONE, done.fault
            assert time.monotonic() - frozen_at < BACK_TO_WORK_SECONDS
            assert proxy.frozen > 5, "the connections of ledger, engine and listeners were all frozen"
        finally:
            await asyncio.to_thread(jobs.close)
            jobs.close = lambda: None  # type: ignore[method-assign]  # closed already, before its database
    assert stub.paid == 2


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, ten times as short."""
    monkeypatch.setattr(BoundedConnection, "answer_seconds", BoundedConnection.answer_seconds / 10)
    for name in ("STATEMENT_SECONDS", "SILENCE_SECONDS"):
        monkeypatch.setattr(bounded, name, getattr(bounded, name) / 10)


@pytest.mark.usefixtures("hurried")
def test_a_statement_without_an_answer_ends_and_the_next_one_gets_a_new_connection() -> None:
    with postgres_server() as database, FreezingProxy(make_url(database.url).port or 0) as proxy:
        url = make_url(database.url).set(port=proxy.port, drivername="postgresql+psycopg")
        engine = open_engine(url.render_as_string(hide_password=False))
        with engine.connect() as connection:
            connection.execute(text("select 1"))
            proxy.freeze()
            started = time.monotonic()
            with pytest.raises(OperationalError):
                connection.execute(text("select 1"))
            assert time.monotonic() - started < 2 * BoundedConnection.answer_seconds
        with engine.connect() as connection:
            assert connection.scalar(text("select 1")) == 1
        engine.dispose()


@pytest.mark.usefixtures("hurried")
def test_a_connection_that_freezes_while_it_is_set_up_fails_in_a_way_that_the_engine_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with postgres_server() as database, FreezingProxy(make_url(database.url).port or 0) as proxy:
        set_up = bounded._limit

        def freeze_first(connection: BoundedConnection, seconds: float) -> None:
            proxy.freeze()
            set_up(connection, seconds)

        monkeypatch.setattr(bounded, "_limit", freeze_first)
        url = make_url(database.url).set(port=proxy.port)
        engine = create_engine("postgresql+psycopg://", creator=connector(url))
        with pytest.raises(OperationalError) as caught:
            engine.connect()
        assert retriable_postgres_exception(caught.value)
        engine.dispose()


@pytest.mark.usefixtures("hurried")
def test_a_slow_statement_is_ended_by_the_server_and_the_connection_lives_on() -> None:
    with postgres_server() as database, connector(make_url(database.url))() as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(60)")
        connection.rollback()
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.usefixtures("hurried")
def test_a_listener_without_a_time_limit_notices_a_dead_connection() -> None:
    with (
        postgres_server() as database,
        FreezingProxy(make_url(database.url).port or 0) as proxy,
        connector(make_url(database.url).set(port=proxy.port))() as connection,
    ):
        connection.autocommit = True
        connection.execute("listen news")
        proxy.freeze()
        with pytest.raises(psycopg.OperationalError):
            list(connection.notifies())
