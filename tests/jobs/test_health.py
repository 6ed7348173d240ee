"""Whether orders can be taken is tried all the time, not guessed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evolink_ui import disk_space
from evolink_ui.jobs import Jobs, tables
from evolink_ui.jobs.health import ANSWER_SECONDS, STALE_SECONDS, Check, HealthProbe
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import changing


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fails() -> None:
    raise ConnectionError("away")


def test_a_check_that_fails_is_named_until_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    check = Check("store", fails)
    probe = HealthProbe(check, Check("disk", lambda: None), clock=clock)
    for _ in range(3):
        probe.look()
        clock.now += check.every_seconds
    assert probe.problems() == ["store"]
    assert len(caplog.records) == 1, "said once, not every few seconds"
    check.run = lambda: None
    probe.look()
    assert probe.problems() == []


def test_an_answer_that_takes_too_long_is_none() -> None:
    clock = Clock()

    def slow() -> None:
        clock.now += ANSWER_SECONDS + 1

    probe = HealthProbe(Check("database", slow), clock=clock)
    probe.look()
    assert probe.problems() == ["database"]


def test_a_check_that_hangs_is_noticed_from_outside() -> None:
    clock = Clock()
    probe = HealthProbe(Check("database", lambda: None), clock=clock)
    probe.look()
    clock.now += STALE_SECONDS + 1
    assert probe.problems() == ["health"]


def test_what_costs_money_is_tried_less_often() -> None:
    clock, tries = Clock(), []
    probe = HealthProbe(Check("store", lambda: tries.append(clock.now), every_seconds=60.0), clock=clock)
    for _ in range(13):
        probe.look()
        clock.now += 5.0
    assert len(tries) == 2


def look_again(jobs: Jobs) -> None:
    for check in jobs._health._checks:
        check.due_at = 0.0
    jobs._health.look()


async def test_orders_are_not_ready_while_the_disk_is_at_its_floor(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(look_again, jobs)
    assert (await jobs.health())["problems"] == []
    monkeypatch.setattr(disk_space, "FLOOR_BYTES", 1 << 60)
    await asyncio.to_thread(look_again, jobs)
    health = await jobs.health()
    assert (health["ok"], health["problems"]) == (False, ["disk"])


def test_a_ledger_that_cannot_write_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BUSY_SECONDS", 0.1)
    ledger, other = (Ledger(f"sqlite:///{tmp_path / 'jobs.sqlite'}") for _ in range(2))
    probe = HealthProbe(Check("database", ledger.check_writing, every_seconds=0.0))
    with changing(other.engine):
        probe.look()
        assert probe.problems() == ["database"]
    probe.look()
    assert probe.problems() == []
    ledger.close()
    other.close()
