"""Calling the ledger from an event loop, also while its database is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

log = logging.getLogger("evolink_ui.jobs")
T = TypeVar("T")

INSIST_SECONDS = 600.0  # how long a fact, that may be paid for, is offered to a database that doesn't answer
PAUSE_SECONDS = 1.0


async def insist(
    function: Callable[..., T],
    *args: Any,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    **values: Any,
) -> T:
    """Call a function of the ledger in a thread, again and again where the database is away.

    Raises:
        DBAPIError: it was away all the time.
    """
    give_up_at = clock() + INSIST_SECONDS
    while True:
        try:
            return await asyncio.to_thread(function, *args, **values)
        except DBAPIError:
            if clock() > give_up_at:
                raise
            log.warning("the database does not answer; trying again")
            await sleep(PAUSE_SECONDS)
