"""The paid order: it goes out once."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from evolink_ui.evolink.answers import Answer, NoAnswer
from evolink_ui.evolink.codes import unknown_outcome
from evolink_ui.evolink.errors import Charged, EvoLinkError
from evolink_ui.evolink.models import Task
from evolink_ui.evolink.policy import (
    ORDER_PATIENCE_SECONDS,
    REPLACED_STATUSES,
    Fault,
    Verdict,
    judge_order,
    order_wait_seconds,
)
from evolink_ui.evolink.reads import no_answer, refusal, task_in
from evolink_ui.evolink.request import MotionControlRequest
from evolink_ui.evolink.transport import Transport
from evolink_ui.evolink.world import World

log = logging.getLogger(__name__)

ORDER_PATH = "/v1/videos/generations"

BeforeSend = Callable[[], Awaitable[None]]
"""Awaited right before the order leaves, each time it does: the moment to write down that it may be on its way."""

OnWait = Callable[[float, EvoLinkError], Awaitable[None]]
"""Awaited before each pause of an order that was certainly not taken, with the pause's seconds and its reason."""

_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")


def new_idempotency_key() -> str:
    """Mint the key of one order: 37 characters, 160 random bits. Store it before the order goes out."""
    return f"evui-{secrets.token_hex(16)}"


async def place_order(
    transport: Transport,
    world: World,
    request: MotionControlRequest,
    key: str,
    *,
    before_send: BeforeSend | None,
    on_wait: OnWait | None,
) -> Task:
    """Order one video. See `EvoLink.create`."""
    if not _KEY.fullmatch(key):
        raise ValueError("an idempotency key has 16 to 96 characters out of A-Z a-z 0-9 . _ -")
    body = request.to_wire()
    started, attempt = world.clock(), 0
    while True:
        if before_send is not None:
            await before_send()
        outcome = await transport.exchange(
            "POST",
            "api",
            ORDER_PATH,
            body=body,
            headers={"Idempotency-Key": key},
            read_seconds=transport.timeouts.order_read,
        )
        if isinstance(outcome, NoAnswer):
            told, verdict = None, judge_order(None, None, fault=outcome.fault)
        else:
            told = outcome.retry_after_seconds
            verdict = judge_order(
                outcome.status,
                outcome.code,
                paced=told is not None,
                is_foreign=outcome.is_foreign,
                names_task=bool(outcome.task_ids),
            )
        if verdict is Verdict.ACCEPT and isinstance(outcome, Answer):
            task = task_in(outcome)
            if task is not None and _is_certain(outcome, task):
                return task
            verdict = Verdict.UNKNOWN
        error = _error(verdict, outcome, key)
        if verdict is Verdict.UNKNOWN:
            said, names = outcome.status or "no answer", " ".join(outcome.task_ids) or "none"
            log.warning("outcome of an order unknown: %s, request %s, tasks named: %s", said, error.request_id, names)
        if verdict is not Verdict.REPEAT:
            raise error
        attempt += 1
        wait = order_wait_seconds(attempt, told)
        if world.clock() - started + wait > ORDER_PATIENCE_SECONDS:
            raise error
        if on_wait is not None:
            await on_wait(wait, error)
        await world.pause(wait)


def _is_certain(answer: Answer, task: Task) -> bool:
    """Whether this task is the order's beyond doubt.

    In a body that was read whole, the `id` is what the vendor says it is. In a damaged one (bytes that are no text, or
    bytes behind the JSON) it still is if the JSON around it is whole, the id itself is undamaged, which its form shows,
    and no other task is named anywhere: two answers that ran into each other would name two. Anything less, such as an
    id in a body that was cut, is a candidate, to be read before it is used.
    """
    return not answer.damaged or answer.task_ids == (task.id,)


def _error(verdict: Verdict, outcome: Answer | NoAnswer, key: str) -> EvoLinkError:
    if isinstance(outcome, Answer) and outcome.code == "paid_outcome_unknown":
        facts = {"idempotency_key": key, "candidates": outcome.task_ids}
        return refusal("order", outcome, charged="unknown", **facts)
    if verdict is Verdict.UNKNOWN:
        return _unknown(outcome, key)
    if isinstance(outcome, NoAnswer):
        return no_answer("order", outcome, idempotency_key=key)
    charged: Charged = "unknown" if outcome.code == "idempotency_conflict" else "no"
    return refusal("order", outcome, charged=charged, idempotency_key=key)


def _unknown(outcome: Answer | NoAnswer, key: str) -> EvoLinkError:
    facts: dict[str, Any] = {"status": outcome.status, "request_id": outcome.request_id, "idempotency_key": key}
    facts |= {"candidates": outcome.task_ids}
    if isinstance(outcome, NoAnswer):
        timed_out = outcome.fault is Fault.TIMED_OUT
        what = (
            "EvoLink did not answer the order in time." if timed_out else "The connection broke off during the order."
        )
        return unknown_outcome(what, **facts)
    facts |= {"retry_after_seconds": outcome.retry_after_seconds}
    facts |= {"vendor_code": outcome.code, "vendor_message": outcome.words, **outcome.details}
    if outcome.is_foreign and outcome.status in REPLACED_STATUSES:
        what = f"Something between this app and EvoLink answered the order, not EvoLink (HTTP {outcome.status})."
        return unknown_outcome(
            f"{what} It may be a firewall that blocked the order, or only held back the answer.", **facts
        )
    if outcome.task_ids:
        what = f"EvoLink answered the order with something unusual (HTTP {outcome.status}) that names a task."
        return unknown_outcome(what, **facts)
    if 200 <= outcome.status < 300:
        return unknown_outcome("EvoLink answered the order with something that carries no task id.", **facts)
    code = " ".join((outcome.code or "").split())[:64]
    said = f"HTTP {outcome.status}" + (f", {code}" if code else "")
    return unknown_outcome(f"EvoLink answered the order with an error ({said}).", **facts)
