"""Drawing a warped layer into a frame.

A warp is given backwards: for points of the frame, where in the picture to look. It is asked on a coarse grid and
interpolated between, which is exact enough for smooth warps and some 50 times cheaper than asking at each pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .sampling import sample

GRID_PX: Final = 8
"""Pixels between two asked points. At 8 the error of a bent elbow stays under a third of a pixel."""

Warp = Callable[[Floats], Floats]
"""Frame points (rows, columns, 2) as x, y -> picture points of the same shape."""


@dataclass(frozen=True)
class Layer:
    """A part of the picture with its own transparency, cropped."""

    premultiplied: NDArray[np.uint8]
    """(height, width, 4): blue, green, red times alpha, and alpha."""
    left: int
    """Where the crop sits in the picture, pixels."""
    top: int
    """Where the crop sits in the picture, pixels."""

    @property
    def corners(self) -> Floats:
        """(4, 2): the crop's corners in the picture."""
        height, width = self.premultiplied.shape[:2]
        right, bottom = self.left + width, self.top + height
        return np.array(
            [[self.left, self.top], [right, self.top], [self.left, bottom], [right, bottom]], dtype=np.float64
        )


def make_layer(bgr: NDArray[np.uint8], alpha: NDArray[np.float32]) -> Layer | None:
    """Cut a layer out: (height, width, 3) and (height, width) 0 to 1. None when nothing of it shows."""
    left, top, width, height = cv2.boundingRect((alpha > 1 / 255).astype(np.uint8))
    if not width:
        return None
    crop = np.s_[top : top + height, left : left + width]
    solid = alpha[crop][..., None]
    rgba = np.concatenate([bgr[crop] * solid, solid * 255], axis=2)
    return Layer(np.clip(rgba + 0.5, 0, 255).astype(np.uint8), left, top)


def source_map(warp: Warp, left: int, top: int, columns: int, rows: int) -> NDArray[np.float32]:
    """The warp for every pixel of a box whose sides are whole grid cells: (rows * GRID_PX, columns * GRID_PX, 2)."""
    # Asked at the centres of the cells: that is where cv2.resize takes the values to lie.
    x = left + (np.arange(columns) + 0.5) * GRID_PX - 0.5
    y = top + (np.arange(rows) + 0.5) * GRID_PX - 0.5
    asked = warp(np.stack(np.meshgrid(x, y), axis=-1)).astype(np.float32)
    full = cv2.resize(asked, (columns * GRID_PX, rows * GRID_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def draw(frame: NDArray[np.uint8], layer: Layer, warp: Warp, low: Floats, high: Floats) -> None:
    """Draw the layer over a (height, width, 3) frame, in place, inside the box from `low` to `high` (x, y)."""
    height, width = frame.shape[:2]
    # One cell more on each side: cv2.resize repeats the outermost value for half a cell.
    left, top = (max(0, int(value) - GRID_PX) for value in low)
    right, bottom = min(width, int(high[0]) + GRID_PX + 1), min(height, int(high[1]) + GRID_PX + 1)
    if right <= left or bottom <= top:
        return
    columns, rows = -(-(right - left) // GRID_PX) + 2, -(-(bottom - top) // GRID_PX) + 2
    corner = np.array([layer.left, layer.top], np.float64)
    wide = source_map(lambda points: warp(points) - corner, left - GRID_PX, top - GRID_PX, columns, rows)
    where = wide[GRID_PX : GRID_PX + bottom - top, GRID_PX : GRID_PX + right - left]
    over(frame[top:bottom, left:right], sample(layer.premultiplied, where))


def over(under: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> None:
    """Put premultiplied (height, width, 4) pixels over (height, width, 3), in place."""
    behind = cv2.bitwise_not(cv2.cvtColor(drawn[..., 3], cv2.COLOR_GRAY2BGR))
    cv2.add(cv2.multiply(under, behind, scale=1 / 255), cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), dst=under)
