"""What a row of small grey frames shows: cuts, fast motion, darkness. Pure arithmetic."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Small: TypeAlias = npt.NDArray[np.float32]
"""36 rows x 64 columns, 0-255, of one frame."""

ROWS: Final = 36
COLUMNS: Final = 64
CUT_AT_LEAST: Final = 14.0
"""Mean grey levels by which two shots differ, brightness removed; a dancer filling the frame moves by 3 to 8."""
CUT_OVER_NEIGHBOURS: Final = 3.0
"""A cut stands out from the frames around it by at least this factor; a shaky camera does not."""
NEIGHBOURS: Final = 8
"""Frames on each side that a cut is compared with."""
MAX_CUTS: Final = 50
"""More are not listed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the frames showed."""

    cuts_seconds: list[float]
    speed: float
    """How much the picture changes in 1/30 s, in grey levels (90th percentile)."""
    brightness: float | None


def shrink(luma: npt.NDArray[np.uint8]) -> Small | None:
    """A plane of any size at 36 x 64, by sampling two points a side and averaging; None if it is smaller than that."""
    height, width = luma.shape
    if height < ROWS * 2 or width < COLUMNS * 2:
        rows = np.arange(ROWS * 2) * height // (ROWS * 2)
        columns = np.arange(COLUMNS * 2) * width // (COLUMNS * 2)
        sampled = luma[rows][:, columns]
    else:
        down, right = height // (ROWS * 2), width // (COLUMNS * 2)
        sampled = luma[: down * ROWS * 2 : down, : right * COLUMNS * 2 : right]
    pooled: Small = sampled.reshape(ROWS, 2, COLUMNS, 2).mean(axis=(1, 3), dtype=np.float32)
    return pooled


def judge(small: list[Small], times: list[float]) -> Seen:
    """Look at frames in order; `times` in seconds."""
    if not small:
        return Seen([], 0.0, None)
    stack = np.stack(small)
    brightness = float(stack.mean())
    if len(small) < 3:
        return Seen([], 0.0, round(brightness, 1))
    level = stack - stack.mean(axis=(1, 2), keepdims=True)
    change = np.abs(level[1:] - level[:-1]).mean(axis=(1, 2))
    cuts = [index + 1 for index in range(len(change)) if _is_cut(level, change, index)]
    gaps = np.maximum(np.diff(np.asarray(times)), 1e-3)
    calm = np.delete(change / np.maximum(gaps * 30, 0.5), [cut - 1 for cut in cuts])
    speed = float(np.percentile(calm, 90)) if len(calm) else 0.0
    return Seen([round(times[cut], 2) for cut in cuts[:MAX_CUTS]], round(speed, 2), round(brightness, 1))


def _is_cut(level: Small, change: npt.NDArray[np.float32], index: int) -> bool:
    """Whether a new shot begins with frame index + 1."""
    here = float(change[index])
    if here < CUT_AT_LEAST:
        return False
    around = np.concatenate([change[max(index - NEIGHBOURS, 0) : index], change[index + 1 : index + 1 + NEIGHBOURS]])
    if len(around) and here < CUT_OVER_NEIGHBOURS * float(np.median(around)):
        return False
    # A flash goes away again: the frames behind it resemble those before it.
    before = level[index]
    for later in (2, 3, 4):
        if index + later < len(level) and float(np.abs(level[index + later] - before).mean()) < here / 2:
            return False
    return True
