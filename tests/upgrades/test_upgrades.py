"""A database of any earlier version opens, shows its jobs, and has its paid ones finished."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from evolink_ui.jobs import Jobs, OrderInputs, State
from evolink_ui.jobs.job import JobError
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import instance, jobs, metadata, schema_version
from evolink_ui.settings import Settings
from tests.jobs.conftest import until
from tests.postgres import Server, postgres_server
from tests.stub import Order, Stub, Timeline

HERE = Path(__file__).parent
SHAPES = sorted(path.name.removesuffix(".sqlite.sql") for path in HERE.glob("*.sqlite.sql"))
ENDS = {
    "running": State.RUNNING,
    "done": State.DONE,
    "refused": State.FAILED,
    "unknown": State.UNKNOWN,
    "stopped": State.STOPPED,
    "given_up": State.FAILED,
    "own": State.STOPPED,
    "waiting": State.QUEUED,
}
ORDERED_ON = date(2026, 11, 23)
CHARGED = {"refused": "no", "unknown": "unknown", "stopped": "yes", "given_up": "unknown", "own": "yes"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Make the database of a shape, on SQLite and on PostgreSQL; gives its URL."""

    def make(shape: str) -> str:
        if request.param == "sqlite":
            load_sqlite(f"{shape}.sqlite", tmp_path / "evolink_ui.sqlite")
            return f"sqlite:///{tmp_path / 'evolink_ui.sqlite'}"
        return load_postgres(shape, request.getfixturevalue("server"))

    return make


def load_sqlite(name: str, path: Path, changes: Mapping[str, str] | None = None) -> None:
    for older in path.parent.glob(f"{path.name}*"):
        older.unlink()
    database = sqlite3.connect(path)
    script = (HERE / f"{name}.sql").read_text()
    for text_then, text_now in (changes or {}).items():
        assert text_then in script
        script = script.replace(text_then, text_now)
    database.executescript(script)
    database.close()


def load_postgres(shape: str, server: Server) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("drop schema if exists dbos cascade")
        connection.execute("create schema public")
        connection.execute((HERE / f"{shape}.postgresql.sql").read_bytes())
    return server.url.replace("postgresql://", "postgresql+psycopg://")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_database_of_any_earlier_version_becomes_like_a_new_one(load: Callable[[str], str], shape: str) -> None:
    ledger = Ledger(load(shape))
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.scalar(select(schema_version.c.version)) == 2  # apps from before Alembic know 1, and refuse
        charged = {row.id: row.charged for row in connection.execute(select(jobs.c.id, jobs.c.charged))}
        assert connection.scalar(select(instance.c.id)) == ledger.instance
    found = {job.id: job for job in ledger.history("anna", states=[], search="", limit=50, offset=0)}
    assert {name: job.state for name, job in found.items()} == ENDS
    assert charged == {name: CHARGED.get(name) for name in ENDS}
    assert [name for name, job in found.items() if job.own_key] == ["own"]
    assert {name: job.household for name, job in found.items()} == dict.fromkeys(ENDS, "anna")
    # Ordered and not refused: three that may still be charged 32.652, two that were or will be, one own key's.
    (total,) = ledger.spend_book.by_day(ORDERED_ON, ORDERED_ON).values()
    assert (round(total.owners_key, 3), round(total.visitors_keys, 3), total.posts) == (4 * 32.652 + 32.6, 32.652, 7)
    assert found["running"].task_id == "task-unified-1795413600-running"
    ledger.close()


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_page_shows_the_jobs_and_a_paid_one_is_finished(
    live: Settings,
    launch: Callable[..., Jobs],
    stub: Stub,
    clip: bytes,
    shape: str,
) -> None:
    load_sqlite(f"{shape}.sqlite", live.data_dir / "evolink_ui.sqlite")
    await assert_it_is_finished(launch(live.model_copy(update={"keep_days": 100_000})), stub, clip)


async def test_on_postgresql_too(
    live: Settings,
    launch: Callable[..., Jobs],
    stub: Stub,
    clip: bytes,
    server: Server,
) -> None:
    load_postgres(SHAPES[0], server)
    settings = live.model_copy(update={"database_url": server.url, "keep_days": 100_000})
    await assert_it_is_finished(launch(settings), stub, clip)


async def assert_it_is_finished(app: Jobs, stub: Stub, clip: bytes) -> None:
    running = "task-unified-1795413600-running"
    stub.orders.append(ordered(running))
    done = await until(app, "running", lambda job: job.state is State.DONE)
    assert app.result_path(done).read_bytes() == clip
    shown = {job.id: await app.show(job) for job in await app.history("anna")}
    assert {name: shown[name]["state"] for name in ("done", "unknown", "own")} == {
        "done": "done",
        "unknown": "unknown",
        "own": "stopped",
    }
    assert shown["refused"]["error"]["charged"] == "no"
    assert shown["running"]["task_id"] == running
    # Its files are not in this folder: it ends in words, and without an order.
    lost = await until(app, "waiting", lambda job: not job.is_active)
    assert lost.fault and lost.fault.code == "files_lost"
    assert stub.requests("order") == 0


async def test_an_order_that_ran_when_the_first_version_was_killed_goes_on(
    live: Settings,
    launch: Callable[..., Jobs],
    stub: Stub,
    clip: bytes,
) -> None:
    load_sqlite("killed-9ecbcdb.ledger", live.data_dir / "evolink_ui.sqlite")
    load_sqlite("killed-9ecbcdb.engine", live.data_dir / "engine.sqlite")
    stub.orders.append(ordered("task-unified-1795878427-000000"))
    app = launch(live.model_copy(update={"keep_days": 100_000}))
    done = await until(app, "PWu1BIdW2eLKToU5YiC0Zw", lambda job: job.state is State.DONE)
    assert app.result_path(done).read_bytes() == clip
    assert done.run == 1, "the engine's own run went on"
    assert stub.requests("order") == 0


async def test_so_does_one_of_a_process_that_had_a_name_of_its_own(
    live: Settings, launch: Callable[..., Jobs], stub: Stub
) -> None:
    """The first versions took their process's name from EVOLINK_UI_REPLICA, and DBOS takes up only runs of its own."""
    load_sqlite("killed-9ecbcdb.ledger", live.data_dir / "evolink_ui.sqlite")
    load_sqlite("killed-9ecbcdb.engine", live.data_dir / "engine.sqlite", {"'local'": "'web-1'"})
    stub.orders.append(ordered("task-unified-1795878427-000000"))
    app = launch(live.model_copy(update={"keep_days": 100_000}))
    assert (await until(app, "PWu1BIdW2eLKToU5YiC0Zw", lambda job: job.state is State.DONE)).run > 1
    assert stub.requests("order") == 0


async def test_so_does_one_of_a_process_on_postgresql_that_never_said_it_lived(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, server: Server, order: OrderInputs
) -> None:
    load_postgres(SHAPES[-1], server)
    settings = live.model_copy(update={"database_url": server.url, "keep_days": 100_000})
    stub.timeline = Timeline(seconds=60.0, video_seconds=4.0)
    app = launch(settings)
    job = await app.start(order, visitor="anna")
    await until(app, job.id, lambda job: job.state is State.RUNNING)
    launch(live)  # closes the one before
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("delete from replicas")  # as a version from before that table
        status = connection.execute("select status from dbos.workflow_status where workflow_uuid = %s", [f"{job.id}.1"])
        assert status.fetchone() == ("PENDING",)
    stub.orders[-1].timeline = Timeline(seconds=0.0, video_seconds=4.0)
    app = launch(settings)
    assert (await until(app, job.id, lambda job: job.state is State.DONE, seconds=5.0)).run > 1
    assert stub.paid == 1


def test_an_app_that_is_older_than_its_database_refuses_in_one_line(load: Callable[[str], str]) -> None:
    url = load(SHAPES[-1])
    ledger = Ledger(url)
    with ledger.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'of_the_future'"))
    ledger.close()
    with pytest.raises(JobError) as caught:
        Ledger(url)
    assert caught.value.code == "database_is_newer"
    assert "of_the_future" in str(caught.value)
    assert "\n" not in str(caught.value)


def ordered(task_id: str) -> Order:
    """A task of the stand-in that was paid before, and is finished."""
    body = {"model": "kling-v3-motion-control"}
    return Order(task_id, None, "", body, Timeline(seconds=0.0, video_seconds=4.0), time.time())
