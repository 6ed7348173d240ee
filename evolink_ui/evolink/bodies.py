"""Reading an answer's body in pieces of bounded size, also where it comes packed although nobody asked for that."""

import zlib
from collections.abc import AsyncIterator

import httpx

PACKED = frozenset({"gzip", "x-gzip", "deflate"})
"""Encodings that are unpacked. Any other one, and one inside another, is refused: a few hundred bytes of those unfold
to gigabytes at once in httpx's own decoders."""


def encoding_of(headers: httpx.Headers) -> str | None:
    """How the body is packed; None where it is not."""
    named = headers.get("content-encoding", "").strip().lower()
    return named if named not in ("", "identity") else None


async def pieces_of(response: httpx.Response, piece_bytes: int) -> AsyncIterator[bytes]:
    """The body, at most `piece_bytes` bytes at a time.

    Raises httpx.DecodingError where it cannot be unpacked, and httpx's other errors for the connection.
    """
    encoding = encoding_of(response.headers)
    if encoding is None:
        async for piece in response.aiter_raw(piece_bytes):
            yield piece
        return
    if encoding not in PACKED:
        raise httpx.DecodingError("an encoding that is not unpacked")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # told by its first bytes whether gzip or deflate
    async for packed in response.aiter_raw(piece_bytes):
        while packed and not unpacker.eof:
            try:
                piece = unpacker.decompress(packed, piece_bytes)
            except zlib.error:
                raise httpx.DecodingError("the body is not what it is called") from None
            packed = unpacker.unconsumed_tail
            if piece:
                yield piece
    if not unpacker.eof:
        raise httpx.DecodingError("the body ends too soon")
