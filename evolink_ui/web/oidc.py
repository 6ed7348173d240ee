"""Signing in at an OpenID provider: the authorization code flow with PKCE, as its client sees it.

Only what is needed to learn who somebody is: the scopes are `openid profile`. The ID token says who it is
(`id_token.py`); the access token is used once, to read the person's name, and forgotten.
"""

import asyncio
import base64
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from evolink_ui.net import LOOPBACK_NAMES, Refused, public_client

from .id_token import BadToken, claims_of, public_keys

log = logging.getLogger(__name__)

SCOPES = "openid profile"
ANSWER_MAX_BYTES = 64 * 1024
"""A provider's metadata have some 2 KB; nothing that it says here is longer."""

PROVIDER_SECONDS = 10.0
"""One request; a person is waiting."""

METADATA_SECONDS = 3600.0
"""How long the provider's end points are believed."""

SUBJECT_MAX_CHARS = 96
NAME_MAX_CHARS = 40
"""Hugging Face's names have at most 42 and its subjects 24."""

SESSION_DEFAULT_SECONDS = 8 * 3600
SESSION_MAX_SECONDS = 30 * 86400
"""A session ends with the provider's token (a Space's `hf_oauth_expiration_minutes`: 8 hours unless set, 30 days at
most), though nothing is done with that token."""


class SignInFailed(Exception):
    """Signing in did not work; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in."""

    issuer: str
    """The provider: a subject is one person's there, and may be another person's elsewhere."""
    subject: str
    """The provider's own id: stays when a name changes, and is never given to somebody else."""
    name: str
    """For the eye only; may be empty."""
    session_seconds: int


@dataclass(frozen=True, slots=True)
class _Places:
    issuer: str
    authorize: str
    token: str
    userinfo: str
    keys: str


class Provider:
    """An OpenID provider, as this app's client at it. For one event loop at a time; keeps no connection.

    Args:
        url: the provider; its metadata lie at `/.well-known/openid-configuration` below it.
        client_id: this app's id there.
        client_secret: this app's secret there.
        allow_private: the provider may be on this very machine (tests and development).
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        allow_private: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._client_id, self._client_secret = url.rstrip("/"), client_id, client_secret
        self._allow_private, self._clock, self._now = allow_private, clock, now
        self._places: _Places | None = None
        self._places_until = 0.0

    @property
    def title(self) -> str:
        """What people call it."""
        host = urlsplit(self._url).hostname or ""
        return "Hugging Face" if host == "huggingface.co" else host

    async def authorize_url(self, redirect_uri: str, state: str, verifier: str, nonce: str) -> str:
        """Where a browser is sent to sign in. Raises SignInFailed."""
        places = await self._find_places()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{places.authorize}{'&' if '?' in places.authorize else '?'}{urlencode(query)}"

    async def person(self, code: str, verifier: str, redirect_uri: str, nonce: str) -> Person:
        """Who stands behind the code that a browser brought back. Raises SignInFailed."""
        places = await self._find_places()
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        credentials = httpx.BasicAuth(self._client_id, self._client_secret)
        token = await self._ask("POST", places.token, auth=credentials, data=form)
        access = token.get("access_token")
        if not isinstance(access, str) or not access or not access.isascii() or not access.isprintable():
            raise SignInFailed(f"{self.title} did not accept this sign-in.")
        claims = await self._claims(token.get("id_token"), places, nonce)
        info = await self._ask("GET", places.userinfo, headers={"Authorization": f"Bearer {access}"})
        subject, name = claims["sub"], info.get("preferred_username") or info.get("name") or ""
        if info.get("sub") != subject or not 0 < len(subject) <= SUBJECT_MAX_CHARS or not _is_plain(subject):
            raise SignInFailed(f"{self.title} did not say who you are.")
        if not isinstance(name, str) or not name.isprintable():
            name = ""
        return Person(places.issuer, subject, name[:NAME_MAX_CHARS], _session_seconds(token.get("expires_in")))

    async def _claims(self, id_token: object, places: _Places, nonce: str) -> dict[str, Any]:
        if not isinstance(id_token, str) or not id_token.isascii():
            raise self._doubtful("there is no ID token")
        try:
            keys = public_keys(await self._ask("GET", places.keys))
            return claims_of(
                *(id_token, keys), issuer=places.issuer, client_id=self._client_id, nonce=nonce, now=self._now()
            )
        except BadToken as bad:
            raise self._doubtful(str(bad)) from None

    def _doubtful(self, why: str) -> SignInFailed:
        log.warning("signing in: the ID token of %s is refused: %s", self._url, why)
        return SignInFailed(f"{self.title} did not say clearly who you are.")

    async def _find_places(self) -> _Places:
        if self._places is None or self._clock() >= self._places_until:
            metadata = await self._ask("GET", f"{self._url}/.well-known/openid-configuration")
            if str(metadata.get("issuer", "")).rstrip("/") != self._url:
                raise self._broken("its metadata name another issuer")
            self._judge_pkce(metadata.get("code_challenge_methods_supported"))
            names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
            self._places = _Places(str(metadata["issuer"]), *(self._place(metadata.get(name)) for name in names))
            self._places_until = self._clock() + METADATA_SECONDS
        return self._places

    def _judge_pkce(self, methods: object) -> None:
        if isinstance(methods, list) and "S256" in methods:
            return
        if methods is not None:
            raise self._broken("it offers no PKCE with S256")
        # Many providers have PKCE and don't say so. Where it is ignored, the nonce in the signed ID token still ties a
        # code to the browser that began (RFC 9700, 2.1.1).
        log.info("signing in: %s does not say whether it has PKCE; the nonce is relied on", self._url)

    def _place(self, url: object) -> str:
        parts = urlsplit(url) if isinstance(url, str) and _is_plain(url) else urlsplit("")
        is_local = self._allow_private and parts.scheme == "http" and parts.hostname in LOOPBACK_NAMES
        if not parts.hostname or parts.fragment or not (parts.scheme == "https" or is_local):
            raise self._broken("its metadata lack an end point")
        return parts.geturl()

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """The JSON object of an answer; an answer of 4xx is an empty one. Never follows a redirect with our secret."""
        try:
            async with (
                asyncio.timeout(PROVIDER_SECONDS),
                public_client(allow_private=self._allow_private) as client,
                client.stream(method, url, follow_redirects=False, **options) as response,
            ):
                if response.is_client_error:
                    log.warning("signing in: the provider answered %s to %s", response.status_code, urlsplit(url).path)
                    return {}
                if response.status_code != httpx.codes.OK:
                    raise self._broken(f"it answered {response.status_code}")
                body = b""
                async for chunk in response.aiter_raw(ANSWER_MAX_BYTES):
                    body += chunk
                    if len(body) > ANSWER_MAX_BYTES:
                        raise self._broken("its answer has no end")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError, Refused) as error:
            raise self._broken(type(error).__name__) from None
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise self._broken("its answer is not JSON") from None
        if not isinstance(answer, dict):
            raise self._broken("its answer is not an object")
        return answer

    def _broken(self, why: str) -> SignInFailed:
        log.warning("signing in: %s can't be used now: %s", self._url, why)
        return SignInFailed(f"{self.title} can't be reached for signing in at the moment.")


def new_secret() -> str:
    """A state, a nonce or a PKCE verifier: 43 URL-safe characters, 256 bits."""
    return secrets.token_urlsafe(32)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _session_seconds(expires_in: object) -> int:
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not expires_in > 0:
        return SESSION_DEFAULT_SECONDS
    return int(min(expires_in, SESSION_MAX_SECONDS))
