"""A wiped key is in no file of the data folder any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.files import JobFiles
from evolink_ui.jobs.housekeeping import KEY_LIFE_SECONDS, Housekeeping
from evolink_ui.jobs.job import Fault
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.settings import Settings

from .test_ledger import Clock, add, bring

SEALED = "2~gAAAAABsealed" + "k" * 4000
"""Longer than what SQLite keeps in a row: its end is on pages of its own."""


def files_with(folder: Path, marks: list[str]) -> list[str]:
    """The files that hold any of some texts."""
    found = []
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        found += [path.name for mark in marks if mark.encode() in data]
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[SEALED, SEALED[:120]], ids=["long", "short"])
def sealed(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


def marks(sealed: str) -> list[str]:
    return [sealed[:60], sealed[-60:]]


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock, sealed: str) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=clock)
    bring(ledger, add(ledger, "theirs", own_key=True, sealed_key=sealed), State.RUNNING)
    for n in range(20):
        add(ledger, f"other-{n}")
    assert files_with(tmp_path, marks(sealed)), "else this file's tests show nothing"
    return ledger


def test_the_key_of_a_job_that_ended_is_gone_at_once(ledger: Ledger, tmp_path: Path, sealed: str) -> None:
    ledger.move("theirs", State.SAVING)
    ledger.move("theirs", State.DONE, sealed_key=None)
    assert files_with(tmp_path, marks(sealed)) == []
    ledger.close()
    assert files_with(tmp_path, marks(sealed)) == []


def test_the_key_of_a_stopped_job_goes_after_a_day(ledger: Ledger, tmp_path: Path, clock: Clock, sealed: str) -> None:
    sweep = Housekeeping(
        ledger, JobFiles(tmp_path / "jobs"), lambda: None, lambda _: None, keep_days=30, clock=clock
    ).sweep
    ledger.move("theirs", State.STOPPED, fault=Fault("stopped", "m", "n", "yes"))
    clock.now += KEY_LIFE_SECONDS - 1
    sweep()
    assert ledger.get("theirs").sealed_key == sealed
    clock.now += 2
    sweep()
    assert ledger.get("theirs").sealed_key is None
    assert files_with(tmp_path, marks(sealed)) == []
    ledger.close()


def test_the_key_of_a_deleted_job_goes_with_it(ledger: Ledger, tmp_path: Path, sealed: str) -> None:
    ledger.move("theirs", State.STOPPED)
    ledger.delete("theirs")
    assert files_with(tmp_path, marks(sealed)) == []
    ledger.close()


def test_what_a_reader_held_up_is_gone_after_the_next_sweep(ledger: Ledger, tmp_path: Path, sealed: str) -> None:
    with ledger.engine.connect() as reader:
        reader.exec_driver_sql("begin")
        reader.exec_driver_sql("select count(*) from jobs").one()
        ledger.move("theirs", State.FAILED, sealed_key=None)
        reader.exec_driver_sql("rollback")
    ledger.wipe_keys(ended_before=0)
    assert files_with(tmp_path, marks(sealed)) == []
    ledger.close()


async def test_after_an_order_with_a_visitors_key_no_file_of_the_app_holds_it(
    jobs: Jobs, live: Settings, order: OrderInputs, ended: Callable[[str], Awaitable[Job]]
) -> None:
    job = await jobs.start(order, visitor="anna", api_key="sk-visitor-0123456789")
    assert job.sealed_key
    done = await ended(job.id)
    assert (done.state, done.sealed_key) == (State.DONE, None)
    for _ in range(200):  # the end of a job is shown a moment before what is left of its key is overwritten
        if not files_with(live.data_dir, ["sk-visitor-0123456789", job.sealed_key]):
            return
        await asyncio.sleep(0.05)
    pytest.fail("a file of the app still holds the key")
