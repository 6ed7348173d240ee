"""What a browser keeps of a sign-in: first that one is under way, then who signed in. Nothing is kept on the server."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from evolink_ui.crypto import Keyring, Sealer, Unreadable

from .oidc import Person
from .signing import Signer
from .visitor import Cookies, is_anonymous

SESSION_COOKIE = "evolink_session"
PENDING_COOKIE = "evolink_signing_in"

PENDING_SECONDS = 600
"""To sign in at the provider, perhaps with a second factor."""

TICKET_SECONDS = 12 * 3600
"""How long a page may be open before what was made on it no longer comes along at a sign-in."""

HUGGING_FACE = "https://huggingface.co"
HUGGING_FACE_PREFIX = "hf:"
"""Colons keep signed-in people apart from the logins of `EVOLINK_UI_AUTH`, whose names hold none."""

_HUGGING_FACE_SUBJECT = re.compile(r"[0-9a-f]{24}")

VERSION = "2"
"""Of the session cookie; the first had no version and no issuer."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who signed in."""

    user: str
    name: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that is under way in one browser."""

    state: str
    verifier: str
    redirect_uri: str
    visitors: list[str]
    """Anonymous visitors that this browser was until now; their jobs come along."""
    nonce: str = ""
    """What the ID token must repeat; empty in a cookie of the version before, which signs nobody in any more."""


class Sessions:
    """Reads and writes the cookies of signing in, and the tickets by which a framed page's visitor comes along."""

    def __init__(self, secret: bytes | Keyring, cookies: Cookies, clock: Callable[[], float] = time.time) -> None:
        self._cookies, self._clock = cookies, clock
        self._sessions, self._tickets = Signer(secret, "session"), Signer(secret, "ticket")
        self._pending = Sealer(secret, "signing in")

    def session(self, cookies: Mapping[str, str]) -> Session | None:
        """Who a request's cookies say is signed in."""
        value = cookies.get(SESSION_COOKIE)
        data = self._sessions.read(value) if value else None
        if data is None:
            return None
        version, _, rest = data.decode().partition("\n")
        if version == VERSION:
            expires_at, user, name = rest.split("\n")
        else:  # of the version before: the issuer is not in it
            expires_at, (subject, name) = version, rest.split("\n")
            user = HUGGING_FACE_PREFIX + subject
        return Session(user, name) if int(expires_at) > self._clock() else None

    @staticmethod
    def user_of(person: Person) -> str:
        """The user's name of a person who signs in; two providers' people never share one."""
        if person.issuer.rstrip("/") == HUGGING_FACE:
            return HUGGING_FACE_PREFIX + person.subject
        return f"oidc-{hashlib.sha256(person.issuer.encode()).hexdigest()[:16]}:{person.subject}"

    @classmethod
    def earlier_user_of(cls, person: Person) -> str | None:
        """The name that the version before gave to this person, whichever the provider; None where it is the same,
        or may be somebody's at Hugging Face."""
        earlier = HUGGING_FACE_PREFIX + person.subject
        may_be_anothers = _HUGGING_FACE_SUBJECT.fullmatch(person.subject) is not None
        return None if earlier == cls.user_of(person) or may_be_anothers else earlier

    def user(self, cookies: Mapping[str, str]) -> str | None:
        """The user's name for the guard, as `login` there."""
        session = self.session(cookies)
        return session.user if session else None

    def session_line(self, person: Person | None, *, https: bool) -> str:
        """The Set-Cookie line that signs somebody in, or out with None."""
        if person is None:
            return self._cookies.line(SESSION_COOKIE, "", 0, https)
        expires_at = int(self._clock()) + person.session_seconds
        value = self._sessions.sign(f"{VERSION}\n{expires_at}\n{self.user_of(person)}\n{person.name}".encode())
        return self._cookies.line(SESSION_COOKIE, value, person.session_seconds, https)

    def pending(self, cookies: Mapping[str, str], state: str) -> Pending | None:
        """The sign-in that this very browser began with this state, if it is not too long ago."""
        try:
            sealed = cookies.get(PENDING_COOKIE, "")
            data = json.loads(self._pending.open(sealed, now=self._clock(), max_age_seconds=PENDING_SECONDS))
        except (Unreadable, ValueError):
            return None
        pending = Pending(**data)
        return pending if hmac.compare_digest(pending.state.encode(), state.encode()) else None

    def pending_line(self, pending: Pending | None, *, https: bool) -> str:
        """The Set-Cookie line that remembers a sign-in under way, or forgets it with None."""
        if pending is None:
            return self._cookies.line(PENDING_COOKIE, "", 0, https)
        sealed = self._pending.seal(json.dumps(asdict(pending)), now=self._clock())
        return self._cookies.line(PENDING_COOKIE, sealed, PENDING_SECONDS, https)

    def ticket(self, visitor: str) -> str:
        """What a page may hand to another tab, whose cookies are apart from a frame's, so that its visitor comes along;
        empty for whoever is no anonymous visitor."""
        if not is_anonymous(visitor):
            return ""
        return self._tickets.sign(f"{int(self._clock()) + TICKET_SECONDS}:{visitor}".encode())

    def visitor_of_ticket(self, ticket: str) -> str | None:
        """The visitor that a ticket of ours names, or None."""
        data = self._tickets.read(ticket)
        if data is None:
            return None
        expires_at, _, visitor = data.decode().partition(":")
        return visitor if int(expires_at) > self._clock() and is_anonymous(visitor) else None
