"""Executors: kinds of work do not hold each other up, nor do visitors, and a full line says so."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from evolink_ui.executors import Busy, Executor

WAIT_SECONDS = 10.0


@pytest.fixture
async def gate() -> AsyncIterator[threading.Event]:
    """Opened at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


def held(gate: threading.Event) -> None:
    assert gate.wait(WAIT_SECONDS)


async def begun(tasks: list[asyncio.Task[None]]) -> list[asyncio.Task[None]]:
    await asyncio.sleep(0.05)
    return tasks


async def test_a_visitors_many_calls_leave_the_next_place_to_somebody_else(gate: threading.Event) -> None:
    executor = Executor("test", 2, waiting=40, each=1, each_waiting=40)
    many = await begun([asyncio.create_task(executor.run_for("anna", held, gate)) for _ in range(40)])
    async with asyncio.timeout(WAIT_SECONDS):
        assert await executor.run_for("ben", lambda: "at once") == "at once"
    assert not any(task.done() for task in many)
    gate.set()
    await asyncio.gather(*many)


async def test_a_full_line_refuses_with_a_time_and_is_open_again_afterwards(gate: threading.Event) -> None:
    executor = Executor("test", 1, waiting=2, seconds=7.0)
    waiting = await begun([asyncio.create_task(executor.run(held, gate)) for _ in range(3)])
    with pytest.raises(Busy) as busy:
        await executor.run(held, gate)
    assert busy.value.retry_after_seconds == 21
    gate.set()
    await asyncio.gather(*waiting)
    assert await executor.run(lambda: 1) == 1


async def test_a_visitors_own_line_has_an_end_and_nobody_elses_is_touched(gate: threading.Event) -> None:
    executor = Executor("test", 2, waiting=10, each=1, each_waiting=1)
    waiting = await begun([asyncio.create_task(executor.run_for("anna", held, gate)) for _ in range(2)])
    with pytest.raises(Busy):
        executor.require_room("anna")
    executor.require_room("ben")
    gate.set()
    await asyncio.gather(*waiting)
    executor.require_room("anna")


async def test_who_leaves_the_line_gives_the_place_to_the_next(gate: threading.Event) -> None:
    executor = Executor("test", 1, waiting=1)
    first, second = await begun([asyncio.create_task(executor.run(held, gate)) for _ in range(2)])
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    third = asyncio.create_task(executor.run(lambda: None))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, third)


async def test_a_thread_whose_waiter_left_keeps_its_place_until_it_ends(gate: threading.Event) -> None:
    """Otherwise calling off and beginning again would fill the pool with threads that nobody waits for."""
    executor = Executor("test", 1, waiting=0)
    (left,) = await begun([asyncio.create_task(executor.run(held, gate))])
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    with pytest.raises(Busy):
        await executor.run(lambda: None)
    gate.set()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                return await executor.run(lambda: None)
            except Busy:
                await asyncio.sleep(0.01)


async def test_what_a_function_raises_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        await Executor("test", 1).run(lambda: 1 / 0)


def test_each_event_loop_has_its_own_threads_and_those_of_a_closed_loop_end() -> None:
    executor = Executor("own", 1)
    names = [asyncio.run(executor.run(lambda: threading.current_thread())) for _ in range(3)]
    assert len(set(names)) == 3
    for thread in names[:-1]:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
