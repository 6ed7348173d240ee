"""EvoLink clients for jobs: the live service or the sandbox, one pair of connection pools for each event loop.

An `httpx.AsyncClient` belongs to the loop that it was first used on, and this app has two: the page's and the engine's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import httpx

from evolink_ui import net
from evolink_ui.evolink import EvoLink
from evolink_ui.evolink.connections import NO_PLAIN_PROXY
from evolink_ui.evolink.in_process import InProcessTransport
from evolink_ui.settings import Settings

from .job import Job, JobError, Mode
from .keys import KeyLost, KeySafe
from .pace import Pace
from .vendor_calls import CountedClient

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SANDBOX_URL = "https://sandbox.evolink.invalid"  # never leaves the process; .invalid can't be resolved (RFC 2606)
SANDBOX_KEY = "play-money-key"
SANDBOX_POLL_SECONDS = 0.5  # a look at the sandbox costs nobody anything
VENDOR_MIN_POLL_SECONDS = 2.0  # each look at an unfinished task makes the gateway ask the model's provider
CONNECTIONS = 100  # httpx's own default, named because downloads share it
Sleep = Callable[[float], Awaitable[object]]
TIMEOUT = httpx.Timeout(30.0, connect=10.0, write=60.0, pool=30.0)


class Vendor:
    """Gives the client that fits a job.

    Args:
        settings: hosts, the owner's key, the pace of requests.
        safe: opens visitors' keys.
        sandbox: the sandbox's ASGI app, or None where only live orders are taken.
        pace: lets reads of the vendor go.
        min_poll_seconds: shortest distance of two looks at one task of the vendor.
    """

    def __init__(
        self, settings: Settings, safe: KeySafe, sandbox: ASGIApp | None, pace: Pace, *, min_poll_seconds: float
    ) -> None:
        self._settings, self._safe, self._min_poll_seconds = settings, safe, min_poll_seconds
        self._live = CountedClient(timeout=TIMEOUT, mounts=NO_PLAIN_PROXY, event_hooks={"request": [pace.before_read]})
        self._downloads = net.public_client(
            allow_private=settings.allow_private_urls, make=partial(CountedClient, place="result")
        )
        transport = InProcessTransport(sandbox) if sandbox is not None else None
        self._sandbox = httpx.AsyncClient(transport=transport, timeout=TIMEOUT) if transport else None

    async def close(self) -> None:
        """Close the pools. On the loop that used them."""
        for client in (self._live, self._downloads, self._sandbox):
            if client is not None:
                await client.aclose()

    def mode(self, api_key: str | None) -> Mode:
        """Where an order with this visitor's key (or none) goes."""
        return "live" if api_key else self._settings.mode

    def of_job(self, job: Job, *, sleep: Sleep = asyncio.sleep) -> EvoLink:
        """The client for a stored job, which waits with `sleep`.

        Raises:
            KeyLost: the visitor's key was wiped or can't be opened.
        """
        return self.client(job.mode, self.visitors_key(job), sleep=sleep)

    def visitors_key(self, job: Job) -> str | None:
        """The key that came with the order; None where the owner's pays.

        Raises:
            KeyLost: it was wiped or can't be opened.
        """
        if not job.own_key:
            return None
        if job.sealed_key is None:
            raise KeyLost
        return self._safe.open(job.sealed_key)

    def account(self, job: Job) -> str:
        """A name for the key that pays for a job, which doesn't tell it.

        Raises:
            JobError: there is no such key any more.
        """
        return self.accounts(job)[0]

    def accounts(self, job: Job) -> list[str]:
        """`account`, then the names that earlier versions and secrets of this app gave to the same key.

        Raises:
            JobError: there is no such key any more.
        """
        return self._safe.accounts(self.key(job.mode, self.visitors_key(job)))

    def key(self, mode: Mode, api_key: str | None) -> str:
        """The key that pays: the visitor's, else the owner's, else the sandbox's play key."""
        if mode == "sandbox":
            return SANDBOX_KEY
        if api_key:
            return api_key
        if self._settings.api_key is None:
            raise JobError(
                "key_missing",
                "This job needs an EvoLink API key, and the app has none any more.",
                "Enter your key (https://evolink.ai/dashboard/keys) and press Follow again.",
                status=409,
            )
        return self._settings.api_key.get_secret_value()

    def client(self, mode: Mode, api_key: str | None, *, sleep: Sleep = asyncio.sleep) -> EvoLink:
        """The client for a mode and a visitor's key (None: the owner's)."""
        key = self.key(mode, api_key)
        if mode == "live":
            return EvoLink(
                key,
                base_url=self._settings.base_url,
                files_url=self._settings.files_url,
                http=self._live,
                downloads=self._downloads,
                min_poll_seconds=self._min_poll_seconds,
                follow_minutes=self._settings.follow_minutes,
                sleep=sleep,
            )
        if self._sandbox is None:
            raise JobError(
                "sandbox_missing",
                "This job belongs to the sandbox, which is switched off.",
                "Start the app without EVOLINK_API_KEY to see it.",
                status=409,
            )
        return EvoLink(
            key,
            base_url=SANDBOX_URL,
            files_url=SANDBOX_URL,
            http=self._sandbox,
            downloads=self._sandbox,
            min_poll_seconds=SANDBOX_POLL_SECONDS,
            max_poll_seconds=SANDBOX_POLL_SECONDS,
            follow_minutes=self._settings.follow_minutes,
            sleep=sleep,
        )


class Vendors:
    """One `Vendor` for each event loop, made when first needed and closed when its loop ends."""

    def __init__(self, settings: Settings, safe: KeySafe, sandbox: ASGIApp | None, *, min_poll_seconds: float) -> None:
        self.pace = Pace(settings.vendor_requests_per_second)
        """Shared by all loops of this process."""
        self._make = partial(Vendor, settings, safe, sandbox, self.pace, min_poll_seconds=min_poll_seconds)
        self._vendors: dict[asyncio.AbstractEventLoop, tuple[Vendor, asyncio.Task[None]]] = {}

    def here(self) -> Vendor:
        """The running loop's own."""
        loop = asyncio.get_running_loop()
        if loop not in self._vendors:
            vendor = self._make()
            self._vendors[loop] = vendor, loop.create_task(self._close_with_loop(vendor))
        return self._vendors[loop][0]

    async def _close_with_loop(self, vendor: Vendor) -> None:
        """A loop that ends cancels its tasks, this one included: the moment to close the connections that it owns."""
        try:
            await asyncio.Event().wait()
        finally:
            await vendor.close()
