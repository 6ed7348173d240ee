"""Opening what a stranger sent: regular files only, never through a link, never waiting; and naming what they are."""

import os
import stat
from dataclasses import dataclass
from typing import BinaryIO, Final, Self

SNIFF_BYTES: Final = 4096

# A FIFO opened without O_NONBLOCK waits for a writer for ever; Windows knows neither flag and has no FIFOs on paths.
_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Unreadable(Exception):
    """The path leads to nothing that may be read. `code` is one of file_missing, not_a_file, file_unreadable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Source:
    """A regular file, opened once: whatever happens to its name afterwards, this file is meant. Closed by `with`."""

    path: str
    """Absolute; where it was found."""
    file: BinaryIO
    size_bytes: int
    head: bytes
    """Its first 4096 bytes at most."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _absolute(path: object) -> str:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise Unreadable("file_missing")
    try:
        text = os.fsdecode(path)
        if not text or "\0" in text:
            raise Unreadable("file_missing")
        return os.path.join(os.getcwd(), text)  # noqa: PTH109, PTH118 - pathlib would normalise a stranger's name
    except (OSError, ValueError, TypeError) as error:
        raise Unreadable("file_missing") from error


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading. Raises Unreadable."""
    try:
        before = os.lstat(path)
        if not stat.S_ISREG(before.st_mode):
            raise Unreadable("not_a_file")
        descriptor = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError as error:
        raise Unreadable("file_missing") from error
    except (OSError, ValueError) as error:
        raise Unreadable("file_unreadable") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("not_a_file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def look_at(path: object) -> Source:
    """Open the file and read its first bytes. Raises Unreadable."""
    absolute = _absolute(path)
    file = open_regular(absolute)
    try:
        return Source(absolute, file, os.fstat(file.fileno()).st_size, file.read(SNIFF_BYTES))
    except OSError as error:
        file.close()
        raise Unreadable("file_unreadable") from error


DEMUXERS: Final = {
    "mp4": "mov",
    "mov": "mov",
    "3gp": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "flv": "flv",
    "wmv": "asf",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "ogg": "ogg",
}
"""FFmpeg's demuxers, forced by what the first bytes say: none that opens other files is among them."""

PILLOW_NAMES: Final = {
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "avif": "AVIF",
    "heic": "HEIF",
}
"""Pictures that are not accepted but can be converted: Pillow's names of them."""

# Brands of ISO-BMFF files that are not films for everyone; all other brands are read as MP4.
_PICTURE_BRANDS: Final = {
    b"heic": "heic",
    b"heix": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"mif1": "heic",
    b"msf1": "heic",
    b"avif": "avif",
    b"avis": "avif",
    b"crx ": "cr3",
    b"jp2 ": "jp2",
}
_QUICKTIME_FIRST_BOXES: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid")


def name_format(head: bytes) -> tuple[str, str]:
    """("image" | "video" | "audio" | "other", name) of a file by its first bytes; ("other", "") for the unknown."""
    for start, kind, name in _SIGNATURES:
        if head.startswith(start):
            return kind, name
    box = head[4:8]
    if box == b"ftyp":
        brand = head[8:12]
        if brand in _PICTURE_BRANDS:
            return "image", _PICTURE_BRANDS[brand]
        if brand == b"qt  ":
            return "video", "mov"
        if brand[:3] in (b"3gp", b"3g2"):
            return "video", "3gp"
        return "video", "mp4"
    if box in _QUICKTIME_FIRST_BOXES:
        return "video", "mov"
    if head[:4] == b"RIFF":
        return {b"WEBP": ("image", "webp"), b"AVI ": ("video", "avi"), b"WAVE": ("audio", "wav")}.get(
            head[8:12], ("other", "")
        )
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video", "webm" if b"webm" in head[:64] else "mkv"
    for first, length in ((0, 188), (4, 192)):  # broadcast; and camcorders, with a time in front of each packet
        if len(head) > first + 2 * length and {head[first + length * packet] for packet in range(3)} == {0x47}:
            return "video", "mpegts"
    if head.lstrip()[:5].lower() in (b"<svg ", b"<?xml") and b"<svg" in head[:1024].lower():
        return "image", "svg"
    return "other", ""


_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image", "png"),
    (b"GIF87a", "image", "gif"),
    (b"GIF89a", "image", "gif"),
    (b"BM", "image", "bmp"),
    (b"II*\0", "image", "tiff"),
    (b"MM\0*", "image", "tiff"),
    (b"II+\0", "image", "tiff"),
    (b"MM\0+", "image", "tiff"),
    (b"8BPS", "image", "psd"),
    (b"\0\0\1\0", "image", "ico"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image", "jxl"),
    (b"\xff\x0a", "image", "jxl"),
    (b"\0\0\0\x0cjP  ", "image", "jp2"),
    (b"FLV\x01", "video", "flv"),
    (b"0&\xb2u\x8ef\xcf\x11", "video", "wmv"),
    (b"\0\0\x01\xba", "video", "mpeg"),
    (b"\0\0\x01\xb3", "video", "mpeg"),
    (b"OggS", "video", "ogg"),
    (b"ID3", "audio", "mp3"),
    (b"fLaC", "audio", "flac"),
    (b"%PDF-", "other", "pdf"),
    (b"PK\3\4", "other", "zip"),
)
