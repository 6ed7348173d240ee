"""The figures of the ledger that an operator watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import false, func, select

from . import faults
from .job import State
from .ledger import Ledger
from .spend import Total, utc_day
from .tables import jobs


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """What all processes together have done, as the ledger says."""

    by_state: Mapping[str, int]
    """Every state, also with 0 jobs."""
    stopped_paid: int
    """Jobs that stopped although their order is placed at EvoLink, other than by a person's wish."""
    in_doubt: int
    """Orders of unknown outcome that the owner's key pays."""
    today: Total
    """Spent or reserved on this UTC day."""


def ledger_figures(ledger: Ledger, *, now: float) -> LedgerFigures:
    """Read the figures. Blocks.

    Args:
        ledger: the jobs.
        now: seconds since 1970 (UTC).
    """
    day = utc_day(now)
    counts = ledger.count_by_state()
    paid = select(func.count()).where(
        jobs.c.state == State.STOPPED,
        jobs.c.mode == "live",
        jobs.c.task_id.is_not(None),
        func.coalesce(jobs.c.fault["code"].as_string(), "") != faults.STOPPED_BY_OWNER.code,
    )
    doubt = select(func.count()).where(jobs.c.state == State.UNKNOWN, jobs.c.own_key == false())
    with ledger.engine.connect() as connection:
        stopped_paid, in_doubt = connection.scalar(paid) or 0, connection.scalar(doubt) or 0
    today = ledger.spend_book.by_day(day, day).get(day, Total(0.0, 0.0, 0))
    return LedgerFigures({state.value: counts.get(state, 0) for state in State}, stopped_paid, in_doubt, today)
