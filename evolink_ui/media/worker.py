"""The child: takes one job a line, examines one file a job, answers in lines; knows nothing else and lives in a fence.

Request:  {"job": "image" | "video", "path": ..., "device": ..., "inode": ..., "format": ..., "seconds": ...}
Answers:  {"facts": {...}} as soon as the header is read, then {"done": {...}, "poster_bytes": n} and n bytes.
"""

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from evolink_ui.media import fence, limits
from evolink_ui.media.refusal import Refused, Tell


def examine(request: dict[str, Any], tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Do one job: what was found, or why it was refused, and a poster. Never raises."""
    from evolink_ui.media.files import Unreadable, open_regular

    try:
        with open_regular(request["path"], device=request["device"], inode=request["inode"]) as file:
            if request["job"] == "image":
                from evolink_ui.media.picture import examine_picture

                return examine_picture(file, request["format"], tell)
            from evolink_ui.media.film import examine_film

            return examine_film(file, request["format"], float(request["seconds"]), tell)
    except Refused as refused:
        return {"refused": refused.code, "values": refused.values}, None
    except Unreadable as error:
        return {"refused": error.code, "values": {}}, None
    except Exception:  # noqa: BLE001 - the fence: whatever a library throws at a stranger's bytes is one answer
        return {"refused": "check_failed", "values": {}}, None


def serve(lines: Iterable[bytes], write: Callable[[memoryview], int], watch: fence.ParentWatch) -> None:
    """Answer line by line, until there are no more."""

    def tell(message: dict[str, Any], tail: bytes = b"") -> None:
        view = memoryview(json.dumps(message).encode() + b"\n" + tail)
        while view:
            view = view[write(view) :]

    tell({"ready": True})
    for line in lines:
        request = json.loads(line)
        fence.start_clock(limits.BUSY_FACTOR * float(request["seconds"]) + fence.CLOCK_GRACE_SECONDS)
        watch.job_begins()
        done, poster = examine(request, tell)
        watch.job_ends()
        tell({"done": done, "poster_bytes": len(poster or b"")}, poster or b"")
        fence.start_clock(0)


def main() -> None:  # pragma: no cover - shuts the doors of its own process
    """Serve until the parent closes our input, which it also does by dying."""
    answers = fence.shut_doors()
    fence.limit_memory()
    with contextlib.suppress(ImportError):  # warm: what every job needs is loaded before the first one comes
        from evolink_ui.media import film, picture  # noqa: F401
    fence.limit_writing(0)
    serve(sys.stdin.buffer, functools.partial(os.write, answers), fence.ParentWatch())


if __name__ == "__main__":
    main()
