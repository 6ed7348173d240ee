"""Several processes on one PostgreSQL: each shows that it lives, and the living take over the jobs of the dead.

Which job runs where is DBOS's business; it does not notice a dead process by itself. Times are the database's, so that
the clocks of the machines don't matter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from evolink_ui.background import BackgroundThread

log = logging.getLogger("evolink_ui.jobs")

BEAT_SECONDS = 2.0
DEAD_AFTER_SECONDS = 6.0  # three missed beats; with the look for the dead at each beat, a takeover begins within 8 s
LATE_SECONDS = 3.0  # a beat so late means that this process slept or the database was away, perhaps for all
GRACE_SECONDS = 4.0  # two beats, in which the others may show that they live, before they are thought dead
TAKEOVER_LOCK = 0x45564F4D  # advisory lock: one process at a time looks for the dead ("EVOM")

BEAT = text(
    "insert into replicas (executor_id, beat_at) values (:id, now()) "
    "on conflict (executor_id) do update set beat_at = excluded.beat_at"
)
FIND_DEAD = text("select executor_id from replicas where beat_at < now() - make_interval(secs => :seconds)")
COUNT_LIVING = text("select count(*) from replicas where beat_at >= now() - make_interval(secs => :seconds)")
ANNOUNCED = text("select executor_id from replicas")
RETIRE = text("update replicas set beat_at = 'epoch' where executor_id = :id")
FORGET = text("delete from replicas where executor_id = any(:ids)")


def count_living(database: Engine) -> int:
    """How many processes beat on this database. Blocks."""
    with database.connect() as connection:
        return connection.scalar(COUNT_LIVING, {"seconds": DEAD_AFTER_SECONDS}) or 0


class Replicas:
    """Beats and looks for the dead in threads of its own until it is closed.

    Args:
        database: the PostgreSQL that all processes share.
        executor_id: this process's name, one that no other process ever had.
        take_over: brings the jobs of dead processes back into the queue.
        count: hears at each beat how many processes live, this one included.
        clock: seconds, never going backwards.
    """

    def __init__(
        self,
        database: Engine,
        executor_id: str,
        take_over: Callable[[Sequence[str]], None],
        *,
        count: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._executor_id, self._take_over, self._count = database, executor_id, take_over, count
        # Apart, because taking over many jobs takes longer than a beat.
        self._threads = [
            BackgroundThread(
                f"replicas-{name}",
                task,
                every_seconds=BEAT_SECONDS,
                first_after_seconds=BEAT_SECONDS,
                vital=True,
                expected=(SQLAlchemyError,),
            )
            for name, task in (("beat", self._beat), ("bury", self._bury))
        ]
        self._clock = clock
        self._beaten_at = self._steady_since = clock()

    def announce(self) -> None:
        """Be known as alive from here on, and know how many others are, before anything is asked of the vendor."""
        self._beat()

    def announced(self) -> set[str]:
        """The names of all processes that live, or are not yet found dead."""
        with self._database.connect() as connection:
            return set(connection.scalars(ANNOUNCED))

    def start(self) -> None:
        """Go on beating, and look for the dead."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End within a beat. The others find this process dead a little later and take its jobs over."""
        for thread in self._threads:
            thread.close()

    def retire(self) -> None:
        """Count as dead at once, after the last job was laid down: the others need not wait until a beat is missing."""
        try:
            with self._database.begin() as connection:
                connection.execute(RETIRE, {"id": self._executor_id})
        except SQLAlchemyError as error:
            log.warning("the other processes find out by themselves: %s", type(error).__name__)

    def _beat(self) -> None:
        with self._database.begin() as connection:
            connection.execute(BEAT, {"id": self._executor_id})
            alive = connection.scalar(COUNT_LIVING, {"seconds": DEAD_AFTER_SECONDS})
        self._count(alive or 1)
        now = self._clock()
        if now - self._beaten_at > LATE_SECONDS:
            self._steady_since = now
        self._beaten_at = now

    def _bury(self) -> None:
        now = self._clock()
        if now - self._beaten_at > LATE_SECONDS or now - self._steady_since < GRACE_SECONDS:
            return
        with self._database.begin() as connection:
            if not connection.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": TAKEOVER_LOCK}):
                return
            dead = list(connection.scalars(FIND_DEAD, {"seconds": DEAD_AFTER_SECONDS}))
            if dead:
                log.warning("taking over the jobs of %s", ", ".join(dead))
                self._take_over(dead)
                connection.execute(FORGET, {"ids": dead})
