"""Reads: free to ask again, so asked again through every passing fault."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from evolink_ui.evolink.answers import Answer, NoAnswer
from evolink_ui.evolink.codes import consequence, explain
from evolink_ui.evolink.errors import Charged, EvoLinkError, Unreachable
from evolink_ui.evolink.meanings import IN_BETWEEN, UNTRUSTED, Place
from evolink_ui.evolink.models import Task
from evolink_ui.evolink.policy import REQUEST_STATUSES, Fault, Verdict, judge_read, read_wait_seconds
from evolink_ui.evolink.transport import Host, Transport
from evolink_ui.evolink.world import World

T = TypeVar("T")

TASK_ID_MAX_CHARS = 256
"""Longest task id that is asked for; the vendor's have about 40 characters."""

_CHARGED: dict[Place, Charged] = {"read": "unknown", "account": "no", "upload": "no", "result": "yes", "order": "no"}


def task_path(task_id: str) -> str:
    """The path of one task. Raises InvalidRequest, before anything is sent, for what cannot be an id."""
    if not task_id.strip(". ") or len(task_id) > TASK_ID_MAX_CHARS or not task_id.isprintable():
        raise explain("read", "invalid_task_id", None, charged="unknown", task_id=task_id[:TASK_ID_MAX_CHARS])
    return f"/v1/tasks/{quote(task_id, safe='')}"


def task_in(answer: Answer, *, asked: str | None = None) -> Task | None:
    """The task that an answer carries, if it carries one; with `asked`, only the one of that id: a cache that mixes up
    its entries must not pass another person's video for ours."""
    try:
        task = Task.from_wire(answer.body, replayed=answer.replayed)
    except ValueError:
        return None
    return task if asked is None or task.id == asked else None


def refusal(place: Place, answer: Answer, *, charged: Charged | None = None, **facts: Any) -> EvoLinkError:
    """The exception for an answer that says no. `charged` only where it is not what the place usually means."""
    error = explain(
        place,
        IN_BETWEEN if is_in_between(answer) else answer.code,
        answer.standing,
        charged=charged or _CHARGED[place],
        words=answer.words,
        retry_after_seconds=answer.retry_after_seconds,
        **answer.details,
        **facts,
    )
    error.status, error.vendor_code = answer.status, answer.code
    return error


def is_in_between(answer: Answer) -> bool:
    """Whether a web page came instead of EvoLink's answer, which says nothing about the key or the request."""
    status = answer.status
    refuses = 400 <= status < 500 and status not in REQUEST_STATUSES and status not in (408, 425, 429)
    return answer.is_page and (status < 300 or refuses)


def no_answer(place: Place, outcome: Answer | NoAnswer, **facts: Any) -> EvoLinkError:
    """The exception for having no usable answer after all repetitions."""
    if isinstance(outcome, Answer) and (outcome.standing >= 300 or is_in_between(outcome)):
        return refusal(place, outcome, **facts)
    charged = _CHARGED[place]
    if isinstance(outcome, NoAnswer) and outcome.fault is Fault.UNTRUSTED:
        return explain(place, UNTRUSTED, None, charged=charged, **facts)
    if isinstance(outcome, Answer):
        code, sentence = "not_understood", "EvoLink answered with something that is not its usual answer."
    elif outcome.fault is Fault.NEVER_SENT:
        code, sentence = "connect_failed", "EvoLink could not be reached."
    elif outcome.fault is Fault.TIMED_OUT:
        code, sentence = "timed_out", "EvoLink did not answer in time."
    else:
        code, sentence = "connection_lost", "The connection to EvoLink broke off."
    return Unreachable(
        f"{sentence} {consequence(place, charged)}".strip(),
        code=code,
        status=outcome.status,
        request_id=outcome.request_id,
        charged=charged,
        next_step="Check the internet connection, wait a few minutes, then try again.",
        retryable=True,
        **facts,
    )


class Reader:
    """Asks until there is a usable answer, a refusal, or no patience left."""

    def __init__(self, transport: Transport, world: World) -> None:
        self._transport, self._world = transport, world

    async def read(
        self,
        host: Host,
        path: str,
        usable: Callable[[Answer], T | None],
        *,
        place: Place,
        patience_seconds: float,
        method: str = "GET",
        body: dict[str, Any] | None = None,
        **facts: Any,
    ) -> T:
        """Return what `usable` finds in the answer. Raises EvoLinkError for a refusal or after `patience_seconds`."""
        started, attempt = self._world.clock(), 0
        while True:
            outcome = await self._transport.exchange(method, host, path, body=body, is_read=method != "DELETE")
            if isinstance(outcome, Answer):
                found = usable(outcome) if 200 <= outcome.status < 300 else None
                if found is not None:
                    return found
                if judge_read(outcome.standing, usable=False, is_page=outcome.is_page) is Verdict.REFUSED:
                    raise refusal(place, outcome, **facts)
            elif judge_read(None, usable=False, fault=outcome.fault) is Verdict.REFUSED:
                raise no_answer(place, outcome, **facts)
            attempt += 1
            told = outcome.retry_after_seconds if isinstance(outcome, Answer) else None
            wait = read_wait_seconds(attempt, told, self._world.random())
            if self._world.clock() - started + wait > patience_seconds:
                raise no_answer(place, outcome, **facts)
            await self._world.pause(wait)
