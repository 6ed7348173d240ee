"""Which requests exist at all. Everything that is not listed here is 404, whatever Gradio would answer.

Gradio opens doors that this app has no use for (recording, proxying, monitoring, deep links, code editing, custom
components, run history, …) and may open more in its next release; a list of what is open stays right by itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

KIBI = 1024
MEBI = 1024 * KIBI

UPLOAD_MAX_BYTES = 128 * MEBI
"""One request: the vendor takes at most 100 MB of video and 10 MB of picture, and multipart adds a little."""

CALL_MAX_BYTES = 64 * KIBI
"""A call carries texts and file names, no files; the longest prompt is 2,500 characters, at most 30 KB as JSON."""

FORM_MAX_BYTES = 16 * KIBI
"""A login, a key, a task id."""

CALLBACK_MAX_BYTES = 256 * KIBI
"""The vendor's task as JSON takes some 2 KB."""

CALL_BODY_SECONDS = 30.0
UPLOAD_BODY_SECONDS = 900.0
"""110 MB in 15 minutes is 1 Mbit/s, the slowest line on which one would wait for it."""

Kind = Literal[
    "page",
    "asset",
    "api",
    "upload",
    "login",
    "received",
    "jobs",
    "files",
    "key",
    "callback",
    "health",
    "metrics",
    "admin",
    "signin",
]


@dataclass(frozen=True, slots=True)
class Door:
    """What a request to one place may be."""

    kind: Kind
    max_bytes: int = 0
    """Of the body; 0 where a body has no business."""
    body_seconds: float = CALL_BODY_SECONDS
    public: bool = False
    """Open without a login on an instance that has logins."""
    same_site: bool = False
    """A GET that changes something: not from another site's page."""
    is_call: bool = False
    """The body is JSON that may name files."""
    cost: float = 1.0
    """Of the requests per minute. What a request costs the processor is the measure: a look at a job 1 to 2 ms."""
    is_login: bool = False
    """An attempt to log in or sign in, of which an address has few."""
    own_errors: bool = False
    """A JSON body of a 500 is for people: Gradio puts there what a handler said with `gr.Error`, nothing else."""


_PAGE = Door("page", public=True, cost=5.0)
_ASSET = Door("asset", public=True, cost=0.1)  # a page load takes some 40 of them
_API = Door("api")
_API_PUBLIC = Door("api", public=True)
_CALL = Door("api", CALL_MAX_BYTES, is_call=True, cost=2.0)
_RUN = Door("api", CALL_MAX_BYTES, is_call=True, own_errors=True, cost=2.0)
_UPLOAD = Door("upload", UPLOAD_MAX_BYTES, UPLOAD_BODY_SECONDS, cost=2.0)
_RECEIVED = Door("received")
_JOBS = Door("jobs")
_JOBS_POST = Door("jobs", FORM_MAX_BYTES)
_FILES = Door("files", public=True)  # the route asks for a login, except for the vendor's links
_CALLBACK = Door("callback", CALLBACK_MAX_BYTES, public=True)
_HEALTH = Door("health", public=True)
_METRICS = Door("metrics", public=True, cost=5.0)  # the route judges by address or token; reads the database
_ADMIN = Door("admin", cost=5.0)  # the routes are for the owner alone
_ADMIN_POST = Door("admin", FORM_MAX_BYTES)
_LOGIN = Door("login", FORM_MAX_BYTES, public=True, is_login=True)
_OWNER = Door("signin", is_login=True)
_SIGN_IN = Door("signin", public=True)
_SIGN_IN_BACK = Door("signin", public=True, is_login=True)
_SIGN_IN_POST = Door("signin", FORM_MAX_BYTES, public=True, is_login=True)

_GET_EXACT: dict[str, Door] = {
    "/": _PAGE,
    "/config": _PAGE,
    "/theme.css": _ASSET,
    "/favicon.ico": _ASSET,
    "/robots.txt": _ASSET,
    "/manifest.json": _ASSET,
    "/logout": Door("page", public=True, same_site=True),
    "/login_check": _API_PUBLIC,
    "/gradio_api/login_check": _API_PUBLIC,
    "/gradio_api/user": _API_PUBLIC,
    "/gradio_api/app_id": _API_PUBLIC,
    "/gradio_api/startup-events": _API_PUBLIC,
    "/gradio_api/theme.css": _ASSET,
    "/gradio_api/info": _API,
    "/gradio_api/queue/data": _API,
    "/gradio_api/queue/status": _API,
    "/key": Door("key"),
    "/livez": _HEALTH,
    "/readyz": _HEALTH,
    "/healthz": _HEALTH,
    "/metrics": _METRICS,
    "/admin": _ADMIN,
}

_GET_BELOW: tuple[tuple[str, Door], ...] = (
    ("/assets/", _ASSET),
    ("/static/", _ASSET),
    ("/svelte/", _ASSET),
    ("/jobs/", _JOBS),
    ("/files/", _FILES),
    ("/owner/", _OWNER),
    ("/admin/", _ADMIN),
    ("/gradio_api/heartbeat/", _API),
    ("/gradio_api/call/", _API),
    ("/gradio_api/file=", _RECEIVED),
)

_POST_EXACT: dict[str, Door] = {
    "/login": _LOGIN,
    "/key": Door("key", FORM_MAX_BYTES),
    "/gradio_api/upload": _UPLOAD,
    "/gradio_api/queue/join": _CALL,
    "/gradio_api/cancel": _CALL,
    "/gradio_api/reset": _CALL,
}

_POST_BELOW: tuple[tuple[str, Door], ...] = (
    ("/jobs/", _JOBS_POST),
    ("/admin/", _ADMIN_POST),
    ("/callbacks/evolink/", _CALLBACK),
    ("/gradio_api/call/", _CALL),
    ("/gradio_api/run/", _RUN),
    ("/gradio_api/api/", _RUN),
)

_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]+:", re.IGNORECASE)


class Doors:
    """The open doors. `pages` are the page's own further routes; `sign_in` opens the ways to and from a provider."""

    entrance = _SIGN_IN
    """The door of the page that whoever must sign in first is shown."""

    def __init__(self, pages: Iterable[str] = (), *, sign_in: bool = False) -> None:
        self._exact = {"GET": dict(_GET_EXACT), "POST": dict(_POST_EXACT), "DELETE": {"/key": Door("key")}}
        self._below = {"GET": _GET_BELOW, "POST": _POST_BELOW, "DELETE": ()}
        for page in pages:
            self._exact["GET"].setdefault(f"/{page.strip('/')}", _PAGE)
        if sign_in:
            self._exact["GET"] |= {"/signin": _SIGN_IN, "/signin/state": _SIGN_IN, "/signin/callback": _SIGN_IN_BACK}
            self._exact["POST"] |= {"/signin": _SIGN_IN_POST, "/signout": _SIGN_IN_POST}

    def find(self, method: str, path: str) -> Door | None:
        """The door for a method and a decoded path, or None where there is none."""
        if method == "HEAD":
            method = "GET"
        exact = self._exact.get(method)
        if exact is None or not _is_plain(path):
            return None
        door = exact.get(path) or (exact.get(path[:-1]) if path.endswith("/") else None)
        if door is not None:
            return door
        for prefix, below in self._below[method]:
            if path.startswith(prefix) and len(path) > len(prefix):
                # Gradio would fetch links for anybody who asks.
                return None if below is _RECEIVED and _SCHEME.match(path, len(prefix)) else below
        return None


def _is_plain(path: str) -> bool:
    if path.startswith("//") or "\\" in path or "\0" in path or not path.isprintable():
        return False
    return "/../" not in path and "/./" not in path and not path.endswith(("/..", "/."))
