"""The ledger's rows for orders of unknown outcome, and for the tasks that are known."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from . import spend
from .doubt import SAME_ORDER_SECONDS, Doubt, next_look_at
from .job import Job, State
from .tables import changing, jobs, known_tasks

if TYPE_CHECKING:
    from .ledger import Ledger

KNOWN_FOR_SECONDS = 30 * 86_400.0  # longer than the seven days within which an unknown task says that a key is shared


class DoubtBook:
    """Reads and writes for `Doubts`. Blocks.

    Args:
        ledger: the jobs.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def due(self, now: float) -> list[Job]:
        """Jobs of unknown outcome that are to be looked for by now."""
        return self._ledger.where(jobs.c.state == State.UNKNOWN, jobs.c.doubt_due_at <= now)

    def unknown(self) -> list[Job]:
        """All jobs of unknown outcome."""
        return self._ledger.where(jobs.c.state == State.UNKNOWN)

    def payer(self, job: Job) -> str:
        """The account of a job's latest order; empty where it is not known."""
        with self._ledger.engine.connect() as connection:
            return spend.payer(connection, job)

    def is_only_doubt(self, job: Job, accounts: Collection[str], *, made_at: float) -> bool:
        """Whether no other order of a key, around the time when a task was made, can have made it.

        Args:
            job: the one in doubt.
            accounts: the names of its key.
            made_at: seconds since 1970 (UTC).
        """
        with self._ledger.engine.connect() as connection:
            within = SAME_ORDER_SECONDS
            return not spend.other_open_posts(connection, job, accounts, near=made_at, within=within)

    def take(self, job: Job, now: float) -> bool:
        """Claim one look at a job, and plan the next one; False where another process was faster."""
        following = next_look_at(job.finished_at or now, now)
        mine = (jobs.c.id == job.id, jobs.c.state == State.UNKNOWN, jobs.c.doubt_due_at == job.doubt_due_at)
        with changing(self._ledger.engine) as connection:
            return bool(connection.execute(update(jobs).where(*mine).values(doubt_due_at=following)).rowcount)

    def record(self, job: Job, doubt: Doubt) -> None:
        """Write down what a look gave, unless the job has moved on."""
        mine = (jobs.c.id == job.id, jobs.c.state == State.UNKNOWN)
        with changing(self._ledger.engine) as connection:
            connection.execute(update(jobs).where(*mine).values(doubt=doubt.to_dict()))

    def known(self, task_ids: Collection[str]) -> set[str]:
        """Those that some job has or had."""
        with self._ledger.engine.connect() as connection:
            return set(connection.scalars(select(known_tasks.c.task_id).where(known_tasks.c.task_id.in_(task_ids))))

    def require_verification(self) -> int:
        """Mark all jobs that may still be ordered: a newer copy of these tables may have seen it go out.

        Returns:
            How many were marked.
        """
        stopped = and_(jobs.c.state == State.STOPPED, jobs.c.task_id.is_(None))  # a person may go on with it
        waiting = or_(jobs.c.state.in_([State.QUEUED, State.HOSTING, State.UNKNOWN]), stopped)
        with changing(self._ledger.engine) as connection:
            return connection.execute(update(jobs).where(waiting).values(must_verify=True)).rowcount

    def sweep(self, now: float) -> None:
        """Forget tasks that were seen long ago and belong to no job any more."""
        kept = select(jobs.c.task_id).where(jobs.c.task_id.is_not(None))
        old = (known_tasks.c.seen_at < now - KNOWN_FOR_SECONDS, known_tasks.c.task_id.not_in(kept))
        with changing(self._ledger.engine) as connection:
            connection.execute(delete(known_tasks).where(*old))


def note_task(connection: Connection, task_id: str, *, now: float) -> None:
    """Remember a task beyond its job's life, in the transaction that gives it to the job."""
    if connection.scalar(select(known_tasks.c.task_id).where(known_tasks.c.task_id == task_id)) is None:
        connection.execute(insert(known_tasks).values(task_id=task_id, seen_at=now))
