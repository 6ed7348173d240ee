"""An older database is brought up to date at the start, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, inspect, select, text

from evolink_ui.jobs import tables
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import metadata, open_engine, schema_version

from .test_ledger import add, database  # noqa: F401  pytest finds fixtures by their names here


@pytest.fixture
def url(database: str) -> Iterator[str]:  # noqa: F811  the fixture imported above
    """An older database: as this version makes it, with a job in it."""
    ledger = Ledger(database)
    add(ledger)
    ledger.close()
    yield database
    engine = open_engine(database)
    metadata.drop_all(engine)
    engine.dispose()


def add_colour(connection: Connection) -> None:
    """What a later version may want."""
    connection.execute(text("alter table jobs add column colour text not null default 'red'"))


def state_of(url: str) -> tuple[int | None, bool]:
    """The version of the tables, and whether they have the new column."""
    engine = open_engine(url)
    with engine.connect() as connection:
        version = connection.scalar(select(schema_version.c.version))
    columns = {column["name"] for column in inspect(engine).get_columns("jobs")}
    engine.dispose()
    return version, "colour" in columns


def test_an_older_database_is_brought_up_once_and_its_jobs_are_kept(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of(url) == (1, False)
    monkeypatch.setattr(tables, "MIGRATIONS", (add_colour,))
    for _ in range(2):  # doing it twice would be an error
        ledger = Ledger(url)
        assert ledger.find("a") is not None
        ledger.close()
    assert state_of(url) == (2, True)


def test_several_processes_that_start_at_once_bring_it_up_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MIGRATIONS", (add_colour,))
    with ThreadPoolExecutor(4) as processes:
        for ledger in processes.map(Ledger, [url] * 4):
            ledger.close()
    assert state_of(url) == (2, True)


def test_a_step_that_fails_leaves_everything_as_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_connection: Connection) -> None:
        raise RuntimeError("the step failed")

    monkeypatch.setattr(tables, "MIGRATIONS", (add_colour, broken))
    with pytest.raises(RuntimeError):
        Ledger(url)
    assert state_of(url) == (1, False)
    monkeypatch.undo()
    ledger = Ledger(url)
    assert ledger.find("a") is not None
    ledger.close()
