"""Opening files from an event loop."""

import asyncio
import threading
from pathlib import Path
from typing import BinaryIO, cast


async def open_file(path: Path, mode: str, buffering: int = -1) -> BinaryIO:
    """`path.open` in a thread, without buffering if `buffering` is 0.

    A thread can't be cancelled: where the waiter is, the file that it opens all the same is closed, and removed again
    if `mode` has made it ("x").

    Raises:
        OSError: from the disk.
    """
    opening = _Opening(path, mode, buffering)
    try:
        return await asyncio.to_thread(opening.run)
    except asyncio.CancelledError:
        opening.forsake()
        raise


class _Opening:
    """Belongs to two threads: whoever comes second finds what the first one left."""

    def __init__(self, path: Path, mode: str, buffering: int) -> None:
        self._path, self._mode, self._buffering = path, mode, buffering
        self._lock = threading.Lock()
        self._forsaken = False
        self._file: BinaryIO | None = None

    def run(self) -> BinaryIO:
        file = cast(BinaryIO, self._path.open(self._mode, self._buffering))
        with self._lock:
            self._file = file
            if self._forsaken:
                self._discard(file)
        return file

    def forsake(self) -> None:
        with self._lock:
            self._forsaken = True
            if self._file is not None:
                self._discard(self._file)

    def _discard(self, file: BinaryIO) -> None:
        file.close()
        if "x" in self._mode:
            self._path.unlink(missing_ok=True)
