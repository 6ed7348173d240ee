"""The SQL table that holds the money truth.

Each change of state is one guarded UPDATE: it names the states it may come from, and finding the job elsewhere is an
error. The engine is synchronous and thread-safe; callers on an event loop use `asyncio.to_thread`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from .job import ACTIVE, MAY_COME_FROM, Fault, ImpossibleTransition, Job, JobError, State

BUSY_SECONDS = 15  # how long a writer waits for another one; SQLite lets one write at a time
POSTGRES_LOCK = 0x45564F4C  # advisory lock under which one process at a time changes the tables ("EVOL")

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("visitor", String(200), nullable=False, index=True),
    Column("state", String(12), nullable=False, index=True),
    Column("mode", String(8), nullable=False),
    Column("request", JSON, nullable=False),
    Column("idempotency_key", String(96), nullable=False, unique=True),
    Column("run", Integer, nullable=False, default=1),
    Column("created_at", Double, nullable=False, index=True),
    Column("updated_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ordered_at", Double),
    Column("finished_at", Double),
    Column("sealed_key", Text),
    Column("image_name", String(20)),
    Column("video_name", String(20)),
    Column("image_url", Text),
    Column("video_url", Text),
    Column("video_seconds", Double, nullable=False),
    Column("uploaded_bytes", Integer, nullable=False, default=0),
    Column("total_bytes", Integer, nullable=False, default=0),
    Column("task_id", String(100), unique=True),
    Column("estimated_seconds", Double),
    Column("progress", Integer),
    Column("credits_estimated", Double, nullable=False),
    Column("credits_reserved", Double),
    Column("credits_used", Double),
    Column("fault", JSON),
    Column("vendor_url", Text),
    Column("vendor_expires_at", Double),
    Column("result_bytes", Integer),
)
uploads = Table(
    "uploads",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("host", String(10), primary_key=True),
    Column("url", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
)
schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

# Step n brings a database of version n to version n + 1; a new database starts at the newest with `create_all`.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = ()


class Ledger:
    """Reads and writes of jobs. Opening it brings the tables up to date.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://…`.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.engine = _open(url)
        with self._changing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": POSTGRES_LOCK})
            _migrate(connection)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def add(self, **values: Any) -> Job:
        """Write a new job down, state `queued`. Nothing has been sent anywhere before this returns."""
        now = self._clock()
        values = {"state": State.QUEUED, "run": 1, "created_at": now, "updated_at": now, **values}
        with self._changing() as connection:
            connection.execute(insert(jobs).values(values))
        return self.get(values["id"])

    def find(self, job_id: str) -> Job | None:
        """The job, or None where there is none of that id."""
        with self.engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
        return _job(row) if row else None

    def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            JobError: `job_not_found`.
        """
        job = self.find(job_id)
        if job is None:
            raise JobError(
                "job_not_found", "There is no such job.", "Check the link; the job may have been deleted.", status=404
            )
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
        allowed = MAY_COME_FROM[to] if only_from is None else MAY_COME_FROM[to] & frozenset(only_from)
        now = self._clock()
        if to not in ACTIVE:
            values.setdefault("finished_at", now)
        change = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(sorted(allowed)))
        if only_run is not None:
            change = change.where(jobs.c.run == only_run)
        change = change.values(state=to, updated_at=now, **_columns(values))
        try:
            with self._changing() as connection:
                row = connection.execute(change.returning(*jobs.c)).mappings().first()
        except IntegrityError:
            raise JobError(
                "task_belongs_to_another_job",
                "Another job follows this task already.",
                "Look for it in My videos, or check the id.",
                field="task_id",
                status=409,
            ) from None
        if row is None:
            raise ImpossibleTransition(self.get(job_id).state.value, to)
        return _job(row)

    def again(self, job_id: str, to: State, *, only_from: Collection[State], **values: Any) -> Job:
        """`move` for a job that is given to the engine once more: a new run, its end and its fault wiped."""
        return self.move(job_id, to, only_from=only_from, run=jobs.c.run + 1, finished_at=None, fault=None, **values)

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
        return [_job(row) for row in rows]

    def history(self, visitor: str, *, states: Collection[str], search: str, limit: int, offset: int) -> list[Job]:
        """A visitor's jobs, newest first; `states` empty means all; `search` is looked for in the prompt."""
        query = select(jobs).where(jobs.c.visitor == visitor).order_by(jobs.c.created_at.desc())
        if states:
            query = query.where(jobs.c.state.in_(sorted(states)))
        if search:
            query = query.where(jobs.c.request["prompt"].as_string().icontains(search, autoescape=True))
        with self.engine.connect() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings().all()
        return [_job(row) for row in rows]

    def place_in_line(self, job: Job, *, active_in_all: int) -> int | None:
        """1 for the next in line, None for a job that isn't waiting; others' jobs count where all places are taken."""
        if job.state is not State.QUEUED:
            return None
        started = sorted(ACTIVE - {State.QUEUED})
        waiting = select(func.count()).where(jobs.c.state == State.QUEUED, jobs.c.created_at < job.created_at)
        with self.engine.connect() as connection:
            busy = connection.scalar(select(func.count()).where(jobs.c.state.in_(started))) or 0
            if busy < active_in_all:
                waiting = waiting.where(jobs.c.visitor == job.visitor)
            return 1 + (connection.scalar(waiting) or 0)

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
        if not gone.rowcount:
            job = self.get(job_id)
            raise JobError(
                "job_is_active",
                f"The job is still {job.state.value}.",
                "Stop following it first, or wait for its end.",
                status=409,
            )

    def remember_upload(self, sha256: str, account: str, host: str, url: str, expires_at: float) -> None:
        """Write down where some bytes were put, replacing what was known."""
        key = (uploads.c.sha256 == sha256, uploads.c.account == account, uploads.c.host == host)
        with self._changing() as connection:
            connection.execute(delete(uploads).where(*key))
            connection.execute(
                insert(uploads).values(sha256=sha256, account=account, host=host, url=url, expires_at=expires_at)
            )

    def find_upload(self, sha256: str, account: str, *, valid_seconds: float) -> str | None:
        """An address of the same bytes under the same account that stays valid for at least so long, or None."""
        query = select(uploads.c.url).where(
            uploads.c.sha256 == sha256,
            uploads.c.account == account,
            uploads.c.expires_at > self._clock() + valid_seconds,
        )
        with self.engine.connect() as connection:
            return connection.scalar(query)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("begin immediate")  # wait for the other writer here, not in mid-transaction
            yield connection


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves; pysqlite would begin them late
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")  # a stored task id must survive a power cut: it is paid

    return engine


def _migrate(connection: Connection) -> None:
    metadata.create_all(connection)
    newest = len(MIGRATIONS) + 1
    version = connection.scalar(select(schema_version.c.version))
    if version is None:
        connection.execute(insert(schema_version).values(version=newest))
        return
    if version > newest:
        raise JobError(
            "database_is_newer",
            f"The database was written by a newer version of this app (tables {version}, known {newest}).",
            "Start the newer version, or use another EVOLINK_UI_DATA_DIR.",
        )
    for step in MIGRATIONS[version - 1 :]:
        step(connection)
    connection.execute(update(schema_version).values(version=newest))


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    fault = values.get("fault")
    return {**values, "fault": fault.to_dict()} if isinstance(fault, Fault) else dict(values)


def _job(row: RowMapping) -> Job:
    values = dict(row)
    values["state"] = State(values["state"])
    values["fault"] = Fault(**values["fault"]) if values["fault"] else None
    return Job(**values)
