"""In the child: one picture's facts, brightness and poster."""

import io
from typing import Any, BinaryIO

from PIL import Image

from evolink_ui.media import limits
from evolink_ui.media.jpeg import Damaged, Header, Unusual, walk_jpeg
from evolink_ui.media.png import walk_png
from evolink_ui.media.refusal import Refused, Tell

Image.MAX_IMAGE_PIXELS = None  # our own bound is asked before, by the header; Pillow's would only warn

TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""What each value of Exif's orientation asks for."""


def read_header(file: BinaryIO, format_name: str) -> Header:
    """The structure of a JPEG or PNG. Raises Refused."""
    data = file.read(limits.IMAGE_READ_MAX_BYTES)
    try:
        return walk_jpeg(data) if format_name == "jpeg" else walk_png(data)
    except Damaged as error:
        raise Refused("image_damaged") from error
    except Unusual as error:
        raise Refused("image_unusual") from error


def upright_size(header: Header) -> tuple[int, int]:
    """Width and height as seen."""
    return (header.height, header.width) if header.orientation >= 5 else (header.width, header.height)


def examine_picture(file: BinaryIO, format_name: str, tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Facts first, then decode the whole picture (JPEGs at the scale of the poster, which still reads every bit)."""
    header = read_header(file, format_name)
    width, height = upright_size(header)
    tell({"facts": {"width": width, "height": height}})
    found: dict[str, Any] = {
        "turned": header.orientation != 1,
        "cmyk": header.channels == 4 and format_name == "jpeg",
        "animated": header.animated,
    }
    most = limits.IMAGE_DECODE_MAX_PIXELS if format_name == "jpeg" else limits.PNG_DECODE_MAX_PIXELS
    if width * height > most:
        raise Refused("image_too_many_pixels", width=width, height=height)
    try:
        with Image.open(io.BytesIO(header.clean), formats=("JPEG", "PNG")) as picture:
            picture.draft("RGB", (limits.POSTER_MAX_SIDE_PX, limits.POSTER_MAX_SIDE_PX))
            picture.load()
            poster, found["brightness"] = _poster(picture, header.orientation)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Refused("image_damaged") from error
    return found, poster


def _coarse(picture: Image.Image, factor: int) -> Image.Image:
    """Smaller by a whole factor, without the full-size copies that converting first would cost."""
    if factor < 2:
        return picture
    if picture.mode in ("L", "RGB"):
        return picture.reduce(factor)
    size = (max(picture.width // factor, 1), max(picture.height // factor, 1))
    return picture.resize(size, Image.Resampling.NEAREST)


def _poster(picture: Image.Image, orientation: int) -> tuple[bytes, float]:
    """A small upright JPEG on white, and the mean brightness 0-255 of what is seen."""
    picture = _coarse(picture, max(picture.size) // (2 * limits.POSTER_MAX_SIDE_PX))
    if picture.mode.startswith("I"):  # 16 bits of grey
        picture = picture.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    elif picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    picture.thumbnail((limits.POSTER_MAX_SIDE_PX, limits.POSTER_MAX_SIDE_PX), Image.Resampling.BILINEAR, None)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(layered, mask=layered.getchannel("A"))
    else:
        flat = picture.convert("RGB")
    for turn in TURNS.get(orientation, ()):
        flat = flat.transpose(turn)
    histogram = flat.convert("L").histogram()
    brightness = sum(value * count for value, count in enumerate(histogram)) / max(sum(histogram), 1)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=82)
    return out.getvalue(), round(brightness, 1)
