"""Takes away what uploads leave behind: Gradio keeps the part of an upload that broke off for ever, and after a restart
it knows nothing of the files from before. Somebody who begins uploads and leaves could fill the disk with either."""

import contextlib
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

from gradio.utils import get_upload_folder

from evolink_ui.background import BackgroundThread

from .received import is_upload_name

PART_SECONDS = 300.0
"""Without a further byte; uploads that are still running write all the time."""

UPLOAD_SECONDS = 25 * 3600.0
"""One hour after Gradio itself removes the uploads that it knows of; jobs have copies of their own."""

SWEEP_SECONDS = 60.0


class Leftovers:
    """Sweeps the upload folder in a thread of its own, from `start` to `close`."""

    def __init__(self, *, sweep_seconds: float = SWEEP_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._thread = BackgroundThread("leftovers", self._sweep, every_seconds=sweep_seconds, expected=(OSError,))

    def start(self) -> None:
        """Begin; the first sweep comes at once."""
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._thread.close(wait_seconds=0)

    def _sweep(self) -> None:
        self.sweep()

    def sweep(self) -> int:
        """Remove what is too old; gives how many entries went."""
        folder = Path(get_upload_folder())
        if not folder.is_dir():
            return 0
        removed, now = 0, self._clock()
        for entry in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                facts = entry.lstat()
                age_seconds = now - facts.st_mtime
                if stat.S_ISREG(facts.st_mode) and age_seconds > PART_SECONDS:
                    entry.unlink()
                    removed += 1
                elif stat.S_ISDIR(facts.st_mode) and is_upload_name(entry.name) and age_seconds > UPLOAD_SECONDS:
                    shutil.rmtree(entry)
                    removed += 1
        return removed
