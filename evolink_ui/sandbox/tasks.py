"""Tasks, the play money they cost, and how fast this machine renders: what is kept of them on disk.

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
import math
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from evolink_ui.media import limits, price

from . import errors
from .database import Database
from .keys import MODEL, Account
from .options import RESULT_SECONDS, TASK_SECONDS, Options
from .orders import Order

ID_PREFIX = "task-unified-"
ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_RANDOM_CHARS = 8  # as in the vendor's ids
MAX_ATTEMPTS = 3  # a task that took the whole process with it this often is not tried again

START_SECONDS = 2.0  # fetching, judging and starting the renderer, before the first frame
FIRST_GUESS = {"720p": 0.6, "1080p": 1.0}  # render seconds per second of video, until this machine has been measured
NEWEST_WEIGHT = 0.4  # of the latest measurement in the running mean: follows a machine that got busy within a few tasks


@dataclass(frozen=True, slots=True)
class Task:
    """One task, as kept."""

    id: str
    account: str
    created: float
    order: Order
    status: str
    stage: str
    progress: int
    video_seconds: float | None
    estimate_seconds: float
    reserved: float
    used: float | None
    attempts: int
    planned_error: str | None
    error_code: str | None
    error_message: str | None
    note: str | None
    result_token: str | None
    finished: float | None

    @property
    def is_finished(self) -> bool:
        return self.stage == "over"


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of one account: those it may still reserve, and those it has used for good."""

    remaining: float
    used: float


class Tasks:
    """The table of tasks and those around it."""

    def __init__(self, database: Database, options: Options) -> None:
        self._database, self._options = database, options

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
            longest = limits.IMAGE_ORIENTATION_MAX_SECONDS if order.orientation == "image" else limits.VIDEO_MAX_SECONDS
            charged_seconds = video_seconds if video_seconds is not None else longest
            reserved = price.credits_for(charged_seconds, order.quality)
            balance = self._balance(db, account)
            if reserved > balance.remaining:
                raise errors.insufficient_quota(reserved, balance.remaining)
            own = self._render_seconds(db, order.quality, charged_seconds)
            suffix = "".join(secrets.choice(ID_LETTERS) for _ in range(ID_RANDOM_CHARS))
            task_id = f"{ID_PREFIX}{int(now)}-{suffix}"
            task_info: dict[str, Any] = {"can_cancel": False}
            task_info["estimated_time"] = math.ceil(own + self._waiting_seconds(db))
            if video_seconds is not None:
                task_info["video_duration"] = price.billed_seconds(video_seconds)
            answer = {
                "created": int(now),
                "id": task_id,
                "model": MODEL,
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
        rows = self._database.read("SELECT * FROM tasks WHERE id = ?", task_id)
        return _task(rows[0]) if rows else None

    def with_result(self, token: str) -> Task | None:
        """The completed task whose result link holds `token` and has not expired."""
        since = self._options.clock() - RESULT_SECONDS
        sql = "SELECT * FROM tasks WHERE result_token = ? AND status = 'completed' AND finished > ?"
        rows = self._database.read(sql, token, since)
        return _task(rows[0]) if rows else None

    def balance(self, account: Account) -> Balance:
        with self._database.write() as db:
            return self._balance(db, account)

    # ---- the walk of a task ----------------------------------------------------------------------------------------

    def recover(self) -> None:
        """After a start: what was under way in a process that is gone, waits again."""
        with self._database.write() as db:
            db.execute("UPDATE tasks SET stage = 'new', status = 'pending', progress = 0 WHERE stage != 'over'")

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
        return [task for task in claimed if task is not None]

    def prepared(self, task: Task, video_seconds: float) -> None:
        """The files are fetched and good; the reservation becomes exact."""
        with self._database.write() as db:
            estimate = self._render_seconds(db, task.order.quality, video_seconds)
            db.execute(
                "UPDATE tasks SET stage = 'ready', video_seconds = ?, estimate_seconds = ?, reserved = ? WHERE id = ?",
                (video_seconds, estimate, price.credits_for(video_seconds, task.order.quality), task.id),
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
        used = price.credits_for(output_seconds, task.order.quality)
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'over', status = 'completed', progress = 100, used = ?, note = ?,"
                " result_token = ?, finished = ? WHERE id = ?",
                (used, note, secrets.token_urlsafe(16), self._options.clock(), task.id),
            )
            db.execute("UPDATE accounts SET used = used + ? WHERE id = ?", (used, task.account))

    def fail(self, task: Task, code: str, message: str) -> None:
        """The task is over without a result and costs nothing."""
        with self._database.write() as db:
            db.execute(
                "UPDATE tasks SET stage = 'over', status = 'failed', used = 0, error_code = ?, error_message = ?,"
                " finished = ? WHERE id = ? AND stage != 'over'",
                (code, message, self._options.clock(), task.id),
            )

    # ---- speed -----------------------------------------------------------------------------------------------------

    def measured(self, quality: str, video_seconds: float, render_seconds: float) -> None:
        """One render took so long: what later estimates are made of."""
        latest = render_seconds / max(video_seconds, 1.0)
        with self._database.write() as db:
            row = db.execute("SELECT seconds_per_second FROM speeds WHERE quality = ?", (quality,)).fetchone()
            mean = latest if row is None else row[0] + NEWEST_WEIGHT * (latest - row[0])
            db.execute("INSERT OR REPLACE INTO speeds VALUES (?,?)", (quality, mean))

    def _render_seconds(self, db: sqlite3.Connection, quality: str, video_seconds: float) -> float:
        row = db.execute("SELECT seconds_per_second FROM speeds WHERE quality = ?", (quality,)).fetchone()
        rate = FIRST_GUESS[quality] if row is None else row[0]
        return float(START_SECONDS + rate * video_seconds) / min(self._options.speed, 1.0)

    def _waiting_seconds(self, db: sqlite3.Connection) -> float:
        sql = "SELECT COALESCE(SUM(estimate_seconds * (100 - progress) / 100.0), 0) FROM tasks WHERE stage != 'over'"
        ahead = float(db.execute(sql).fetchone()[0])
        return ahead / self._options.max_renders

    # ---- callbacks -------------------------------------------------------------------------------------------------

    def callbacks_due(self) -> list[tuple[str, str, int]]:
        """(task id, URL, attempts made) of the finished tasks whose callback has not been delivered."""
        sql = "SELECT c.* FROM callbacks c JOIN tasks t ON t.id = c.task_id WHERE t.stage = 'over' ORDER BY t.finished"
        return [(row["task_id"], row["url"], row["attempts"]) for row in self._database.read(sql)]

    def callback_tried(self, task_id: str, attempts: int) -> None:
        with self._database.write() as db:
            db.execute("UPDATE callbacks SET attempts = ? WHERE task_id = ?", (attempts, task_id))

    def callback_over(self, task_id: str) -> None:
        with self._database.write() as db:
            db.execute("DELETE FROM callbacks WHERE task_id = ?", (task_id,))

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

    def _balance(self, db: sqlite3.Connection, account: Account) -> Balance:
        granted = 0.0 if account.penniless else self._options.credits
        db.execute("INSERT OR IGNORE INTO accounts (id, granted) VALUES (?,?)", (account.id, granted))
        row = db.execute("SELECT granted, used FROM accounts WHERE id = ?", (account.id,)).fetchone()
        held = db.execute(
            "SELECT COALESCE(SUM(reserved), 0) FROM tasks WHERE account = ? AND stage != 'over'", (account.id,)
        ).fetchone()[0]
        return Balance(remaining=round(row["granted"] - row["used"] - held, 4), used=round(row["used"], 4))


def _task(row: sqlite3.Row) -> Task:
    return Task(
        order=Order.load(row["body"]),
        **{name: row[name] for name in Task.__dataclass_fields__ if name != "order"},
    )
