"""In the child: a picture made acceptable."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from PIL import Image, ImageCms, ImageStat

from evolink_ui.media import limits
from evolink_ui.media.picture import TURNS, decode, open_picture
from evolink_ui.media.refusal import Refused
from evolink_ui.media.words import size_text

QUALITIES: Final = (95, 92, 88, 84, 80, 75)
"""JPEG qualities, best first; below the last, fewer pixels look better than more artefacts."""
SHRINK: Final = 0.85
"""Factor of the sides where no quality is small enough."""
MAX_PIXELS: Final = 16_000_000
"""Larger ones are scaled down while mending: four copies fit into 256 MB, and the result has 1080p at most."""

PROFILE_SPACES: Final = {"RGB": "RGB", "RGBA": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""Pillow's names of colours, and what a colour profile of them says that it is for."""

Note = Callable[[str, str], None]


def mend_picture(file: BinaryIO, request: dict[str, Any]) -> dict[str, Any]:
    """Write an acceptable JPEG or PNG to request["out"]; says what was changed. Raises Refused."""
    format_name = request["format"]
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    changes: list[str] = []
    fixes: list[str] = []

    def note(fix: str, sentence: str) -> None:
        fixes.append(fix)
        changes.append(sentence)

    found = open_picture(file, format_name)
    picture, orientation = found.picture, found.orientation
    width, height = found.shown_size
    before: dict[str, Any] = {"width": width, "height": height}
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS:
        shrink = math.sqrt(MAX_PIXELS / pixels) / 2  # draft rounds up to the next power of two
        picture.draft("RGB", (max(round(picture.width * shrink), 1), max(round(picture.height * shrink), 1)))
    if picture.width * picture.height > limits.IMAGE_DECODE_MAX_PIXELS:
        raise Refused("image_too_many_pixels", width=width, height=height)
    decode(picture)
    if format_name not in ("jpeg", "png"):
        note("convert", f"Converted from {format_name.upper()}.")
    elif found.animated or found.unusual:
        note("convert", "Converted to an ordinary picture file.")
    picture = _plain(_bounded(picture), found.icc_profile, note)
    for turn in TURNS.get(orientation, ()):
        picture = picture.transpose(turn)
    if orientation != 1:
        note("upright", "Turned upright.")
    picture = _fit(picture, (width, height), note)
    if not changes and size_bytes <= limits.IMAGE_MAX_BYTES:
        return {"changes": [], "fixes": [], "before": before}
    picture.info.clear()  # comments, places, times: nothing but the pixels is passed on
    data, name = _encode(picture, format_name, size_bytes, note)
    if size_bytes > limits.IMAGE_MAX_BYTES and "shrink" not in fixes:
        note("shrink", f"Saved with {size_text(len(data))} instead of {size_text(size_bytes)}.")
    with Path(request["out"]).open("xb") as out:
        out.write(data)
    return {"changes": changes, "fixes": fixes, "before": before, "format": name}


def _bounded(picture: Image.Image) -> Image.Image:
    """Halved (or more) by plain averaging where it is so large that working on it would take too much memory."""
    factor = math.isqrt(picture.width * picture.height // MAX_PIXELS)
    return picture.reduce(factor) if factor > 1 and picture.mode in ("L", "RGB", "RGBA") else picture


def _plain(picture: Image.Image, profile: bytes | None, note: Note) -> Image.Image:
    """The picture as grey, RGB or RGBA with 8 bits each, its colours in sRGB, which every program assumes."""
    if picture.mode == "CMYK":
        note("convert", "Converted from print colours (CMYK).")
        return _to_srgb(picture, profile).convert("RGB")
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    elif picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    return _to_srgb(picture, profile).convert(picture.mode)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The same colours in sRGB; unchanged where the profile is of other colours or broken."""
    if profile is None:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != PROFILE_SPACES[picture.mode]:
            return picture
        turned = ImageCms.profileToProfile(
            picture,
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if picture.mode == "RGBA" else "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return turned or picture


def _fit(picture: Image.Image, shown: tuple[int, int], note: Note) -> Image.Image:
    """Scaled down where it is huge, padded to the allowed aspect, enlarged to the smallest allowed side."""
    width, height = picture.size
    padded_area = max(width * height, max(width, height) ** 2 / limits.IMAGE_MAX_ASPECT)
    if padded_area > MAX_PIXELS:
        factor = math.sqrt(MAX_PIXELS / padded_area)
        size = (max(int(width * factor), 1), max(int(height * factor), 1))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if picture.size != shown:
        note("shrink", f"Scaled down from {shown[0]} x {shown[1]} to {picture.width} x {picture.height} px.")
    width, height = picture.size
    if max(width, height) > limits.IMAGE_MAX_ASPECT * min(width, height):
        short = math.ceil(max(width, height) / limits.IMAGE_MAX_ASPECT)
        size = (width, short) if width > height else (short, height)
        padded = Image.new(picture.mode, size, _border_colour(picture))
        padded.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
        note("pad", f"Padded from {width} x {height} to {size[0]} x {size[1]} px.")
        picture = padded
    width, height = picture.size
    if min(width, height) < limits.IMAGE_MIN_SIDE_PX:
        size = _scaled(picture.size, limits.IMAGE_MIN_SIDE_PX / min(width, height))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        note("enlarge", f"Enlarged from {width} x {height} to {size[0]} x {size[1]} px.")
    return picture


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Both sides times `factor`, rounded so that neither the smallest side nor the aspect is missed by a pixel."""
    width, height = (max(round(side * factor), limits.IMAGE_MIN_SIDE_PX) for side in size)
    least = math.ceil(max(width, height) / limits.IMAGE_MAX_ASPECT)
    return max(width, least), max(height, least)


def _border_colour(picture: Image.Image) -> tuple[int, ...] | int:
    """The mean colour along the edges: less of a frame than black or white would be."""
    width, height = picture.size
    edge = [picture.crop((0, 0, width, 1)), picture.crop((0, height - 1, width, height))]
    means = [ImageStat.Stat(line).mean for line in edge]
    colour = tuple(round((top + bottom) / 2) for top, bottom in zip(*means, strict=True))
    return colour if len(colour) > 1 else colour[0]


def _encode(picture: Image.Image, format_name: str, size_bytes: int, note: Note) -> tuple[bytes, str]:
    """The bytes of the best file that fits, and its format: PNG where it was one or has transparency, else JPEG."""
    lossless = format_name in ("png", "gif", "bmp") and size_bytes <= limits.IMAGE_MAX_BYTES
    if picture.mode == "RGBA" or lossless:
        data = _bytes(picture, "PNG")
        if len(data) <= limits.IMAGE_MAX_BYTES:
            return data, "png"
        if picture.mode == "RGBA":
            flat = Image.new("RGB", picture.size, "white")
            flat.paste(picture, mask=picture.getchannel("A"))
            picture = flat
            note("convert", "Laid on white, because it is too large with transparency.")
    while True:
        fitting = _best_jpeg(picture)
        if fitting is not None:
            return fitting, "jpeg"
        if min(picture.size) <= limits.IMAGE_MIN_SIDE_PX:
            raise Refused("fix_failed")
        picture = picture.resize(_scaled(picture.size, SHRINK), Image.Resampling.LANCZOS)
        note("shrink", f"Scaled down to {picture.width} x {picture.height} px.")


def _best_jpeg(picture: Image.Image) -> bytes | None:
    """The JPEG of the best quality that fits, found by halving; None where not even the lowest does."""
    best: bytes | None = None
    low, high = 0, len(QUALITIES)
    while low < high:
        middle = (low + high) // 2 if best is not None or low else 0  # most fit at once with the best
        quality = QUALITIES[middle]
        data = _bytes(picture, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
        if len(data) <= limits.IMAGE_MAX_BYTES:
            best, high = data, middle
        else:
            low = middle + 1
    return best


def _bytes(picture: Image.Image, pillow_name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, pillow_name, **options)
    return out.getvalue()
