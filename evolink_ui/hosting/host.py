"""What a host is: it takes a local file and gives an address under which EvoLink can fetch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class HostingError(Exception):
    """This host didn't take the file; nothing was ordered.

    Attributes:
        code: stable name of the fault.
        message: what happened, in plain English.
        next_step: what to do about it.
        another_may: whether another host may well take it (the file's kind or the quota was the reason).
    """

    def __init__(self, code: str, message: str, next_step: str, *, another_may: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.next_step, self.another_may = code, message, next_step, another_may


@dataclass(frozen=True, slots=True)
class Hosted:
    """Where a file is now.

    Attributes:
        url: public address.
        expires_at: seconds since 1970 (UTC) after which the address may be dead.
        file_id: the host's own name for it, to delete it with; None where there is none.
    """

    url: str
    expires_at: float
    file_id: str | None = None


class Host(Protocol):
    """One place where files can be put."""

    name: str

    async def put(self, path: Path, *, on_progress: Callable[[int], None] | None = None) -> Hosted:
        """Upload one file, streamed from disk; `on_progress` hears the bytes sent so far.

        Raises:
            HostingError: this host won't have it.
        """
        ...
