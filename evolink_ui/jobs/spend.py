"""What orders cost: one `reserved` row for each POST, then rows that correct it. Rows are only ever added.

Each row adds its credits to the UTC day of its reservation, so a day's cost is a sum, and nothing that is done with a
job later, deleting it included, changes the sum. A POST whose outcome is not known stays reserved.

    reserved   the estimate, in the transaction that claims the order
    raised     EvoLink reserved more than that
    settled    EvoLink charged so much; the row holds the difference
    refunded   the order was certainly not taken, or its task failed; the row takes all back
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, exists, false, func, insert, select

from .credits import as_text
from .job import Job, JobError, State
from .tables import jobs, spend

log = logging.getLogger("evolink_ui.jobs")

ROUNDING_ERROR = 1e-6  # credits; sums of doubles are not exact
FAR_BEYOND = 3.0  # a charge of so many times the estimate is reported to the owner
_CLOSED = frozenset({"settled", "refunded"})
_OF_THE_POST = ("job_id", "attempt", "day", "visitor", "household", "account", "own_key", "mode")


@dataclass(frozen=True, slots=True)
class Caps:
    """What the owner's key may spend in one UTC day, in credits; None for no cap."""

    in_all: float | None = None
    of_one_household: float | None = None

    def concern(self, job: Job) -> bool:
        """Whether an order has to keep to them: not in the sandbox, and not where the visitor's own key pays."""
        return job.mode == "live" and not job.own_key and (self.in_all, self.of_one_household) != (None, None)


class BudgetUsedUp(JobError):
    """The owner's key may not spend more today, at all or for this visitor."""

    def __init__(self, whose: Literal["app", "visitor"], *, cap: float, spent: float, needed: float) -> None:
        super().__init__(
            "daily_credits_used_up" if whose == "app" else "visitor_daily_credits_used_up",
            f"{'This app' if whose == 'app' else 'You'} may spend {as_text(cap)} credits a day here. "
            f"{as_text(spent)} are spent or reserved today, and this order needs {as_text(needed)}. "
            "Nothing was ordered or charged.",
            "Try again after midnight UTC, or use an EvoLink key of your own.",
        )


def check(connection: Connection, job: Job, caps: Caps, *, now: float) -> None:
    """Whether an order keeps to the caps. The caller keeps other claims away until its reservation is committed.

    Raises:
        BudgetUsedUp: it doesn't.
    """
    of_household = spend.c.household == job.household
    needed = job.credits_estimated
    if caps.in_all is not None and (spent := _owners(connection, now)) + needed > caps.in_all + ROUNDING_ERROR:
        raise BudgetUsedUp("app", cap=caps.in_all, spent=spent, needed=needed)
    cap = caps.of_one_household
    if cap is not None and (spent := _owners(connection, now, of_household)) + needed > cap + ROUNDING_ERROR:
        raise BudgetUsedUp("visitor", cap=cap, spent=spent, needed=needed)


def reserve(connection: Connection, job: Job, *, account: str) -> None:
    """Write down that the order of a job, claimed at its `ordered_at`, may be charged.

    Args:
        connection: the transaction of the claim.
        job: as the claim left it.
        account: a name for the key that pays which doesn't tell it.
    """
    if job.ordered_at is None:
        raise ValueError("the job is not claimed")
    earlier = connection.scalar(select(func.max(spend.c.attempt)).where(spend.c.job_id == job.id)) or 0
    _add(
        connection,
        "reserved",
        {
            "job_id": job.id,
            "attempt": earlier + 1,
            "day": utc_day(job.ordered_at),
            "visitor": job.visitor,
            "household": job.household,
            "account": account,
            "own_key": job.own_key,
            "mode": job.mode,
        },
        job.credits_estimated,
        now=job.ordered_at,
    )


def follow(connection: Connection, job: Job, *, is_free: bool, now: float) -> None:
    """Correct what is counted for a job's POSTs by what the job says after a move, other than into a claim.

    Args:
        connection: the transaction of the move.
        job: as the move left it; its `ordered_at` tells which POST it goes by.
        is_free: whether it has just ended and EvoLink certainly charged nothing.
        now: seconds since 1970 (UTC).
    """
    rows = connection.execute(select(spend).where(spend.c.job_id == job.id).order_by(spend.c.id)).mappings().all()
    closed = {row["attempt"] for row in rows if row["kind"] in _CLOSED}
    last = rows[-1]["attempt"] if rows else 0
    for post in rows:
        if post["kind"] != "reserved" or post["attempt"] in closed:
            continue
        counted = sum(row["credits"] for row in rows if row["attempt"] == post["attempt"])
        if post["at"] == job.ordered_at:
            _correct(connection, job, post, counted, is_free=is_free, now=now)
        elif post["attempt"] == last:  # its claim was taken back; an earlier POST is one of unknown outcome
            _add(connection, "refunded", post, -counted, now=now)


def _correct(connection: Connection, job: Job, post: RowMapping, counted: float, *, is_free: bool, now: float) -> None:
    if is_free:
        _add(connection, "refunded", post, -counted, now=now)
    elif job.state is State.SAVING:
        used = counted if job.credits_used is None else job.credits_used
        _add(connection, "settled", post, used - counted, now=now)
        _report(job, used, "charged")
    elif job.state is State.RUNNING and (reserved := job.credits_reserved or 0.0) > counted + ROUNDING_ERROR:
        _add(connection, "raised", post, reserved - counted, now=now)
        _report(job, reserved, "reserved")


def payer(connection: Connection, job: Job) -> str:
    """The account of a job's latest POST, as `reserve` was given it; empty where it is not known."""
    posts = select(spend.c.account).where(spend.c.job_id == job.id, spend.c.kind == "reserved")
    return connection.scalar(posts.order_by(spend.c.attempt.desc()).limit(1)) or ""


def other_open_posts(connection: Connection, job: Job, accounts: Collection[str], *, near: float, within: float) -> int:
    """How many POSTs of other jobs may have made a task of which no job knows.

    Among them are those of jobs that were given up or deleted since, and earlier POSTs of jobs that were sent again.

    Args:
        connection: any.
        job: whose own POSTs don't count.
        accounts: the names of the key that paid.
        near: when the task was made, seconds since 1970 (UTC).
        within: seconds before and after.
    """
    closing = spend.alias()
    is_closed = exists().where(
        closing.c.job_id == spend.c.job_id, closing.c.attempt == spend.c.attempt, closing.c.kind.in_(sorted(_CLOSED))
    )
    has_its_task = exists().where(
        jobs.c.id == spend.c.job_id, jobs.c.ordered_at == spend.c.at, jobs.c.task_id.is_not(None)
    )
    posts = select(func.count()).where(
        spend.c.kind == "reserved",
        spend.c.mode == job.mode,
        spend.c.account.in_(["", *accounts]),
        spend.c.job_id != job.id,
        spend.c.at.between(near - within, near + within),
        ~is_closed,
        ~has_its_task,
    )
    return connection.scalar(posts) or 0


def utc_day(at: float) -> date:
    """The UTC day of a moment in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).date()


@dataclass(frozen=True, slots=True)
class Total:
    """What was spent or is reserved, in credits."""

    owners_key: float
    """By the owner's key."""
    visitors_keys: float
    """By keys that visitors brought."""
    posts: int
    """Orders that went out."""


class SpendBook:
    """Reads what live orders cost. Thread-safe; blocks.

    Args:
        database: the ledger's.
    """

    def __init__(self, database: Engine) -> None:
        self._database = database

    def by_day(self, since: date, until: date) -> dict[date, Total]:
        """The days on which something was spent, of those from `since` to `until`."""
        return self._totals(spend.c.day, since, until)

    def by_visitor(self, since: date, until: date) -> dict[str, Total]:
        """The visitors who spent something on the days from `since` to `until`."""
        return self._totals(spend.c.visitor, since, until)

    def by_household(self, since: date, until: date) -> dict[str, Total]:
        """The same for what the daily cap of one visitor is counted for: logins, and addresses without one."""
        return self._totals(spend.c.household, since, until)

    def _totals(self, key: ColumnElement[Any], since: date, until: date) -> dict[Any, Total]:
        query = (
            select(
                key,
                func.coalesce(func.sum(spend.c.credits).filter(~spend.c.own_key), 0.0),
                func.coalesce(func.sum(spend.c.credits).filter(spend.c.own_key), 0.0),
                func.count().filter(spend.c.kind == "reserved"),
            )
            .where(spend.c.day.between(since, until), spend.c.mode == "live")
            .group_by(key)
            .order_by(key)
        )
        with self._database.connect() as connection:
            return {row[0]: Total(row[1], row[2], row[3]) for row in connection.execute(query)}


def _owners(connection: Connection, now: float, *narrower: ColumnElement[bool]) -> float:
    """What the owner's key has spent or reserved today."""
    query = select(func.coalesce(func.sum(spend.c.credits), 0.0)).where(
        spend.c.day == utc_day(now), spend.c.mode == "live", spend.c.own_key == false(), *narrower
    )
    return float(connection.scalar(query) or 0.0)


def _add(connection: Connection, kind: str, post: Mapping[Any, Any], amount: float, *, now: float) -> None:
    of_the_post = {name: post[name] for name in _OF_THE_POST}
    connection.execute(insert(spend).values(kind=kind, at=now, credits=amount, **of_the_post))


def _report(job: Job, amount: float, what: str) -> None:
    if job.mode == "live" and job.credits_estimated and amount > FAR_BEYOND * job.credits_estimated:
        log.error(
            "job=%s task=%s EvoLink %s %s credits where the price list gives %s: prices may have changed",
            job.id,
            job.task_id,
            what,
            as_text(amount),
            as_text(job.credits_estimated),
        )
