"""Visitors' keys, sealed beside their jobs."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from .job import JobError


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
    """Seals keys with Fernet (AES-128-CBC and HMAC-SHA256) under the app's secret."""

    def __init__(self, secret: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"evolink_ui keys" + secret).digest()))
        self._secret = secret

    def seal(self, api_key: str) -> str:
        """The key as text that only this app can read."""
        return self._fernet.encrypt(api_key.encode()).decode()

    def open(self, sealed: str) -> str:
        """The key.

        Raises:
            KeyLost: it was sealed under another secret.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise KeyLost from None

    def account(self, api_key: str) -> str:
        """A name for the key that doesn't tell it (hex, 64 characters): which uploads belong to it."""
        return hashlib.sha256(b"account" + self._secret + api_key.encode()).hexdigest()
