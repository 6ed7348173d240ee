"""In the child: a picture made acceptable."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from PIL import Image, ImageStat

from evolink_ui.media import limits
from evolink_ui.media.picture import TURNS, decode, open_picture
from evolink_ui.media.refusal import Refused
from evolink_ui.media.words import size_text

QUALITIES: Final = (95, 92, 88, 84, 80, 75)
"""JPEG qualities tried in turn; below the last, fewer pixels look better than more artefacts."""
SHRINK: Final = 0.85
"""Factor of the sides where no quality is small enough."""
MAX_PIXELS: Final = 16_000_000
"""Larger ones are scaled down while mending: four copies fit into 256 MB, and the result has 1080p at most."""

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
    elif found.animated:
        note("convert", "Converted to an ordinary picture file.")
    picture = _plain_mode(_bounded(picture), note)
    for turn in TURNS.get(orientation, ()):
        picture = picture.transpose(turn)
    if orientation != 1:
        note("upright", "Turned upright.")
    picture = _fit(picture, note)
    if not changes and size_bytes <= limits.IMAGE_MAX_BYTES:
        return {"changes": [], "fixes": [], "before": before}
    data, name = _encode(picture, found.icc_profile if picture.mode != "L" else None, format_name, note)
    if size_bytes > limits.IMAGE_MAX_BYTES and "shrink" not in fixes:
        note("shrink", f"Saved with {size_text(len(data))} instead of {size_text(size_bytes)}.")
    with Path(request["out"]).open("xb") as out:
        out.write(data)
    return {"changes": changes, "fixes": fixes, "before": before, "format": name}


def _bounded(picture: Image.Image) -> Image.Image:
    """Halved (or more) by plain averaging where it is so large that working on it would take too much memory."""
    factor = math.isqrt(picture.width * picture.height // MAX_PIXELS)
    return picture.reduce(factor) if factor > 1 and picture.mode in ("L", "RGB", "RGBA") else picture


def _plain_mode(picture: Image.Image, note: Note) -> Image.Image:
    """The same pixels as grey, RGB or RGBA with 8 bits each."""
    if picture.mode == "CMYK":
        note("convert", "Converted from print colours (CMYK).")
        return picture.convert("RGB")
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _fit(picture: Image.Image, note: Note) -> Image.Image:
    """Padded to the allowed aspect, then enlarged to the smallest allowed side, or scaled down where it is huge."""
    width, height = picture.size
    if max(width, height) > limits.IMAGE_MAX_ASPECT * min(width, height):
        short = math.ceil(max(width, height) / limits.IMAGE_MAX_ASPECT)
        size = (width, short) if width > height else (short, height)
        if size[0] * size[1] > MAX_PIXELS:
            raise Refused("image_too_many_pixels", width=size[0], height=size[1])
        padded = Image.new(picture.mode, size, _border_colour(picture))
        padded.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
        note("pad", f"Padded from {width} x {height} to {size[0]} x {size[1]} px.")
        picture = padded
    width, height = picture.size
    factor = 1.0
    if min(width, height) < limits.IMAGE_MIN_SIDE_PX:
        factor = limits.IMAGE_MIN_SIDE_PX / min(width, height)
    elif width * height > MAX_PIXELS:
        factor = math.sqrt(MAX_PIXELS / (width * height))
    if factor != 1.0:
        size = _scaled(picture.size, factor)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        done = "Enlarged" if factor > 1 else "Scaled down"
        note("enlarge" if factor > 1 else "shrink", f"{done} from {width} x {height} to {size[0]} x {size[1]} px.")
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


def _encode(picture: Image.Image, profile: bytes | None, format_name: str, note: Note) -> tuple[bytes, str]:
    """The bytes of the best file that fits, and its format: PNG where it was one or has transparency, else JPEG."""
    if picture.mode == "RGBA" or format_name in ("png", "gif", "bmp"):
        data = _bytes(picture, "PNG", icc_profile=profile, optimize=False)
        if len(data) <= limits.IMAGE_MAX_BYTES:
            return data, "png"
        if picture.mode == "RGBA":
            flat = Image.new("RGB", picture.size, "white")
            flat.paste(picture, mask=picture.getchannel("A"))
            picture = flat
            note("convert", "Laid on white, because it is too large with transparency.")
    while True:
        for quality in QUALITIES:
            data = _bytes(picture, "JPEG", quality=quality, icc_profile=profile, subsampling=0 if quality > 90 else 2)
            if len(data) <= limits.IMAGE_MAX_BYTES:
                return data, "jpeg"
        if min(picture.size) <= limits.IMAGE_MIN_SIDE_PX:
            raise Refused("fix_failed")
        picture = picture.resize(_scaled(picture.size, SHRINK), Image.Resampling.LANCZOS)
        note("shrink", f"Scaled down to {picture.width} x {picture.height} px.")


def _bytes(picture: Image.Image, pillow_name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, pillow_name, **{name: value for name, value in options.items() if value is not None})
    return out.getvalue()
