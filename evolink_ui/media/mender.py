"""The child that mends one file and ends. One request in, progress lines and one last line out.

Before it reads the file it closes itself off: it opens nothing but this file and its own output folder, and starts
nothing but FFmpeg.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO, Final

from evolink_ui import confine
from evolink_ui.media import channel, fence, worker
from evolink_ui.media.refusal import Refused, Tell

ADDRESS_SPACE_BYTES: Final = 1_500_000_000
"""Decoder and encoder side by side; 4K to 1080p needs 1.0 GB of it and holds 350 MB."""
DATA_BYTES: Final = 1_000_000_000
FILE_BYTES: Final = 150_000_000
"""More than the vendor takes is never written."""


def mend(request: dict[str, Any], file: BinaryIO, tell: Tell) -> dict[str, Any]:
    """Do the one job: what was changed, or why it was refused. Never raises."""
    try:
        if request["job"] == "image":
            from evolink_ui.media.mend_picture import mend_picture

            return mend_picture(file, request)
        from evolink_ui.media.mend_film import mend_film

        return mend_film(file, request, tell)
    except Refused as refused:
        return {"refused": refused.code, "values": refused.values}
    except Exception:  # noqa: BLE001 - the fence: whatever a library throws at a stranger's bytes is one answer
        return {"refused": "fix_failed", "values": {}}


NICENESS = 10
"""Encoding takes every core that is free, and FFmpeg inherits this; the page, which people wait for, goes first."""


def _end_with_parent() -> None:  # pragma: no cover - ends its own process
    """Our input ends when the parent closes it or dies: then everything ends, whatever we are doing."""
    while os.read(0, 1):
        pass
    fence.end_family()


def close_off(request: dict[str, Any], file: BinaryIO) -> None:  # pragma: no cover - would close off the tests
    """Load what the job needs, then give up everything else."""
    folder = Path(request["out"]).parent
    if request["job"] == "image":
        worker.load()
        from evolink_ui.media import mend_picture  # noqa: F401 - what is meant is its loading

        confine.close_off(write=[folder])
    else:
        from evolink_ui.media.mend_film import FFMPEG

        confine.close_off(read=[file.fileno()], write=[folder], programs=[Path(FFMPEG)])


def main() -> None:  # pragma: no cover - shuts the doors of its own process
    """Mend the one file of the request on the first line of our input."""
    answers = fence.shut_doors()
    if sys.platform != "win32":
        os.nice(NICENESS)
    fence.limit_memory(ADDRESS_SPACE_BYTES, DATA_BYTES)
    fence.limit_writing(FILE_BYTES)
    requests = channel.requests()  # kept, for its end closes the file
    request, file = next(requests)
    close_off(request, file)
    fence.start_clock(float(request["seconds"]) + fence.CLOCK_GRACE_SECONDS)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(message: dict[str, Any]) -> None:
        view = memoryview(json.dumps(message).encode() + b"\n")
        while view:
            view = view[os.write(answers, view) :]

    tell({"progress": 0.0})
    finished = threading.Event()
    threading.Thread(target=_still_there, args=(tell, finished), daemon=True).start()
    done = mend(request, file, tell)
    finished.set()
    tell({"done": done})


def _still_there(tell: Tell, finished: threading.Event) -> None:  # pragma: no cover - a thread of main
    """A sign of life while a library is at work, so that cancelling is noticed."""
    while not finished.wait(0.25):
        tell({"alive": True})


if __name__ == "__main__":
    main()
