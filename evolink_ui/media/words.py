"""Every problem and warning in plain English, in one place: what is wrong, with the numbers, and what to do."""

from dataclasses import replace
from typing import Final

from evolink_ui.media.report import Problem

Value = float | int | str

_NAMES: Final = {"image": "picture", "video": "video"}


def size_text(size_bytes: int) -> str:
    """12.3 MB, 45 kB; decimal, as the vendor's limits are read."""
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1_000_000:.1f} MB"
    return f"{max(size_bytes, 0) / 1000:.0f} kB" if size_bytes >= 1000 else f"{size_bytes} bytes"


def seconds_text(seconds: float) -> str:
    """3, 9.5 or 10.03 s: as many decimals as it takes to see the difference from a limit."""
    return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"


def spoken(format_name: str) -> str:
    """A format's name as people say it."""
    return _SPOKEN.get(format_name, format_name.upper())


_SPOKEN: Final = {"jpeg": "JPEG", "png": "PNG", "webm": "WebM", "mkv": "Matroska", "svg": "an SVG drawing"}


def problem(code: str, field: str, **values: Value) -> Problem:
    """Build the problem or warning `code` for `field` ("image" or "video") with the numbers of its sentence."""
    message, next_step, fix = _WORDS[code]
    known: dict[str, Value] = {"thing": _NAMES[field], **values}
    return Problem(code, field, message.format(**known), next_step.format(**known), fix, dict(values))


def without_fix(found: Problem) -> Problem:
    """The same problem where mending would not help: nothing is offered, only what people can do themselves."""
    offer, _, rest = found.next_step.partition(", or ")
    step = rest[:1].upper() + rest[1:] if rest and offer.startswith("Let it be ") else found.next_step
    return replace(found, fix=None, next_step=step)


_AGAIN: Final = "Choose another {thing}, or save this one again with the program it came from."

_WORDS: Final[dict[str, tuple[str, str, str | None]]] = {
    # -- the file itself
    "file_missing": ("There is no such file.", "Choose the {thing} again.", None),
    "not_a_file": ("This is not an ordinary file, so it was not opened.", "Choose the {thing} file itself.", None),
    "file_unreadable": ("The file could not be read.", "Choose the {thing} again.", None),
    "format_not_opened_here": (
        "This app doesn't open {format_name} files on this computer. Nothing was sent or charged.",
        "Save the {thing} as {accepted} and choose it again.",
        None,
    ),
    "file_empty": ("The file is empty (0 bytes).", "Choose another {thing}; this one was perhaps never saved.", None),
    "fix_failed": (
        "The {thing} could not be mended. Nothing was changed.",
        "Mend it with the program it came from, or choose another {thing}.",
        None,
    ),
    "fix_not_enough": (
        "The {thing} could not be mended so that it is accepted: {reason}",
        "Mend it with the program it came from, or choose another {thing}.",
        None,
    ),
    "fix_part_too_short": (
        "The chosen part lasts {seconds}; at least 3 s are needed.",
        "Choose a longer part.",
        None,
    ),
    "fix_part_too_long": (
        "The chosen part lasts {seconds}; at most {limit} are accepted for this orientation.",
        "Choose a shorter part.",
        None,
    ),
    "fix_part_outside": (
        "The chosen part is not inside the video, which lasts {seconds}.",
        "Choose a start before the end, both within the video.",
        None,
    ),
    "check_busy": ("Too many files are being checked at the moment.", "Try again in a few seconds.", None),
    "check_failed": (
        "The {thing} could not be examined: reading it took too long, needed too much memory or failed.",
        _AGAIN,
        None,
    ),
    # -- pictures
    "not_an_image": ("This is not a picture{found}.", "Choose a JPEG or PNG picture.", None),
    "unsupported_image_format": (
        "The picture is {format_name}; only JPEG and PNG are accepted.",
        "Let it be converted, or save it as JPEG or PNG.",
        "convert",
    ),
    "image_too_big": (
        "The picture file has {size}; at most 10 MB are accepted.",
        "Let it be shrunk, or save it with a lower quality.",
        "shrink",
    ),
    "image_too_small": (
        "The picture has {width} x {height} px; both sides need at least {limit} px.",
        "Let it be enlarged, or choose a larger picture.",
        "enlarge",
    ),
    "image_aspect": (
        "The picture has {width} x {height} px, which is {ratio} times as long as wide; at most 2.5 times is accepted.",
        "Let it be padded, or crop it.",
        "pad",
    ),
    "image_too_many_pixels": (
        "The picture has {width} x {height} px, more than can be examined here.",
        "Let it be shrunk, or choose a smaller picture.",
        "shrink",
    ),
    "image_damaged": ("The picture file is damaged or was cut off.", _AGAIN, None),
    "image_unusual": (
        "The picture is written in a way that few programs read.",
        "Let it be converted, or save it again as an ordinary JPEG or PNG.",
        "convert",
    ),
    "image_undecodable": (
        "The picture is stored in a way that cannot be read here, such as a camera's raw format or a 12-bit JPEG.",
        "Save it again as an ordinary JPEG or PNG.",
        None,
    ),
    "image_turned": (
        "The picture is stored lying down, with a note to turn it. Programs that ignore the note see it sideways.",
        "Let it be turned upright.",
        "upright",
    ),
    "image_cmyk": (
        "The picture is made for print (CMYK); its colours may come out wrong.",
        "Let it be converted.",
        "convert",
    ),
    "image_animated": ("The picture is animated; only its first frame is used.", "Let it be converted.", "convert"),
    "image_dark": ("The picture is very dark.", "A brighter picture gives a better result.", None),
    # -- videos
    "not_a_video": ("This is not a video{found}.", "Choose an MP4 or MOV video.", None),
    "unsupported_video_format": (
        "The video is {format_name}; only MP4 and MOV are accepted.",
        "Let it be converted, or save it as MP4.",
        "convert",
    ),
    "unsupported_codec": (
        "The video is coded as {codec}; H.264 (8 bit, 4:2:0) is what is certainly accepted.",
        "Let it be converted.",
        "convert",
    ),
    "video_without_picture": ("The file has no moving picture, only sound or nothing.", "Choose another video.", None),
    "video_too_big": (
        "The video file has {size}; at most 100 MB are accepted.",
        "Let it be squeezed, or cut it.",
        "shrink",
    ),
    "video_too_short": (
        "The video lasts {seconds}; at least 3 s are needed.",
        "Choose a longer video.",
        None,
    ),
    "video_too_long": (
        "The video lasts {seconds}; at most 30 s are accepted.",
        "Cut it to the part that you want.",
        "trim",
    ),
    "video_too_long_for_image_orientation": (
        "The video lasts {seconds}; while the character faces as in the picture, at most 10 s are accepted.",
        "Let the character face as in the video (at most 30 s), or cut the video to 10 s.",
        "trim",
    ),
    "video_too_small": (
        "The video has {width} x {height} px; both sides need at least {limit} px.",
        "Let it be enlarged, or choose a larger video.",
        "enlarge",
    ),
    "video_too_large": (
        "The video has {width} x {height} px; neither side may exceed {limit} px.",
        "Let it be scaled down.",
        "shrink",
    ),
    "video_damaged": ("The video file is damaged or was cut off.", _AGAIN, None),
    "video_protected": (
        "The video is protected against copying (encrypted), so nobody else can read it.",
        "Choose another video, or save this one without protection with the program it came from.",
        None,
    ),
    "video_cut_off": (
        "The beginning or the end of the video is missing or damaged.",
        "Let it be saved as far as it goes, or fetch the video again.",
        "convert",
    ),
    "video_partly_damaged": (
        "Some frames of the video are damaged ({missing} of {frames}).",
        "Let it be converted, or choose another video.",
        "convert",
    ),
    "video_lengths_differ": (
        "The file's header says {claimed}, but its picture lasts {seconds}.",
        "Let it be converted, so that every program reads the same length.",
        "convert",
    ),
    "video_stretched": (
        "The video's pixels are not square: stored as {stored_width} x {stored_height} px,"
        " shown as {width} x {height} px.",
        "Let it be converted, so that every program reads the same size.",
        "convert",
    ),
    "video_cuts": (
        "The video seems to be cut at {times}.",
        "One continuous shot works best: cut out the part between two cuts.",
        "trim",
    ),
    "video_fast_motion": (
        "The motion is very fast, or the camera moves quickly.",
        "Slower motion is followed better.",
        None,
    ),
    "video_dark": ("The video is very dark.", "A brighter video gives a better result.", None),
    "video_high_fps": (
        "The video has {fps} frames per second; about 30 are enough.",
        "It can stay as it is; 30 make the file smaller.",
        None,
    ),
    "video_checked_in_part": (
        "Only the first {seconds} were examined for cuts and damage, because the video is large.",
        "Nothing to do, unless you know of cuts further on.",
        None,
    ),
    "readers_differ": (
        "Simple programs read this video differently: {differences}.",
        "EvoLink may read it like them. Save the video again with the program it came from if the length or the sound"
        " of the result matters.",
        None,
    ),
    "second_reader_failed": (
        "Simple programs can't read this video, although it plays.",
        "EvoLink may refuse it. Save the video again as MP4 (H.264) if it does.",
        None,
    ),
    "framing_differs": (
        "The picture is {image_framing} ({image_width} x {image_height} px) and the video is {video_framing}"
        " ({video_width} x {video_height} px).",
        "A similar framing of both works best.",
        None,
    ),
}

CODES: Final = frozenset(_WORDS)
"""All codes, for whoever translates them."""
