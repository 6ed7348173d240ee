"""An order is judged and written down: after this, the job survives everything."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from evolink_ui import net
from evolink_ui.executors import CHECKS, DISK, Busy
from evolink_ui.media import Problem, Report, VideoFacts, check_image, check_video, limits

from .job import JobError, Order, TooBusy

CHOICES = {"quality": ("720p", "1080p"), "character_orientation": ("image", "video")}
ELEMENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
FETCH_SECONDS = 120.0  # for a link that a person gives instead of a file
NOTHING_SENT = "Nothing was sent or charged."
REPORTS_KEPT = 256  # judgements of files that people are still looking at
MACHINES_FAULT = frozenset({"check_busy", "check_failed"})  # such a verdict says nothing about the file
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "mp4": ".mp4", "mov": ".mov"}


class Rejected(JobError):
    """The order can't be placed as it is.

    Attributes:
        problems: all that is wrong with the files; empty where a field is at fault.
    """

    def __init__(
        self, code: str, message: str, next_step: str, *, field: str, problems: list[Problem] | None = None
    ) -> None:
        super().__init__(code, f"{message} {NOTHING_SENT}", next_step, field=field)
        self.problems = problems or []


def check_form(order: Order) -> None:
    """Judge all that is not a file.

    Raises:
        Rejected: naming the first field at fault.
    """
    if len(order.prompt) > limits.PROMPT_MAX_CHARS:
        over = len(order.prompt) - limits.PROMPT_MAX_CHARS
        raise Rejected(
            "prompt_too_long",
            f"The prompt has {len(order.prompt):,} characters; {limits.PROMPT_MAX_CHARS:,} are allowed.",
            f"Shorten it by {over:,}.",
            field="prompt",
        )
    check_choice("quality", order.quality)
    check_choice("character_orientation", order.character_orientation)
    if order.element_id and order.character_orientation != "video":
        raise Rejected(
            "element_needs_video_orientation",
            "An element works only when the character faces as in the video.",
            "Switch the orientation to “as in the video”, or remove the element id.",
            field="element_id",
        )
    if order.element_id and not ELEMENT_ID.fullmatch(order.element_id):
        raise Rejected(
            "element_id_malformed",
            "This is not an element id.",
            "Copy the id that EvoLink gave when the element was made.",
            field="element_id",
        )
    for field, file, link in (("image", order.image, order.image_url), ("video", order.video, order.video_url)):
        name = "picture" if field == "image" else "video"
        if file is None and not link:
            raise Rejected(f"{field}_missing", f"There is no {name} yet.", f"Add a {name}.", field=field)
        if file is not None and link:
            raise Rejected(
                f"{field}_twice", f"There is a {name} and a link to one.", "Give only one of them.", field=field
            )


def check_choice(field: str, value: str) -> None:
    """Judge one of the `CHOICES`.

    Raises:
        Rejected: naming the field.
    """
    known = CHOICES[field]
    if value not in known:
        raise Rejected(
            f"{field}_unknown", f"{value!r} is not a known choice.", f"Choose {' or '.join(known)}.", field=field
        )


async def judge_image(path: Path, *, visitor: str = "") -> Report:
    """`media.check_image` in a thread; a file that was judged before is not judged again.

    Args:
        path: of the picture.
        visitor: who waits for it; empty for the app itself.

    Raises:
        TooBusy: too many files wait to be checked, of all visitors or of this one.
    """
    return await _judge(path, None, visitor)


async def judge_video(path: Path, orientation: limits.Orientation, *, visitor: str = "") -> Report:
    """`media.check_video` in a thread, as `judge_image`."""
    return await _judge(path, orientation, visitor)


async def seconds_of(path: Path) -> float:
    """The length of a video of ours; 0 where that can't be told."""
    try:
        facts = (await judge_video(path, "video")).facts
    except TooBusy:
        return 0.0
    return facts.duration_seconds if isinstance(facts, VideoFacts) else 0.0


async def take_in(order: Order, folder: Path, *, visitor: str = "", allow_private_urls: bool) -> dict[str, Any]:
    """Judge both files and put them into the job's folder.

    Args:
        order: a form that passed `check_form`.
        folder: the job's own, new folder.
        visitor: who orders.
        allow_private_urls: whether links may lead to this machine (tests).

    Returns:
        The columns of the ledger that describe the inputs.

    Raises:
        Rejected: a file or link that the vendor would refuse.
        TooBusy: too many files wait to be checked.
    """
    await DISK.run(folder.mkdir, parents=True)
    facing: limits.Orientation = "video" if order.character_orientation == "video" else "image"
    judge_motion = partial(judge_video, orientation=facing, visitor=visitor)
    try:
        (image, image_report), (video, video_report) = await asyncio.gather(
            _take(
                *(order.image, order.image_url, folder, "image"),
                partial(judge_image, visitor=visitor),
                allow_private_urls,
            ),
            _take(order.video, order.video_url, folder, "video", judge_motion, allow_private_urls),
        )
    except BaseException:
        await DISK.run(shutil.rmtree, folder, ignore_errors=True)
        raise
    if poster := image_report.poster_jpeg:
        await DISK.run((folder / "poster.jpg").write_bytes, poster)
    facts = video_report.facts
    return {
        "image_name": image,
        "video_name": video,
        "image_url": order.image_url or None,
        "video_url": order.video_url or None,
        "video_seconds": facts.duration_seconds if isinstance(facts, VideoFacts) else 0.0,
    }


async def _take(
    file: Path | None,
    link: str,
    folder: Path,
    field: str,
    judge: Callable[[Path], Any],
    allow_private_urls: bool,
) -> tuple[str | None, Report]:
    source = file
    if source is None:
        source = folder / field
        limit = limits.IMAGE_MAX_BYTES if field == "image" else limits.VIDEO_MAX_BYTES
        try:
            await net.fetch(
                link, source, max_bytes=limit, timeout_seconds=FETCH_SECONDS, allow_private=allow_private_urls
            )
        except net.Refused as error:
            raise Rejected(error.code, error.message, error.next_step, field=field) from None
    report: Report = await judge(source)
    if not report.ok or report.facts is None:
        first = report.problems[0]
        raise Rejected(first.code, first.message, first.next_step, field=field, problems=report.problems)
    name = field + SUFFIXES[report.facts.format]
    await DISK.run(_put, source, folder / name, keep=file is not None)
    return name, report


def _put(source: Path, target: Path, *, keep: bool) -> None:
    if not keep:
        source.replace(target)
        return
    try:
        os.link(source, target)  # at once and without a second copy; the inode lives on when the upload is swept away
    except OSError:
        shutil.copyfile(source, target)


class _Reports:
    """Reports of files that are unchanged since, by path and orientation. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Report] = OrderedDict()

    def find(self, path: Path, orientation: limits.Orientation | None) -> Report | None:
        identity = _identity(path, orientation)
        with self._lock:
            return self._kept.get(identity) if identity else None

    def check(self, path: Path, orientation: limits.Orientation | None) -> Report:
        """The report that is kept, or a new one. Blocks for as long as a check takes."""
        identity = _identity(path, orientation)
        with self._lock:
            known = self._kept.get(identity) if identity else None
        if known is not None:
            return known
        report = check_image(path) if orientation is None else check_video(path, orientation)
        if identity and not MACHINES_FAULT & {found.code for found in report.problems}:
            with self._lock:
                self._kept[identity] = report
                while len(self._kept) > REPORTS_KEPT:
                    self._kept.popitem(last=False)
        return report


_REPORTS = _Reports()


def _identity(path: Path, orientation: limits.Orientation | None) -> tuple[object, ...] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return path, orientation, facts.st_size, facts.st_mtime_ns, facts.st_ino


async def _judge(path: Path, orientation: limits.Orientation | None, visitor: str) -> Report:
    # A known file does not wait behind others that are being checked.
    known = await DISK.run(_REPORTS.find, path, orientation)
    if known is not None:
        return known
    try:
        if visitor:
            return await CHECKS.run_for(visitor, _REPORTS.check, path, orientation)
        return await CHECKS.run(_REPORTS.check, path, orientation)
    except Busy as busy:
        raise TooBusy(busy.retry_after_seconds) from None
