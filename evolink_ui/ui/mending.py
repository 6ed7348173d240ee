"""Fix it: a refused file is made acceptable in the background, with progress; the original stays as it is."""

import asyncio
import math
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

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
    cancel: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[Answer] | None = None


class Workshop:
    """Mends files one after another; each is known by an id that only its visitor may use."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Mending] = OrderedDict()

    def start(self, kind: str, path: Path, orientation: Orientation, visitor: str, part: Part = Part()) -> Answer:
        """Begin: {id}. kind: "image" or "video". path: a file that this server received. part: of a video, to keep."""
        mending = Mending(visitor)
        mending.task = asyncio.ensure_future(_mend(kind, path, orientation, part, mending))
        mending_id = secrets.token_urlsafe(12)
        self._known[mending_id] = mending
        while len(self._known) > KEEP:
            self._known.popitem(last=False)[1].cancel.set()
        return {"id": mending_id}

    async def look(self, mending_id: str, visitor: str) -> Answer:
        """How far it is: {progress} from 0 to 1, or {file, changes, before, after} once it is done."""
        mending = self._mine(mending_id, visitor)
        if mending.task is None or not mending.task.done():
            return {"progress": mending.progress}
        return await mending.task

    def stop(self, mending_id: str, visitor: str) -> Answer:
        """Call it off."""
        self._mine(mending_id, visitor).cancel.set()
        return {"stopped": True}

    def _mine(self, mending_id: str, visitor: str) -> Mending:
        mending = self._known.get(mending_id)
        if mending is None or mending.visitor != visitor:
            raise Wrong("mending_gone")
        return mending


async def _mend(kind: str, path: Path, orientation: Orientation, part: Part, mending: Mending) -> Answer:
    def tell(share: float) -> None:
        mending.progress = share

    def work() -> tuple[Fixed, dict[str, str]]:
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

    try:
        fixed, file = await asyncio.to_thread(work)
    except FixCancelled:
        return {"stopped": True}
    except FixFailed as failed:
        return {"error": {"code": failed.code, "message": failed.message, "next_step": failed.next_step}}
    return {
        "file": file,
        "changes": fixed.changes,
        "before": asdict(fixed.before) if fixed.before else None,
        "after": asdict(fixed.after),
    }


def known_kind(data: dict[str, Any]) -> str:
    """ "image" or "video"."""
    return "image" if data.get("kind") == "image" else "video"


def known_part(data: dict[str, Any]) -> Part:
    """The part of a video that a browser names; whether it fits is the mending's to judge."""
    return Part(_seconds(data.get("start")), _seconds(data.get("end")))


def _seconds(value: object) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None  # type: ignore[arg-type]  # a number, as was just asked
