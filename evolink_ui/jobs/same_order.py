"""Orders that are the same as one before: by their content, which a person is asked about, or by a program's reference.

Both are decided in the transaction that writes the job down, so that two tabs and two processes can't both pass.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from .job import ACTIVE, JobError, State
from .tables import POSTGRES_LOCK, jobs, placed_orders

ASK_AGAIN_SECONDS = 120.0  # a second press within two minutes is more often a slip than a wish
REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,128}")
NOTHING_ORDERED = "Nothing was ordered or charged."
_HAPPENED = {
    State.DONE: "The same order was placed less than two minutes ago.",
    State.STOPPED: "EvoLink may still be making the same order, which is no longer followed here.",
    State.UNKNOWN: "It isn't known yet whether the same order went through.",
}


class SameOrderRunning(JobError):
    """The visitor has an identical order that runs, is in doubt, or is younger than two minutes.

    Attributes:
        job_id: that order's job.
        credits: what ordering it again is estimated to cost.
        is_running: whether it has not ended yet.
        state: the state of that order's job.
    """

    def __init__(self, job_id: str, *, credits_estimated: float, state: State) -> None:
        super().__init__(
            "same_order_running",
            f"{_HAPPENED.get(state, 'The same order is already running.')} {NOTHING_ORDERED}",
            "Open that video, or confirm that you want the same order once more.",
            status=409,
        )
        self.job_id, self.credits, self.state = job_id, credits_estimated, state
        self.is_running = state is not State.DONE

    def to_dict(self) -> dict[str, Any]:
        """With `job_id`, `credits`, `is_running` and `state`."""
        more = {"job_id": self.job_id, "credits": self.credits, "is_running": self.is_running, "state": self.state}
        return {**super().to_dict(), **more}


class ReferenceTaken(JobError):
    """A program's reference belongs to another order."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "client_reference_taken",
            f"This client_reference {why}. {NOTHING_ORDERED}",
            "Give each order a reference of its own.",
            field="client_reference",
            status=409,
        )


class KnownReference(Exception):
    """The order was placed before under this reference; not an error of anybody."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


def check_reference(reference: str) -> None:
    """Judge the reference that a program gave.

    Raises:
        JobError: it can't be one.
    """
    if reference and not REFERENCE.fullmatch(reference):
        raise JobError(
            "client_reference_malformed",
            f"A client_reference has 1 to 128 of the characters A-Z, a-z, 0-9, dot, _, ~ and -. {NOTHING_ORDERED}",
            'Give one such as "shop-order-4711", or none.',
            field="client_reference",
        )


def digest_of(mode: str, request: Mapping[str, Any], files: Mapping[str, Path]) -> str:
    """What an order says and the bytes of its files, as one SHA-256 (hex). Blocks while the files are read.

    Args:
        mode: "sandbox" or "live".
        request: what the order says besides the defaults; links are left out, because the bytes they led to are in
            `files`.
        files: the inputs in the job's folder, by kind.
    """
    said = {name: value for name, value in request.items() if not name.endswith("_url")}
    for kind, path in files.items():
        with path.open("rb") as file:
            said[f"{kind}_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps([mode, said], sort_keys=True).encode()).hexdigest()


def place(
    connection: Connection,
    *,
    job_id: str,
    visitor: str,
    digest: str,
    now: float,
    credits_estimated: float = 0.0,
    reference: str | None = None,
    ask_first: bool = False,
) -> None:
    """Note an order that is about to be written down in the same transaction.

    Args:
        connection: in a transaction that writes.
        job_id: the new job's.
        visitor: who orders.
        digest: from `digest_of`.
        now: seconds since 1970 (UTC).
        credits_estimated: what it is likely to cost.
        reference: the name that the visitor's page or program gave to this order, if any.
        ask_first: refuse an order that is the same as one of this visitor that runs or is young.

    Raises:
        KnownReference: it was placed before.
        ReferenceTaken: the reference names another order.
        SameOrderRunning: see there.
    """
    if connection.dialect.name == "postgresql":  # one order of a visitor at a time; SQLite has one writer anyway
        lock = select(func.pg_advisory_xact_lock(POSTGRES_LOCK, func.hashtext(visitor)))
        connection.execute(lock)
    if reference is not None:
        _judge_reference(connection, visitor, reference, digest)
    if ask_first:
        _judge_sameness(connection, visitor, digest, now, credits_estimated)
    row = {"job_id": job_id, "visitor": visitor, "reference": reference, "digest": digest, "created_at": now}
    connection.execute(insert(placed_orders).values(row))


def forget(connection: Connection, job_id: str) -> None:
    """Forget an order that was taken back before anybody knew of it."""
    connection.execute(delete(placed_orders).where(placed_orders.c.job_id == job_id))


def hand_over(connection: Connection, visitor: str, to: str) -> None:
    """Let the references of one visitor be another one's, but for those that the other one has already."""
    theirs = select(placed_orders.c.reference).where(
        placed_orders.c.visitor == to, placed_orders.c.reference.is_not(None)
    )
    mine = placed_orders.c.visitor == visitor
    new = or_(placed_orders.c.reference.is_(None), placed_orders.c.reference.not_in(theirs))
    connection.execute(update(placed_orders).where(mine, new).values(visitor=to))


def sweep(connection: Connection, *, now: float) -> None:
    """Forget orders that nobody can ask about any more: without a reference, without a job, and old enough."""
    gone = placed_orders.c.job_id.not_in(select(jobs.c.id))
    old = placed_orders.c.created_at < now - ASK_AGAIN_SECONDS
    connection.execute(delete(placed_orders).where(placed_orders.c.reference.is_(None), old, gone))


def _judge_reference(connection: Connection, visitor: str, reference: str, digest: str) -> None:
    query = select(placed_orders.c.job_id, placed_orders.c.digest, jobs.c.id).select_from(
        placed_orders.outerjoin(jobs, jobs.c.id == placed_orders.c.job_id)
    )
    known = connection.execute(
        query.where(placed_orders.c.visitor == visitor, placed_orders.c.reference == reference)
    ).first()
    if known is None:
        return
    if known.digest != digest:
        raise ReferenceTaken("belongs to an order with other files or options")
    if known.id is None:
        raise ReferenceTaken("belongs to an order that was deleted here")
    raise KnownReference(known.job_id)


def _judge_sameness(connection: Connection, visitor: str, digest: str, now: float, credits_estimated: float) -> None:
    unfinished = jobs.c.state.in_(sorted(ACTIVE | {State.UNKNOWN}))
    young = and_(
        jobs.c.created_at > now - ASK_AGAIN_SECONDS,
        or_(jobs.c.state == State.DONE, and_(jobs.c.state == State.STOPPED, jobs.c.task_id.is_not(None))),
    )
    query = (
        select(jobs.c.id, jobs.c.state)
        .join(placed_orders, placed_orders.c.job_id == jobs.c.id)
        .where(jobs.c.visitor == visitor, placed_orders.c.digest == digest, or_(unfinished, young))
        .order_by(jobs.c.created_at.desc())
    )
    same = connection.execute(query.limit(1)).first()
    if same is not None:
        raise SameOrderRunning(same.id, credits_estimated=credits_estimated, state=State(same.state))
