"""From the two URLs of an order to two good local files."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import httpx

from evolink_ui import media, net
from evolink_ui.media import limits

from .clip_length import header_seconds
from .options import FETCH_SECONDS, Options
from .orders import Order
from .storage import Storage
from .tasks import Tasks
from .waiting import Closing, run_until

DEFAULT_PORTS = {"http": 80, "https": 443}

CHECK_AGAIN_SECONDS = (1.0, 4.0)  # a check gives up after 2 s, which a loaded machine may well need for a good file
MACHINE_CODES = frozenset({"check_busy", "check_failed"})


class Unfit(Exception):
    """The files of an order can't be used. `code` is the task's error code, the text is for the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Inputs:
    """Finds, fetches and judges the files of orders."""

    def __init__(self, storage: Storage, tasks: Tasks, results: Path, options: Options) -> None:
        self._storage, self._tasks, self._results, self._options = storage, tasks, results, options
        self._own = httpx.URL(options.base_url)

    def announced_seconds(self, order: Order) -> float | None:
        """What the header of the video says, if it is one of our own files: the others are not opened for an order."""
        path = self.own_path(order.video_url)
        return header_seconds(path) if path is not None else None

    def own_path(self, url: str) -> Path | None:
        """The local file behind one of our own links; None for other links and for expired ones."""
        try:
            link = net.checked_url(url, https_only=False)
        except net.Refused:
            return None
        return self._local(link) if self._is_own(link) else None

    def gather(self, order: Order, folder: Path, stop: threading.Event) -> tuple[Path, Path, float]:
        """Bring both files of an order into `folder` and judge them. Blocks; call it in a thread.

        Returns:
            Image, video, and the length of the video's picture in seconds.

        Raises:
            Unfit: a file can't be had, or is not what the model takes.
            Closing: `stop` was set.
        """
        image = self._bring(order.image_url, folder / "image", ".jpg", limits.IMAGE_MAX_BYTES, "image_urls", stop)
        video = self._bring(order.video_url, folder / "video", ".mp4", limits.VIDEO_MAX_BYTES, "video_urls", stop)
        reports = {
            "image_urls": _judged(lambda: media.check_image(image), stop),
            "video_urls": _judged(lambda: media.check_video(video, order.character_orientation), stop),
        }
        faults = [
            f"{name}: {problem.message} {problem.next_step}"
            for name, report in reports.items()
            for problem in report.problems
        ]
        facts = reports["video_urls"].facts
        if faults or not isinstance(facts, media.VideoFacts) or not all(report.ok for report in reports.values()):
            raise Unfit("invalid_parameters", "\n".join(faults) or "A file of this order can't be read.")
        return image, video, facts.duration_seconds

    def _bring(
        self, url: str, stem: Path, default_suffix: str, max_bytes: int, name: str, stop: threading.Event
    ) -> Path:
        try:
            link = net.checked_url(url, https_only=False)
            suffix = PurePosixPath(link.path).suffix.lower()
            path = stem.with_suffix(suffix if suffix in (".jpg", ".jpeg", ".png", ".mp4", ".mov") else default_suffix)
            path.unlink(missing_ok=True)
            if self._is_own(link):
                own = self._local(link)
                if own is None or not _linked(own, path):
                    raise Unfit("invalid_parameters", f"{name}: the file was deleted or has expired. Upload it again.")
                return path
            fetching = net.fetch(
                url,
                path,
                max_bytes=max_bytes,
                timeout_seconds=FETCH_SECONDS,
                allow_private=self._options.allow_private_urls,
                https_only=False,
            )
            run_until(stop, fetching)
        except net.Refused as refused:
            raise Unfit("invalid_parameters", f"{name}: {refused.message} {refused.next_step}") from None
        return path

    def _is_own(self, link: httpx.URL) -> bool:
        """Whether a link leads to this sandbox; on loopback, under any of the names of loopback."""
        same_host = link.host == self._own.host or {link.host, self._own.host} <= net.LOOPBACK_NAMES
        return same_host and _port(link) == _port(self._own)

    def _local(self, link: httpx.URL) -> Path | None:
        match link.path.strip("/").split("/"):
            case ["files", file_id, *_] | ["api", "v1", "files", "download", file_id]:
                file = self._storage.find(file_id)
                return self._storage.path(file) if file is not None else None
            case ["results", token, _]:
                task = self._tasks.with_result(token)
                return self._results / f"{task.id}.mp4" if task is not None else None
        return None


def _judged(check: Callable[[], media.Report], stop: threading.Event) -> media.Report:
    """A verdict on the file itself: a check that the machine was too busy for is made again."""
    report = check()
    for pause_seconds in CHECK_AGAIN_SECONDS:
        if not any(problem.code in MACHINE_CODES for problem in report.problems):
            break
        if stop.wait(pause_seconds):
            raise Closing
        report = check()
    return report


def _port(link: httpx.URL) -> int | None:
    return link.port or DEFAULT_PORTS.get(link.scheme)


def _linked(source: Path, target: Path) -> bool:
    """Bring an upload to another place; False where it was deleted a moment ago."""
    try:
        os.link(source, target)  # costs nothing, and stays readable when the upload is deleted
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
    return True
