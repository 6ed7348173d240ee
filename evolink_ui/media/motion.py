"""What a row of small grey frames shows: cuts, fast motion, darkness. Pure arithmetic."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Small: TypeAlias = npt.NDArray[np.float32]
"""36 rows x 64 columns, 0-255, of one frame."""

ROWS: Final = 36
COLUMNS: Final = 64
POINTS: Final = 4
"""Points a side that are averaged into one: film grain would look like motion with fewer."""

CUT_OF_CONTRAST: Final = 0.28
"""Two shots differ by at least this much of their contrast; a dancer that fills the frame moves by 0.1 to 0.2."""
CUT_AT_LEAST: Final = 2.5
"""Grey levels: below, noise in a dark or empty picture would count."""
CUT_OVER_MEDIAN: Final = 3.0
"""A cut stands out from the frames around it by at least this factor; fast dancing does not."""
CUT_OVER_CAMERA: Final = 1.8
"""And from what the camera's own move changes: a move that was not recognised once is none."""
CUT_OVER_NEXT: Final = 1.5
"""And from the two frames on each side; a whipped camera does not."""
NEIGHBOURS: Final = 8
"""Frames on each side that a cut is compared with; lights that come back within them are no cut."""
STILL: Final = 0.05
"""Grey levels under which a frame repeats the one before."""
MAX_SHIFT: Final = (ROWS // 4, COLUMNS // 4)
"""Camera moves up to a quarter of the frame are recognised as such."""
MAX_CUTS: Final = 50
"""More are not listed."""

Numbers: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the frames showed."""

    cuts_seconds: list[float]
    speed: float
    """Grey levels by which the picture changes in 1/30 s (90th percentile); a camera's own move counts half."""
    brightness: float | None


def shrink(luma: npt.NDArray[np.uint8]) -> Small:
    """A plane of any size, height x width, at 36 x 64."""
    height, width = luma.shape
    rows, columns = ROWS * POINTS, COLUMNS * POINTS
    if height < rows or width < columns:
        sampled = luma[np.arange(rows) * height // rows][:, np.arange(columns) * width // columns]
    else:
        down, right = height // rows, width // columns
        sampled = luma[: down * rows : down, : right * columns : right]
    pooled: Small = sampled.reshape(ROWS, POINTS, COLUMNS, POINTS).mean(axis=(1, 3), dtype=np.float32)
    return pooled


def judge(small: list[Small], times: list[float]) -> Seen:
    """Look at frames in order; `times` in seconds."""
    if not small:
        return Seen([], 0.0, None)
    stack = np.stack(small)
    brightness = round(float(stack.mean()), 1)
    if len(small) < 3:
        return Seen([], 0.0, brightness)
    level = stack - stack.mean(axis=(1, 2), keepdims=True)
    change = np.abs(level[1:] - level[:-1]).mean(axis=(1, 2))
    steady = _without_camera(level, change)
    candidates = [int(index) for index in np.flatnonzero(steady >= CUT_AT_LEAST)]
    cuts = [index + 1 for index in candidates if _is_cut(level, change, steady, index)]
    gaps = np.maximum(np.diff(np.asarray(times)), 1e-3)
    each = np.maximum(gaps * 30, 0.5)
    speed = max(_usual(steady / each, cuts), _usual(change / each, cuts) / 2)
    return Seen([round(times[cut], 2) for cut in cuts[:MAX_CUTS]], round(speed, 2), brightness)


def _usual(change: npt.NDArray[np.floating], cuts: list[int]) -> float:
    """The 90th percentile, cuts left out."""
    calm = np.delete(change, [cut - 1 for cut in cuts])
    return float(np.percentile(calm, 90)) if len(calm) else 0.0


def _without_camera(level: Small, change: Numbers) -> Numbers:
    """The change from frame to frame that is left when the camera's own move is taken out (phase correlation)."""
    left = change.copy()
    for index in np.flatnonzero(change >= CUT_AT_LEAST):
        first, second = np.fft.rfft2(level[index : index + 2])
        cross = second * np.conj(first)
        match = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), s=(ROWS, COLUMNS)).astype(np.float32)
        row, column = divmod(int(match.argmax()), COLUMNS)
        down, right = row - ROWS * (row > ROWS // 2), column - COLUMNS * (column > COLUMNS // 2)
        if abs(down) <= MAX_SHIFT[0] and abs(right) <= MAX_SHIFT[1]:
            parts = (_part(match[:, column], row), _part(match[row], column))
            left[index] = min(left[index], _difference(level[index], level[index + 1], (down, right), parts))
    return left


def _part(line: Numbers, at: int) -> float:
    """How far the true peak lies between two points: -0.5 to 0.5."""
    peak, before, after = (max(float(line[place % len(line)]), 0.0) for place in (at, at - 1, at + 1))
    side = max(before, after)
    return 0.0 if side == 0.0 else side / (side + peak) * (1 if after > before else -1)


def _difference(before: Small, after: Small, shift: tuple[int, int], parts: tuple[float, float]) -> float:
    """Mean difference where both overlap, `before` having been moved by so many points (and parts of one)."""
    moved = np.roll(before, shift, axis=(0, 1))
    inside: list[slice] = []
    for axis, (whole, part) in enumerate(zip(shift, parts, strict=True)):
        if part:
            moved = moved * (1 - abs(part)) + np.roll(moved, 1 if part > 0 else -1, axis=axis) * abs(part)
        inside.append(slice(max(whole, 0) + 1, moved.shape[axis] + min(whole, 0) - 1))
    return float(np.abs(after - moved)[inside[0], inside[1]].mean())


def _is_cut(level: Small, raw: Numbers, change: Numbers, index: int) -> bool:
    """Whether a new shot begins with frame index + 1."""
    here = float(change[index])
    contrast = (float(level[index].std()) + float(level[index + 1].std())) / 2
    if here < CUT_OF_CONTRAST * contrast:
        return False
    for values, factor in ((change, CUT_OVER_MEDIAN), (raw, CUT_OVER_CAMERA)):
        around = np.concatenate(
            [values[max(index - NEIGHBOURS, 0) : index], values[index + 1 : index + 1 + NEIGHBOURS]]
        )
        moving = around[around > STILL]
        if len(moving) and here < factor * float(np.median(moving)):
            return False
    beside = np.concatenate([change[max(index - 2, 0) : index], change[index + 1 : index + 3]])
    if len(beside) and here < CUT_OVER_NEXT * float(beside.max()):
        return False
    # A flash goes away again: some frame behind it resembles the last one before it, or one before it the first behind.
    before, after = level[index], level[index + 1]
    later = level[index + 2 : index + 2 + NEIGHBOURS]
    earlier = level[max(index - NEIGHBOURS, 0) : index]
    for frames, frame in ((later, before), (earlier, after)):
        if len(frames) and float(np.abs(frames - frame).mean(axis=(1, 2)).min()) < here / 2:
            return False
    return True
