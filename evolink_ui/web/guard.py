"""The outermost layer: every request passes here before Gradio or our own routes see it.

In this order: who and from where, how often, is there such a door, may this page ask, is a login needed, how large.
What passes goes on without the headers that only strangers profit from; what comes back is dressed with ours.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from starlette.requests import ClientDisconnect

from evolink_ui.net import Refused

from .doors import Door, Doors, Kind
from .exchange import SERVICE, Answer, App, Body, Receive, Scope, Send, drain
from .headers import HeaderSets
from .origin import FORWARDING, Headers, Origins, Seen
from .rates import Allowance, Rates, Slots
from .received import judge_call
from .refusals import (
    DISK_FULL,
    FOREIGN,
    LOGIN_NEEDED,
    NOT_FOUND,
    SERVER_ERROR,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY,
    UNKNOWN_HOST,
    Refusal,
    Stop,
    too_many,
)
from .visitor import CALLER, KEY_COOKIE, KEY_HEADER, VISITOR_COOKIE, Caller, Cookies, guest_name, user_name

log = logging.getLogger(__name__)


PEOPLE_PER_ADDRESS = 10
"""Visitors behind one address (an office, a family) that together have as many allowances."""

LOGINS_PER_MINUTE = 10
NEW_VISITORS_PER_HOUR = 600
"""Of one address; further ones stay guests, who share one name and its limits."""

CALLBACKS_PER_MINUTE = 6000
"""The vendor's machines call a few times a job, from few addresses."""

AT_ONCE = 64
"""Open requests of one visitor (streams count); a browser opens six connections per tab."""

UPLOADS_AT_ONCE = 4
BYTES_PER_UPLOAD = 32 * 1024 * 1024
"""What an upload may weigh on average over the hour: a 100 MB video comes with a picture and is not sent hourly."""

ASSET_COST = 0.1
"""A page load takes some 40 files that cost next to nothing; a look at a job counts as one."""

TARGET_MAX_CHARS = 8192
"""Path and query; our longest links have 200."""

PATIENT_REFUSALS_PER_MINUTE = 20
PAUSE_SECONDS = 1.0
PAUSED_AT_ONCE = 200
"""Who goes on after that many refusals waits for each further one: fifty connections then cost 50 answers a second
instead of all that the machine has. Only so many wait at a time, as each holds a connection."""

_PROGRAMS = frozenset({"files", "callback", "health", "asset"})  # who fetches these needs no identity
_CHANGES = frozenset({"POST", "DELETE", "PUT", "PATCH"})
_DROPPED = FORWARDING | {b"origin", b"host", b"cookie", KEY_HEADER.encode()}
_CROSS = frozenset({b"cross-site", b"same-site"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The owner's settings, as allowances."""

    requests: Allowance
    uploads: Allowance

    @property
    def upload_bytes(self) -> Allowance:
        """Bytes that may be uploaded in the same time."""
        return Allowance(self.uploads.amount * BYTES_PER_UPLOAD, self.uploads.seconds)


class Guard:
    """An ASGI application in front of another.

    `login` tells the logged-in name from the request's cookies, on an instance with logins; without it all is open.
    `free_bytes` says how much more may be written to the disk that uploads land on. `judge_call` raises Refused for a
    call's body that may not pass.
    """

    def __init__(
        self,
        app: App,
        *,
        cookies: Cookies,
        doors: Doors,
        headers: HeaderSets,
        origins: Origins,
        limits: Limits,
        login: Callable[[Mapping[str, str]], str | None] | None = None,
        free_bytes: Callable[[], int] | None = None,
        judge_call: Callable[[bytes], None] = judge_call,
        root_path: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._cookies = cookies
        self._doors = doors
        self._headers = headers
        self._origins = origins
        self._limits = limits
        self._login = login
        self._free_bytes = free_bytes
        self._judge_call = judge_call
        self._root_path = root_path.rstrip("/")
        self._rates = Rates(clock)
        at_once = Slots(AT_ONCE)
        self._pools: dict[Kind, tuple[Slots, ...]] = dict.fromkeys(get_args(Kind), (at_once,))
        self._pools["upload"] = (at_once, Slots(UPLOADS_AT_ONCE))
        self._pools.update(dict.fromkeys(SERVICE, ()))
        self._paused = Slots(PAUSED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        path = self._path(scope)
        door = self._doors.find(scope["method"], path)
        answer = Answer(send, self._headers, door)
        slots: list[tuple[Slots, str]] = []
        account = ""
        try:
            peer = scope["client"][0] if scope.get("client") else ""
            seen = self._origins.see(peer, scope["scheme"], headers)
            caller, set_cookie = self._caller(seen, headers, door)
            account = seen.address if caller.is_guest else caller.visitor
            self._judge_rate(seen.address, account, caller, door)
            self._judge_target(scope, peer, seen.host, headers, door)
            assert door is not None  # noqa: S101 - judged in the line above
            self._judge_login(caller, door)
            inner_receive: Receive = receive
            if door.max_bytes or door.kind == "upload":
                body = self._body(scope, headers, door, account, caller, receive, answer)
                inner_receive = await self._judged(body) if door.is_call else body.receive
            answer.set_cookie = set_cookie
            for pool in self._pools[door.kind]:
                if not pool.enter(account):
                    raise Stop(too_many(1.0))
                slots.append((pool, account))
            inner = self._inner_scope(scope, path, seen, caller, headers, door)
            await self._app(inner, inner_receive, answer.send)
            if answer.refusal is not None:  # the layers below swallowed the interruption
                raise Stop(answer.refusal)
            if door.kind == "upload" and answer.files > 1:
                self._rates.charge(f"uploads {account}", self._limits.uploads, answer.files - 1)
        except Stop as stop:
            if stop.refusal.status == TOO_LARGE.status and not answer.body_is_whole:
                await drain(receive)
            if stop.refusal.status == TOO_MANY:
                await self._pause(account)
            await answer.refuse(stop.refusal)
        except ClientDisconnect:  # nobody is left to answer
            log.debug("a caller left before the request was whole")
        except Exception:  # whatever it was, the page gets a generic answer and the log the rest
            if answer.refusal is None:
                log.exception("request failed: %s %s", scope["method"], door.kind if door else "?")
            await answer.refuse(answer.refusal or SERVER_ERROR)
        finally:
            for pool, name in slots:
                pool.leave(name)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        if self._root_path and path.startswith(self._root_path + "/"):
            return path[len(self._root_path) :]
        return path

    def _caller(self, seen: Seen, headers: Headers, door: Door | None) -> tuple[Caller, str]:
        """The caller, and the Set-Cookie line that this answer should carry, if any."""
        cookies = _parse_cookies(headers.get(b"cookie", b""))
        user = self._login(cookies) if self._login else None
        set_cookie, visitor = "", ""
        read = self._cookies.read_visitor(cookies[VISITOR_COOKIE]) if VISITOR_COOKIE in cookies else None
        if user is not None:
            visitor = user_name(user)
        elif read is not None:
            visitor, renew = read
            set_cookie = self._cookies.visitor_header(visitor, https=seen.https) if renew else ""
        else:
            visitor = guest_name(seen.address)
            per_hour = Allowance(NEW_VISITORS_PER_HOUR, 3600.0)
            if door and door.kind not in _PROGRAMS and not self._rates.take(f"new {seen.address}", per_hour):
                set_cookie = self._cookies.visitor_header(self._cookies.new_visitor(), https=seen.https)
        key = headers.get(KEY_HEADER.encode(), b"").decode("latin-1")
        sealed = cookies.get(KEY_COOKIE, "")
        return Caller(visitor, seen.address, seen.https, user, self._cookies, key, sealed), set_cookie

    def _judge_rate(self, address: str, account: str, caller: Caller, door: Door | None) -> None:
        kind = door.kind if door else "page"
        if kind == "health":
            return
        if kind == "callback":
            wait = self._rates.take(f"callbacks {address}", Allowance(CALLBACKS_PER_MINUTE, 60.0))
        else:
            cost = ASSET_COST if kind == "asset" else 1.0
            wait = self._rates.take(f"requests {account}", self._limits.requests, cost)
            if not wait and not caller.is_guest:
                together = self._limits.requests.times(PEOPLE_PER_ADDRESS)
                wait = self._rates.take(f"all requests {address}", together, cost)
        if wait:
            raise Stop(too_many(wait))

    async def _pause(self, account: str) -> None:
        patience = Allowance(PATIENT_REFUSALS_PER_MINUTE, 60.0)
        if self._rates.take(f"refusals {account}", patience) and self._paused.enter(""):
            try:
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._paused.leave("")

    def _judge_target(self, scope: Scope, peer: str, host: str, headers: Headers, door: Door | None) -> None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_MAX_CHARS:
            raise Stop(TOO_LONG)
        if not self._origins.is_known_host(peer, host):
            raise Stop(UNKNOWN_HOST)
        if door is None:
            raise Stop(NOT_FOUND)
        if scope["method"] in _CHANGES:
            origin = headers.get(b"origin")
            foreign = (
                not self._origins.is_own_origin(origin.decode("latin-1"), host)
                if origin is not None
                else headers.get(b"sec-fetch-site") in _CROSS
            )
        else:
            foreign = door.same_site and headers.get(b"sec-fetch-site") in _CROSS
        if foreign and door.kind != "callback":
            raise Stop(FOREIGN)

    def _judge_login(self, caller: Caller, door: Door) -> None:
        # After the origin, lest a foreign page uses up its visitors' attempts.
        if door.kind == "login":
            wait = self._rates.take(f"logins {caller.address}", Allowance(LOGINS_PER_MINUTE, 60.0))
            if wait:
                raise Stop(too_many(wait))
        if self._login is not None and caller.user is None and not door.public:
            raise Stop(LOGIN_NEEDED)

    def _body(
        self, scope: Scope, headers: Headers, door: Door, account: str, caller: Caller, receive: Receive, out: "Answer"
    ) -> "Body":
        announced_text = headers.get(b"content-length", b"0")
        announced = int(announced_text) if announced_text.isdigit() else 0
        if announced > door.max_bytes:
            raise Stop(TOO_LARGE)
        charge: Callable[[int], float] | None = None
        if door.kind == "upload":
            self._judge_upload(account, caller, announced)
            if b"content-length" not in headers:  # a stream of unknown length is charged as it comes
                charge = lambda size: self._rates.take(f"bytes {account}", self._limits.upload_bytes, size)  # noqa: E731
        return Body(receive, door.max_bytes, door.body_seconds, charge, out)

    async def _judged(self, body: "Body") -> Receive:
        """Read a call whole and judge it; what is passed on is the very text that was judged."""
        whole = b""
        while not body.is_whole:
            message = await body.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            whole += message.get("body", b"")
        try:
            self._judge_call(whole)
        except Refused as refused:
            raise Stop(Refusal(400, refused.code, refused.message, refused.next_step)) from None
        return body.again(whole)

    def _judge_upload(self, account: str, caller: Caller, announced: int) -> None:
        if self._free_bytes is not None and self._free_bytes() < announced:
            log.error("uploads are refused: the disk is nearly full")
            raise Stop(DISK_FULL)
        for name, factor in ((account, 1), (f"at {caller.address}", PEOPLE_PER_ADDRESS)):
            wait = self._rates.take(f"uploads {name}", self._limits.uploads.times(factor))
            if not wait and announced:
                wait = self._rates.take(f"bytes {name}", self._limits.upload_bytes.times(factor), announced)
            if wait:
                raise Stop(too_many(wait))

    def _inner_scope(self, scope: Scope, path: str, seen: Seen, caller: Caller, headers: Headers, door: Door) -> Scope:
        dropped = _DROPPED | {b"accept-encoding"} if door.kind == "upload" else _DROPPED
        kept = [pair for pair in scope["headers"] if pair[0] not in dropped]
        kept.append((b"host", seen.host.encode("latin-1")))
        if b"cookie" in headers:
            # The sealed key is for `key_of` alone.
            parts = [part for part in headers[b"cookie"].split(b";") if not part.strip().startswith(_KEY_COOKIE_START)]
            kept.append((b"cookie", b";".join(parts)))
        port = scope["client"][1] if scope.get("client") else 0
        inner = {**scope, "headers": kept, "client": (caller.address, port), CALLER: caller}
        inner["scheme"] = "https" if seen.https else "http"
        if path != scope["path"]:
            inner["path"] = path
            inner["raw_path"] = path.encode()
        return inner


_KEY_COOKIE_START = f"{KEY_COOKIE}=".encode()


def _parse_cookies(header: bytes) -> dict[str, str]:
    cookies: dict[str, str] = {}
    for part in header.decode("latin-1").split(";"):
        name, found, value = part.partition("=")
        if found:
            cookies.setdefault(name.strip(), value.strip())
    return cookies
