"""Following one task to its end, through everything that passes."""

import asyncio
from collections.abc import AsyncIterator

from evolink_ui.evolink.answers import Answer, NoAnswer
from evolink_ui.evolink.codes import consequence
from evolink_ui.evolink.errors import FollowEnded
from evolink_ui.evolink.models import Task
from evolink_ui.evolink.pacing import Pacer
from evolink_ui.evolink.policy import LONGEST_WAIT_SECONDS, Verdict, judge_read, read_wait_seconds
from evolink_ui.evolink.reads import is_in_between, no_answer, refusal, task_in, task_path
from evolink_ui.evolink.transport import Transport
from evolink_ui.evolink.world import World

ESTIMATE_MAX_SECONDS = 3600.0
"""An estimate counts for at most an hour: motion control takes minutes, and a wrong number must not follow for days."""

AGE_MAX_SECONDS = 24 * 3600.0
"""A task older than a day has no result left; such a date is a clock's error."""


async def follow_task(
    transport: Transport,
    world: World,
    task_id: str,
    *,
    estimated_seconds: float | None,
    wake: asyncio.Event | None,
    floor_seconds: float,
    ceiling_seconds: float,
    patience_seconds: float,
) -> AsyncIterator[Task]:
    """Yield every answer of one task until it is finished. See `EvoLink.follow`."""
    path = task_path(task_id)
    started = world.clock()
    estimate = estimated_seconds
    pacer = Pacer(estimate, floor_seconds) if estimate else None
    age_at_start: float | None = None
    failures = 0
    woken_at = -floor_seconds
    while True:
        outcome = await transport.exchange("GET", "api", path, is_read=True)
        elapsed = world.clock() - started
        task = None
        if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
            task = task_in(outcome, asked=task_id)
        told = outcome.retry_after_seconds if isinstance(outcome, Answer) else None
        if task is not None:
            failures = 0
            yield task
            if task.is_finished:
                return
            estimate = estimate or task.estimated_seconds
            pacer = pacer or Pacer(estimate, floor_seconds)
            if age_at_start is None:
                age_at_start = max(0.0, _age(task, world.now()) - elapsed)
            pacer.note(age_at_start + elapsed, task.progress)
            wait = min(ceiling_seconds, pacer.wait_seconds(age_at_start + elapsed))
            wait = max(wait, min(LONGEST_WAIT_SECONDS, told or 0.0))
        else:
            if isinstance(outcome, Answer):
                verdict = judge_read(outcome.status, usable=False, seconds_since_start=elapsed, is_page=outcome.is_page)
                if verdict is Verdict.REFUSED:
                    raise refusal("read", outcome, task_id=task_id)
            elif judge_read(None, usable=False, fault=outcome.fault) is Verdict.REFUSED:
                raise no_answer("read", outcome, task_id=task_id)
            failures += 1
            wait = read_wait_seconds(failures, told, world.random(), floor=floor_seconds)
        left = patience_seconds + min(ESTIMATE_MAX_SECONDS, estimate or 0.0) - elapsed
        if left <= 0:
            raise _ended(task_id, outcome)
        wait = min(wait, left)
        if wake is None or (task is None and told is not None):  # news does not overrule "not before"
            await world.pause(wait)
            continue
        # However often somebody calls, two calls are at least one floor apart.
        guard = min(wait, floor_seconds - (world.clock() - woken_at))
        if guard > 0:
            await world.pause(guard)
        if await world.pause(max(0.0, wait - max(0.0, guard)), wake):
            woken_at = world.clock()


def _age(task: Task, now: float) -> float:
    age = now - task.created if task.created else 0.0
    return age if 0.0 <= age <= AGE_MAX_SECONDS else 0.0


def _ended(task_id: str, outcome: Answer | NoAnswer) -> FollowEnded:
    instead = isinstance(outcome, Answer) and is_in_between(outcome)
    why = " Something between this app and EvoLink answered instead of EvoLink, up to the end." if instead else ""
    return FollowEnded(
        f"The task has not ended in the time agreed for following it.{why} {consequence('read', 'unknown')}",
        status=outcome.status,
        request_id=outcome.request_id,
        task_id=task_id,
        charged="unknown",
        next_step="Press Follow again: nothing is ordered anew.",
        retryable=True,
    )
