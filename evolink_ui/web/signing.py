"""Tokens that only this server can write: HMAC-SHA256 over a few readable bytes, one key per purpose."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from evolink_ui import crypto
from evolink_ui.crypto import MAC_BYTES, VERSION, Keyring

LINK_SECONDS = 12 * 3600
"""How long a file link lives at least; a result stays on the page that long without asking again."""

TOKEN_MAX_CHARS = 512

FileKind = Literal["result", "poster", "reference", "image", "video"]
"""The first three are for the visitor (`reference` is the motion's video); `image` and `video` are an order's inputs
for the vendor to fetch, who has no login."""

_KINDS: frozenset[str] = frozenset(get_args(FileKind))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # base64 has several spellings of some bytes; only ours is a token.
    return data if _encode(data) == text else None


class Signer:
    """Signs and reads tokens of one purpose; a token of another purpose does not read."""

    def __init__(self, secret: bytes | Keyring, purpose: str) -> None:
        self._signer = crypto.Signer(secret, purpose)

    def sign(self, data: bytes) -> str:
        """`data` and its seal as URL-safe text; the data stays readable."""
        return f"{VERSION}{_encode(data)}.{_encode(self._signer.mac(data)[:MAC_BYTES])}"

    def read(self, token: str) -> bytes | None:
        """The data of a token that this server wrote for this purpose, else None."""
        if len(token) > TOKEN_MAX_CHARS or not token.isascii():
            return None
        body, _, seal = token.removeprefix(VERSION).partition(".")
        data, mac = _decode(body), _decode(seal)
        if data is None or mac is None:
            return None
        macs = self._signer.macs(data, versioned=token.startswith(VERSION))
        return data if any(hmac.compare_digest(mac, known[:MAC_BYTES]) for known in macs) else None

    def is_newest(self, token: str, data: bytes) -> bool:
        """Whether `sign` would write a token, that was read, as it is."""
        return hmac.compare_digest(token.encode(), self.sign(data).encode())


@dataclass(frozen=True, slots=True)
class FileLink:
    """What a file token says."""

    kind: FileKind
    job_id: str
    expires_at: int
    """Seconds since 1970, UTC."""


class FileLinks:
    """Makes and reads the tokens of `/files/{token}`.

    A token stays the same for hours, so that a page which asks every second does not reload its video every second.
    """

    def __init__(self, secret: bytes | Keyring, clock: Callable[[], float] = time.time) -> None:
        self._signer = Signer(secret, "file links")
        self._clock = clock

    def make(self, kind: FileKind, job_id: str, *, suffix: str = "", live_seconds: int = LINK_SECONDS) -> str:
        """A token that lives between one and two times `live_seconds`. `suffix` (".mp4") is for programs that judge
        a link by its end and is not part of what is signed."""
        expires_at = (int(self._clock()) // live_seconds + 2) * live_seconds
        return self._signer.sign(f"{kind}:{expires_at}:{job_id}".encode()) + suffix

    def path(self, kind: FileKind, job_id: str, *, suffix: str = "", live_seconds: int = LINK_SECONDS) -> str:
        """The link relative to the app's root, without a leading slash: `files/<token>`."""
        return "files/" + self.make(kind, job_id, suffix=suffix, live_seconds=live_seconds)

    def read(self, token: str) -> FileLink | None:
        """What a token says, or None where it is forged, foreign or expired."""
        data = self._signer.read(".".join(token.split(".", 2)[:2]))
        if data is None:
            return None
        kind, expires_text, job_id = data.decode().split(":", 2)
        expires_at = int(expires_text)
        if kind not in _KINDS or expires_at <= self._clock():
            return None
        return FileLink(kind, job_id, expires_at)  # type: ignore[arg-type]  # just checked against the literal
