"""Fix it: a refused file is made acceptable in the background, with progress; the original stays as it is.

Each visitor has one file fixed at a time, and everybody's wait in one line (`executors.FIXES`).
"""

import asyncio
import math
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from evolink_ui.executors import FIXES, Busy, Executor
from evolink_ui.jobs.job import TooBusy
from evolink_ui.media import FixCancelled, Fixed, FixFailed, Orientation, fix_image, fix_video
from evolink_ui.ui.desk import Answer, Wrong, receive

KEEP: Final = 256
"""Finished mendings whose answer may still be asked for."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Part:
    """What to keep of a video, in seconds; None means its beginning, or as much as is accepted."""

    start_seconds: float | None = None
    end_seconds: float | None = None


@dataclass
class Mending:
    """One file being mended."""

    visitor: str
    progress: float = 0.0
    waits: bool = True
    """Until a thread takes it."""
    cancel: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[Answer] | None = None


class Workshop:
    """Mends files one after another; each is known by an id that only its visitor may use.

    executor: where they are mended.
    """

    def __init__(self, executor: Executor = FIXES) -> None:
        self._executor = executor
        self._known: OrderedDict[str, Mending] = OrderedDict()

    async def start(self, kind: str, path: Path, orientation: Orientation, visitor: str, part: Part = Part()) -> Answer:
        """Begin: {id}. kind: "image" or "video". path: a file that this server received. part: of a video, to keep.

        Raises TooBusy where the line, or this visitor's part of it, is full.
        """
        try:
            self._executor.require_room(visitor)
        except Busy as busy:
            raise TooBusy(busy.retry_after_seconds) from None
        mending = Mending(visitor)
        mending.task = asyncio.ensure_future(self._mend(kind, path, orientation, part, mending))
        mending_id = secrets.token_urlsafe(12)
        self._known[mending_id] = mending
        finished = [name for name, known in self._known.items() if known.task is not None and known.task.done()]
        for name in finished[: max(0, len(self._known) - KEEP)]:  # the others are as few as the line is long
            del self._known[name]
        await asyncio.sleep(0)  # by now the task is in the line, and counts for the next call
        return {"id": mending_id}

    async def look(self, mending_id: str, visitor: str) -> Answer:
        """How far it is: {progress, place}, or {file, changes, before, after} once it is done.

        progress: from 0 to 1. place: in the line, 1 for the next one; None once it is being mended.
        """
        mending = self._mine(mending_id, visitor)
        if mending.task is None or not mending.task.done():
            return {"progress": mending.progress, "place": self._place(mending)}
        return {"stopped": True} if mending.task.cancelled() else await mending.task

    def stop(self, mending_id: str, visitor: str) -> Answer:
        """Call it off; one that still waits leaves the line at once."""
        _call_off(self._mine(mending_id, visitor))
        return {"stopped": True}

    def _place(self, mending: Mending) -> int | None:
        """At most so many are before it: those that wait for another file of their own visitor are overtaken."""
        if not mending.waits:
            return None
        earlier = takewhile(lambda other: other is not mending, self._known.values())
        return 1 + sum(other.waits for other in earlier)

    def _mine(self, mending_id: str, visitor: str) -> Mending:
        mending = self._known.get(mending_id)
        if mending is None or mending.visitor != visitor:
            raise Wrong("mending_gone")
        return mending

    async def _mend(self, kind: str, path: Path, orientation: Orientation, part: Part, mending: Mending) -> Answer:
        try:
            fixed, file = await self._executor.run_for(mending.visitor, _work, kind, path, orientation, part, mending)
        except (FixCancelled, asyncio.CancelledError):
            mending.cancel.set()  # a thread can't be cancelled; at the app's end this is what ends it
            return {"stopped": True}
        except FixFailed as failed:
            return {"error": {"code": failed.code, "message": failed.message, "next_step": failed.next_step}}
        except Busy as busy:
            return {"error": TooBusy(busy.retry_after_seconds).to_dict()}
        finally:
            mending.waits = False
        return {
            "file": file,
            "changes": fixed.changes,
            "before": asdict(fixed.before) if fixed.before else None,
            "after": asdict(fixed.after),
        }


def _work(
    kind: str, path: Path, orientation: Orientation, part: Part, mending: Mending
) -> tuple[Fixed, dict[str, str]]:
    def tell(share: float) -> None:
        mending.progress = share

    mending.waits = False
    with tempfile.TemporaryDirectory(prefix="mending-") as folder:
        if kind == "image":
            fixed = fix_image(path, folder, on_progress=tell, cancel=mending.cancel)
        else:
            fixed = fix_video(
                path,
                folder,
                orientation,
                part.start_seconds,
                part.end_seconds,
                on_progress=tell,
                cancel=mending.cancel,
            )
        return fixed, receive(fixed.path)


def _call_off(mending: Mending) -> None:
    mending.cancel.set()
    if mending.waits and mending.task is not None:
        mending.task.cancel()


def known_kind(data: dict[str, Any]) -> str:
    """ "image" or "video"."""
    return "image" if data.get("kind") == "image" else "video"


def known_part(data: dict[str, Any]) -> Part:
    """The part of a video that a browser names; whether it fits is the mending's to judge."""
    return Part(_seconds(data.get("start")), _seconds(data.get("end")))


def _seconds(value: object) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None  # type: ignore[arg-type]  # a number, as was just asked
