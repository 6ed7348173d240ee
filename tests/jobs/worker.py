"""The jobs engine as a process that a test may kill: `python -m tests.jobs.worker IMAGE VIDEO`.

Says `ready`, then starts one job for each line on stdin. Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from evolink_ui.jobs import Jobs, Order
from evolink_ui.settings import load_settings


async def serve(jobs: Jobs, order: Order) -> None:
    """Start a job for each line until stdin ends."""
    print("ready", flush=True)  # noqa: T201  the test waits for this line
    while line := await asyncio.to_thread(sys.stdin.readline):
        await jobs.start(order, visitor=line.strip())


def main() -> None:
    """Work until killed or until stdin ends."""
    image, video = map(Path, sys.argv[1:])
    jobs = Jobs(load_settings(_env_file=None), min_poll_seconds=0.05)
    jobs.launch()
    asyncio.run(serve(jobs, Order(image=image, video=video)))
    jobs.close()


if __name__ == "__main__":
    main()
