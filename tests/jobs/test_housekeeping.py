"""What is swept away, and what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolink_ui.jobs.files import JobFiles
from evolink_ui.jobs.housekeeping import DAY_SECONDS, Housekeeping
from evolink_ui.jobs.job import State
from evolink_ui.jobs.ledger import Ledger

from .test_ledger import Clock, add, bring

KEEP_DAYS = 30


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 2_000_000_000.0
    return clock


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=clock)
    yield ledger
    ledger.close()


@pytest.fixture
def housekeeping(tmp_path: Path, ledger: Ledger, clock: Clock) -> Housekeeping:
    return Housekeeping(
        ledger, JobFiles(tmp_path / "jobs", clock=clock), lambda: None, lambda _: None, keep_days=KEEP_DAYS, clock=clock
    )


def with_folder(tmp_path: Path, name: str, clock: Clock) -> Path:
    folder = tmp_path / "jobs" / name
    folder.mkdir(parents=True)
    (folder / "result.mp4").write_bytes(b"video")
    os.utime(folder, (clock.now, clock.now))
    return folder


def test_old_ended_jobs_go_with_their_files_and_active_ones_stay(
    housekeeping: Housekeeping, ledger: Ledger, tmp_path: Path, clock: Clock
) -> None:
    folders = {}
    for name, state in (("old", State.DONE), ("active", State.RUNNING), ("failed", State.FAILED)):
        bring(ledger, add(ledger, name), state)
        folders[name] = with_folder(tmp_path, name, clock)
    clock.now += KEEP_DAYS * DAY_SECONDS + 1
    bring(ledger, add(ledger, "new"), State.DONE)
    folders["new"] = with_folder(tmp_path, "new", clock)
    housekeeping.sweep()
    assert ledger.known_ids() == {"active", "new"}
    assert {name for name, folder in folders.items() if folder.exists()} == {"active", "new"}


def test_folders_without_a_row_go_but_not_those_just_being_filled(
    housekeeping: Housekeeping, tmp_path: Path, clock: Clock
) -> None:
    crashed = with_folder(tmp_path, "crashed", clock)
    clock.now += DAY_SECONDS
    young = with_folder(tmp_path, "young", clock)
    housekeeping.sweep()
    assert (crashed.exists(), young.exists()) == (False, True)


def test_keys_are_wiped_when_nobody_needs_them(housekeeping: Housekeeping, ledger: Ledger, clock: Clock) -> None:
    for state in (State.RUNNING, State.DONE, State.STOPPED, State.UNKNOWN):
        bring(ledger, add(ledger, state.value, sealed_key="sealed", own_key=True), state)
    housekeeping.sweep()
    kept = {name for name in ledger.known_ids() if ledger.get(name).sealed_key}
    assert kept == {"running", "stopped", "unknown"}
    clock.now += DAY_SECONDS + 1
    housekeeping.sweep()
    kept = {name for name in ledger.known_ids() if ledger.get(name).sealed_key}
    assert kept == {"running"}


def test_it_sweeps_at_the_start_and_ends_when_closed(housekeeping: Housekeeping, ledger: Ledger, clock: Clock) -> None:
    bring(ledger, add(ledger, sealed_key="sealed"), State.DONE)
    housekeeping.start()
    housekeeping.close()
    assert ledger.get("a").sealed_key is None
