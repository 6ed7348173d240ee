"""Reads and writes of the table that holds the money truth.

Each change of state is one guarded UPDATE: it names the states it may come from, and finding the job elsewhere is an
error. All is synchronous and thread-safe; callers on an event loop use the executor `LEDGER`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from evolink_ui.catalog import DEFAULT_MODEL

from . import same_order, shares, spend
from .doubt import next_look_at
from .doubt_book import note_task
from .job import (
    ACTIVE,
    MAY_COME_FROM,
    Fault,
    ImpossibleTransition,
    Job,
    JobError,
    JobUnreadable,
    NotThere,
    State,
    TaskTaken,
)
from .migrations import upgrade
from .quota import judge_line
from .spend import Caps, SpendBook
from .sqlite_file import shrink
from .tables import POSTGRES_LOCK, changing, empty_write_ahead_log, instance, jobs, open_engine, unhurried, uploads

log = logging.getLogger("evolink_ui.jobs")


class Ledger:
    """Reads and writes of jobs. Opening it brings the tables up to date.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://…`.
        clock: gives seconds since 1970 (UTC).
        late_storage: whether a SQLite file lies where whole files are copied away seconds later.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time, late_storage: bool = False) -> None:
        self._clock = clock
        self._set_aside: set[str] = set()
        self.engine = open_engine(url, late_storage=late_storage)
        self.spend_book = SpendBook(self.engine)
        try:
            with self._changing() as connection, unhurried(connection):
                self._lock(connection)
                upgrade(connection)
                self.instance = str(connection.scalar(select(instance.c.id)))
                """This database's own name (hex, 16 characters)."""
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def check_writing(self) -> None:
        """Write something that changes nothing.

        Raises:
            SQLAlchemyError: the database is away, read-only or full.
        """
        with self._changing() as connection:
            connection.execute(update(instance).values(id=instance.c.id))

    def add(self, *, place: Callable[..., None] | None = None, **values: Any) -> Job:
        """Write a new job down, state `queued`. Nothing has been sent anywhere before this returns.

        Args:
            place: notes the order in the same transaction (`same_order.place`); what it raises writes nothing.
            values: the columns.

        Raises:
            TaskTaken: it was given the task of another job.
            LineFull: too many jobs wait.
        """
        now = self._clock()
        fresh = {"state": State.QUEUED, "run": 1, "created_at": now, "updated_at": now, "household": values["visitor"]}
        values = {**fresh, **values}
        try:
            with self._changing() as connection:
                if place is not None:
                    place(connection, job_id=values["id"], visitor=values["visitor"], now=now)
                if values["state"] is State.QUEUED:
                    judge_line(connection, values["visitor"])
                connection.execute(insert(jobs).values(values))
                if task_id := values.get("task_id"):
                    note_task(connection, task_id, now=now)
        except IntegrityError:
            raise TaskTaken from None
        return _told(self.get(values["id"]))

    def find(self, job_id: str) -> Job | None:
        """The job, or None where there is none of that id."""
        with self.engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
        return _job(row) if row else None

    def where(self, *conditions: ColumnElement[bool]) -> list[Job]:
        """All jobs that fulfil some conditions."""
        with self.engine.connect() as connection:
            return self._jobs(connection.execute(select(jobs).where(*conditions)).mappings().all())

    def with_task(self, task_id: str) -> Job | None:
        """The job that a task belongs to, or None."""
        with self.engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.task_id == task_id)).mappings().first()
        return _job(row) if row else None

    def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            JobError: `job_not_found`.
        """
        job = self.find(job_id)
        if job is None:
            raise NotThere
        return job

    def move(
        self,
        job_id: str,
        to: State,
        *,
        only_from: Collection[State] | None = None,
        only_run: int | None = None,
        **values: Any,
    ) -> Job:
        """Bring a job into a state, with other columns in the same UPDATE; `only_run` names the run that may do so.

        Raises:
            ImpossibleTransition: the job is not where that state can be reached from; nothing was changed.
        """
        with self._changing() as connection:
            job = self._move(connection, job_id, to, only_from, only_run, values)
        if job.own_key and "sealed_key" in values:
            self._wipe()
        return _told(job)

    def claim(self, job: Job, *, account: str, caps: Caps) -> Job:
        """Claim the paid POST of a job: `hosting` to `submitting`, once, reserving what it may cost within the caps.

        Args:
            job: as it was read.
            account: a name for the key that pays.
            caps: what the owner's key may spend.

        Raises:
            ImpossibleTransition: somebody else has claimed it.
            BudgetUsedUp: the order would go over a cap; the job is unchanged.
        """
        with self._changing() as connection:
            now = self._clock()
            if caps.concern(job):
                self._lock(connection)  # or two would both see the last credits
                spend.check(connection, job, caps, now=now)
            job = self._move(connection, job.id, State.SUBMITTING, None, job.run, {"ordered_at": now})
            spend.reserve(connection, job, account=account)
        return _told(job)

    def _move(
        self,
        connection: Connection,
        job_id: str,
        to: State,
        only_from: Collection[State] | None,
        only_run: int | None,
        values: dict[str, Any],
    ) -> Job:
        allowed = MAY_COME_FROM[to] if only_from is None else MAY_COME_FROM[to] & frozenset(only_from)
        now = self._clock()
        if to not in ACTIVE:
            values.setdefault("finished_at", now)
        due_at = next_look_at(now, now) if to is State.UNKNOWN else None
        values = {"doubt": None, "doubt_due_at": due_at, **values}
        change = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(sorted(allowed)))
        if only_run is not None:
            change = change.where(jobs.c.run == only_run)
        change = change.values(state=to, updated_at=now, **_columns(values))
        try:
            row = connection.execute(change.returning(*jobs.c)).mappings().first()
        except IntegrityError:
            raise TaskTaken from None
        if row is None:
            actual = connection.scalar(select(jobs.c.state).where(jobs.c.id == job_id))
            if actual is None:
                raise NotThere
            raise ImpossibleTransition(actual, to)
        job = _job(row)
        if job.task_id and "task_id" in values:
            note_task(connection, job.task_id, now=now)
        if to is not State.SUBMITTING:
            spend.follow(connection, job, is_free=to is State.FAILED and row["charged"] == "no", now=now)
        return job

    def again(self, job_id: str, to: State, *, only_from: Collection[State], **values: Any) -> Job:
        """`move` for a job that is given to the engine once more: a new run, its end and its fault wiped.

        Raises:
            LineFull: it would wait, and too many jobs do.
        """
        values |= {"run": jobs.c.run + 1, "finished_at": None, "fault": None}
        if to is not State.QUEUED:  # what goes out may have gone out before these tables were put back
            values["must_verify"] = False
        with self._changing() as connection:
            visitor = connection.scalar(select(jobs.c.visitor).where(jobs.c.id == job_id))
            if to is State.QUEUED and visitor is not None:
                judge_line(connection, visitor)
            job = self._move(connection, job_id, to, only_from, None, values)
        return _told(job)

    def offer_again(self, job: Job, fault: Fault, **values: Any) -> Job:
        """End an order that certainly cost nothing and give it to the engine as a new one, in one transaction.

        Raises:
            ImpossibleTransition: somebody else has moved the job on.
        """
        with self._changing() as connection:
            failed = self._move(connection, job.id, State.FAILED, None, job.run, {"fault": fault})
            fresh = {
                "run": failed.run + 1,
                "finished_at": None,
                "fault": None,
                "task_id": None,
                "ordered_at": None,
                "progress": None,
                "credits_reserved": None,
                "image_url": None,
                "video_url": None,
            }
            waiting = update(jobs).where(jobs.c.id == job.id).values(state=State.QUEUED, **fresh, **values)
            again = _job(connection.execute(waiting.returning(*jobs.c)).mappings().one())
        return _told(again)

    def rerun(self, job: Job) -> Job | None:
        """A new run for an active job that nobody works on; None where it has moved on meanwhile."""
        change = update(jobs).where(jobs.c.id == job.id, jobs.c.state == job.state, jobs.c.run == job.run)
        with self._changing() as connection:
            row = connection.execute(change.values(run=jobs.c.run + 1).returning(*jobs.c)).mappings().first()
        return _job(row) if row else None

    def note(self, job: Job, **values: Any) -> bool:
        """Write facts (progress, bytes) of a job that is still where `job` saw it; False where it has moved on."""
        change = update(jobs).where(jobs.c.id == job.id, jobs.c.state == job.state, jobs.c.run == job.run)
        with self._changing() as connection:
            result = connection.execute(change.values(updated_at=self._clock(), **_columns(values)))
        return bool(result.rowcount)

    def unfinished(self) -> list[Job]:
        """All jobs that the engine should be working on."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(jobs).where(jobs.c.state.in_(sorted(ACTIVE)))).mappings().all()
        return self._jobs(rows)

    def history(self, visitor: str, *, states: Collection[str], search: str, limit: int, offset: int) -> list[Job]:
        """A visitor's jobs, newest first; `states` empty means all; `search` is looked for in the prompt."""
        query = select(jobs).where(jobs.c.visitor == visitor).order_by(jobs.c.created_at.desc())
        if states:
            query = query.where(jobs.c.state.in_(sorted(states)))
        if search:
            query = query.where(jobs.c.request["prompt"].as_string().icontains(search, autoescape=True))
        with self.engine.connect() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings().all()
        return self._jobs(rows)

    def latest(self, states: Collection[str], *, limit: int) -> list[Job]:
        """Everybody's jobs in some states (none: in all), the latest change first."""
        query = select(jobs).order_by(jobs.c.updated_at.desc()).limit(limit)
        if states:
            query = query.where(jobs.c.state.in_(sorted(states)))
        with self.engine.connect() as connection:
            return self._jobs(connection.execute(query).mappings().all())

    def given_again(self, *, since: float) -> list[Job]:
        """Active jobs with a second or later run that changed since a time."""
        query = select(jobs).where(jobs.c.state.in_(sorted(ACTIVE)), jobs.c.run > 1, jobs.c.updated_at >= since)
        with self.engine.connect() as connection:
            return self._jobs(connection.execute(query).mappings().all())

    def hand_over(self, visitor: str, to: str) -> int:
        """Give all jobs of one visitor to another one, who turned out to be the same person; how many."""
        with self._changing() as connection:
            same_order.hand_over(connection, visitor, to)
            return connection.execute(update(jobs).where(jobs.c.visitor == visitor).values(visitor=to)).rowcount

    def take_back(self, job_id: str) -> None:
        """Undo `add` for an order that nobody was told of."""
        with self._changing() as connection:
            same_order.forget(connection, job_id)
            connection.execute(delete(jobs).where(jobs.c.id == job_id, jobs.c.state == State.STOPPED))

    def place_in_line(self, job: Job, *, active_in_all: int) -> int | None:
        """1 for the next in line, None for a job that isn't waiting."""
        if job.state is not State.QUEUED:
            return None
        with self.engine.connect() as connection:
            return shares.place_in_line(connection, job, active_in_all=active_in_all)

    def done_lately(self, job: Job, limit: int) -> list[Job]:
        """The newest done jobs of the same vendor, model and quality."""
        model = func.coalesce(jobs.c.request["model"].as_string(), DEFAULT_MODEL)  # older versions had no other
        alike = (
            jobs.c.mode == job.mode,
            model == job.order.model,
            jobs.c.request["quality"].as_string() == job.request.get("quality"),
        )
        query = select(jobs).where(jobs.c.state == State.DONE, *alike).order_by(jobs.c.finished_at.desc()).limit(limit)
        with self.engine.connect() as connection:
            return self._jobs(connection.execute(query).mappings().all())

    def count_by_state(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        with self.engine.connect() as connection:
            counts = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
            return {row[0]: row[1] for row in counts}

    def delete(self, job_id: str) -> None:
        """Forget a job that is not active.

        Raises:
            JobError: it is unknown or still active.
        """
        with self._changing() as connection:
            gone = connection.execute(delete(jobs).where(jobs.c.id == job_id, jobs.c.state.not_in(sorted(ACTIVE))))
        if gone.rowcount:
            self._wipe()
            log.info("job=%s deleted", job_id, extra={"job_id": job_id})
        else:
            job = self.get(job_id)
            raise JobError(
                "job_is_active",
                f"The job is still {job.state.value}.",
                "Stop following it first, or wait for its end.",
                status=409,
            )

    def delete_outdated(self, *, ended_before: float, limit: int) -> list[str]:
        """Forget the oldest jobs that ended before a time; their ids."""
        is_old = and_(jobs.c.state.not_in(sorted(ACTIVE)), jobs.c.finished_at < ended_before)
        oldest = select(jobs.c.id).where(is_old).order_by(jobs.c.finished_at).limit(limit)
        with self._changing() as connection:
            gone = delete(jobs).where(is_old, jobs.c.id.in_(oldest.scalar_subquery())).returning(jobs.c.id)
            return list(connection.scalars(gone))

    def known_ids(self) -> set[str]:
        """The ids of all jobs."""
        with self.engine.connect() as connection:
            return set(connection.scalars(select(jobs.c.id)))

    def wipe_keys(self, *, ended_before: float) -> int:
        """Forget the sealed keys of jobs that ended before a time, and expired uploads; returns how many keys."""
        change = update(jobs).where(
            jobs.c.sealed_key.is_not(None),
            or_(
                jobs.c.state.in_([State.DONE, State.FAILED]),
                and_(jobs.c.state.in_([State.STOPPED, State.UNKNOWN]), jobs.c.finished_at < ended_before),
            ),
        )
        with self._changing() as connection:
            connection.execute(delete(uploads).where(uploads.c.expires_at < self._clock()))
            same_order.sweep(connection, now=self._clock())
            wiped = connection.execute(change.values(sealed_key=None)).rowcount
        self._wipe()  # also what could not be emptied before
        return wiped

    def shrink(self) -> None:
        """Give the space of deleted rows back, where the database doesn't do so itself."""
        if self.engine.dialect.name == "sqlite" and self.engine.url.database:
            shrink(Path(self.engine.url.database))

    def _wipe(self) -> None:
        if not empty_write_ahead_log(self.engine):
            log.info("the database is busy: what was wiped stays in its write-ahead log until the next sweep")

    def _jobs(self, rows: Iterable[RowMapping]) -> list[Job]:
        """Those that can be read; the id of each other one is logged once."""
        readable = []
        for row in rows:
            try:
                readable.append(_job(row))
            except JobUnreadable as unreadable:
                if unreadable.job_id not in self._set_aside:
                    self._set_aside.add(unreadable.job_id)
                    log.error("job=%s can't be read and is set aside: %s", unreadable.job_id, unreadable.__cause__)
        return readable

    def _changing(self) -> AbstractContextManager[Connection]:
        return changing(self.engine)

    def _lock(self, connection: Connection) -> None:
        """Be alone with the tables until the transaction ends; on SQLite every transaction that writes is."""
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": POSTGRES_LOCK})


def _told(job: Job) -> Job:
    """One line for each step of a job, written once it is true; never a key."""
    fault = f" {job.fault.code}" if job.fault else ""
    ids = {"job_id": job.id, "task_id": job.task_id}
    log.info("job=%s task=%s run=%s -> %s%s", job.id, job.task_id, job.run, job.state, fault, extra=ids)
    return job


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    if "fault" not in values:
        return dict(values)
    fault = values["fault"]
    told = (fault.to_dict(), fault.charged) if isinstance(fault, Fault) else (None, None)
    return {**values, "fault": told[0], "charged": told[1]}


def _job(row: RowMapping) -> Job:
    """The job of a row, whichever version wrote it.

    Raises:
        JobUnreadable: it lacks what every job has.
    """
    values = {name: value for name, value in row.items() if name in Job.__dataclass_fields__}
    try:
        if not isinstance(values["request"], dict):
            raise TypeError("its request is no JSON object")
        values["state"] = State(values["state"])
        values["fault"] = Fault.of_dict(values["fault"]) if values["fault"] else None
        return Job(**values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise JobUnreadable(str(row["id"])) from error
