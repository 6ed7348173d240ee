"""A bounded walk over the chunks of a PNG: its size, its orientation, and a copy that holds nothing else."""

import zlib
from typing import Final

from evolink_ui.media.jpeg import Damaged, Header, exif_orientation

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS: Final = 65_536
"""Some writers cut the picture into pieces of 8 kB or less: 10 MB are some 1300 of them, or 10,000 of the smallest."""
MAX_ICC_BYTES: Final = 4_000_000

_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""The bit depths that each colour type allows."""
PALETTE: Final = 3
_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def walk_png(data: bytes) -> Header:
    """Read the structure of a PNG; the checksums of all chunks that make the picture must fit. Raises Damaged."""
    if data[:8] != SIGNATURE:
        raise Damaged
    kept: list[bytes] = [SIGNATURE]
    header: bytes | None = None
    orientation, animated, coloured, picture, at = 1, False, False, 0, 8
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        end = at + 12 + length
        if len(name) < 4 or end > len(data):
            raise Damaged
        if header is None and name != b"IHDR":
            raise Damaged
        coloured = coloured or name == b"PLTE"
        if name in _KEPT:
            if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise Damaged
            kept.append(data[at:end])
        if name == b"IHDR":
            if header is not None or length != 13:
                raise Damaged
            header = data[at + 8 : at + 21]
        elif name == b"IDAT":
            picture += length
        elif name == b"eXIf":
            orientation = exif_orientation(data[at + 8 : end - 4]) or orientation
        elif name == b"acTL":
            animated = True
        elif name == b"IEND":
            break
        elif name not in _KEPT and not name[0] & 0x20:
            raise Damaged  # a critical chunk that nobody knows
        at = end
    else:
        raise Damaged
    if header is None or picture == 0:
        raise Damaged
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    depth, colour, compression, filtering, interlace = header[8:13]
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31 or depth not in _DEPTHS.get(colour, ()):
        raise Damaged
    if compression or filtering or interlace > 1 or (colour == PALETTE and not coloured):
        raise Damaged
    return Header(width, height, orientation, _CHANNELS[colour], b"".join(kept), _profile(data), animated)


def _profile(data: bytes) -> bytes | None:
    """The colour profile (iCCP), unpacked with a bound; None where there is none or it is not whole."""
    at = data.find(b"iCCP", 8, 8192)
    if at < 0:
        return None
    length = int.from_bytes(data[at - 4 : at], "big")
    chunk = data[at + 4 : at + 4 + length]
    name_end = chunk.find(b"\0", 0, 80)
    if name_end < 0 or chunk[name_end + 1 : name_end + 2] != b"\0":
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(chunk[name_end + 2 :], MAX_ICC_BYTES)
    except zlib.error:
        return None
    return profile if unpacker.eof else None
