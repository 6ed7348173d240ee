"""What ended long ago leaves neither rows nor bytes behind, in the ledger and in the engine."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.sqlite_file import prepare
from evolink_ui.settings import Settings

MANY = 20_000
SWEEP_SECONDS = 300.0  # some 10 s on a quiet machine


def copies(database: sqlite3.Connection, table: str, key: str, source: str, **others: str) -> None:
    """Rows like one that is there, under new keys."""
    columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
    values = ["'copy' || n || '.1'" if name == key else others.get(name, name) for name in columns]
    into = f"insert into {table} ({', '.join(columns)})"
    copied = f"select {', '.join(values)} from {table}, numbers where {key} = ?"  # noqa: S608  names of this test's own
    database.execute("create temporary table numbers (n)")
    database.executemany("insert into numbers values (?)", [(n,) for n in range(MANY)])
    database.execute(f"{into} {copied}", [source])
    database.execute("drop table numbers")


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(f"select count(*) from {table}").fetchone()[0])  # noqa: S608  a name of this test's own


async def test_20_000_old_jobs_go_and_both_files_shrink(
    live: Settings, launch: Callable[..., Jobs], order: OrderInputs, ended: Callable[[str], Awaitable[Job]]
) -> None:
    jobs = launch(live)
    done = await ended((await jobs.start(order, visitor="anna")).id)
    assert done.state is State.DONE
    jobs.close()
    ledger, engine = Path(live.sqlalchemy_url.removeprefix("sqlite:///")), live.data_dir / "engine.sqlite"
    with closing(sqlite3.connect(ledger)) as database, database:
        distinct = {"idempotency_key": "'key' || n", "task_id": "'task' || n", "finished_at": "0"}
        copies(database, "jobs", "id", done.id, **distinct)
    with closing(sqlite3.connect(engine)) as database, database:
        for table in ("workflow_status", "operation_outputs"):
            copies(database, table, "workflow_uuid", done.workflow_id, created_at="0")
    large = [path.stat().st_size for path in (ledger, engine)]

    later = launch(live)
    deadline = time.monotonic() + SWEEP_SECONDS
    while rows(engine, "workflow_status") > 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)
    later.close()
    assert (rows(ledger, "jobs"), rows(engine, "operation_outputs")) == (1, 4)
    small = [path.stat().st_size for path in (ledger, engine)]
    assert small[0] < large[0] / 5 and small[1] < large[1] / 5, (large, small)


def test_an_older_file_is_prepared_once_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table notes (text)")
        database.execute("insert into notes values ('kept')")
    prepare(path)
    prepare(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma auto_vacuum").fetchone() == (2,)
        assert database.execute("pragma journal_mode").fetchone() == ("wal",)
        assert database.execute("select text from notes").fetchall() == [("kept",)]


async def test_what_ended_today_is_kept(jobs: Jobs, order: OrderInputs, ended: Callable[[str], Awaitable[Job]]) -> None:
    done = await ended((await jobs.start(order, visitor="anna")).id)
    await asyncio.to_thread(jobs._housekeeping.sweep)
    assert (await jobs.get(done.id)).state is State.DONE
