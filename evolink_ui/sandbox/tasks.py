"""Tasks: what is kept of them on disk, and the steps they may take.

status     stage        what happens
pending    new          waits for its files to be fetched and judged
pending    preparing    that is happening
pending    ready        waits for a place among the renders
processing rendering    has one
completed  over         its credits are used
failed     over         its credits are returned (a reservation lasts as long as a task is unfinished)
"""

from __future__ import annotations

import json
import logging
import math
import secrets
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from evolink_ui.catalog import DEFAULT_MODEL, billed_seconds

from . import accounts, errors
from .accounts import Balance
from .database import Database
from .keys import Account
from .options import RESULT_SECONDS, TASK_SECONDS, Options
from .orders import Order
from .speed import Speeds

log = logging.getLogger(__name__)

ID_PREFIX = "task-unified-"
ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_RANDOM_CHARS = 8  # as in the vendor's ids
UNREADABLE = "The sandbox can't read what it wrote down of this task. Credits are returned; order again."
MAX_ATTEMPTS = 3  # a task that took the whole process with it this often is not tried again


@dataclass(frozen=True, slots=True)
class Task:
    """One task, as kept."""

    id: str
    account: str
    created: float
    order: Order
    status: str
    stage: str
    progress: int = 0
    video_seconds: float | None = None
    estimate_seconds: float = 0.0
    reserved: float = 0.0
    used: float | None = None
    attempts: int = 0
    planned_error: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    note: str | None = None
    result_token: str | None = None
    finished: float | None = None

    @property
    def is_finished(self) -> bool:
        return self.stage == "over"


class Tasks:
    """The table of tasks."""

    def __init__(self, database: Database, speeds: Speeds, options: Options) -> None:
        self._database, self._speeds, self._options = database, speeds, options

    # ---- orders ----------------------------------------------------------------------------------------------------

    def create(
        self,
        account: Account,
        order: Order,
        body_digest: str,
        *,
        idempotency_key: str | None = None,
        video_seconds: float | None = None,
        planned_error: str | None = None,
    ) -> tuple[dict[str, Any], bool]:
        """A new task, or the one that this Idempotency-Key made before.

        Args:
            video_seconds: length of the reference video where it is known already; else the longest legal one is
                reserved until the file has been judged.
            planned_error: the error code with which this task shall fail.

        Returns:
            The answer for the client, and whether it is a replay.

        Raises:
            ApiError: 409, the key belongs to another order; 402, too few credits.
        """
        now = self._options.clock()
        with self._database.write() as db:
            if idempotency_key is not None:
                earlier = db.execute(
                    "SELECT body_digest, answer FROM tasks WHERE account = ? AND idempotency_key = ?",
                    (account.id, idempotency_key),
                ).fetchone()
                if earlier is not None:
                    if earlier["body_digest"] != body_digest:
                        raise errors.idempotency_conflict()
                    return dict(json.loads(earlier["answer"])), True
            longest = order.spec.video.max_seconds[order.character_orientation]
            charged_seconds = video_seconds if video_seconds is not None else longest
            reserved = order.spec.credits_for(charged_seconds, order.quality)
            balance = accounts.balance(db, account, self._options.credits)
            if reserved > balance.remaining:
                raise errors.insufficient_quota(reserved, balance.remaining)
            own = self._speeds.estimate_seconds(order.quality, charged_seconds)
            suffix = "".join(secrets.choice(ID_LETTERS) for _ in range(ID_RANDOM_CHARS))
            task_id = f"{ID_PREFIX}{int(now)}-{suffix}"
            task_info: dict[str, Any] = {"can_cancel": False}
            task_info["estimated_time"] = math.ceil(own + self._waiting_seconds(db))
            if video_seconds is not None:
                task_info["video_duration"] = billed_seconds(video_seconds)
            answer = {
                "created": int(now),
                "id": task_id,
                "model": order.model,
                "object": "video.generation.task",
                "progress": 0,
                "status": "pending",
                "task_info": task_info,
                "type": "video",
                "usage": {"billing_rule": "per_second", "credits_reserved": reserved, "user_group": "default"},
            }
            row = {
                "id": task_id,
                "account": account.id,
                "created": now,
                "body": order.dump(),
                "status": "pending",
                "stage": "new",
                "video_seconds": video_seconds,
                "estimate_seconds": own,
                "reserved": reserved,
                "planned_error": planned_error,
                "idempotency_key": idempotency_key,
                "body_digest": body_digest,
                "answer": json.dumps(answer),
            }
            columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
            db.execute(f"INSERT INTO tasks ({columns}) VALUES ({places})", row)  # noqa: S608 - our own field names
            if order.callback_url is not None:
                db.execute("INSERT INTO callbacks (task_id, url) VALUES (?,?)", (task_id, order.callback_url))
        return answer, False

    def find(self, task_id: str) -> Task | None:
        """The task; one whose row can't be read is failed from then on."""
        rows = self._database.read("SELECT * FROM tasks WHERE id = ?", task_id)
        if not rows:
            return None
        try:
            return _task(rows[0], Order.load(rows[0]["body"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            self._set_aside(task_id)
        return _task(self._database.read("SELECT * FROM tasks WHERE id = ?", task_id)[0], Order.unreadable())

    def _set_aside(self, task_id: str) -> None:
        with self._database.write() as db:
            changed = db.execute(
                "UPDATE tasks SET stage = 'over', status = 'failed', used = 0, error_code = 'service_error',"
                " error_message = ?, finished = ? WHERE id = ? AND stage != 'over'",
                (UNREADABLE, self._options.clock(), task_id),
            )
        if changed.rowcount:
            log.error("%s: its row in the sandbox's database can't be read; the task is failed", task_id)

    def find_many(self, account: Account, task_ids: list[str]) -> list[Task]:
        """Those of one account among some tasks, newest first."""
        places = ", ".join("?" * len(task_ids))
        sql = f"SELECT id FROM tasks WHERE account = ? AND id IN ({places}) ORDER BY created DESC"  # noqa: S608 - marks
        return self._found(self._database.read(sql, account.id, *task_ids))

    def page(
        self, account: Account, page: int, page_size: int, *, status: str | None = None, model: str | None = None
    ) -> tuple[list[Task], int]:
        """One page of an account's tasks, newest first, and how many there are in all; None means any."""
        which, values = "account = ?", [account.id]
        if status is not None:
            which, values = f"{which} AND status = ?", [*values, status]
        if model is not None:
            ordered = "COALESCE(CASE WHEN json_valid(body) THEN json_extract(body, '$.model') END, ?)"
            which, values = f"{which} AND {ordered} = ?", [*values, DEFAULT_MODEL, model]
        (count,) = self._database.read(f"SELECT COUNT(*) FROM tasks WHERE {which}", *values)  # noqa: S608 - our words
        sql = f"SELECT id FROM tasks WHERE {which} ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._database.read(sql, *values, page_size, (page - 1) * page_size)
        return self._found(rows), count[0]

    def _found(self, rows: Iterable[sqlite3.Row]) -> list[Task]:
        return [task for row in rows if (task := self.find(row["id"])) is not None]

    def with_result(self, token: str) -> Task | None:
        """The completed task whose result link holds `token` and has not expired."""
        since = self._options.clock() - RESULT_SECONDS
        sql = "SELECT id FROM tasks WHERE result_token = ? AND status = 'completed' AND finished > ?"
        rows = self._database.read(sql, token, since)
        return self.find(rows[0]["id"]) if rows else None

    def balance(self, account: Account) -> Balance:
        with self._database.write() as db:
            return accounts.balance(db, account, self._options.credits)

    def _waiting_seconds(self, db: sqlite3.Connection) -> float:
        sql = "SELECT COALESCE(SUM(estimate_seconds * (100 - progress) / 100.0), 0) FROM tasks WHERE stage != 'over'"
        ahead = float(db.execute(sql).fetchone()[0])
        return ahead / self._options.max_renders

    # ---- the walk of a task ----------------------------------------------------------------------------------------

    def recover(self, busy: Collection[str] = ()) -> None:
        """What is said to be under way but isn't among the ids in `busy`, waits again: its process is gone, or its
        work ended at a moment when nothing could be written down."""
        rows = self._database.read("SELECT id FROM tasks WHERE stage NOT IN ('new', 'over')")
        lost = [(row["id"],) for row in rows if row["id"] not in busy]
        if lost:
            with self._database.write() as db:
                sql = (
                    "UPDATE tasks SET stage = 'new', status = 'pending', progress = 0 WHERE id = ? AND stage != 'over'"
                )
                db.executemany(sql, lost)

    def unfinished_ids(self) -> set[str]:
        return {row["id"] for row in self._database.read("SELECT id FROM tasks WHERE stage != 'over'")}

    def claim(self, stage: str, next_stage: str, room: int) -> list[Task]:
        """Move up to `room` tasks, the oldest first, from `stage` to `next_stage` ('preparing' or 'rendering')."""
        if room <= 0:
            return []
        found = self._database.read("SELECT id FROM tasks WHERE stage = ? ORDER BY created LIMIT ?", stage, room)
        if not found:
            return []
        status = "processing" if next_stage == "rendering" else "pending"
        attempt = 1 if next_stage == "rendering" else 0
        with self._database.write() as db:
            for row in found:
                db.execute(
                    "UPDATE tasks SET stage = ?, status = ?, progress = 0, attempts = attempts + ? WHERE id = ?",
                    (next_stage, status, attempt, row["id"]),
                )
        claimed = [self.find(row["id"]) for row in found]
        return [task for task in claimed if task is not None and not task.is_finished]

    def prepared(self, task: Task, video_seconds: float) -> None:
        """The files are fetched and good; the reservation becomes exact."""
        estimate = self._speeds.estimate_seconds(task.order.quality, video_seconds)
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'ready', video_seconds = ?, estimate_seconds = ?, reserved = ? WHERE id = ?",
                (video_seconds, estimate, task.order.spec.credits_for(video_seconds, task.order.quality), task.id),
            )

    def wait_again(self, task: Task) -> None:
        """Its work was cut off by the end of the process, through no fault of its own: no attempt is counted."""
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'new', status = 'pending', progress = 0, attempts = ? WHERE id = ?",
                (max(task.attempts - 1, 0), task.id),
            )

    def progress(self, task_id: str, percent: int) -> None:
        """`percent` of the rendering is done; 100 is kept for a task that is completed."""
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET progress = ? WHERE id = ? AND stage = 'rendering'",
                (min(max(percent, 0), 99), task_id),
            )

    def complete(self, task: Task, output_seconds: float, *, note: str | None) -> None:
        """The result lies in its place: the credits are used, the link begins to live."""
        used = task.order.spec.credits_for(output_seconds, task.order.quality)
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'over', status = 'completed', progress = 100, used = ?, note = ?,"
                " result_token = ?, finished = ? WHERE id = ?",
                (used, note, secrets.token_urlsafe(16), self._options.clock(), task.id),
            )
            accounts.charge(db, task.account, used)

    def fail(self, task: Task, code: str, message: str) -> None:
        """The task is over without a result and costs nothing."""
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'over', status = 'failed', used = 0, error_code = ?, error_message = ?,"
                " finished = ? WHERE id = ? AND stage != 'over'",
                (code, message, self._options.clock(), task.id),
            )

    # ---- age -------------------------------------------------------------------------------------------------------

    def live_results(self) -> set[str]:
        """Ids of the tasks whose result has not expired."""
        since = self._options.clock() - RESULT_SECONDS
        sql = "SELECT id FROM tasks WHERE status = 'completed' AND finished > ?"
        return {row["id"] for row in self._database.read(sql, since)}

    def forget_old(self) -> None:
        """Drop tasks that finished longer ago than the sandbox remembers."""
        with self._database.write() as db:
            db.execute("DELETE FROM tasks WHERE finished < ?", (self._options.clock() - TASK_SECONDS,))


def _task(row: sqlite3.Row, order: Order) -> Task:
    """Columns that only another version knows are left out; those that it did not have take their defaults."""
    known = Task.__dataclass_fields__.keys() & set(row.keys())
    return Task(order=order, **{name: row[name] for name in known})
