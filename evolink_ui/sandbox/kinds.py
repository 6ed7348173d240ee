"""What kind of file an upload is, and what it may be called."""

from __future__ import annotations

import mimetypes
import re
import secrets
import unicodedata
from pathlib import Path, PurePosixPath

from .errors import FilesError

NAME_MAX_CHARS = 120  # well under every file system's limit, UTF-8 included
PATH_MAX_CHARS = 200
SNIFF_BYTES = 16

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})  # the vendor's list for pictures
PREFERRED_SUFFIX = {"image/jpeg": ".jpg", "video/mp4": ".mp4", "video/quicktime": ".mov", "audio/mpeg": ".mp3"}

_MAGIC = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
)
_UNWANTED = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|#%]+")


def mime_type(part: Path, name: str, declared: str) -> str:
    """The type by the file's first bytes, else by its name, else as the client declared it.

    Raises:
        FilesError: 415, neither a picture of the four kinds nor sound nor video; 400, an empty file.
    """
    with part.open("rb") as file:
        head = file.read(SNIFF_BYTES)
    if not head:
        raise FilesError(400, "The file is empty. Nothing was stored.")
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    for kind in (mimetypes.guess_type(name)[0] or "", declared):
        if kind in IMAGE_TYPES or re.fullmatch(r"(audio|video)/[a-z0-9.+-]{1,60}", kind):
            return kind
    raise FilesError(
        415, "Only JPEG, PNG, GIF and WebP pictures, sound and video files are stored. Nothing was stored."
    )


def safe_name(wanted: str, mime: str) -> str:
    """`wanted` as a plain file name; one is made up where nothing is left of it."""
    name = unicodedata.normalize("NFC", wanted.replace("\\", "/")).encode("utf-8", "ignore").decode()
    name = _UNWANTED.sub("_", PurePosixPath(name).name).strip(" .")
    suffix = PurePosixPath(name).suffix or PREFERRED_SUFFIX.get(mime) or mimetypes.guess_extension(mime) or ""
    stem = PurePosixPath(name).stem or secrets.token_hex(8)
    # A suffix that is longer than any real one is a part of the name.
    return (stem[: NAME_MAX_CHARS - 12] + suffix[:12]) if len(suffix) <= 12 else name[:NAME_MAX_CHARS]


def safe_folder(wanted: str) -> str:
    """`wanted` as a relative folder, without a way out of it."""
    parts = [_UNWANTED.sub("_", part).strip(" .") for part in wanted.replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part).encode("utf-8", "ignore").decode()[:PATH_MAX_CHARS].strip("/ .")
