"""Mending a file in one step: what can be made acceptable is, in a child with limits, and the original stays as it is.

Nothing is offered that does not pass the gate: the result is checked like any other file before it is handed back.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from evolink_ui.catalog import Orientation
from evolink_ui.media import limits
from evolink_ui.media.check import check_image, check_video, image_facts, video_facts
from evolink_ui.media.child import Child, ChildFailed
from evolink_ui.media.decodable import may_decode, not_decoded_here
from evolink_ui.media.files import DEMUXERS, PILLOW_NAMES, Source, Unreadable, look_at, name_format
from evolink_ui.media.report import ImageFacts, Problem, Report, VideoFacts
from evolink_ui.media.words import problem

FIX_IMAGE_SECONDS: Final = 30.0
"""A 50-megapixel picture, read, scaled and written at some qualities, takes 5 s on a busy core."""
FIX_VIDEO_SECONDS: Final = 900.0
"""30 s of 4K HEVC take 2 to 4 minutes on two busy cores."""
SILENCE_SECONDS: Final = 15.0
"""The child says something four times a second; one that is silent for so long is stuck."""
MAX_FIXES_AT_ONCE: Final = 1
"""Encoding uses all cores already; the next waits its turn."""

IMAGE_FORMATS: Final = frozenset({"jpeg", "png", *PILLOW_NAMES})
VIDEO_FORMATS: Final = frozenset(DEMUXERS)

DAMAGE: Final = frozenset({"video_cut_off", "video_partly_damaged"})
"""What coding the picture anew mends."""

OnProgress = Callable[[float], None]

_PLACES: Final = threading.BoundedSemaphore(MAX_FIXES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file that passes the gate, made from one that perhaps did not."""

    path: Path
    """The new file in the folder that was named; or the original, where nothing had to be changed."""
    changes: list[str]
    """What was done, one plain sentence each; empty where nothing had to be changed."""
    before: ImageFacts | VideoFacts | None
    after: ImageFacts | VideoFacts
    report: Report
    """The gate's answer for the new file; `ok` is True."""
    fixes: list[str]
    """The names of what was done: "convert", "trim", "shrink", "enlarge", "pad", "upright"."""


class FixFailed(Exception):
    """No acceptable file could be made. The original is unchanged and nothing was left behind."""

    def __init__(self, why: Problem) -> None:
        super().__init__(why.message)
        self.code = why.code
        self.message = why.message
        self.next_step = why.next_step
        self.problem = why


class FixCancelled(Exception):
    """It was called off; nothing was left behind."""


def fix_image(
    path: str | os.PathLike[str],
    out_folder: str | os.PathLike[str],
    *,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Fixed:
    """Make a JPEG or PNG that passes: converted, turned upright, padded to 2.5:1, enlarged to 300 px, under 10 MB.

    Takes what Pillow safely reads and HEIC. `on_progress` gets 0.0 to 1.0. Blocking; setting `cancel` ends it within
    half a second. Raises FixFailed or FixCancelled.
    """
    with _known(path, "image") as source:
        return _fix_image(source, Path(out_folder), on_progress, cancel)


def _fix_image(
    source: Source, out_folder: Path, on_progress: OnProgress | None, cancel: threading.Event | None
) -> Fixed:
    _, name = name_format(source.head)
    request = {"job": "image", "format": name}
    mended = _mend(source, request, out_folder, "image", FIX_IMAGE_SECONDS, on_progress, cancel)
    before = image_facts(mended.before, source.size_bytes, name)
    if mended.path is None:
        return _unchanged(source, "image", before, check_image(source.path))
    return _offer(mended, check_image(mended.path), before, "image")


def fix_video(
    path: str | os.PathLike[str],
    out_folder: str | os.PathLike[str],
    orientation: Orientation = "image",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    *,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Fixed:
    """Make an H.264 MP4 that passes for `orientation`: converted, cut, scaled into 340-3850 px, under 100 MB.

    Takes MP4, MOV, Matroska, WebM, AVI, WMV, FLV, MPEG and Ogg with any codec that FFmpeg reads; sound is kept.
    start_seconds, end_seconds: the part to keep (3 s or more); without them the beginning, as long as `orientation`
    allows. `on_progress` gets 0.0 to 1.0. Blocking; setting `cancel` ends it within half a second.
    Raises FixFailed or FixCancelled.
    """
    with _known(path, "video") as source:
        return _fix_video(
            source, Path(out_folder), orientation, (start_seconds, end_seconds), on_progress=on_progress, cancel=cancel
        )


def _fix_video(
    source: Source,
    out_folder: Path,
    orientation: Orientation,
    part: tuple[float | None, float | None],
    *,
    on_progress: OnProgress | None,
    cancel: threading.Event | None,
) -> Fixed:
    _, name = name_format(source.head)
    longest = limits.VIDEO_MAX_SECONDS if orientation == "video" else limits.IMAGE_ORIENTATION_MAX_SECONDS
    request = {
        "job": "video",
        "format": name,
        "start": part[0],
        "end": part[1],
        "longest": longest,
    }
    mended = _mend(source, request, out_folder, "video", FIX_VIDEO_SECONDS, on_progress, cancel)
    report = check_video(mended.path or source.path, orientation)
    if _is_damaged(report):  # only the check decodes, so only now it is known: copying the picture is not enough
        if mended.path is not None:
            _remove(mended.path)
        again = {**request, "anew": True}
        mended = _mend(source, again, out_folder, "video", FIX_VIDEO_SECONDS, on_progress, cancel)
        report = check_video(mended.path or source.path, orientation)
    before = video_facts(mended.before, source.size_bytes, name)
    if mended.path is None:
        return _unchanged(source, "video", before, report)
    return _offer(mended, report, before, "video")


def _is_damaged(report: Report) -> bool:
    return any(found.code in DAMAGE for found in (*report.problems, *report.warnings))


@dataclass(frozen=True, slots=True)
class _Mended:
    path: Path | None
    changes: list[str]
    fixes: list[str]
    before: dict[str, Any]


def _known(path: object, field: str) -> Source:
    """The file, opened, of a format that can be mended here. Raises FixFailed."""
    try:
        source = look_at(path)
    except Unreadable as error:
        raise FixFailed(problem(error.code, field)) from error
    kind, name = name_format(source.head)
    if kind != field or name not in (IMAGE_FORMATS if field == "image" else VIDEO_FORMATS):
        source.file.close()
        raise FixFailed(problem("not_an_image" if field == "image" else "not_a_video", field, found=""))
    if not may_decode(name):
        source.file.close()
        raise FixFailed(not_decoded_here(field, name))
    return source


def _mend(
    source: Source,
    request: dict[str, Any],
    folder: Path,
    field: str,
    seconds: float,
    on_progress: OnProgress | None,
    cancel: threading.Event | None,
) -> _Mended:
    """Let a child write the new file, which then gets a name of ours. Raises FixFailed or FixCancelled."""
    stem = re.sub(r"\W+", "-", Path(source.path).stem)[:40].strip("-") or field
    final = folder.absolute() / f"{stem}-fixed-{secrets.token_hex(4)}"
    own = final.with_name(f".{final.name}")  # all that the child may write in
    out = own / "result"
    whole = {**request, "path": source.path, "out": str(out)}
    tell = on_progress or (lambda _: None)
    try:
        own.mkdir(parents=True)
        while not _PLACES.acquire(timeout=0.2):
            if cancel is not None and cancel.is_set():
                raise FixCancelled
        try:
            tell(0.0)
            done = _run(whole, source.file, seconds, tell, cancel)
        finally:
            _PLACES.release()
        suffix = {"jpeg": ".jpg", "png": ".png", "mp4": ".mp4"}.get(str(done.get("format")))
        if suffix is not None:
            final = final.with_name(final.name + suffix)
            _take_result(out, final)
    except (ChildFailed, OSError) as error:
        raise FixFailed(problem("fix_failed", field)) from error
    finally:
        shutil.rmtree(own, ignore_errors=True)
    refused, values = done.get("refused"), done.get("values")
    if isinstance(refused, str):
        try:
            raise FixFailed(problem(refused, field, **(values if isinstance(values, dict) else {})))
        except (KeyError, TypeError) as error:
            raise FixFailed(problem("fix_failed", field)) from error
    changes = [str(change) for change in done.get("changes") or ()]
    fixes = [str(fix) for fix in done.get("fixes") or ()]
    facts = done.get("before")
    before = facts if isinstance(facts, dict) else {}
    if suffix is None:
        return _Mended(None, [], [], before)
    return _Mended(final, changes, fixes, before)


def _take_result(out: Path, final: Path) -> None:
    """Move what the child wrote; a link in its place could lead anywhere. Raises OSError."""
    if not stat.S_ISREG(out.lstat().st_mode):
        raise OSError(f"{out} is no file")
    out.rename(final)


def _run(
    request: dict[str, Any],
    file: BinaryIO,
    seconds: float,
    on_progress: OnProgress,
    cancel: threading.Event | None,
) -> dict[str, Any]:
    """One fresh child for one file; it and what it started are gone when this returns."""
    child = Child("evolink_ui.media.mender")
    try:
        with child.deadline(seconds):
            child.send({**request, "seconds": seconds}, file)
            while True:
                with child.deadline(SILENCE_SECONDS):
                    message = child.read_line()
                if cancel is not None and cancel.is_set():
                    raise FixCancelled
                done = message.get("done")
                if isinstance(done, dict):
                    return done
                progress = message.get("progress")
                if isinstance(progress, (int, float)):
                    on_progress(min(max(float(progress), 0.0), 1.0))
    finally:
        child.kill()


def _offer(mended: _Mended, report: Report, before: ImageFacts | VideoFacts | None, field: str) -> Fixed:
    assert mended.path is not None  # noqa: S101 - for the type checker; the caller has asked
    if not report.ok or report.facts is None:
        _remove(mended.path)
        why = report.problems[0] if report.problems else problem("fix_failed", field)
        raise FixFailed(problem("fix_not_enough", field, reason=why.message))
    return Fixed(mended.path, mended.changes, before, report.facts, report, mended.fixes)


def _unchanged(source: Source, field: str, before: ImageFacts | VideoFacts | None, report: Report) -> Fixed:
    if not report.ok or report.facts is None:
        why = report.problems[0] if report.problems else problem("fix_failed", field)
        raise FixFailed(problem("fix_not_enough", field, reason=why.message))
    return Fixed(Path(source.path), [], before, report.facts, report, [])


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


__all__ = ["FixCancelled", "FixFailed", "Fixed", "fix_image", "fix_video"]
