"""From the click on Generate to a stored job, for files that were judged when they arrived; and what one look costs.

    python -m benchmarks.click

The handler's own time in this process, against the stand-in EvoLink; the browser adds its one request.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import timeit
from collections.abc import Awaitable, Callable
from pathlib import Path

from evolink_ui.catalog import KLING_V3_MOTION_CONTROL
from evolink_ui.jobs import Jobs, OrderInputs
from evolink_ui.order import MotionOrder
from evolink_ui.settings import load_settings
from tests.jobs.material import inputs, make_image, make_video
from tests.stub import Stub, Timeline

ROUNDS = 30
CLICK_LIMIT_SECONDS = 1.0
PARSE_LIMIT_SECONDS = 0.001
LARGEST = {
    **{name: field.examples[0] for name, field in MotionOrder.model_fields.items() if field.examples},
    "prompt": "x" * KLING_V3_MOTION_CONTROL.prompt_max_chars,
    "character_orientation": "video",
}


async def timed(action: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Seconds of each round."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        await action()
        took.append(time.perf_counter() - started)
    return took


async def measure(jobs: Jobs, order: OrderInputs) -> None:
    """Judge once, order often, look often."""
    assert order.image
    assert order.video
    started = time.perf_counter()
    await asyncio.gather(jobs.judge_image(order.image), jobs.judge_video(order.video, "image"))
    print(f"judging both files when they arrive   {1000 * (time.perf_counter() - started):8.1f} ms")
    clicks = await timed(lambda: jobs.start(order, visitor="anna"), ROUNDS)
    print(f"click to stored job, median           {1000 * statistics.median(clicks):8.1f} ms")
    print(f"click to stored job, worst of {ROUNDS}      {1000 * max(clicks):8.1f} ms  (limit 1000)")
    job = (await jobs.history("anna"))[0]

    async def look() -> None:
        found = await jobs.find(job.id)
        assert found
        await jobs.show(found)

    cpu = time.process_time()
    looks = await timed(look, 500)
    print(f"a look at a job, p95                  {1000 * sorted(looks)[475]:8.2f} ms")
    print(f"a look at a job, CPU of the process   {1000 * (time.process_time() - cpu) / 500:8.2f} ms  (limit 2)")
    assert max(clicks) < CLICK_LIMIT_SECONDS


def measure_order() -> None:
    """What the strict model costs for the largest order."""
    took = sorted(timeit.repeat(lambda: MotionOrder.parse(LARGEST), number=1, repeat=1000))
    print(f"an order of all fields judged, p95    {1000 * took[950]:8.3f} ms  (limit 1)")
    assert took[950] < PARSE_LIMIT_SECONDS


def main() -> None:
    """Print the figures."""
    measure_order()
    with tempfile.TemporaryDirectory() as name, Stub() as stub:
        folder = Path(name)
        stub.timeline = Timeline(seconds=600)
        settings = load_settings(
            _env_file=None,
            api_key="sk-benchmark-0123456789",
            base_url=stub.base_url,
            files_url=stub.files_url,
            data_dir=folder / "data",
            allow_private_urls=True,
        )
        order = inputs(make_image(folder / "a.png"), make_video(folder / "a.mp4", seconds=8))
        jobs = Jobs(settings)
        jobs.launch()
        try:
            asyncio.run(measure(jobs, order))
        finally:
            jobs.close()


if __name__ == "__main__":
    main()
