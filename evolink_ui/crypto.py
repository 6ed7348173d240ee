"""Keys derived from the app's secret: one per purpose, by HKDF-SHA256 (RFC 5869). No other module derives keys.

What is sealed, signed or named begins with `VERSION`. What carries no version was made before there was one, and is
still read: its derivations are `_derived_1` and `_named_1`. Written is only the newest version, with the newest secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = "2~"
"""In front of what this version writes; a tilde is in no base64 and no hex, and needs no escape in links or cookies."""
MAC_BYTES: Final = 16
"""Of a signature: 128 bits; forging one takes longer than anything that is signed lives."""
KEY_BYTES: Final = 32


class Unreadable(Exception):
    """It was not sealed here, was altered, or is too old."""


class Keyring:
    """The app's secrets.

    Args:
        secret: what is written is made with.
        old: earlier secrets, for reading.
    """

    def __init__(self, secret: bytes, old: Sequence[bytes] = ()) -> None:
        self._secrets = (secret, *old)

    @classmethod
    def of(cls, secret: bytes | Keyring) -> Keyring:
        """A keyring as it is, or one of a single secret."""
        return secret if isinstance(secret, Keyring) else cls(secret)

    def key(self, purpose: str) -> bytes:
        """The key of a purpose (32 bytes) that is written with."""
        return _derived(self._secrets[0], purpose)

    def keys(self, purpose: str) -> list[bytes]:
        """The keys of this version under all secrets, the newest first."""
        return [_derived(secret, purpose) for secret in self._secrets]

    def keys_1(self, purpose: str) -> list[bytes]:
        """The keys of what carries no version, under all secrets."""
        return [_derived_1(secret, purpose) for secret in self._secrets]

    def names(self, purpose: str, value: str) -> Iterator[str]:
        """Names (at most 64 characters) that stand for a value without telling it: the one to write, then older ones.

        Args:
            purpose: names of different purposes have nothing in common.
            value: what is named, such as an API key.
        """
        for secret in self._secrets:
            digest = hmac.digest(_derived(secret, purpose), value.encode(), hashlib.sha256).hex()
            yield f"{VERSION}{digest}"[:64]
        for secret in self._secrets:
            yield _named_1(secret, purpose, value)


class Signer:
    """Signatures of one purpose; one of another purpose does not verify."""

    def __init__(self, secret: bytes | Keyring, purpose: str) -> None:
        keyring = Keyring.of(secret)
        self._keys, self._keys_1 = keyring.keys(purpose), keyring.keys_1(purpose)

    def mac(self, data: bytes) -> bytes:
        """The signature to write (32 bytes; a prefix of it will do)."""
        return hmac.digest(self._keys[0], data, hashlib.sha256)

    def macs(self, data: bytes, *, versioned: bool) -> list[bytes]:
        """All signatures to accept, the newest first. `versioned`: whether what is read carries `VERSION`."""
        return [hmac.digest(key, data, hashlib.sha256) for key in (self._keys if versioned else self._keys_1)]


class Sealer:
    """Seals texts of one purpose (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, secret: bytes | Keyring, purpose: str) -> None:
        keyring = Keyring.of(secret)
        self._fernet = _fernets(keyring.keys(purpose))
        self._fernet_1 = _fernets(keyring.keys_1(purpose))

    def seal(self, text: str, *, now: float) -> str:
        """The text, for this app's eyes only. now: seconds since 1970."""
        return VERSION + self._fernet.encrypt_at_time(text.encode(), int(now)).decode()

    def open(self, sealed: str, *, now: float, max_age_seconds: int | None = None) -> str:
        """The text.

        Raises:
            Unreadable: it was not sealed by this app for this purpose, or longer ago than `max_age_seconds`.
        """
        versioned = sealed.startswith(VERSION)
        fernet = self._fernet if versioned else self._fernet_1
        token = sealed.removeprefix(VERSION).encode() if sealed.isascii() else b""
        try:
            if max_age_seconds is None:
                return fernet.decrypt(token).decode()
            return fernet.decrypt_at_time(token, max_age_seconds, int(now)).decode()
        except (InvalidToken, ValueError):
            raise Unreadable from None


def _fernets(keys: Sequence[bytes]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=b"evolink_ui", info=f"{VERSION}{purpose}".encode()).derive(secret)


def _derived_1(secret: bytes, purpose: str) -> bytes:
    match purpose:
        case "callback":
            return secret
        case "keys":
            return hashlib.sha256(b"evolink_ui keys" + secret).digest()
    return hmac.digest(secret, b"evolink_ui " + purpose.encode(), "sha256")


def _named_1(secret: bytes, purpose: str, value: str) -> str:
    return hashlib.sha256(purpose.encode() + secret + value.encode()).hexdigest()
