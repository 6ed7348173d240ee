"""An order is judged and written down: after this, the job survives everything."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from evolink_ui import net
from evolink_ui.catalog import Orientation
from evolink_ui.executors import CHECKS, DISK, SECOND_READINGS, Busy
from evolink_ui.media import Problem, Report, VideoFacts, check_image, check_video, limits, second_reader
from evolink_ui.media.words import problem
from evolink_ui.order import MotionOrder, OrderError

from .job import JobError, OrderInputs, TooBusy
from .quota import UNLIMITED, Quota

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


def order_of(form: Mapping[str, Any]) -> MotionOrder:
    """The order that a form from a browser or a call describes; what else the form holds is passed over.

    Raises:
        Rejected: the first field at fault.
    """
    try:
        return MotionOrder.parse({name: form[name] for name in MotionOrder.model_fields if name in form})
    except OrderError as error:
        raise Rejected(error.code, error.message, error.next_step, field=error.field) from None


def check_files(inputs: OrderInputs) -> None:
    """Judge whether there is one picture and one video, each a file or a link.

    Raises:
        Rejected: naming the first one at fault.
    """
    order = inputs.order
    for field, file, link in (("image", inputs.image, order.image_url), ("video", inputs.video, order.video_url)):
        name = "picture" if field == "image" else "video"
        if file is None and not link:
            raise Rejected(f"{field}_missing", f"There is no {name} yet.", f"Add a {name}.", field=field)
        if file is not None and link:
            raise Rejected(
                f"{field}_twice", f"There is a {name} and a link to one.", "Give only one of them.", field=field
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


async def judge_video(path: Path, orientation: Orientation, *, visitor: str = "") -> Report:
    """`media.check_video` in a thread, as `judge_image`."""
    return await _judge(path, orientation, visitor)


async def read_again(path: Path, orientation: Orientation, *, visitor: str = "") -> list[Problem]:
    """Warnings of the second reader about a video that passes its check, within 2 s; a file is read once.

    Empty where both readers agree, and where the second one found no time: it delays no order any further.
    Raises TooBusy: too many files wait to be checked.
    """
    report = await judge_video(path, orientation, visitor=visitor)
    try:
        reading = SECOND_READINGS.run(_REPORTS.read_again, path, report)
        return await asyncio.wait_for(reading, second_reader.SECONDS)
    except (Busy, TimeoutError):
        return []


async def seconds_of(path: Path) -> float:
    """The length of a video of ours; 0 where that can't be told."""
    try:
        facts = (await judge_video(path, "video")).facts
    except TooBusy:
        return 0.0
    return facts.duration_seconds if isinstance(facts, VideoFacts) else 0.0


async def take_in(
    inputs: OrderInputs, folder: Path, *, visitor: str = "", allow_private_urls: bool, quota: Quota = UNLIMITED
) -> dict[str, Any]:
    """Judge both files and put them into the job's folder.

    Args:
        inputs: an order that passed `check_files`.
        folder: the job's own, new folder.
        visitor: who orders.
        allow_private_urls: whether links may lead to this machine (tests).
        quota: the visitor's, for the files that links lead to.

    Returns:
        The columns of the ledger that describe the inputs.

    Raises:
        Rejected: a file or link that the vendor would refuse.
        TooBusy: too many files wait to be checked.
        JobError: the quota is used up.
    """
    order = inputs.order
    await DISK.run(folder.mkdir, parents=True)
    judge_motion = partial(judge_video, orientation=order.character_orientation, visitor=visitor)
    try:
        (image, image_report), (video, video_report) = await asyncio.gather(
            _take(
                *(inputs.image, order.image_url, folder, "image"),
                partial(judge_image, visitor=visitor),
                *(allow_private_urls, quota),
            ),
            _take(inputs.video, order.video_url, folder, "video", judge_motion, allow_private_urls, quota),
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
        "video_seconds": facts.duration_seconds if isinstance(facts, VideoFacts) else 0.0,
    }


async def _take(
    file: Path | None,
    link: str,
    folder: Path,
    field: str,
    judge: Callable[[Path], Any],
    allow_private_urls: bool,
    quota: Quota,
) -> tuple[str | None, Report]:
    own = folder / field
    if file is not None:
        # Before anything looks at it: another upload of the same bytes may take this one's place at any time.
        try:
            await DISK.run(_take_over, file, own)
        except FileNotFoundError:
            gone = problem("file_missing", field)
            raise Rejected(gone.code, gone.message, gone.next_step, field=field, problems=[gone]) from None
    else:
        limit = limits.IMAGE_MAX_BYTES if field == "image" else limits.VIDEO_MAX_BYTES
        quota.take(room_bytes=limit)
        try:
            await net.fetch(
                link,
                own,
                max_bytes=limit,
                timeout_seconds=FETCH_SECONDS,
                allow_private=allow_private_urls,
                took=quota.took,
            )
        except net.Refused as error:
            raise Rejected(error.code, error.message, error.next_step, field=field) from None
    report: Report = await judge(own)
    if not report.ok or report.facts is None:
        first = report.problems[0]
        raise Rejected(first.code, first.message, first.next_step, field=field, problems=report.problems)
    name = field + SUFFIXES[report.facts.format]
    await DISK.run(own.replace, folder / name)
    return name, report


def _take_over(source: Path, target: Path) -> None:
    """Have an upload as a file of ours. Raises FileNotFoundError."""
    try:
        os.link(source, target)  # at once and without a second copy; the inode lives on when the upload is swept away
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


class _Reports:
    """Reports of files that are unchanged since, under any of their names, by orientation. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Report] = OrderedDict()
        self._read_again: OrderedDict[tuple[object, ...], list[Problem]] = OrderedDict()

    def find(self, path: Path, orientation: Orientation | None) -> Report | None:
        identity = _identity(path, orientation)
        with self._lock:
            return self._kept.get(identity) if identity else None

    def check(self, path: Path, orientation: Orientation | None) -> Report:
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

    def read_again(self, path: Path, report: Report) -> list[Problem]:
        """The second reader's warnings, kept or new. Blocks for as long as a reading takes."""
        identity = _identity(path, None)
        with self._lock:
            known = self._read_again.get(identity) if identity else None
        if known is not None:
            return known
        warnings = second_reader.read_again(path, report)
        if warnings is not None and identity:
            with self._lock:
                self._read_again[identity] = warnings
                while len(self._read_again) > REPORTS_KEPT:
                    self._read_again.popitem(last=False)
        return warnings or []


_REPORTS = _Reports()


def _identity(path: Path, orientation: Orientation | None) -> tuple[object, ...] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return orientation, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino


async def _judge(path: Path, orientation: Orientation | None, visitor: str) -> Report:
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
