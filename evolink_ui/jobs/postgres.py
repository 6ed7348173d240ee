"""PostgreSQL connections whose every wait ends.

A connection can stop answering without being closed: a failed-over database, a proxy or a firewall that forgot it.
`tcp_user_timeout` and keepalives end only what the other kernel no longer acknowledges, and libpq has no time limit for
an answer, so a thread would wait for ever. `BoundedConnection` gives up instead and closes itself; SQLAlchemy then
drops its whole pool, and the next statement goes out on a new connection.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import Notify, errors, sql
from psycopg.abc import PQGen
from sqlalchemy import URL, Connection

T = TypeVar("T")

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10.0
"""For one statement. The slowest of ours takes some tenths of a second; two such waits and a new connection fit into
the 30 s in which the app is to work again."""
STATEMENT_SECONDS = 8.0
"""The server's own limit, shorter, so that a slow statement ends with the server's reason. Locks count in it."""
SILENCE_SECONDS = 10.0
"""A listener that received nothing for so long asks whether its connection still answers."""


class BoundedConnection(psycopg.Connection[Any]):
    """A psycopg connection that is closed where an answer takes longer than `answer_seconds`."""

    answer_seconds = ANSWER_SECONDS

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server; every call of psycopg's does it here.

        Raises:
            psycopg.errors.ConnectionFailure: no answer in time; the connection is closed. DBOS repeats after this
                class of errors (08), also where SQLAlchemy doesn't know the connection yet, as while it is set up.
        """
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_seconds)
        except errors._WaitTimeout:  # what `wait` is documented to raise; psycopg has no public name for it
            self.close()
            raise errors.ConnectionFailure(f"the server did not answer within {self.answer_seconds:g} s") from None

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[Notify]:
        """As psycopg's, but one without a time limit ends after a silence, once the server has answered."""
        yield from super().notifies(timeout=SILENCE_SECONDS if timeout is None else timeout, stop_after=stop_after)
        if timeout is None:
            self.execute("select 1")


def connector(url: URL) -> Callable[[], BoundedConnection]:
    """What `create_engine(creator=…)` wants.

    Args:
        url: of a PostgreSQL; the driver's name in it doesn't matter.
    """
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)

    def connect() -> BoundedConnection:
        connection = BoundedConnection.connect(
            address,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=int(1000 * ANSWER_SECONDS),
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        _limit(connection, STATEMENT_SECONDS)
        connection.autocommit = False
        return connection

    return connect


@contextmanager
def patient(connection: Connection, seconds: float) -> Iterator[None]:
    """Let statements of this connection take longer, as a migration may. Does nothing on other databases.

    Args:
        connection: in a transaction, which ends with this context.
        seconds: for each statement.
    """
    bounded = connection.connection.driver_connection
    if not isinstance(bounded, BoundedConnection):
        yield
        return
    _limit(bounded, seconds, local=True)
    bounded.answer_seconds = seconds + ANSWER_SECONDS - STATEMENT_SECONDS
    try:
        yield
    finally:
        bounded.answer_seconds = ANSWER_SECONDS


def _limit(connection: BoundedConnection, seconds: float, *, local: bool = False) -> None:
    for name in ("statement_timeout", "lock_timeout"):
        scope = sql.SQL("local") if local else sql.SQL("session")
        milliseconds = sql.Literal(int(1000 * seconds))
        connection.execute(sql.SQL("set {} {} = {}").format(scope, sql.Identifier(name), milliseconds))
