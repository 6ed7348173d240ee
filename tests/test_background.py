"""Background threads: whatever their task raises, they go on, and their age tells when they don't."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from evolink_ui.background import LATE_AFTER_SECONDS, BackgroundThread, late_threads

DEADLINE_SECONDS = 20.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_task_that_raises_what_nobody_foresaw_is_logged_once_and_called_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds = 0

    def task() -> None:
        nonlocal rounds
        rounds += 1
        if rounds <= 5:
            raise IndexError("No item with that key")

    thread = BackgroundThread("sweeper", task, every_seconds=0.001)
    with caplog.at_level(logging.INFO):
        thread.start()
        until(lambda: rounds > 6)
        thread.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "evolink_ui.background"]
    assert lines == ["sweeper: a round failed and is tried again: IndexError", "sweeper: works again"]
    assert caplog.records[0].exc_info is not None


def test_an_expected_fault_is_one_line_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def task() -> None:
        failed.set()
        raise OSError("the disk is full")

    thread = BackgroundThread("sweeper", task, every_seconds=60, expected=(OSError,))
    thread.start()
    assert failed.wait(DEADLINE_SECONDS)
    thread.close()
    assert [(record.levelno, record.exc_info) for record in caplog.records] == [(logging.WARNING, None)]


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_thread_that_is_stuck_or_fails_for_long_is_late_until_a_round_succeeds() -> None:
    watch, go_on, rounds = Watch(), threading.Event(), 0

    def task() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            assert go_on.wait(DEADLINE_SECONDS)
        if rounds == 2:
            raise ValueError

    thread = BackgroundThread("keeper", task, every_seconds=60, vital=True, clock=watch)
    thread.start()
    until(lambda: rounds == 1)
    assert thread not in late_threads()
    watch.now = LATE_AFTER_SECONDS + 61
    assert thread in late_threads(), "stuck in its first round"
    go_on.set()
    until(lambda: thread not in late_threads())
    watch.now *= 3
    thread.wake()
    until(lambda: rounds == 2)
    assert thread in late_threads(), "a round that fails is no beat"
    thread.wake()
    until(lambda: thread not in late_threads())
    thread.close()
    watch.now *= 3
    assert thread not in late_threads(), "closed on purpose"


def test_a_round_may_say_when_the_next_one_comes_and_closing_waits_for_nothing() -> None:
    rounds = 0

    def task() -> float:
        nonlocal rounds
        rounds += 1
        return 0.001 if rounds < 3 else 3600.0

    thread = BackgroundThread("looker", task, every_seconds=3600)
    thread.start()
    until(lambda: rounds == 3)
    thread.close()
    assert rounds == 3
