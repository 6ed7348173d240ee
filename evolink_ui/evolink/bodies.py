"""Reading an answer's body: in pieces of bounded size, and as JSON even where its bytes are damaged."""

import json
import math
import re
import zlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import httpx

PACKED = frozenset({"gzip", "x-gzip", "deflate"})
"""Encodings that are unpacked. Any other one, and one inside another, is refused: a few hundred bytes of those unfold
to gigabytes at once in httpx's own decoders."""

NUMBER_MAX_CHARS = 400
"""Longest number that is read. Double precision ends at 309 digits, and Python refuses to read more than 4,300."""

CANDIDATES_MAX = 8
"""Most task ids that are read out of one answer. The answer to an order names one; a page full of ids is no answer."""

_TASK_ID = re.compile(rb"task-unified-[A-Za-z0-9](?:[A-Za-z0-9_-]{0,80}[A-Za-z0-9])?")


class NotAsPacked(httpx.DecodingError):
    """The body is not packed in the way that its head says."""

    def __init__(self, piece: bytes) -> None:
        super().__init__("the body is not what it is called")
        self.piece = piece
        """The bytes that could not be unpacked."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """JSON as it was read out of bytes."""

    value: Any = None
    """None where there is no JSON at all."""

    damaged: bool = False
    """Whether bytes were replaced that are no text, or ignored behind the JSON."""


def decoded(received: bytes | bytearray) -> Decoded:
    """The JSON value at the start of these bytes: bad bytes replaced, bytes behind it ignored, numbers beyond every
    measure (and NaN) read as null."""
    encoding = json.detect_encoding(received)
    try:
        text, damaged = received.decode(encoding), False
    except UnicodeDecodeError:
        text, damaged = received.decode(encoding, "replace"), True
    text = text.lstrip(" \t\n\r")
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return Decoded(None, damaged)
    return Decoded(value, damaged or bool(text[end:].strip(" \t\n\r")))


def task_ids_in(texts: Iterable[bytes | bytearray]) -> tuple[str, ...]:
    """Everything in these bytes that has the form of a task id, each once, at most CANDIDATES_MAX."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _TASK_ID.finditer(text):
            found[match[0].decode("ascii")] = None
            if len(found) == CANDIDATES_MAX:
                return tuple(found)
    return tuple(found)


def _whole_number(text: str) -> int | None:
    return int(text) if len(text) <= NUMBER_MAX_CHARS else None


def _decimal(text: str) -> float | None:
    number = float(text) if len(text) <= NUMBER_MAX_CHARS else math.inf
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(parse_int=_whole_number, parse_float=_decimal, parse_constant=lambda name: None)


def encoding_of(headers: httpx.Headers) -> str | None:
    """How the body is packed; None where it is not."""
    named = headers.get("content-encoding", "").strip().lower()
    return named if named not in ("", "identity") else None


async def pieces_of(response: httpx.Response, piece_bytes: int, *, at_once: bool = False) -> AsyncIterator[bytes]:
    """The body, at most `piece_bytes` bytes at a time.

    `at_once`: as it arrives (64 KiB at most, from a socket), not collected to full pieces, which are lost where the
    connection breaks.

    Raises httpx.DecodingError where it cannot be unpacked, and httpx's other errors for the connection.
    """
    encoding = encoding_of(response.headers)
    raw = response.aiter_raw(None if at_once else piece_bytes)
    if encoding is None:
        async for piece in raw:
            yield piece
        return
    if encoding not in PACKED:
        raise httpx.DecodingError("an encoding that is not unpacked")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # told by its first bytes whether gzip or deflate
    async for packed in raw:
        while packed and not unpacker.eof:
            try:
                piece = unpacker.decompress(packed, piece_bytes)
            except zlib.error:
                raise NotAsPacked(packed) from None
            packed = unpacker.unconsumed_tail
            if piece:
                yield piece
    if not unpacker.eof:
        raise httpx.DecodingError("the body ends too soon")
