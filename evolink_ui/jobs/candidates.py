"""Which task an order of unknown outcome made, among those that something names.

Nothing here costs anything: tasks are read, with the key of the order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from evolink_ui.evolink import EvoLink, EvoLinkError, NotFound, Task

from .job import Job

log = logging.getLogger("evolink_ui.jobs")

SAME_ORDER_SECONDS = 300.0  # between our clock at the POST and the vendor's at the creation of its task

NOT_FOUND_PAUSES_SECONDS = (2.0, 5.0, 10.0, 15.0, 30.0)
"""Between looks at a task that is not known (yet): a new one may take a minute to be known on every machine."""


def settles(task: Task, job: Job) -> bool:
    """Whether a task that was read can be what became of an order of unknown outcome: its model and its time fit."""
    if task.model != job.order.model or task.created is None or job.ordered_at is None:
        return False
    return abs(task.created - job.ordered_at) <= SAME_ORDER_SECONDS


async def find_ordered(
    evolink: EvoLink, job: Job, candidates: Collection[str], *, sleep: Callable[[float], Awaitable[object]]
) -> Task | None:
    """The one candidate that settles a claimed job, read from the vendor; None where none does, or more than one.

    Args:
        evolink: the client with the order's key.
        job: as it was claimed.
        candidates: ids out of the answer to the order, known to no other job.
        sleep: waits so many seconds.
    """
    read = await asyncio.gather(*(_read(evolink, task_id, sleep) for task_id in candidates))
    fitting = [task for task in read if task is not None and settles(task, job)]
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
