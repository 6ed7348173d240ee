"""News of a job for the process that follows it, where several share one PostgreSQL (LISTEN and NOTIFY).

A callback reaches whichever process the proxy chose, and so does a press of Stop. Nothing depends on this: what gets
lost while the database is away costs a little time, because followers look by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from sqlalchemy import Engine, text

from evolink_ui.background import BackgroundThread

from .postgres import connector

CHANNEL = "evolink_ui_news"
LISTEN_SECONDS = 1.0  # after which the listener looks whether it shall end
AGAIN_SECONDS = 2.0  # between attempts to reach the database


class NewsWire:
    """Listens in a thread of its own until it is closed.

    Args:
        database: the PostgreSQL that all processes share.
        hear: is told the job's id, in that thread; also of what was sent from here.
    """

    def __init__(self, database: Engine, hear: Callable[[str], object]) -> None:
        self._database, self._hear = database, hear
        self._thread = BackgroundThread("news", self._listen, every_seconds=AGAIN_SECONDS, expected=(psycopg.Error,))

    def start(self) -> None:
        """Listen from about here on."""
        self._thread.start()

    def close(self) -> None:
        """End within a second or so."""
        self._thread.close()

    def send(self, job_id: str) -> None:
        """Tell all processes. Blocks.

        Raises:
            SQLAlchemyError: the database is away.
        """
        with self._database.begin() as connection:
            connection.execute(text("select pg_notify(:channel, :job)"), {"channel": CHANNEL, "job": job_id})

    def _listen(self) -> None:
        with connector(self._database.url)() as connection:
            connection.autocommit = True
            connection.execute(f"listen {CHANNEL}")
            while not self._thread.is_closing:
                self._thread.beat()
                for notice in connection.notifies(timeout=LISTEN_SECONDS):
                    self._hear(notice.payload)
                connection.execute("select 1")  # silence alone doesn't tell that the connection still answers
