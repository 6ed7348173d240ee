"""Calling the ledger from an event loop, also while its database is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from sqlalchemy import exc

from evolink_ui.executors import LEDGER, Busy

from .job import JobError, TooBusy

log = logging.getLogger("evolink_ui.jobs")
T = TypeVar("T")

AWAY: Final = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError)
"""What a database says that isn't there, or has no room or connection left: later it may be otherwise."""

INSIST_SECONDS = 600.0  # how long a fact, that may be paid for, is offered to a database that doesn't answer
PAUSE_SECONDS = 1.0


class DatabaseAway(JobError):
    """The database doesn't answer a person's question."""

    def __init__(self) -> None:
        super().__init__(
            "database_away",
            "This app can't reach its database at the moment. Orders that were placed go on at EvoLink.",
            "Wait a minute, then try again.",
            status=503,
        )


async def ask(function: Callable[..., T], *args: Any, **values: Any) -> T:
    """Call a function of the ledger in a thread, for somebody who waits.

    Raises:
        DatabaseAway: it doesn't answer.
        TooBusy: too many wait for it already.
    """
    try:
        return await LEDGER.run(function, *args, **values)
    except AWAY as error:
        log.warning("the database does not answer: %s", type(error).__name__)
        raise DatabaseAway from None
    except Busy as busy:
        raise TooBusy(busy.retry_after_seconds) from None


async def insist(
    function: Callable[..., T],
    *args: Any,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    **values: Any,
) -> T:
    """Call a function of the ledger in a thread, again and again where the database is away.

    Raises:
        SQLAlchemyError: it was away all the time.
        Busy: the line was full all the time.
    """
    give_up_at = clock() + INSIST_SECONDS
    while True:
        try:
            return await LEDGER.run(function, *args, **values)
        except AWAY:
            if clock() > give_up_at:
                raise
            log.warning("the database does not answer; trying again")
        except Busy:
            if clock() > give_up_at:
                raise
        await sleep(PAUSE_SECONDS)
