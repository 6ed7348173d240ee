"""What a host is: it takes a local file and gives an address under which EvoLink can fetch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

OnBytes = Callable[[int], None]
"""Hears the bytes handed over so far; starts again from 0 when a transfer starts again."""


class HostingError(Exception):
    """This host didn't take the file, and another one may; nothing was ordered.

    Attributes:
        code: stable name of the fault.
        message: what happened, in plain English.
        next_step: what to do about it.
    """

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        self.code, self.message, self.next_step = code, message, next_step


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One of an order's two files, on our disk."""

    path: Path
    kind: Literal["image", "video"]
    job_id: str
    kept_as: str | None = None
    """Its name in the S3 store's bucket, where that keeps the app's files."""


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
    """At most 10 characters; with `scope` it says where an earlier address belongs."""
    title: str
    """As a person knows it, in the middle of a sentence."""

    def scope(self, account: str, job_id: str) -> str:
        """Within what an address may be used for the same bytes again: the account, the bucket, the job alone.

        Returns at most 64 characters.
        """
        ...

    async def put(self, file: LocalFile, *, on_progress: OnBytes | None = None) -> Hosted:
        """Give one file an address that lives for at least 24 hours. Uploads are streamed from disk.

        Raises:
            HostingError: this host won't have it.
            EvoLinkError, OSError: from the vendor's client and from our disk.
        """
        ...

    async def delete(self, file_id: str) -> None:
        """Delete a copy; one that is gone already is fine.

        Raises:
            HostingError, EvoLinkError: it could not be deleted.
        """
        ...
