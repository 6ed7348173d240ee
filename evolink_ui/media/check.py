"""The gate: check_image and check_video, which answer for any path and any bytes, within two seconds."""

import math
import os
from typing import Any

from evolink_ui.catalog import Orientation
from evolink_ui.media import limits, rules
from evolink_ui.media.child import POOL, Busy, ChildFailed
from evolink_ui.media.decodable import may_decode, not_decoded_here
from evolink_ui.media.files import PILLOW_NAMES, Source, Unreadable, look_at, name_format
from evolink_ui.media.report import ImageFacts, Problem, Report, VideoFacts
from evolink_ui.media.words import problem, size_text, spoken, without_fix

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def check_image(path: Path) -> Report:
    """Is this picture good enough to pay for? A total function: never raises, answers within 2 s.

    Facts are as a person sees the picture. Blocking: it reads the file and asks a child process to decode it.
    """
    try:
        with _source(path, "image") as source:
            return _check_image(source)
    except _NotEven as error:
        return _refused(error.problem)


def _check_image(source: Source) -> Report:
    kind, name = name_format(source.head)
    if kind != "image" or name == "svg":
        return _refused(problem("not_an_image", "image", found=_found(kind, name)))
    accepted = name in ("jpeg", "png")
    foreign = [] if accepted else [problem("unsupported_image_format", "image", format_name=spoken(name))]
    if not accepted and name not in PILLOW_NAMES:
        return _refused(without_fix(foreign[0]))
    if not may_decode(name):
        return _refused(not_decoded_here("image", name))
    if source.size_bytes > limits.IMAGE_READ_MAX_BYTES:
        too_big = problem("image_too_big", "image", size=size_text(source.size_bytes))
        return _refused(without_fix(too_big) if accepted else too_big)  # JPEGs and PNGs are read at once, others not
    header: dict[str, Any] = {}
    found, poster = _ask("image", name, source, header)
    facts = image_facts({**header, **found}, source.size_bytes, name)
    problems = foreign + (rules.image_problems(facts, found) if facts is not None else [])
    refusal = _refusal(found, "image")
    if foreign and facts is not None and found.get("refused") == "check_failed":
        refusal = []  # a large HEIC may take longer than a check has; converting it has more time, and is needed anyway
    if facts is not None and name != "jpeg" and facts.width * facts.height > limits.IMAGE_DECODE_MAX_PIXELS:
        refusal = [without_fix(refused) for refused in refusal]  # only JPEGs can be read at a smaller scale
    problems = _honest(problems + refusal)
    warnings = rules.image_warnings(facts, found) if facts is not None else []
    return Report(not problems, facts, problems, warnings, poster)


def check_video(path: Path, orientation: Orientation = "image") -> Report:
    """Is this video good enough to pay for? A total function: never raises, answers within 2 s.

    `orientation` decides which length is allowed; `Report.fits` has the answer for both. Facts are as a person sees
    the video. Blocking: it reads the file and asks a child process to decode it.
    """
    try:
        with _source(path, "video") as source:
            return _check_video(source, "video" if orientation == "video" else "image")
    except _NotEven as error:
        return _refused(error.problem)


def _check_video(source: Source, orientation: Orientation) -> Report:
    kind, name = name_format(source.head)
    if kind != "video":
        return _refused(problem("not_a_video", "video", found=_found(kind, name)))
    accepted = name in ("mp4", "mov")
    foreign = [] if accepted else [problem("unsupported_video_format", "video", format_name=spoken(name))]
    if not may_decode(name):
        return _refused(not_decoded_here("video", name))
    header: dict[str, Any] = {}
    found, poster = _ask("video", name, source, header)
    known = {**header, **found}
    facts = video_facts(known, source.size_bytes, name)
    if facts is None:
        return _refused(*_honest(foreign + _refusal(found, "video")))
    problems = foreign + rules.video_problems(facts, orientation, known)
    if foreign:  # the codec is changed in the same step
        problems = [found_problem for found_problem in problems if found_problem.code != "unsupported_codec"]
    problems = _honest(problems + _refusal(found, "video"))
    warnings = rules.video_warnings(facts, known)
    return Report(not problems, facts, problems, warnings, poster, rules.fits(facts, problems))


def _honest(problems: list[Problem]) -> list[Problem]:
    """Where one problem cannot be mended, no fix is offered for the others: the file would still be refused."""
    if all(found.fix for found in problems):
        return problems
    return [without_fix(found) for found in problems]


def image_facts(said: dict[str, Any], size_bytes: int, format_name: str) -> ImageFacts | None:
    """What a child said of a picture, with every value made what it must be; None without a size."""
    width, height = _count(said.get("width")), _count(said.get("height"))
    if not (width and height):
        return None
    return ImageFacts(width, height, size_bytes, format_name, _perhaps(said.get("brightness")))


def video_facts(said: dict[str, Any], size_bytes: int, format_name: str) -> VideoFacts | None:
    """What a child said of a video, with every value made what it must be; None without a size."""
    width, height = _count(said.get("width")), _count(said.get("height"))
    if not (width and height):
        return None
    cuts = said.get("cuts_seconds")
    return VideoFacts(
        width=width,
        height=height,
        size_bytes=size_bytes,
        format=format_name,
        duration_seconds=round(_number(said.get("duration_seconds")), 3),
        fps=round(_number(said.get("fps")), 3),
        has_audio=said.get("has_audio") is True,
        codec=str(said.get("codec"))[:40],
        checked_seconds=_number(said.get("checked_seconds")),
        cuts_seconds=tuple(_number(cut) for cut in cuts) if isinstance(cuts, list) else (),
        brightness=_perhaps(said.get("brightness")),
        stored_size=(_count(said.get("stored_width")), _count(said.get("stored_height"))),
    )


class _NotEven(Exception):
    """There is no file to examine."""

    def __init__(self, why: Problem) -> None:
        super().__init__(why.code)
        self.problem = why


def _source(path: object, field: str) -> Source:
    try:
        source = look_at(path)
    except Unreadable as error:
        raise _NotEven(problem(error.code, field)) from error
    if source.size_bytes == 0:
        source.file.close()
        raise _NotEven(problem("file_empty", field))
    return source


def _ask(job: str, name: str, source: Source, header: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
    """What a child says of the file; `header` is filled with its first words, which stay when it fails later."""
    try:
        return POOL.examine({"job": job, "format": name, "path": source.path}, source.file, header.update)
    except Busy:
        return {"refused": "check_busy", "values": {}}, None
    except ChildFailed:
        return {"refused": "check_failed", "values": {}}, None


def _refusal(found: dict[str, Any], field: str) -> list[Problem]:
    code, values = found.get("refused"), found.get("values")
    if not isinstance(code, str):
        return []
    try:
        return [problem(code, field, **(values if isinstance(values, dict) else {}))]
    except (KeyError, TypeError):
        return [problem("check_failed", field)]


def _refused(*problems: Problem) -> Report:
    return Report(False, None, list(problems), [], None)


def _found(kind: str, name: str) -> str:
    """A few words on what the file is instead."""
    if not name:
        return ""
    return f" but {spoken(name)}" if kind == "other" or name == "svg" else f" but a {kind} file ({spoken(name)})"


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 1 << 31 else 0


def _perhaps(value: object) -> float | None:
    return None if value is None else _number(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0 else 0.0
