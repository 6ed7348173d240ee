"""Telling a client that its task is over: one POST, three repeats, then silence (the client can still ask)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx

from evolink_ui import net

from .options import CALLBACK_TIMEOUT_SECONDS

log = logging.getLogger(__name__)


async def deliver(
    url: str,
    body: dict[str, Any],
    *,
    retry_seconds: tuple[float, ...],
    allow_private: bool,
    attempts: int = 0,
    on_attempt: Callable[[int], None],
) -> bool:
    """POST `body` to `url` until a 2xx answers, at most 1 + len(retry_seconds) times.

    Args:
        attempts: how many were made before (by a process that is gone); they count.
        on_attempt: hears the number of attempts after each that failed.

    Returns:
        Whether it was delivered.
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
                            return True
                        reason = f"status {response.status_code}"
            except net.Refused as refused:
                log.warning("a callback may not be sent: %s", refused.message)
                return False
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
                reason = type(error).__name__
            attempts += 1
            on_attempt(attempts)
            log.info("attempt %d of a callback failed: %s", attempts, reason)
    return False
