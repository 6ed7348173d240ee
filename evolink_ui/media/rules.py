"""From facts to problems and warnings: pure decisions, no file is touched here.

Several people are not warned about, although one is advised. To tell takes a detector: OpenCV and a net, which cost a
checking child more time and memory than all the rest of a check. Without one, two moving patches may as well be the
arms of one dancer, and a warning that is often wrong teaches people to overlook those that are right. Nothing is lost:
the vendor takes such videos and follows the largest person.
"""

from typing import Any, Final

from evolink_ui.catalog import Orientation
from evolink_ui.media import limits
from evolink_ui.media.report import ImageFacts, Problem, VideoFacts
from evolink_ui.media.words import problem, seconds_text, size_text, without_fix

FAST_SPEED: Final = 12.5
"""Grey levels in 1/30 s; dancing that fills the frame has 5 to 10, the same at double speed 13 to 15."""
LENGTHS_DIFFER_SECONDS: Final = 0.5
"""Sound tails and rounding stay below."""
SQUARE: Final = 1.1
"""Sides that differ by less count as square when framings are compared."""
PLAYED_PIXELS: Final = frozenset({"", "yuv420p", "yuvj420p"})


def image_problems(facts: ImageFacts, said: dict[str, Any]) -> list[Problem]:
    """What the vendor would refuse about a picture whose header was read; `said` is what the decoding told."""
    found = [problem("image_unusual", "image")] if said.get("unusual") else []
    width, height = facts.width, facts.height
    if facts.size_bytes > limits.IMAGE_MAX_BYTES:
        found.append(problem("image_too_big", "image", size=size_text(facts.size_bytes)))
    if min(width, height) < limits.IMAGE_MIN_SIDE_PX:
        found.append(problem("image_too_small", "image", width=width, height=height, limit=limits.IMAGE_MIN_SIDE_PX))
    if max(width, height) > limits.IMAGE_MAX_ASPECT * min(width, height):
        ratio = f"{max(width, height) / max(min(width, height), 1):.2f}"
        found.append(problem("image_aspect", "image", width=width, height=height, ratio=ratio))
    return found


def image_warnings(facts: ImageFacts, found: dict[str, Any]) -> list[Problem]:
    """What is advised against; `found` is what the decoding said."""
    warnings = [
        problem(code, "image")
        for code, said in (
            ("image_turned", found.get("turned")),
            ("image_cmyk", found.get("cmyk")),
            ("image_animated", found.get("animated")),
        )
        if said
    ]
    if facts.brightness is not None and facts.brightness < limits.DARK_LUMA:
        warnings.append(problem("image_dark", "image"))
    return warnings


def fits(facts: VideoFacts, problems: list[Problem]) -> dict[Orientation, bool]:
    """Whether the video passes facing as in the picture, and facing as in the video."""
    others = [found for found in problems if found.code != "video_too_long_for_image_orientation"]
    short = facts.duration_seconds <= limits.at_most(limits.IMAGE_ORIENTATION_MAX_SECONDS)
    return {"image": not others and short, "video": not others}


def video_problems(facts: VideoFacts, orientation: Orientation, said: dict[str, Any]) -> list[Problem]:
    """What the vendor would refuse about a video whose header was read; `said` is what the examination told."""
    found: list[Problem] = []
    seconds, pixels = facts.duration_seconds, str(said.get("pixels") or "")
    if said.get("cut_off"):
        found.append(problem("video_cut_off", "video"))
    if facts.size_bytes > limits.VIDEO_MAX_BYTES:
        found.append(problem("video_too_big", "video", size=size_text(facts.size_bytes)))
    if facts.codec != "h264" or pixels not in PLAYED_PIXELS:
        named = facts.codec if facts.codec != "h264" else f"h264 ({pixels})"
        found.append(problem("unsupported_codec", "video", codec=named))
    if seconds < limits.VIDEO_MIN_SECONDS - limits.DURATION_TOLERANCE_SECONDS / 2:
        found.append(problem("video_too_short", "video", seconds=seconds_text(seconds)))
    elif seconds > limits.at_most(limits.VIDEO_MAX_SECONDS):
        found.append(problem("video_too_long", "video", seconds=seconds_text(seconds)))
    elif orientation == "image" and seconds > limits.at_most(limits.IMAGE_ORIENTATION_MAX_SECONDS):
        found.append(problem("video_too_long_for_image_orientation", "video", seconds=seconds_text(seconds)))
    size = {"width": facts.width, "height": facts.height}
    if min(facts.width, facts.height) < limits.VIDEO_MIN_SIDE_PX:
        found.append(problem("video_too_small", "video", **size, limit=limits.VIDEO_MIN_SIDE_PX))
    if max(facts.width, facts.height) > limits.VIDEO_MAX_SIDE_PX:
        found.append(problem("video_too_large", "video", **size, limit=limits.VIDEO_MAX_SIDE_PX))
    if (
        max(facts.width, facts.height) * limits.VIDEO_MIN_SIDE_PX
        > min(facts.width, facts.height) * limits.VIDEO_MAX_SIDE_PX
    ):
        found = [without_fix(each) for each in found]  # no scale fits both sides
    return found


def video_warnings(facts: VideoFacts, found: dict[str, Any]) -> list[Problem]:
    """What is advised against; `found` is what the decoding said."""
    warnings: list[Problem] = []
    missing, frames = int(found.get("missing") or 0), int(found.get("frames") or 0)
    whole = not found.get("cut_off")  # a problem already says what is wrong
    if missing and whole:
        warnings.append(problem("video_partly_damaged", "video", missing=missing, frames=frames))
    claimed = float(found.get("claimed_seconds") or 0)
    if claimed and whole and abs(claimed - facts.duration_seconds) > LENGTHS_DIFFER_SECONDS:
        warnings.append(
            problem(
                "video_lengths_differ",
                "video",
                claimed=seconds_text(claimed),
                seconds=seconds_text(facts.duration_seconds),
            )
        )
    stored = (int(found.get("stored_width") or 0), int(found.get("stored_height") or 0))
    if all(stored) and (facts.width, facts.height) not in (stored, stored[::-1]):
        size = {"width": facts.width, "height": facts.height}
        warnings.append(problem("video_stretched", "video", stored_width=stored[0], stored_height=stored[1], **size))
    if facts.cuts_seconds:
        times = ", ".join(seconds_text(second) for second in facts.cuts_seconds[:8])
        warnings.append(problem("video_cuts", "video", count=len(facts.cuts_seconds), times=times))
    if float(found.get("speed") or 0) > FAST_SPEED:
        warnings.append(problem("video_fast_motion", "video"))
    if facts.brightness is not None and facts.brightness < limits.DARK_LUMA:
        warnings.append(problem("video_dark", "video"))
    if facts.fps > limits.HIGH_FPS:
        warnings.append(problem("video_high_fps", "video", fps=round(facts.fps)))
    if facts.checked_seconds and facts.checked_seconds < facts.duration_seconds - 0.5:
        warnings.append(problem("video_checked_in_part", "video", seconds=seconds_text(facts.checked_seconds)))
    return warnings


def compare(image: ImageFacts | None, video: VideoFacts | None) -> list[Problem]:
    """Warnings that need both files: picture and video framed differently (portrait, square, landscape)."""
    if image is None or video is None:
        return []
    first, second = _framing(image.width, image.height), _framing(video.width, video.height)
    if first == second:
        return []
    return [
        problem(
            "framing_differs",
            "video",
            image_framing=first,
            image_width=image.width,
            image_height=image.height,
            video_framing=second,
            video_width=video.width,
            video_height=video.height,
        )
    ]


def _framing(width: int, height: int) -> str:
    if width > height * SQUARE:
        return "landscape"
    return "portrait" if height > width * SQUARE else "square"
