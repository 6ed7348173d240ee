"""The app's log: one line a record, as text or as JSON, with the ids of request, job and task, and never with a key.

Ids are bound to the context of whatever is being done (`bind`); a record may bring its own by `extra={"job_id": ...}`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

Format = Literal["text", "json"]

TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
IDS: Final = ("request_id", "job_id", "task_id")
HIDDEN: Final = "[hidden]"
SECRET_MIN_CHARS: Final = 6
KEY: Final = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}")
"""How EvoLink's keys look; visitors' keys are not known by heart."""

_bound: ContextVar[Mapping[str, str]] = ContextVar("evolink_ui_log_ids", default=MappingProxyType({}))


def bind(**ids: str | None) -> None:
    """Give all further records of this task or thread, and of what it begins, these ids; None changes nothing."""
    _bound.set({**_bound.get(), **{name: value for name, value in ids.items() if value}})


def bind_only(**ids: str) -> None:
    """The same, and forget the ids that were bound before: something else begins."""
    _bound.set(ids)


class _Ids(logging.Filter):
    """Adds the bound ids to a record that doesn't bring its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _bound.get().items():
            if getattr(record, name, None) is None:
                setattr(record, name, value)
        return True


class _Text(logging.Formatter):
    """One line of text; a traceback goes on below it."""

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__(TEXT)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The record without secrets."""
        return _without(self._secrets, super().format(record))


class _JsonLines(logging.Formatter):
    """One JSON object a line: `time` (ISO 8601, UTC), `level`, `logger`, `message`, the ids that are known, and
    `exception` with the traceback."""

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The record without secrets."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {"time": at, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        fields |= {name: str(value) for name in IDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: _without(self._secrets, value) for name, value in fields.items()})


def configure(style: Format, level: str, secrets: Collection[str] = ()) -> None:
    """Send the log to stderr; a log that somebody has configured before stays as it is, but for the level.

    Args:
        style: of the lines.
        level: name of the least severe level of our own records. Libraries stay at warnings: at lower levels httpcore
            writes the headers of requests, and thereby keys.
        secrets: texts that are never written.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("evolink_ui").setLevel(least)
    if logging.root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Ids())
    # The longest first: one may be a part of another. A short one is a word, too, and can be guessed anyway.
    known = sorted((text for text in secrets if len(text) >= SECRET_MIN_CHARS), key=len, reverse=True)
    handler.setFormatter(_JsonLines(known) if style == "json" else _Text(known))
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING))
    logging.captureWarnings(True)
    engine = logging.getLogger("dbos")  # it brings a handler of its own, unless it finds one
    engine.addHandler(handler)
    engine.propagate = False


def _without(secrets: Collection[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return KEY.sub(HIDDEN, text)
