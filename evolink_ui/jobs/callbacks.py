"""The vendor's calls: where they come in, and whose they are."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from evolink_ui.crypto import VERSION, Keyring, Signer

from .job import Job

TASK_ID_MAX_CHARS = 100


class Callbacks:
    """Makes and checks a job's callback address.

    Args:
        secret: signs the tokens.
        address: gives this app's own public address, or an empty text; it may be found out later.
    """

    def __init__(self, secret: bytes | Keyring, address: Callable[[], str]) -> None:
        self._signer, self._address = Signer(secret, "callback"), address

    def url(self, job: Job) -> str | None:
        """The address that goes out with an order; None where the vendor can't reach this app (https only)."""
        address = self._address()
        if not address.startswith("https://") or job.mode != "live":
            return None
        return f"{address}/callbacks/evolink/{job.id}/{self.token(job.id)}"

    def token(self, job_id: str) -> str:
        """What only the vendor was told (a version and 64 hex digits)."""
        return VERSION + self._signer.mac(_signed(job_id)).hex()

    def is_genuine(self, job_id: str, token: str) -> bool:
        """Whether the token is this job's, compared in constant time."""
        macs = self._signer.macs(_signed(job_id), versioned=token.startswith(VERSION))
        return any(hmac.compare_digest(token.removeprefix(VERSION), mac.hex()) for mac in macs)


def _signed(job_id: str) -> bytes:
    return f"callback {job_id}".encode()


def named_task(hint: Any) -> str | None:
    """The task id that a callback's body names, if it can be one."""
    task_id = hint.get("id") if isinstance(hint, dict) else None
    return task_id if isinstance(task_id, str) and len(task_id) <= TASK_ID_MAX_CHARS else None
