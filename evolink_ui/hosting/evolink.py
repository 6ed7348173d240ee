"""The vendor's own files API: public for 72 hours, no further account needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from evolink_ui.evolink import EvoLink, EvoLinkError

from .host import Hosted, HostingError

LIFE_SECONDS = 72 * 3600.0  # by the vendor's documentation; used where the answer names no end
REFUSES_KIND = frozenset({400, 413, 415})  # the documentation names pictures only: videos may be refused
QUOTA_CODES = frozenset({"file_quota_exceeded", "quota_exceeded"})


class EvoLinkHost:
    """Puts files at EvoLink with the key of the order."""

    name = "evolink"

    def __init__(self, evolink: EvoLink) -> None:
        self._evolink = evolink

    async def put(self, path: Path, *, on_progress: Callable[[int], None] | None = None) -> Hosted:
        """See `Host.put`.

        Raises:
            HostingError: the vendor refuses this file, and another host may take it.
            EvoLinkError: anything else (key, credits, network), with its own words.
        """
        try:
            file = await self._evolink.upload(path, on_progress=on_progress)
        except EvoLinkError as error:
            if error.status in REFUSES_KIND or error.code in QUOTA_CODES:
                raise HostingError(
                    "upload_refused",
                    f"EvoLink's file storage did not take {path.name}: {error.message}",
                    "Set up a store of your own (EVOLINK_UI_HOSTING=s3 or own), or give a public https link instead "
                    "of the file. Nothing was ordered or charged.",
                    another_may=True,
                ) from error
            raise
        return Hosted(file.file_url, _expiry(file.expires_at), file.file_id)


def _expiry(text: str | None) -> float:
    """Seconds since 1970 of the vendor's ISO 8601 text; the documented life where it names none that can be read."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return time.time() + LIFE_SECONDS
    return moment.timestamp() if moment.tzinfo else time.time() + LIFE_SECONDS
