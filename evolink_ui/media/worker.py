"""The checking child: takes one job a line and the open file beside it, and answers in lines.

It closes itself off before its first job: from then on it opens nothing but Python's own code, starts nothing and
reaches nobody.

Request:  {"job": "image" | "video", "format": ..., "seconds": ...} and a descriptor, see channel.py
Answers:  {"facts": {...}} as soon as the header is read, then {"done": {...}, "poster_bytes": n} and n bytes.
"""

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from evolink_ui import confine
from evolink_ui.media import channel, fence, limits
from evolink_ui.media.refusal import Refused, Tell


def examine(request: dict[str, Any], file: BinaryIO, tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Do one job: what was found, or why it was refused, and a poster. Never raises."""
    try:
        if request["job"] == "image":
            from evolink_ui.media.picture import examine_picture

            return examine_picture(file, request["format"], tell)
        from evolink_ui.media.film import examine_film

        return examine_film(file, request["format"], float(request["seconds"]), tell)
    except Refused as refused:
        return {"refused": refused.code, "values": refused.values}, None
    except Exception:  # noqa: BLE001 - the fence: whatever a library throws at a stranger's bytes is one answer
        return {"refused": "check_failed", "values": {}}, None


def serve(
    requests: Iterable[tuple[dict[str, Any], BinaryIO]], write: Callable[[memoryview], int], watch: fence.ParentWatch
) -> None:
    """Answer request by request, until there are no more."""

    def tell(message: dict[str, Any], tail: bytes = b"") -> None:
        view = memoryview(json.dumps(message).encode() + b"\n" + tail)
        while view:
            view = view[write(view) :]

    tell({"ready": True})
    for request, file in requests:
        fence.start_clock(limits.BUSY_FACTOR * float(request["seconds"]) + fence.CLOCK_GRACE_SECONDS)
        watch.job_begins()
        done, poster = examine(request, file, tell)
        watch.job_ends()
        tell({"done": done, "poster_bytes": len(poster or b"")}, poster or b"")
        fence.start_clock(0)


def load() -> None:
    """Load what every job needs before the first one comes; later no library starts threads or looks at the machine."""
    with contextlib.suppress(ImportError):
        from evolink_ui.media import film, picture  # noqa: F401 - what is meant is their loading


def main() -> None:  # pragma: no cover - shuts the doors of its own process
    """Serve until the parent closes our input, which it also does by dying."""
    answers = fence.shut_doors()
    fence.limit_memory()
    load()
    fence.limit_writing(0)
    confine.close_off()
    serve(channel.requests(), functools.partial(os.write, answers), fence.ParentWatch())


if __name__ == "__main__":
    main()
