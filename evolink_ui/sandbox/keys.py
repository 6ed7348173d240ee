"""Who is asking. Any bearer key that is not empty opens an account of its own; some prefixes always fail, for tests:

prefix of the key        what it meets
sandbox-invalid          401 unauthorized, everywhere
sandbox-no-credits       402 insufficient_quota on an order; its balance is 0
sandbox-quota-exceeded   402 quota_exceeded on reading a task
sandbox-no-access        403 model_access_denied on an order
sandbox-no-permission    403 permission_denied on reading a task
sandbox-files-full       403 on an upload: the file quota is used up
sandbox-rate-limited     429 rate_limit_exceeded with Retry-After, everywhere
sandbox-server-error     500 internal_error, everywhere

Keys are never stored: an account is known by the SHA-256 of its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from evolink_ui.catalog import DEFAULT_MODEL

from . import errors
from .errors import FilesError, Place, SandboxError

NO_CREDITS_PREFIX = "sandbox-no-credits"

_EVERYWHERE: dict[str, Callable[[Place], SandboxError]] = {
    "sandbox-invalid": errors.unauthorized,
    "sandbox-rate-limited": errors.rate_limited,
    "sandbox-server-error": errors.internal_error,
}
_AT: dict[tuple[str, Place], Callable[[], SandboxError]] = {
    ("sandbox-quota-exceeded", "task"): errors.quota_exceeded,
    ("sandbox-no-access", "order"): lambda: errors.model_access_denied(DEFAULT_MODEL),
    ("sandbox-no-permission", "task"): errors.permission_denied,
    ("sandbox-files-full", "upload"): lambda: FilesError(403, "The file quota is used up. Delete files first."),
}


@dataclass(frozen=True, slots=True)
class Account:
    """One key's account.

    Attributes:
        id: SHA-256 of the key, hexadecimal.
        penniless: whether it starts with nothing.
    """

    id: str
    penniless: bool


def account_of(authorization: str | None, place: Place) -> Account:
    """The account behind an Authorization header, at one place of the API.

    Raises:
        SandboxError: the key is missing or made to fail here.
    """
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise errors.unauthorized(place)
    for prefix, error in _EVERYWHERE.items():
        if key.startswith(prefix):
            raise error(place)
    for (prefix, where), refusal in _AT.items():
        if where == place and key.startswith(prefix):
            raise refusal()
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return Account(digest, penniless=key.startswith(NO_CREDITS_PREFIX))
