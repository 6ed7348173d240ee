"""Whose a running exchange with Gradio is. Gradio hands a page's events to whoever names its session, and cancels for
whoever names an event; here both answer only whom they belong to. For one event loop; bounded memory."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from .refusals import NOT_FOUND, Stop

MAX_NAMES = 50_000
"""About 15 MB. Beyond it the oldest are forgotten, whose streams have long ended."""

NAME_MAX_CHARS = 100
"""A session is named by some 11 characters or a UUID, an event by 32."""

_IN_PATH = re.compile(r"/gradio_api/(?:heartbeat/(?P<session>[^/]+)|call/(?:v2/)?[^/]+/(?P<event>[^/]+))/?")
_SAID = re.compile(rb'\{"event_id": ?"([0-9a-zA-Z-]+)"\}')


def is_queued(path: str) -> bool:
    """Whether a call at this path is queued, so that its answer waits for its reader."""
    return path.startswith(("/gradio_api/call/", "/gradio_api/queue/join"))


Accounts = tuple[str, str]
"""A caller's own account, and its address: the account of all without a cookie there. Who is given a cookie by the
first answer goes on with what was begun without one."""


class Streams:
    """Remembers which account began what."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def judge_path(self, method: str, path: str, query: bytes, accounts: Accounts) -> None:
        """Judge what a GET names in its path or query. Raises Stop."""
        if method != "GET" or not path.startswith("/gradio_api/"):
            return
        found = _IN_PATH.fullmatch(path)
        if found is not None and found["event"]:
            self._must_own(f"event {found['event']}", accounts)
        elif found is not None:
            self._claim(f"session {found['session']}", accounts)
        elif path.rstrip("/") == "/gradio_api/queue/data":
            names = parse_qs(query.decode("latin-1")).get("session_hash", [])
            if len(names) > 1:  # hundreds in one request would make us forget everybody else's
                raise Stop(NOT_FOUND)
            for name in names:
                self._claim(f"session {name}", accounts)

    def judge_call(self, values: Any, accounts: Accounts) -> None:
        """Judge what a call's body names. Raises Stop."""
        if not isinstance(values, Mapping):
            return
        if values.get("session_hash") is not None:
            self._claim(f"session {values['session_hash']}", accounts)
        if values.get("event_id") is not None:
            self._must_own(f"event {values['event_id']}", accounts)

    def hear(self, said: bytes, accounts: Accounts) -> str | None:
        """An answer to a call: the event in it belongs to who called. Gives the event's id, if there is one."""
        found = _SAID.fullmatch(said)
        if found is None:
            return None
        event_id = found[1].decode()
        self._claim(f"event {event_id}", accounts)
        return event_id

    def _claim(self, name: str, accounts: Accounts) -> None:
        """The first who names a session has it; nobody can guess one."""
        if len(name) > NAME_MAX_CHARS:
            raise Stop(NOT_FOUND)
        if self._owners.setdefault(name, accounts[0]) not in accounts:
            raise Stop(NOT_FOUND)
        self._owners.move_to_end(name)
        while len(self._owners) > MAX_NAMES:
            self._owners.popitem(last=False)

    def _must_own(self, name: str, accounts: Accounts) -> None:
        if self._owners.get(name) not in accounts:
            raise Stop(NOT_FOUND)
