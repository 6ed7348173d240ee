"""The engine as a process that a test may kill: `Worker`, or `python -m tests.jobs.worker IMAGE VIDEO`.

Says `ready`, then starts one job for each line on stdin. Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from evolink_ui.jobs import Jobs, OrderInputs
from evolink_ui.order import MotionOrder
from evolink_ui.settings import load_settings

READY_SECONDS = 60.0

# Children are forked from a process that has imported everything and started nothing: a tenth of a fresh start's time.
_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload(
    ["tests.jobs.worker", "dbos", "obstore.store", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"]
)


class Worker:
    """One process of the engine."""

    def __init__(self, environment: dict[str, str], image: Path, video: Path) -> None:
        self._line, other = _nursery.Pipe()
        self._process = _nursery.Process(target=_grow_up, args=(other, environment, image, video))
        self._process.start()
        other.close()

    def wait_until_ready(self) -> None:
        assert self._line.poll(READY_SECONDS) and self._line.recv() == "ready", "the engine did not start"

    def start_jobs(self, number: int) -> None:
        for _ in range(number):
            self._line.send("anna")

    def signal(self, number: int) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def end(self) -> None:
        """End in order: the jobs are laid down."""
        self._line.send("")
        self._process.join(READY_SECONDS)
        assert self._process.exitcode == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._line.close()


def _grow_up(line: Connection, environment: dict[str, str], image: Path, video: Path) -> None:
    os.environ.update(environment)
    _work(OrderInputs(MotionOrder(), image, video), lambda: line.send("ready"), line.recv)


async def _take_orders(jobs: Jobs, order: OrderInputs, next_visitor: Callable[[], str]) -> None:
    while visitor := await asyncio.to_thread(next_visitor):
        await jobs.start(order, visitor=visitor)


def _work(order: OrderInputs, ready: Callable[[], None], next_visitor: Callable[[], str]) -> None:
    jobs = Jobs(load_settings(_env_file=None), min_poll_seconds=0.05)
    jobs.launch()
    ready()
    asyncio.run(_take_orders(jobs, order, next_visitor))
    jobs.close()


def main() -> None:
    """Work until killed or until stdin ends."""
    image, video = map(Path, sys.argv[1:])
    _work(
        OrderInputs(MotionOrder(), image, video),
        lambda: print("ready", flush=True),  # noqa: T201  the caller waits for this line
        lambda: sys.stdin.readline().strip(),
    )


if __name__ == "__main__":
    main()
