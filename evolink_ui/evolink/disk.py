"""Opening and closing files from an event loop."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, ParamSpec, cast

from evolink_ui.executors import DISK

P = ParamSpec("P")


async def open_file(path: Path, mode: str) -> BinaryIO:
    """`path.open` in a thread. What it gives may be closed while another thread reads: closing waits for the read.

    A thread can't be cancelled: where the waiter is, the file that it opens all the same is closed, and removed again
    if `mode` has made it ("x").

    Raises:
        OSError: from the disk.
    """
    opening = _Opening(path, mode)
    try:
        return await DISK.run(opening.run)
    except asyncio.CancelledError:
        opening.forsake()
        raise


async def put_away(function: Callable[P, object], *args: P.args, **values: P.kwargs) -> None:
    """Close or remove something in a thread; where the waiter is cancelled, on the spot.

    A thread that has not begun yet never does when its waiter is cancelled. `function` may so be called twice.
    """
    try:
        await DISK.run(function, *args, **values)
    except asyncio.CancelledError:
        function(*args, **values)
        raise


class _Opening:
    """Belongs to two threads: whoever comes second finds what the first one left."""

    def __init__(self, path: Path, mode: str) -> None:
        self._path, self._mode = path, mode
        self._lock = threading.Lock()
        self._forsaken = False
        self._file: BinaryIO | None = None

    def run(self) -> BinaryIO:
        file = cast(BinaryIO, self._path.open(self._mode))
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
