"""Task ids out of a damaged answer to an order: is one of them the order's task?

Nothing here costs anything: tasks are read, with the key of the order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from evolink_ui.evolink import EvoLink, EvoLinkError, NotFound, Task

log = logging.getLogger("evolink_ui.jobs")

CLOCK_SLACK_SECONDS = 120.0
"""By how much the vendor's clock, which dates a task, and ours, which dates the claim, may differ."""

NOT_FOUND_PAUSES_SECONDS = (2.0, 5.0, 10.0, 15.0, 30.0)
"""Between looks at a task that is not known (yet): a new one may take a minute to be known on every machine."""


def is_of_order(task: Task, *, model: str, ordered_at: float, now: float) -> bool:
    """Whether a task can be what an order made: the same model, created between the order and now.

    Args:
        task: as it was read.
        model: what was ordered.
        ordered_at: when the order was claimed, seconds since 1970 (UTC).
        now: seconds since 1970 (UTC).
    """
    if task.model != model or task.created is None:
        return False
    return ordered_at - CLOCK_SLACK_SECONDS <= task.created <= now + CLOCK_SLACK_SECONDS


async def find_ordered(
    evolink: EvoLink,
    candidates: Collection[str],
    fits: Callable[[Task], bool],
    *,
    sleep: Callable[[float], Awaitable[object]],
) -> Task | None:
    """The one candidate that fits, read from the vendor; None where none does, or more than one.

    Args:
        evolink: the client with the order's key.
        candidates: ids out of the answer to the order.
        fits: whether a task can be the order's.
        sleep: waits so many seconds.
    """
    read = await asyncio.gather(*(_read(evolink, task_id, sleep) for task_id in candidates))
    fitting = [task for task in read if task is not None and fits(task)]
    return fitting[0] if len(fitting) == 1 else None


async def _read(evolink: EvoLink, task_id: str, sleep: Callable[[float], Awaitable[object]]) -> Task | None:
    for pause in (*NOT_FOUND_PAUSES_SECONDS, None):
        try:
            return await evolink.get(task_id)
        except NotFound:
            if pause is None:
                break
            await sleep(pause)
        except EvoLinkError as error:
            log.warning("candidate task=%s could not be read: %s", task_id, error.code)
            break
    return None
