"""Can a stranger reach this app at its own address? A private Space looks like a public one from inside, but whoever is
not a member is asked to log in there: EvoLink could neither fetch files from it nor call it.

No variable of a Space tells, so the app asks for its own health as a stranger would, and looks again now and then:
a Space can be made public or private while it runs.
"""

import asyncio
import json
import logging
from collections.abc import Iterable
from itertools import chain, repeat

import httpx

from evolink_ui.background import BackgroundThread
from evolink_ui.net import Refused, public_client
from evolink_ui.settings import Settings

log = logging.getLogger(__name__)

FIRST_LOOKS_SECONDS = (3.0, 10.0, 30.0, 60.0, 120.0)
"""Between looks after the start: the platform leads visitors to a new container only some time after it is up."""

LOOK_AGAIN_SECONDS = 900.0
LOOK_SECONDS = 10.0
ANSWER_MAX_BYTES = 1024
"""Our own answer has some 50; a login page is not read."""


class SelfCheck:
    """Looks in a thread of its own, from `start` to `close`."""

    def __init__(
        self,
        settings: Settings,
        *,
        first_looks: Iterable[float] = FIRST_LOOKS_SECONDS,
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        self._settings = settings
        self._address = next((url for url in settings.own_addresses if url), "")
        self._was: bool | None = None
        first, *others = first_looks
        self._doubtful_looks = len(others)
        self._pauses = chain(others, repeat(look_again_seconds))
        self._thread = BackgroundThread(
            "self check", self._check, every_seconds=look_again_seconds, first_after_seconds=first
        )

    def start(self) -> None:
        """Begin to look; only a Space is doubtful, elsewhere the owner's word is taken."""
        if self._settings.on_space and self._address:
            self._thread.start()

    def close(self) -> None:
        """End it; a look under way is not waited for."""
        self._thread.close(wait_seconds=0)

    def _check(self) -> float:
        reached = self.look()
        if reached or self._doubtful_looks <= 0:  # visitors are led to a new container some time after it is up
            self._tell(reached)
        self._doubtful_looks -= 1
        return next(self._pauses)

    def look(self) -> bool:
        """Whether a stranger's request arrives here: one look, bounded in time."""
        return asyncio.run(self._look())

    async def _look(self) -> bool:
        try:
            async with (
                asyncio.timeout(LOOK_SECONDS),
                public_client(allow_private=self._settings.allow_private_urls) as client,
                client.stream("GET", f"{self._address}/healthz", follow_redirects=False) as response,
            ):
                first = b""
                async for chunk in response.aiter_raw():
                    first += chunk
                    if len(first) > ANSWER_MAX_BYTES:
                        break
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, Refused):
            return False
        try:
            answer = json.loads(first)
        except ValueError:
            return False
        return isinstance(answer, dict) and isinstance(answer.get("ok"), bool)

    def _tell(self, reached: bool) -> None:
        if reached == self._was:
            return
        self._was = reached
        self._settings.found_reachable(reached)
        if reached:
            log.info("%s can be reached from outside", self._address)
        else:
            log.warning(
                "%s can't be reached from outside (a private Space?): EvoLink can't fetch files from this app or call "
                "it, so files go elsewhere and orders carry no callback. Nothing else changes.",
                self._address,
            )
