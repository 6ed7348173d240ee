"""In the child: one picture's facts, brightness and poster."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from PIL import Image

from evolink_ui.media import limits
from evolink_ui.media.files import PILLOW_NAMES
from evolink_ui.media.jpeg import Damaged, Unusual, walk_jpeg
from evolink_ui.media.png import walk_png
from evolink_ui.media.refusal import Refused, Tell

Image.MAX_IMAGE_PIXELS = None  # our own bound is asked before, by the header; Pillow's would only warn

MAX_PROFILE_BYTES: Final = 1_000_000
ORIENTATION_TAG: Final = 0x0112
SUBFILE_TAG: Final = 0x00FE
CORNER_PX: Final = 32
"""Width of the corner of a JPEG, as decoded, that is all of one colour where the file was cut off before it."""
ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ArithmeticError,
    RuntimeError,
)
"""What Pillow's readers throw at files that are not what they say."""

TURNS: Final = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""What each value of Exif's orientation asks for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture whose header was read and whose pixels were not."""

    picture: Image.Image
    orientation: int
    """Exif's 1-8, still to be applied."""
    icc_profile: bytes | None = None
    animated: bool = False
    cmyk: bool = False
    unusual: bool = False
    """Most programs could not read it."""
    more_data: Callable[[], bytes] | None = None
    """JPEGs: the same file with more coded data than a whole picture reads."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in pixels as seen."""
        width, height = self.picture.size
        return (height, width) if self.orientation >= 5 else (width, height)


def open_picture(file: BinaryIO, format_name: str) -> Opened:
    """Read the header of a picture in any format that we know. Raises Refused."""
    if format_name in PILLOW_NAMES:
        return _open_other(file, format_name)
    data = file.read(limits.IMAGE_READ_MAX_BYTES)
    try:
        header = walk_jpeg(data) if format_name == "jpeg" else walk_png(data)
    except Damaged as error:
        raise Refused("image_damaged") from error
    except Unusual as error:
        raise Refused("image_undecodable") from error
    try:
        picture = Image.open(io.BytesIO(header.clean), formats=("JPEG", "PNG"))
    except ERRORS as error:
        raise Refused("image_damaged") from error
    profile = header.icc_profile if header.icc_profile and len(header.icc_profile) <= MAX_PROFILE_BYTES else None
    if format_name == "png":
        return Opened(picture, header.orientation, profile, header.animated)
    return Opened(
        picture,
        header.orientation,
        profile,
        cmyk=header.channels == 4,
        unusual=header.unusual,
        # Arithmetic coders leave out what a reader takes for zeros, so that even a whole file looks different.
        more_data=None if header.unusual else header.with_more_data,
    )


def _open_other(file: BinaryIO, format_name: str) -> Opened:
    if format_name == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        picture = Image.open(file, formats=(PILLOW_NAMES[format_name],))
        # Pillow turns TIFFs itself and libheif HEICs; the others are left as they are stored.
        tag = picture.getexif().get(ORIENTATION_TAG, 1) if format_name in ("webp", "avif") else 1
    except ERRORS as error:
        raise Refused("image_damaged") from error
    profile = picture.info.get("icc_profile")
    small = isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES
    if format_name == "tiff" and getattr(picture, "tag_v2", {}).get(SUBFILE_TAG, 0) & 1:
        raise Refused("image_undecodable")  # the first picture of a camera's raw file is only its thumbnail
    return Opened(picture, tag if isinstance(tag, int) and 1 <= tag <= 8 else 1, profile if small else None)


def decode(picture: Image.Image) -> None:
    """Read all pixels. Raises Refused."""
    try:
        picture.load()
    except ERRORS as error:
        raise Refused("image_damaged") from error


def examine_picture(file: BinaryIO, format_name: str, tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Facts first, then decode the whole picture (JPEGs at the scale of the poster, which still reads every bit)."""
    opened = open_picture(file, format_name)
    width, height = opened.shown_size
    tell({"facts": {"width": width, "height": height}})
    most = limits.IMAGE_DECODE_MAX_PIXELS if format_name == "jpeg" else limits.PNG_DECODE_MAX_PIXELS
    if width * height > most:
        raise Refused("image_too_many_pixels", width=width, height=height)
    opened.picture.draft("RGB", (limits.POSTER_MAX_SIDE_PX, limits.POSTER_MAX_SIDE_PX))
    decode(opened.picture)
    if opened.more_data is not None and _ends_flat(opened.picture):
        _must_be_whole(opened.picture, opened.more_data())
    try:
        poster, brightness = _poster(opened.picture, opened.orientation)
    except ERRORS as error:
        raise Refused("image_damaged") from error
    found = {"turned": opened.orientation != 1, "cmyk": opened.cmyk, "animated": opened.animated}
    return {**found, "unusual": opened.unusual, "brightness": brightness}, poster


def _ends_flat(picture: Image.Image) -> bool:
    """Whether the last pixels are all the same, as a decoder fills up what is missing."""
    width, height = picture.size
    colours = picture.crop((max(width - CORNER_PX, 0), height - 1, width, height)).getcolors(1)
    return colours is not None


def _must_be_whole(picture: Image.Image, more_data: bytes) -> None:
    """Raises Refused where more coded data changes the picture: it was cut off, although it has an end marker."""
    try:
        again = Image.open(io.BytesIO(more_data), formats=("JPEG",))
        again.draft("RGB", picture.size)
        again.load()
    except ERRORS as error:
        raise Refused("image_damaged") from error
    if again.tobytes() != picture.tobytes():
        raise Refused("image_damaged")


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
