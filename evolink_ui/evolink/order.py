"""The paid order: it goes out once."""

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from evolink_ui.evolink.codes import unknown_outcome
from evolink_ui.evolink.errors import Charged, EvoLinkError
from evolink_ui.evolink.models import Task
from evolink_ui.evolink.policy import (
    ORDER_PATIENCE_SECONDS,
    Fault,
    Verdict,
    judge_order,
    order_wait_seconds,
)
from evolink_ui.evolink.reads import no_answer, refusal, task_in
from evolink_ui.evolink.request import MotionControlRequest
from evolink_ui.evolink.transport import Answer, NoAnswer, Transport
from evolink_ui.evolink.world import World

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
            verdict = judge_order(outcome.status, outcome.code, paced=told is not None)
        if verdict is Verdict.ACCEPT and isinstance(outcome, Answer):
            task = task_in(outcome)
            if task is not None:
                return task
            verdict = Verdict.UNKNOWN
        error = _error(verdict, outcome, key)
        if verdict is not Verdict.REPEAT:
            raise error
        attempt += 1
        wait = order_wait_seconds(attempt, told)
        if world.clock() - started + wait > ORDER_PATIENCE_SECONDS:
            raise error
        if on_wait is not None:
            await on_wait(wait, error)
        await world.pause(wait)


def _error(verdict: Verdict, outcome: Answer | NoAnswer, key: str) -> EvoLinkError:
    if isinstance(outcome, Answer) and outcome.code == "paid_outcome_unknown":
        return refusal("order", outcome, charged="unknown", idempotency_key=key)
    if verdict is Verdict.UNKNOWN:
        return _unknown(outcome, key)
    if isinstance(outcome, NoAnswer):
        return no_answer("order", outcome, idempotency_key=key)
    charged: Charged = "unknown" if outcome.code == "idempotency_conflict" else "no"
    return refusal("order", outcome, charged=charged, idempotency_key=key)


def _unknown(outcome: Answer | NoAnswer, key: str) -> EvoLinkError:
    facts: dict[str, Any] = {"status": outcome.status, "request_id": outcome.request_id, "idempotency_key": key}
    if isinstance(outcome, NoAnswer):
        timed_out = outcome.fault is Fault.TIMED_OUT
        what = (
            "EvoLink did not answer the order in time." if timed_out else "The connection broke off during the order."
        )
        return unknown_outcome(what, **facts)
    facts |= {"retry_after_seconds": outcome.retry_after_seconds}
    facts |= {"vendor_code": outcome.code, "vendor_message": outcome.words}
    if 200 <= outcome.status < 300:
        return unknown_outcome("EvoLink answered the order with something that carries no task id.", **facts)
    code = " ".join((outcome.code or "").split())[:64]
    said = f"HTTP {outcome.status}" + (f", {code}" if code else "")
    return unknown_outcome(f"EvoLink answered the order with an error ({said}).", **facts)
