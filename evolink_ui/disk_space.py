"""How much room a disk has for what may wait: uploads and new orders stop at a floor, results that are paid do not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

FLOOR_BYTES: Final = 1 << 30
"""Kept free for the database and for results that are already paid; a result has 5 to 60 MB."""


def free_bytes(folder: Path) -> int:
    """What may still be written above the floor; negative below it.

    Args:
        folder: where; it or one of its parents exists.
    """
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free - FLOOR_BYTES


def require_room(folder: Path) -> None:
    """Check that a disk is not below its floor.

    Raises:
        OSError: it is; the text says how much must be freed.
    """
    room = free_bytes(folder)
    if room < 0:
        raise OSError(f"the disk is almost full: free {-room / 1e6:.0f} MB in {folder}; no uploads until then")
