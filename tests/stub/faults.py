"""What can go wrong with one request, as plain values that also travel as JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Place = Literal["order", "task", "list", "batch", "credits", "upload", "quota", "delete", "file", "result"]

Dirt = Literal[
    "bad_utf8",
    "trailing_bytes",
    "huge_number",
    "cut_after_id",
    "cut_in_id",
    "broken_after_id",
    "other_task",
    "wrapped",
]
"""What is wrong with the bytes of an answer that the server itself meant well. See `dirty`."""

STRANGER_ID = "task-unified-1700000000-stranger"
"""The task of somebody else, which a mixed-up cache answers with."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, used up by one request. Build it with the functions below."""

    end: Literal["answer", "drop", "reset", "hang", "cut", "drip"]
    """How the exchange ends: an answer, a closed connection, a reset one, silence, an answer cut short, or one that
    comes byte by byte."""

    work: bool = False
    """Whether the server does its work first (an order is then taken and paid)."""

    status: int = 500
    """Status of `answer`."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of `answer`."""

    body: str = ""
    """Body of `answer`."""

    seconds: float = 0.0
    """How long `hang` is silent before it closes, or the other ends wait first."""

    keep_bytes: int = 0
    """How much of the answer's body `cut` still sends."""

    early: bool = False
    """Answer before the request's body was read."""

    dirt: Dirt | None = None
    """What is done to the bytes of the server's own answer, for `answer` with `work`; `status` replaces its status."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Fault":
        """The fault that `to_dict` described."""
        return cls(**fields)


def answer(
    status: int,
    code: str | None = None,
    *,
    message: str = "The stand-in was told to say this.",
    retry_after: str | float | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    work: bool = False,
    early: bool = False,
) -> Fault:
    """Answer with this status, in EvoLink's error shape unless `body` (JSON-able, or text as it is) is given."""
    sent = {"content-type": "application/json", "x-request-id": "req-stub", **(headers or {})}
    if retry_after is not None:
        sent["retry-after"] = str(retry_after)
    if body is None:
        body = {"error": {"code": code, "message": message, "type": "stub_error"}} if code else {}
    text = body if isinstance(body, str) else json.dumps(body)
    return Fault("answer", work=work, status=status, headers=sent, body=text, early=early)


def drop(*, after_work: bool = False, reset: bool = False) -> Fault:
    """Close the connection without an answer, before or after doing the work; `reset` sends RST instead of FIN."""
    return Fault("reset" if reset else "drop", work=after_work)


def hang(seconds: float = 30.0, *, after_work: bool = False) -> Fault:
    """Say nothing for so long, then close."""
    return Fault("hang", work=after_work, seconds=seconds)


def cut(keep_bytes: int) -> Fault:
    """Do the work, announce the whole answer, send only the first bytes of its body, close."""
    return Fault("cut", work=True, keep_bytes=keep_bytes)


def drip(seconds: float = 0.05) -> Fault:
    """Do the work, then send its answer one byte every so many seconds."""
    return Fault("drip", work=True, seconds=seconds)


def dirty(dirt: Dirt, *, status: int = 200) -> Fault:
    """Do the work, and send its answer dirty, with this status.

    bad_utf8         a byte that is no UTF-8, in a text field before the id
    trailing_bytes   a comment and NUL behind the JSON
    huge_number      a number of 5,000 digits, before the id
    cut_after_id     the body ends right behind the id, and its length says so
    cut_in_id        the body ends inside the id
    broken_after_id  the whole body is announced, and the connection ends right behind the id
    other_task       the answer is another task's, completed, with a link: a cache that mixes up its entries
    """
    return Fault("answer", work=True, status=status, dirt=dirt)


def wrapped(status: int, *, text: bool = False) -> Fault:
    """Do the work, and send its answer inside an error of this status; `text`: as text inside the message."""
    return Fault("answer", work=True, status=status, body="text" if text else "object", dirt="wrapped")


def garbage(text: str = "<html>it works!</html>", *, work: bool = True) -> Fault:
    """200 with a body that is not JSON."""
    return Fault("answer", work=work, status=200, headers={"content-type": "text/html"}, body=text)


def soiled(body: bytes, fault: Fault) -> bytes:
    """What `dirty` and `wrapped` make of the body of an answer."""
    found = re.search(rb'"id": *"([^"]+)"', body)
    end = found.end() if found else len(body)
    match fault.dirt:
        case "bad_utf8":
            return b'{"note": "caf\xe9 \xff", ' + body[1:]
        case "trailing_bytes":
            return body + b"\n<!-- cached by the edge -->\0\0"
        case "huge_number":
            return b'{"serial": ' + b"9" * 5000 + b", " + body[1:]
        case "cut_after_id" | "broken_after_id":
            return body[:end]
        case "cut_in_id":
            return body[: end - 4]
        case "other_task":
            link = "https://example.com/stranger.mp4"
            other = {"id": STRANGER_ID, "status": "completed", "progress": 100, "results": [link]}
            return json.dumps({**json.loads(body), **other}).encode()
        case "wrapped" if fault.body == "text":
            error = {"code": "internal_error", "message": f"could not answer: {body.decode()}"}
            return json.dumps({"error": error}).encode()
        case "wrapped":
            return json.dumps({"error": {"code": "internal_error"}, "task": json.loads(body)}).encode()
    return body
