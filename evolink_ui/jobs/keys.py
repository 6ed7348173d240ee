"""Visitors' keys, sealed beside their jobs."""

from __future__ import annotations

import time
from typing import Any

from evolink_ui.crypto import Keyring, Sealer, Unreadable

from .job import Job, JobError, State


class KeyLost(JobError):
    """A visitor's key is gone: wiped after a day, or sealed under a secret that this app no longer has."""

    def __init__(self) -> None:
        super().__init__(
            "key_lost",
            "This app no longer has the API key that came with this order.",
            "Nothing was lost at EvoLink: enter your key again and press Follow again.",
            status=409,
        )


class KeySafe:
    """Seals visitors' keys under the app's secret."""

    def __init__(self, secret: bytes | Keyring) -> None:
        self._keyring, self._sealer = Keyring.of(secret), Sealer(secret, "keys")

    def seal(self, api_key: str) -> str:
        """The key as text that only this app can read."""
        return self._sealer.seal(api_key, now=time.time())

    def open(self, sealed: str) -> str:
        """The key.

        Raises:
            KeyLost: it was sealed under another secret.
        """
        try:
            return self._sealer.open(sealed, now=time.time())
        except Unreadable:
            raise KeyLost from None

    def holds(self, sealed: str | None) -> bool:
        """Whether there is a key and this app can open it."""
        try:
            return sealed is not None and bool(self.open(sealed))
        except KeyLost:
            return False

    def account(self, api_key: str) -> str:
        """A name for the key that doesn't tell it (64 characters): which uploads belong to it."""
        return self.accounts(api_key)[0]

    def accounts(self, api_key: str) -> list[str]:
        """`account`, then the names under which earlier versions and secrets wrote uploads down."""
        return list(self._keyring.names("account", api_key))


class VisitorsKeys:
    """Whose key a job goes on with.

    Args:
        safe: opens what is stored.
        owner_has_key: whether the app has a key of its own at present.
    """

    def __init__(self, safe: KeySafe, *, owner_has_key: bool) -> None:
        self._safe, self._owner_has_key = safe, owner_has_key

    def must_be_given(self, job: Job) -> bool:
        """Whether a job at rest can go on only with a key that is not here (any more)."""
        return job.state in (State.STOPPED, State.UNKNOWN) and self._is_missing(job)

    def given(self, job: Job, api_key: str | None, *, only_if_missing: bool = False) -> dict[str, Any]:
        """The columns of the ledger with which a visitor's key goes on with a job; none where it doesn't matter.

        An order that the owner pays, and one of the sandbox, stay what they are. `only_if_missing`: the stored key is
        not replaced; sent with another account's key, the same order would be another order.
        """
        if not api_key or not (self._is_missing(job) or (job.own_key and not only_if_missing)):
            return {}
        return {"sealed_key": self._safe.seal(api_key), "own_key": True}

    def _is_missing(self, job: Job) -> bool:
        if job.mode == "sandbox":
            return False
        return not self._safe.holds(job.sealed_key) if job.own_key else not self._owner_has_key
