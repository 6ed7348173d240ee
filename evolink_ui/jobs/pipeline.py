"""The durable engine: DBOS decides who runs which job and when. DBOS is imported here and nowhere else.

A workflow carries a job's id and the number of its run; what is true of the job stands in the ledger. Each run is a
workflow of its own (`Job.workflow_id`), so enqueueing the same run twice changes nothing, and a run that finds a later
one in the ledger ends by itself: that is how Stop following works, on whichever process the follower runs.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, Protocol

from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import make_url

from evolink_ui.settings import Settings

from .insist import AWAY
from .job import ImpossibleTransition, Job, NotThere
from .shares import Shares
from .sqlite_file import prepare, shrink

log = logging.getLogger("evolink_ui.jobs")

# DBOS's automatic version changes with every edit of a workflow and would leave older jobs pending for ever.
# Steps are only ever appended; where that can't be, this number is raised and DBOS.patch_async used.
WORKFLOW_VERSION = "1"
QUEUE = "orders"
FIRST_TURN_AT = 1767225600.0  # 2026-01-01 UTC
LAST_TURN = 2**31 - 1  # DBOS's lowest priority, reached in 2032; from then on the second decides
QUEUE_LOOK_SECONDS = 0.25  # how soon a job that may start does start
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]  # DBOS's words
FORGET_AT_ONCE = 500  # runs in one transaction, so that no writer waits long
EXECUTOR_THREADS = 16  # unbounded, DBOS makes hundreds at a thousand jobs


class Steps(Protocol):
    """What the engine runs, in this order."""

    async def host(self, job_id: str, run: int) -> None: ...
    async def submit(self, job_id: str, run: int) -> None: ...
    async def follow(self, job_id: str, run: int) -> None: ...
    async def keep(self, job_id: str, run: int) -> None: ...
    async def broke(self, job_id: str, run: int) -> None: ...
    async def run_again(self, job_id: str, run: int) -> None: ...


class PlainJSON(Serializer):
    """Ids as JSON, exceptions as the name of their kind: the default would pickle them, and a text may tell a key."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=lambda value: type(value).__name__)

    def deserialize(self, serialized_data: str) -> Any:
        value = json.loads(serialized_data)
        return value if not isinstance(value, str) or not value.endswith("Error") else RuntimeError(value)


class Engine:
    """Runs jobs durably, within the limits.

    Args:
        settings: database and limits.
        steps: the work itself.
    """

    def __init__(self, settings: Settings, steps: Steps) -> None:
        self._settings, self._steps = settings, steps
        self._sqlite = (settings.data_dir / "engine.sqlite").absolute()
        self._shares = Shares(settings.max_active_jobs, settings.max_active_jobs_per_visitor)
        # On SQLite one process follows another under one name; on PostgreSQL they live side by side.
        self.executor_id = uuid.uuid4().hex if settings.on_postgres else "local"

    def launch(self) -> None:
        """Start the engine: what an earlier process left is taken up within about a second."""
        on_postgres = self._settings.on_postgres
        if not on_postgres:
            prepare(self._sqlite, late_storage=self._settings.has_late_storage)
        config = DBOSConfig(
            name="evolink-ui",
            system_database_url=self._settings.sqlalchemy_url if on_postgres else f"sqlite:///{self._sqlite}",
            application_version=WORKFLOW_VERSION,
            executor_id=self.executor_id,
            max_executor_threads=EXECUTOR_THREADS,
            serializer=PlainJSON(),
            log_level="ERROR",
        )
        if on_postgres:
            from .postgres import connector  # psycopg is an extra

            # DBOS's own connections would wait for ever where they stop answering.
            config["db_engine_kwargs"] = {"creator": connector(make_url(self._settings.sqlalchemy_url))}
        DBOS(config=config)
        self._register()
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            global_concurrency=self._settings.max_active_jobs,
            partition_concurrency=self._shares.of_one_lane,
            polling_interval_sec=QUEUE_LOOK_SECONDS,
            on_conflict="always_update",
        )

    def close(self) -> None:
        """Stop working; unfinished jobs go on at the next launch."""
        # A run that DBOS takes from the line in this very moment meets a closed loop. It says so in red, and takes the
        # run up again at the next launch; launching sets the level anew.
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        DBOS.destroy(destroy_registry=True)

    def enqueue(self, job: Job) -> None:
        """Put the job's current run in line. Repeating it changes nothing. Blocks; call it in a thread.

        DBOS's asynchronous calls would make its own thread pool the default of the loop that they run on. The context
        is empty because a step of another run may call this, and DBOS enqueues nothing from within a step.
        """
        Context().run(self._put_in_line, job)

    def _put_in_line(self, job: Job) -> None:
        with (
            SetWorkflowID(job.workflow_id),
            SetEnqueueOptions(queue_partition_key=self._shares.lane(job), priority=_turn(job.created_at)),
        ):
            DBOS.enqueue_workflow(QUEUE, self._order, job.id, job.run)

    def check(self) -> None:
        """Ask the engine's database something. Blocks.

        Raises:
            Exception: whatever DBOS says where it doesn't answer.
        """
        DBOS.list_workflows(workflow_ids=["none"], load_input=False, load_output=False)

    def forget_runs(self, *, begun_before: float) -> int:
        """Delete what the engine keeps of ended runs: the ledger has all that is true of a job. Blocks.

        Args:
            begun_before: seconds since 1970 (UTC).

        Returns:
            How many were deleted.
        """
        before, forgotten = datetime.fromtimestamp(begun_before, UTC).isoformat(), 0
        while ended := DBOS.list_workflows(
            status=ENDED, end_time=before, limit=FORGET_AT_ONCE, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([run.workflow_id for run in ended])
            forgotten += len(ended)
        if forgotten and not self._settings.on_postgres:
            shrink(self._sqlite)
        return forgotten

    def unattended(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of some unfinished jobs whose run is neither in line nor at work. Blocks."""
        if not jobs:
            return []
        runs = DBOS.list_workflows(workflow_ids=[job.workflow_id for job in jobs], load_input=False, load_output=False)
        attended = {run.workflow_id for run in runs if run.status in ("PENDING", "ENQUEUED", "DELAYED")}
        return [job for job in jobs if job.workflow_id not in attended]

    def executors_at_work(self) -> set[str]:
        """The names of the processes that have runs at work, or had them when they died. Blocks."""
        at_work = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {run.executor_id for run in at_work if run.executor_id is not None}

    def end_runs_of(self, executor_ids: Sequence[str]) -> None:
        """End the runs of processes that seem dead; their jobs are then `unattended`. Blocks.

        Not resumed but ended: a new run is a new number in the ledger, so that a process that was only asleep finds its
        run over at its next look, and no job has two followers.
        """
        orphans = DBOS.list_workflows(status="PENDING", executor_id=list(executor_ids), load_input=False)
        if orphans:
            DBOS.cancel_workflows([orphan.workflow_id for orphan in orphans])

    def _register(self) -> None:
        steps = self._steps

        @DBOS.workflow(name="order", max_recovery_attempts=1_000)
        async def order(job_id: str, run: int) -> None:
            try:
                await DBOS.run_step_async({"name": "host"}, steps.host, job_id, run)
                await DBOS.run_step_async({"name": "submit"}, steps.submit, job_id, run)
                await DBOS.run_step_async({"name": "follow"}, steps.follow, job_id, run)
                await DBOS.run_step_async({"name": "keep"}, steps.keep, job_id, run)
            except (ImpossibleTransition, NotThere):
                return  # a person or another process moved the job on, or deleted it; the ledger says what is true
            except AWAY as error:
                # Nothing is wrong with the job. DBOS repeats most failures of a connection itself, but not all: it
                # never repeats a statement that the server ended for its length. No step of DBOS's: it would fail, too.
                log.warning("job=%s is run again: %s", job_id, type(error).__name__, extra={"job_id": job_id})
                with suppress(ImpossibleTransition, NotThere):
                    await steps.run_again(job_id, run)
            except Exception as error:  # noqa: BLE001  whatever it was, the job must end where a person can go on
                log.error("job=%s ended unforeseen: %s", job_id, type(error).__name__, extra={"job_id": job_id})
                await DBOS.run_step_async({"name": "broke"}, steps.broke, job_id, run)

        self._order = order


def _turn(created_at: float) -> int:
    """A job's priority: first come, first served. DBOS's own clock on SQLite ticks in seconds, this in tenths."""
    return min(max(1, int(10 * (created_at - FIRST_TURN_AT))), LAST_TURN)
