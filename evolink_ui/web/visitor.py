"""Who is asking: a signed cookie, or the logged-in name; and whose key pays.

Visitors come in three kinds, told apart by how their name begins: `user_` (logged in), `v_` (a signed cookie) and
`guest_` (no cookie came with the request). All guests of one address share a name, so that throwing cookies away
gains nothing; a guest owns nothing, but may stop what guests started by its unguessable id.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from evolink_ui import crypto
from evolink_ui.crypto import VERSION, Keyring, Sealer, Unreadable
from evolink_ui.jobs.quota import UNLIMITED, Quota
from evolink_ui.logs import bind

from .signing import Signer

VISITOR_COOKIE = "evolink_visitor"
KEY_COOKIE = "evolink_key"
HOST_PREFIX = "__Host-"
"""Over https our cookies' names begin so: then browsers take them from this very host alone, and no neighbour below the
same domain can plant its own, under which its victim would work for it."""

_OURS = "evolink_"
KEY_HEADER = "x-evolink-key"
CALLER = "evolink_ui.caller"
"""Where the guard leaves the Caller in the ASGI scope."""

COOKIE_SECONDS = 400 * 86400
"""The longest that browsers keep a cookie."""

RENEW_SECONDS = 30 * 86400
"""A cookie older than this is written anew, so that regular visitors never lose theirs."""

KEY_SECONDS = 30 * 86400
"""After this a visitor enters the key again."""

KEY_MAX_CHARS = 256

_GUEST = "guest_"
_COOKIE = "v_"
_HOUSEHOLD = "home_"


class HasOwner(Protocol):
    """A job, as far as ownership goes."""

    @property
    def visitor(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and writes the two cookies. `embedded`: the page lives in another site's frame (a Space)."""

    signer: Signer
    keys: Sealer = field(repr=False)
    households: crypto.Signer = field(repr=False)
    """Names addresses without telling them."""
    embedded: bool
    clock: Callable[[], float] = time.time

    @classmethod
    def create(cls, secret: bytes | Keyring, *, embedded: bool, clock: Callable[[], float] = time.time) -> "Cookies":
        """All keys are derived from the app's secret."""
        households = crypto.Signer(secret, "household")
        return cls(Signer(secret, "visitor"), Sealer(secret, "key cookie"), households, embedded, clock)

    def guest_name(self, address: str) -> str:
        """The name that all guests of one address share. Without the secret nobody finds the address by trying all."""
        return f"{_GUEST}{VERSION}{self.households.mac(b'guest ' + address.encode()).hex()[:20]}"

    def new_visitor(self) -> str:
        """A name nobody can guess."""
        return _COOKIE + secrets.token_urlsafe(16)

    def read_visitor(self, value: str) -> tuple[str, bool] | None:
        """The visitor that a cookie names and whether the cookie should be renewed; None where it is not ours."""
        data = self.signer.read(value)
        if data is None:
            return None
        written, _, visitor = data.decode().partition(":")
        age_seconds = self.clock() - int(written)
        renew = age_seconds > RENEW_SECONDS or not self.signer.is_newest(value, data)
        return (visitor, renew) if age_seconds < COOKIE_SECONDS else None

    def visitor_header(self, visitor: str, *, https: bool) -> str:
        """The Set-Cookie line that makes a browser this visitor."""
        value = self.signer.sign(f"{int(self.clock())}:{visitor}".encode())
        return self.line(VISITOR_COOKIE, value, COOKIE_SECONDS, https)

    def key_header(self, key: str, visitor: str, *, https: bool) -> str:
        """The Set-Cookie line that carries a key, sealed and bound to its visitor; an empty key removes it."""
        if not key:
            return self.line(KEY_COOKIE, "", 0, https)
        sealed = self.keys.seal(f"{visitor}\n{key}", now=self.clock())
        return self.line(KEY_COOKIE, sealed, KEY_SECONDS, https)

    def open_key(self, sealed: str, visitor: str) -> str | None:
        """The key in a cookie, if this visitor put it there and it is not too old."""
        try:
            data = self.keys.open(sealed, now=self.clock(), max_age_seconds=KEY_SECONDS)
        except Unreadable:
            return None
        owner, _, key = data.partition("\n")
        return key if owner == visitor else None

    def line(self, name: str, value: str, max_age_seconds: int, https: bool) -> str:
        """The Set-Cookie line of a cookie of ours; 0 seconds remove it."""
        # In a frame of another site a Lax cookie does not come along; Partitioned keeps it apart per embedding site.
        site = "SameSite=None; Secure; Partitioned" if self.embedded else f"SameSite=Lax{'; Secure' if https else ''}"
        return f"{HOST_PREFIX if https else ''}{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; {site}"


@dataclass(frozen=True, slots=True)
class Caller:
    """What the guard found out about one request."""

    visitor: str
    address: str
    https: bool
    user: str | None
    """The logged-in name, where the instance has logins."""
    cookies: Cookies = field(repr=False)
    header_key: str = field(repr=False)
    sealed_key: str = field(repr=False)
    jar: Mapping[str, str] = field(repr=False, default_factory=dict)
    """The request's cookies, ours by their plain names."""
    is_owner: bool = False
    """Whether the app's owner asks (see `owner.py`)."""
    is_this_machine: bool = False
    """Whether the request came from this very machine and through no proxy."""
    request_id: str = ""
    """Of this request, for the log."""
    quota: Quota = UNLIMITED
    """Of files that come by another way than an upload."""

    @property
    def household(self) -> str:
        """Whose share of credits and places is used: the login's, else the address's, since cookies cost nothing."""
        if self.user is not None:
            return self.visitor
        return _HOUSEHOLD + self.cookies.households.mac(self.address.encode())[:12].hex()

    @property
    def is_guest(self) -> bool:
        """Whether the request came without a cookie of ours and without a login."""
        return is_guest(self.visitor)

    def key(self) -> str | None:
        """The visitor's own EvoLink key: the header's, else the cookie's, else None."""
        return self.header_key if valid_key(self.header_key) else self.cookie_key()

    def cookie_key(self) -> str | None:
        """The key that this visitor keeps in the sealed cookie, else None."""
        return self.cookies.open_key(self.sealed_key, self.visitor) if self.sealed_key else None


def read_cookies(header: bytes, *, https: bool) -> dict[str, str]:
    """The cookies of a request, the first of each name. Ours lose their prefix; over https they count only with it."""
    cookies: dict[str, str] = {}
    for part in header.decode("latin-1").split(";"):
        name, found, value = part.partition("=")
        name = name.strip()
        if https and name.startswith(_OURS):
            continue
        if found:
            cookies.setdefault(name.removeprefix(HOST_PREFIX) if https else name, value.strip())
    return cookies


def valid_key(key: str) -> bool:
    """Whether a text can be an API key at all: visible ASCII, of bounded length."""
    return 0 < len(key) <= KEY_MAX_CHARS and key.isascii() and key.isprintable() and " " not in key


def is_guest(visitor: str) -> bool:
    """Whether a name is shared by everybody without a cookie at one address: no History, nothing owned."""
    return visitor.startswith(_GUEST)


def is_anonymous(visitor: str) -> bool:
    """Whether a name is that of one browser with a cookie and without a login."""
    return visitor.startswith(_COOKIE)


def user_name(name: str) -> str:
    """The visitor of a logged-in person."""
    return "user_" + name


def caller_of(request: Any) -> Caller | None:
    """The Caller of a Starlette request or a `gr.Request`; None where the request did not come through the guard.

    Also binds the request's id to the log: Gradio runs handlers outside of the context of their request.
    """
    inner = getattr(request, "request", None) or request
    scope = getattr(inner, "scope", None)
    caller = scope.get(CALLER) if isinstance(scope, dict) else None
    if not isinstance(caller, Caller):
        return None
    bind(request_id=caller.request_id)
    return caller


def visitor_of(request: Any) -> str:
    """Who sent a request (Starlette's or `gr.Request`). Without the guard in front: a stranger who owns nothing."""
    caller = caller_of(request)
    return caller.visitor if caller else _GUEST + secrets.token_hex(10)


def household_of(request: Any) -> str | None:
    """Whose share of credits and places a request (Starlette's or `gr.Request`) uses; None without the guard."""
    caller = caller_of(request)
    return caller.household if caller else None


def key_of(request: Any) -> str | None:
    """The visitor's own EvoLink key, from the header `X-EvoLink-Key` or the sealed cookie; None for the owner's key."""
    caller = caller_of(request)
    return caller.key() if caller else None


def is_owner(request: Any) -> bool:
    """Whether a request (Starlette's or `gr.Request`) comes from the app's owner."""
    caller = caller_of(request)
    return caller is not None and caller.is_owner


def quota_of(request: Any) -> Quota:
    """The allowance of files of whoever sent a request (Starlette's or `gr.Request`)."""
    caller = caller_of(request)
    return caller.quota if caller else UNLIMITED


def may_use_app_key(request: Any, mode: str) -> bool:
    """Whether a request may look at tasks with the key that it would use: its own, the owner's or the sandbox's.

    Args:
        request: Starlette's or `gr.Request`.
        mode: "live" where the app has a key of its owner's.
    """
    return mode != "live" or key_of(request) is not None or is_owner(request)


def owns(visitor: str, job: HasOwner) -> bool:
    """Whether a job is in this visitor's History. Guests own nothing."""
    return not is_guest(visitor) and hmac.compare_digest(visitor.encode(), job.visitor.encode())


def may(visitor: str, job: HasOwner, action: str) -> bool:
    """Whether a visitor may do `action` to a job whose id they know: owners everything, others may only stop what
    was started by a client without cookies."""
    return owns(visitor, job) or (action == "stop" and is_guest(job.visitor))


def may_look(visitor: str, job: HasOwner, *, private: bool) -> bool:
    """Whether a visitor who knows a job's id may see it. On an instance with logins only its owner may."""
    return not private or owns(visitor, job)
