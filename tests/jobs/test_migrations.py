"""Revisions are applied once, whole or not at all, and make what `tables.py` says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from evolink_ui.jobs import migrations
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import metadata, open_engine

from .test_ledger import add, database  # noqa: F401  pytest finds fixtures by their names here

NEXT = """
from alembic import op
from sqlalchemy import Column, Text

revision = "of_tomorrow"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("jobs") as batch:
        batch.add_column(Column("colour", Text, nullable=False, server_default="red"))
    {then}
"""


@pytest.fixture
def url(database: str) -> Iterator[str]:  # noqa: F811  the fixture imported above
    """An older database: as this version makes it, with a job in it."""
    ledger = Ledger(database)
    add(ledger)
    ledger.close()
    yield database
    engine = open_engine(database)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text("drop table alembic_version"))
    engine.dispose()


@pytest.fixture
def tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Add a revision, as a later version will."""
    folder = tmp_path / "migrations"

    def add_revision(then: str = "") -> None:
        shutil.copytree(migrations.FOLDER, folder)
        (folder / "versions" / "tomorrow.py").write_text(NEXT.format(newest=newest(), then=then))
        monkeypatch.setattr(migrations, "FOLDER", folder)
        migrations._revisions.cache_clear()

    yield add_revision
    monkeypatch.undo()
    migrations._revisions.cache_clear()


def newest() -> str | None:
    return ScriptDirectory(str(migrations.FOLDER)).get_current_head()


def state_of(url: str) -> tuple[str | None, bool]:
    """The revision of the tables, and whether they have the new column."""
    engine = open_engine(url)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    columns = {column["name"] for column in inspect(engine).get_columns("jobs")}
    engine.dispose()
    return revision, "colour" in columns


def test_a_new_database_has_the_tables_that_the_code_knows(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_each_revision_follows_another_one() -> None:
    assert len(ScriptDirectory(str(migrations.FOLDER)).get_heads()) == 1


def test_an_older_database_is_brought_up_once_and_its_jobs_are_kept(url: str, tomorrow: Callable[..., None]) -> None:
    assert state_of(url) == (newest(), False)
    tomorrow()
    for _ in range(2):  # doing it twice would be an error
        ledger = Ledger(url)
        assert ledger.find("a") is not None
        ledger.close()
    assert state_of(url) == ("of_tomorrow", True)


def test_several_processes_that_start_at_once_bring_it_up_once(url: str, tomorrow: Callable[..., None]) -> None:
    tomorrow()
    with ThreadPoolExecutor(4) as processes:
        for ledger in processes.map(Ledger, [url] * 4):
            ledger.close()
    assert state_of(url) == ("of_tomorrow", True)


def test_a_revision_that_fails_leaves_everything_as_it_was(url: str, tomorrow: Callable[..., None]) -> None:
    before = newest()
    tomorrow("raise RuntimeError('the revision failed')")
    with pytest.raises(RuntimeError, match="the revision failed"):
        Ledger(url)
    assert state_of(url) == (before, False)
