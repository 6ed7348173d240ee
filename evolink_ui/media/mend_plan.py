"""What has to be done to a video, decided from its facts before anything is started. Pure decisions."""

import math
from dataclasses import dataclass
from typing import Any, Final

from evolink_ui.media import limits, scan
from evolink_ui.media.refusal import Refused
from evolink_ui.media.words import seconds_text

MAX_SIDE_PX: Final = 1920
"""Of what is coded anew: the result has 1080p at most, and the video only lends its motion."""
HDR_CURVES: Final = frozenset({16, 18})
"""SMPTE 2084 and HLG, by their numbers in H.273."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, decided before anything is started."""

    start: float
    """Seconds."""
    length: float
    """Seconds."""
    frames_per_second: float
    size: tuple[int, int] | None
    """Pixels, where they change."""
    frames: int
    """How many of them are kept, from the one nearest to the start on; 0 where all are."""
    copy_picture: bool
    """The coded picture is fine as it is and only needs another container."""
    to_sdr: bool
    fill_gaps: bool
    """Frames that cannot be read are replaced by the ones beside them."""
    changes: list[str]
    fixes: list[str]


def make_plan(before: dict[str, Any], request: dict[str, Any]) -> Plan:
    """Decide what has to be done. Raises Refused where the chosen part or the shape cannot be made to fit."""
    changes: list[str] = []
    fixes: list[str] = []
    name, codec = request["format"], before["codec"]
    start, length = _part(before, request)
    cut = start > 0 or length < before["duration_seconds"] - limits.DURATION_TOLERANCE_SECONDS
    if cut:
        fixes.append("trim")
        changes.append(f"Cut to {seconds_text(length)}, from {seconds_text(start)} to {seconds_text(start + length)}.")
    plays = codec == "h264" and before["pixels"] in scan.PLAIN_PIXELS
    if not plays:
        fixes.append("convert")
        changes.append(f"Coded anew as H.264 (it was {codec}).")
    elif name not in ("mp4", "mov"):
        fixes.append("convert")
        changes.append(f"Put into an MP4 file (it was {name.upper()}).")
    damaged = bool(before["cut_off"] or request.get("anew"))
    if damaged:
        fixes += ["convert"] if "convert" not in fixes else []
        changes.append("Coded anew from the frames that can be read.")
    stretched = (before["width"], before["height"]) not in (
        (before["stored_width"], before["stored_height"]),
        (before["stored_height"], before["stored_width"]),
    )
    seconds_differ = abs(before["claimed_seconds"] - before["duration_seconds"]) > 0.5 and before["claimed_seconds"] > 0
    if (stretched or seconds_differ) and "convert" not in fixes:
        fixes.append("convert")
        changes.append("Written anew, so that every program reads the same size and length.")
    too_many_bytes = before["size_bytes"] * length / before["duration_seconds"] > 0.97 * limits.VIDEO_MAX_BYTES
    coded_anew = cut or not plays or stretched or damaged or too_many_bytes
    size = _size(before["width"], before["height"], coded_anew=coded_anew)
    if too_many_bytes and "shrink" not in fixes:
        fixes.append("shrink")
        changes.append("Coded anew with fewer bytes.")
    if size is not None and size != (before["width"], before["height"]):
        bigger = size[0] * size[1] > before["width"] * before["height"]
        word = "Enlarged" if bigger else "Scaled down"
        even = abs(size[0] - before["width"]) <= 1 and abs(size[1] - before["height"]) <= 1
        if not even:
            fixes += ["enlarge" if bigger else "shrink"] if "shrink" not in fixes or bigger else []
            changes.append(f"{word} from {before['width']} x {before['height']} to {size[0]} x {size[1]} px.")
    to_sdr = before["curve"] in HDR_CURVES and (coded_anew or size is not None)
    if to_sdr:
        changes.append("Brightness brought from HDR to the ordinary range.")
    copy_picture = bool(fixes) and not coded_anew and size is None
    frames = _frames(start, length, before["fps"], float(request["longest"])) if cut else 0
    return Plan(start, length, before["fps"], size, frames, copy_picture, to_sdr, damaged, changes, fixes)


def _part(before: dict[str, Any], request: dict[str, Any]) -> tuple[float, float]:
    """(start, length) in seconds of what is kept."""
    whole, longest = float(before["duration_seconds"]), float(request["longest"])
    start, end = request["start"], request["end"]
    if not all(value is None or math.isfinite(value) for value in (start, end)):
        raise Refused("fix_part_outside", seconds=seconds_text(whole))
    first = max(float(start or 0.0), 0.0)
    last = min(float(end), whole) if end is not None else min(first + longest, whole)
    if first >= whole or last <= first:
        raise Refused("fix_part_outside", seconds=seconds_text(whole))
    length = last - first
    if length > limits.at_most(longest):
        raise Refused("fix_part_too_long", seconds=seconds_text(length), limit=seconds_text(longest))
    if length < limits.VIDEO_MIN_SECONDS - limits.DURATION_TOLERANCE_SECONDS / 2:
        raise Refused("fix_part_too_short", seconds=seconds_text(length))
    return first, length


def _size(width: int, height: int, *, coded_anew: bool) -> tuple[int, int] | None:
    """Even pixels within the limits; None where the size may stay."""
    low, high = limits.VIDEO_MIN_SIDE_PX, limits.VIDEO_MAX_SIDE_PX
    fits = low <= min(width, height) and max(width, height) <= high
    if fits and (not coded_anew or (max(width, height) <= MAX_SIDE_PX and width % 2 == 0 == height % 2)):
        return None
    factor = min(MAX_SIDE_PX / max(width, height), 1.0)
    factor = max(factor, low / min(width, height))
    size = (_even(width * factor), _even(height * factor))
    if min(size) < low or max(size) > high:
        raise Refused("fix_failed")
    return size


def _even(side: float) -> int:
    return max(round(side / 2) * 2, limits.VIDEO_MIN_SIDE_PX)


def _frames(start: float, length: float, fps: float, longest: float) -> int:
    """How many frames a part has, from the one nearest to its start to the last that ends inside; enough to pass."""
    if not 1 <= fps <= 1000:
        return 0
    wanted = math.floor((start + length) * fps + 0.01) - round(start * fps)
    most = math.floor(limits.at_most(longest) * fps)
    fewest = math.ceil((limits.VIDEO_MIN_SECONDS - limits.DURATION_TOLERANCE_SECONDS / 2) * fps)
    return max(min(wanted, most), fewest)
