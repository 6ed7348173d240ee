"""The vendor's own files API: public for 72 hours, no further account needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from evolink_ui.evolink import EvoLink, EvoLinkError, Forbidden, InvalidRequest, OutOfCredits

from .host import Hosted, HostingError, LocalFile, OnBytes

LIFE_SECONDS = 72 * 3600.0  # by the vendor's documentation; used where the answer names no end
NO_ROOM = "the account may not keep more files there, or its credits are used up. Nothing was ordered or charged."


class EvoLinkHost:
    """Puts files at EvoLink with the key of the order."""

    name = "evolink"
    title = "EvoLink's file storage"

    def __init__(self, evolink: EvoLink, *, clock: Callable[[], float] = time.time) -> None:
        self._evolink, self._clock = evolink, clock

    def scope(self, account: str, job_id: str) -> str:
        """The account: its files are charged to its quota."""
        return account

    async def put(self, file: LocalFile, *, on_progress: OnBytes | None = None) -> Hosted:
        """See `Host.put`. Pictures are documented, videos are not: they may be refused.

        Raises:
            HostingError: the vendor refuses this file or has no room for it, and another host may take it.
            EvoLinkError: anything else (key, network), with its own words.
        """
        try:
            stored = await self._evolink.upload(file.path, on_progress=on_progress)
        except (InvalidRequest, OutOfCredits, Forbidden) as error:
            reason = NO_ROOM if isinstance(error, OutOfCredits) else error.message
            raise HostingError(
                "upload_refused",
                f"EvoLink's file storage did not take the {file.kind}: {reason}",
                error.next_step,
            ) from error
        return Hosted(stored.file_url, self._expiry(stored.expires_at), stored.file_id)

    async def delete(self, file_id: str) -> None:
        """See `Host.delete`."""
        try:
            await self._evolink.delete_file(file_id)
        except EvoLinkError as error:
            if error.status != 404:
                raise

    def _expiry(self, text: str | None) -> float:
        """Seconds since 1970 of the vendor's ISO 8601 text; the documented life where it names none with an offset."""
        try:
            moment = datetime.fromisoformat(text or "")
        except ValueError:
            return self._clock() + LIFE_SECONDS
        return moment.timestamp() if moment.tzinfo else self._clock() + LIFE_SECONDS
