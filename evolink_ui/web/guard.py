"""The outermost layer: every request passes here before Gradio or our own routes see it.

In this order: who and from where, how often, is there such a door, may this page ask, is a login needed, how large.
What passes goes on without the headers that only strangers profit from; what comes back is dressed with ours.
"""

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect

from evolink_ui.logs import bind_only
from evolink_ui.net import Refused

from .doors import FORM_MAX_BYTES, Door, Doors
from .exchange import Answer, App, Body, Receive, Scope, Send, drain
from .headers import HeaderSets
from .limits import FileQuota, Meter
from .origin import FORWARDING, Headers, Origins, Seen
from .received import judge_call, received_file
from .refusals import (
    CALL_TOO_LARGE,
    FOREIGN,
    LOGIN_NEEDED,
    NO_BODY,
    NOT_FOUND,
    SERVER_ERROR,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY,
    TWO_LENGTHS,
    UNKNOWN_HOST,
    Refusal,
    Stop,
)
from .streams import Accounts, Streams, is_queued
from .unread import Unread
from .visitor import (
    CALLER,
    HOST_PREFIX,
    KEY_COOKIE,
    KEY_HEADER,
    VISITOR_COOKIE,
    Caller,
    Cookies,
    is_guest,
    read_cookies,
    user_name,
)

log = logging.getLogger(__name__)

TARGET_MAX_CHARS = 8192
"""Path and query; our longest links have 200."""

REQUEST_ID_BYTES = 8
"""Random; in the log alone."""

_PROGRAMS = frozenset({"files", "callback", "health", "metrics", "asset"})  # who fetches these needs no identity
_CHANGES = frozenset({"POST", "DELETE", "PUT", "PATCH"})
_KEY_HEADER = KEY_HEADER.encode()
_DROPPED = FORWARDING | {b"origin", b"host", b"cookie", _KEY_HEADER}
_CROSS = frozenset({b"cross-site", b"same-site"})


class Guard:
    """An ASGI application in front of another.

    `login` tells the logged-in name from the request's cookies, `is_owner` from both whether it is the app's owner;
    with `is_private` nothing but the entrance is open without a login. `entrance` is the path of the page that is shown
    instead of others to whoever must sign in first; "" where the page itself asks. `judge_call` gives what a call says,
    or raises Refused where it may not pass; `judge_names` raises Stop for what is called that doesn't exist.
    `unread` bounds the answers that nobody fetches.
    """

    def __init__(
        self,
        app: App,
        *,
        cookies: Cookies,
        doors: Doors,
        headers: HeaderSets,
        origins: Origins,
        meter: Meter,
        login: Callable[[Mapping[str, str]], str | None] | None = None,
        is_owner: Callable[[str | None, Mapping[str, str]], bool] = lambda _user, _cookies: False,
        is_private: bool = False,
        entrance: str = "",
        judge_call: Callable[[bytes], Any] = judge_call,
        judge_names: Callable[[str, Any], None] = lambda _path, _values: None,
        root_path: str = "",
        unread: Unread | None = None,
    ) -> None:
        self._app = app
        self._cookies = cookies
        self._doors = doors
        self._headers = headers
        self._origins = origins
        self.meter = meter
        self._login = login
        self._is_owner = is_owner
        self._is_private = is_private
        self._entrance = entrance
        self._judge_call, self._judge_names = judge_call, judge_names
        self._root_path = root_path.rstrip("/")
        self._streams = Streams()
        self._unread = unread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request_id = secrets.token_hex(REQUEST_ID_BYTES)
            bind_only(request_id=request_id)
            await self._request(scope, receive, send, request_id)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})

    async def _request(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        path = self._path(scope)
        door = self._doors.find(scope["method"], path)
        answer = Answer(send, self._headers, door)
        account = ""
        give_back: Callable[[], None] = _nothing
        try:
            client = scope["client"][0] if scope.get("client") else ""
            seen = self._origins.see(client, scope["scheme"], headers)
            caller, set_cookie = self._caller(seen, headers, door, request_id)
            account = seen.address if caller.is_guest else caller.visitor
            self.meter.request(door.kind if door else "page", account, seen.address, door.cost if door else 1.0)
            self._judge_target(scope, client, seen.host, headers, door)
            self._judge_length(headers, door)
            assert door is not None  # noqa: S101 - judged in the line above
            if door.kind == "admin" and not caller.is_owner:
                raise Stop(NOT_FOUND)
            if self._judge_login(caller, door, path):
                path = self._entrance
                door = answer.door = self._doors.entrance
            if door.kind == "received":
                path = self._judge_received(path)
            accounts = (account, seen.address)
            self._streams.judge_path(scope["method"], path, scope["query_string"], accounts)
            inner_receive: Receive = receive
            if door.max_bytes or door.kind == "upload":
                body = self._body(headers, door, account, caller, receive, answer)
                inner_receive = body.receive
                if door.is_call:
                    inner_receive, named = await self._judged(body, path, accounts)
                    if self._unread is not None and is_queued(path):
                        give_back = self._unread.admit(accounts)
                    answer.on_body = lambda said: self._began(said, named, accounts, give_back)
            answer.set_cookie = set_cookie
            with self.meter.at_once(door.kind, account, seen.address):
                await self._app(self._inner_scope(scope, path, seen, caller, headers, door), inner_receive, answer.send)
            if answer.refusal is not None:  # the layers below swallowed the interruption
                raise Stop(answer.refusal)
            if self._unread is not None and scope["method"] == "GET" and door.kind == "api":
                self._unread.settle(accounts)  # an event stream was read to its end
            if door.kind == "upload":
                self.meter.further_files(account, answer.files - 1)
        except Stop as stop:
            if stop.refusal.status == TOO_LARGE.status and not answer.body_is_whole:
                await drain(receive)
            if stop.refusal.status == TOO_MANY:
                await self.meter.pause(account)
            await answer.refuse(stop.refusal)
        except ClientDisconnect:  # nobody is left to answer
            log.debug("a caller left before the request was whole")
        except Exception:  # whatever it was, the page gets a generic answer and the log the rest
            if answer.refusal is None:
                log.exception("request failed: %s %s", scope["method"], door.kind if door else "?")
            await answer.refuse(answer.refusal or SERVER_ERROR)
        finally:
            give_back()

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        if self._root_path and path.startswith(self._root_path + "/"):
            return path[len(self._root_path) :]
        return path

    def _caller(self, seen: Seen, headers: Headers, door: Door | None, request_id: str) -> tuple[Caller, str]:
        """The caller, and the Set-Cookie line that this answer should carry, if any."""
        cookies = read_cookies(headers.get(b"cookie", b""), https=seen.https)
        user = self._login(cookies) if self._login else None
        set_cookie, visitor = "", ""
        read = self._cookies.read_visitor(cookies[VISITOR_COOKIE]) if VISITOR_COOKIE in cookies else None
        if user is not None:
            visitor = user_name(user)
        elif read is not None:
            visitor, renew = read
            set_cookie = self._cookies.visitor_header(visitor, https=seen.https) if renew else ""
        else:
            visitor = self._cookies.guest_name(seen.address)
            if door and door.kind not in _PROGRAMS and self.meter.may_be_new(seen.address):
                set_cookie = self._cookies.visitor_header(self._cookies.new_visitor(), https=seen.https)
        key = headers.get(_KEY_HEADER, b"").decode("latin-1")
        sealed = cookies.get(KEY_COOKIE, "")
        owner = self._is_owner(user, cookies)
        quota = FileQuota(self.meter, seen.address if is_guest(visitor) else visitor, seen.address)
        caller = Caller(
            *(visitor, seen.address, seen.https, user, self._cookies, key, sealed, cookies),
            is_owner=owner,
            is_this_machine=seen.is_this_machine,
            request_id=request_id,
            quota=quota,
        )
        return caller, set_cookie

    def _judge_target(self, scope: Scope, client: str, host: str, headers: Headers, door: Door | None) -> None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_MAX_CHARS:
            raise Stop(TOO_LONG)
        is_probe = door is not None and door.kind in ("health", "metrics")  # they name a container, or nothing
        if not is_probe and not self._origins.is_known_host(client, host):
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

    def _judge_length(self, headers: Headers, door: Door | None) -> None:
        chunked = b"transfer-encoding" in headers
        if chunked and b"content-length" in headers:
            raise Stop(TWO_LENGTHS)
        if door is not None and not door.max_bytes and (chunked or _announced(headers) > FORM_MAX_BYTES):
            raise Stop(NO_BODY)  # nobody would read it

    def _judge_login(self, caller: Caller, door: Door, path: str) -> bool:
        """Whether this caller gets the entrance instead of the page that was asked for."""
        if door.is_login:  # after the origin, lest a foreign page uses up its visitors' attempts
            self.meter.login(caller.address)
        if not self._is_private or caller.user is not None:
            return False
        if self._entrance and door.kind == "page" and path != "/config":
            return True
        if not door.public or (self._entrance and door.kind == "page"):
            raise Stop(LOGIN_NEEDED)
        return False

    def _body(
        self, headers: Headers, door: Door, account: str, caller: Caller, receive: Receive, out: "Answer"
    ) -> "Body":
        announced = _announced(headers)
        if announced > door.max_bytes:
            raise Stop(CALL_TOO_LARGE if door.is_call else TOO_LARGE)
        charge: Callable[[int], float] | None = None
        if door.kind == "upload":
            self.meter.upload(account, caller.address, announced)
            if b"content-length" not in headers:  # a stream of unknown length is charged as it comes
                charge = lambda size: self.meter.streamed(account, caller.address, size)  # noqa: E731
        return Body(receive, door.max_bytes, door.body_seconds, charge, out)

    def _began(self, said: bytes, named: object, accounts: Accounts, give_back: Callable[[], None]) -> None:
        event_id = self._streams.hear(said, accounts)
        give_back()
        if event_id is not None and self._unread is not None:
            self._unread.began(event_id, named, accounts)

    async def _judged(self, body: "Body", path: str, accounts: Accounts) -> tuple[Receive, object]:
        """Read a call whole and judge it. What is passed on is what was read, written anew; also gives the session that
        the call names."""
        whole = b""
        while not body.is_whole:
            message = await body.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            whole += message.get("body", b"")
        try:
            values = self._judge_call(whole)
        except Refused as refused:
            raise Stop(Refusal(400, refused.code, refused.message, refused.next_step)) from None
        self._judge_names(path, values)
        self._streams.judge_call(values, accounts)
        passed_on = whole if values is None else json.dumps(values).encode()
        return body.again(passed_on), values.get("session_hash") if isinstance(values, dict) else None

    def _judge_received(self, path: str) -> str:
        """The path as Gradio's route needs it; by itself, that route would tell which files of the server exist."""
        start, _, name = path.partition("=")
        try:
            return f"{start}={received_file(name) or name}"
        except Refused:
            raise Stop(NOT_FOUND) from None

    def _inner_scope(self, scope: Scope, path: str, seen: Seen, caller: Caller, headers: Headers, door: Door) -> Scope:
        dropped = _DROPPED | {b"accept-encoding"} if door.kind == "upload" else _DROPPED
        kept = [pair for pair in scope["headers"] if pair[0] not in dropped]
        kept.append((b"host", seen.host.encode("latin-1")))
        if b"cookie" in headers:
            # The sealed key is for `key_of` alone.
            parts = [part for part in headers[b"cookie"].split(b";") if not part.strip().startswith(_KEY_COOKIE_STARTS)]
            kept.append((b"cookie", b";".join(parts)))
        port = scope["client"][1] if scope.get("client") else 0
        inner = {**scope, "headers": kept, "client": (caller.address, port), CALLER: caller}
        inner["scheme"] = "https" if seen.https else "http"
        if door.kind == "upload":
            inner["query_string"] = b""  # an upload with a name would be remembered for whoever asks how far it is
        if path != scope["path"]:
            inner["path"] = path
            inner["raw_path"] = path.encode()
        return inner


_KEY_COOKIE_STARTS = tuple(f"{prefix}{KEY_COOKIE}=".encode() for prefix in ("", HOST_PREFIX))


def _nothing() -> None:
    pass


def _announced(headers: Headers) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0
