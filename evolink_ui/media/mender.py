"""The child that mends one file and ends. One request in, progress lines and one last line out."""

import json
import os
import sys
import threading
from typing import Any, Final

from evolink_ui.media import fence
from evolink_ui.media.files import Unreadable, open_regular
from evolink_ui.media.refusal import Refused, Tell

ADDRESS_SPACE_BYTES: Final = 1_500_000_000
"""Decoder and encoder side by side; 4K to 1080p needs 1.0 GB of it and holds 350 MB."""
DATA_BYTES: Final = 1_000_000_000
FILE_BYTES: Final = 150_000_000
"""More than the vendor takes is never written."""


def mend(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Do the one job: what was changed, or why it was refused. Never raises."""
    try:
        with open_regular(request["path"], device=request["device"], inode=request["inode"]) as file:
            if request["job"] == "image":
                from evolink_ui.media.mend_picture import mend_picture

                return mend_picture(file, request)
            from evolink_ui.media.mend_film import mend_film

            return mend_film(file, request, tell)
    except Refused as refused:
        return {"refused": refused.code, "values": refused.values}
    except Unreadable as error:
        return {"refused": error.code, "values": {}}
    except Exception:  # noqa: BLE001 - the fence: whatever a library throws at a stranger's bytes is one answer
        return {"refused": "fix_failed", "values": {}}


def _end_with_parent() -> None:  # pragma: no cover - ends its own process
    """Our input ends when the parent closes it or dies: then everything ends, whatever we are doing."""
    sys.stdin.buffer.read()
    fence.end_family()


def main() -> None:  # pragma: no cover - shuts the doors of its own process
    """Mend the one file of the request on the first line of our input."""
    answers = fence.shut_doors()
    fence.limit_memory(ADDRESS_SPACE_BYTES, DATA_BYTES)
    fence.limit_writing(FILE_BYTES)
    request = json.loads(sys.stdin.buffer.readline())
    fence.start_clock(float(request["seconds"]) + fence.CLOCK_GRACE_SECONDS)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(message: dict[str, Any]) -> None:
        view = memoryview(json.dumps(message).encode() + b"\n")
        while view:
            view = view[os.write(answers, view) :]

    tell({"progress": 0.0})
    finished = threading.Event()
    threading.Thread(target=_still_there, args=(tell, finished), daemon=True).start()
    done = mend(request, tell)
    finished.set()
    tell({"done": done})


def _still_there(tell: Tell, finished: threading.Event) -> None:  # pragma: no cover - a thread of main
    """A sign of life while a library is at work, so that cancelling is noticed."""
    while not finished.wait(0.25):
        tell({"alive": True})


if __name__ == "__main__":
    main()
