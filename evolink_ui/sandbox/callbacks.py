"""Telling clients that their tasks are over: one POST each, three repeats, then silence (a client can still ask)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from evolink_ui import net

from . import wire
from .database import Database
from .options import CALLBACK_TIMEOUT_SECONDS, Options
from .tasks import Tasks
from .waiting import run_until

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Callback:
    """One that is due. `attempts` were made already, by a process that is gone."""

    task_id: str
    url: str
    attempts: int


class Callbacks:
    """Those that are still to be made, and the making of them."""

    def __init__(self, database: Database, tasks: Tasks, options: Options) -> None:
        self._database, self._tasks, self._options = database, tasks, options
        self._begun: set[str] = set()

    def take(self, room: int) -> list[Callback]:
        """Up to `room` callbacks of finished tasks; each is given out once by this process, however it ends."""
        begun = set(self._begun)  # before the rows are read: one that is struck off meanwhile would look new
        sql = (
            "SELECT c.task_id, c.url, c.attempts FROM callbacks c JOIN tasks t ON t.id = c.task_id"
            " WHERE t.stage = 'over' ORDER BY t.finished"
        )
        due = [Callback(**dict(row)) for row in self._database.read(sql) if row["task_id"] not in begun]
        taken = due[: max(room, 0)]
        self._begun.update(callback.task_id for callback in taken)
        return taken

    def make(self, callback: Callback, stop: threading.Event) -> None:
        """Deliver one, or give it up. Blocks; call it in a thread.

        Raises:
            Closing: `stop` was set first; the next start goes on with it.
        """
        task = self._tasks.find(callback.task_id)
        if task is not None:
            delivery = deliver(
                callback.url,
                wire.task_body(task, self._options.base_url),
                retry_seconds=self._options.callback_retry_seconds,
                allow_private=self._options.allow_private_urls,
                attempts=callback.attempts,
                on_attempt=lambda made: self._tried(callback, made),
            )
            run_until(stop, delivery)
        with self._database.write() as db:
            db.execute("DELETE FROM callbacks WHERE task_id = ?", (callback.task_id,))
        self._begun.discard(callback.task_id)

    def _tried(self, callback: Callback, attempts: int) -> None:
        with self._database.write() as db:
            db.execute("UPDATE callbacks SET attempts = ? WHERE task_id = ?", (attempts, callback.task_id))


async def deliver(
    url: str,
    body: dict[str, Any],
    *,
    retry_seconds: tuple[float, ...],
    allow_private: bool,
    attempts: int = 0,
    on_attempt: Callable[[int], None],
) -> None:
    """POST `body` to `url` until a 2xx answers, at most 1 + len(retry_seconds) times.

    Args:
        attempts: how many were made before (by a process that is gone); they count.
        on_attempt: hears the number of attempts after each that failed.
    """
    async with net.public_client(allow_private=allow_private, https_only=not allow_private) as client:
        while attempts <= len(retry_seconds):
            if attempts > 0:
                await asyncio.sleep(retry_seconds[attempts - 1])
            try:
                async with asyncio.timeout(CALLBACK_TIMEOUT_SECONDS):
                    # A redirect is not a 2xx: a task's details go only where the client asked for them.
                    async with client.stream("POST", url, json=body, follow_redirects=False) as response:
                        if response.is_success:
                            return
                        reason = f"status {response.status_code}"
            except net.Refused as refused:
                log.warning("a callback may not be sent: %s", refused.message)
                return
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
                reason = type(error).__name__
            attempts += 1
            on_attempt(attempts)
            log.info("attempt %d of a callback failed: %s", attempts, reason)
