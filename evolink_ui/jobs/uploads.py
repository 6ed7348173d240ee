"""Where some bytes were put before, by content: they are not uploaded again while that address lives.

A job that uses an address says so in the same transaction, under a lock on the address's row, so that a clean-up on any
process either sees the user or takes the row away before it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

from sqlalchemy import Connection, Engine, and_, delete, false, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from evolink_ui.hosting import Hosted

from .job import ACTIVE, Job, State
from .tables import changing, jobs, uploads

Kind = Literal["image", "video"]

STILL_GOOD_SECONDS = 2 * 3600.0  # an address is used again when it lives at least so long: orders can wait in line


class Uploads:
    """The table of addresses.

    Args:
        database: the ledger's.
        clock: gives seconds since 1970 (UTC).
    """

    def __init__(self, database: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def use(self, job: Job, kind: Kind, sha256: str, scopes: Mapping[str, str]) -> str | None:
        """Give a job's file an address that the same bytes have already; None where there is none.

        Args:
            job: whose file.
            kind: which of its two.
            sha256: of the bytes (hex).
            scopes: host name to scope, the preferred host first.
        """
        good_until = self._clock() + STILL_GOOD_SECONDS
        places = [and_(uploads.c.host == host, uploads.c.account == scope) for host, scope in scopes.items()]
        query = select(uploads).where(
            uploads.c.sha256 == sha256, uploads.c.expires_at > good_until, or_(false(), *places)
        )
        order = list(scopes)
        with changing(self._database) as connection:
            rows = connection.execute(query.with_for_update()).all()
            if not rows:
                return None
            url: str = min(rows, key=lambda row: order.index(row.host)).url
            _point(connection, job, kind, url)
        return url

    def add(self, job: Job, kind: Kind, sha256: str, host: str, scope: str, hosted: Hosted) -> None:
        """Write down where a job's file was put, and give the job that address."""
        place = {
            "url": hosted.url,
            "expires_at": hosted.expires_at,
            "file_id": hosted.file_id,
            "created_at": self._clock(),
        }
        with changing(self._database) as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            row = insert(uploads).values(sha256=sha256, account=scope, host=host, **place)
            connection.execute(row.on_conflict_do_update(index_elements=["sha256", "account", "host"], set_=place))
            _point(connection, job, kind, hosted.url)

    def drop(self, job: Job) -> bool:
        """Forget the addresses of a job's files, which the vendor can't read, so that nobody is given them again.

        Returns:
            Whether one of them is older than this job's first upload: another try may succeed from a new address.
        """
        urls = [url for url in (job.image_url, job.video_url) if url]
        with changing(self._database) as connection:
            gone = delete(uploads).where(uploads.c.url.in_(urls)).returning(uploads.c.created_at)
            ages = list(connection.scalars(gone))
        return any((created_at or 0.0) < (job.started_at or 0.0) for created_at in ages)

    def release(self, job: Job) -> list[tuple[str, str]]:
        """Forget the addresses of an ended job that no unfinished one uses.

        Returns:
            (host name, the host's own name for the copy) of each: nobody needs these copies any more.
        """
        urls = [url for name, url in ((job.image_name, job.image_url), (job.video_name, job.video_url)) if name and url]
        copies = []
        with changing(self._database) as connection:
            query = select(uploads).where(uploads.c.url.in_(urls), uploads.c.file_id.is_not(None))
            for row in connection.execute(query.with_for_update()).all():
                if not _in_use(connection, row.url, by_others_than=job.id):
                    connection.execute(delete(uploads).where(uploads.c.url == row.url))
                    copies.append((row.host, row.file_id))
        return copies


def _point(connection: Connection, job: Job, kind: Kind, url: str) -> None:
    change = update(jobs).where(jobs.c.id == job.id, jobs.c.state == job.state, jobs.c.run == job.run)
    connection.execute(change.values({f"{kind}_url": url}))


def _in_use(connection: Connection, url: str, *, by_others_than: str) -> bool:
    """Whether EvoLink may still come for the file: for a job at work, or for one whose order goes on without us."""
    unfinished = or_(
        jobs.c.state.in_(sorted(ACTIVE | {State.UNKNOWN})),
        and_(jobs.c.state == State.STOPPED, jobs.c.task_id.is_not(None)),
    )
    users = select(jobs.c.id).where(
        jobs.c.id != by_others_than, unfinished, or_(jobs.c.image_url == url, jobs.c.video_url == url)
    )
    return connection.execute(users.limit(1)).first() is not None
