"""Drawing a warped layer into a frame.

A warp is given backwards: for points of the frame, where in the picture to look. It is asked on a coarse grid and
interpolated between, which is exact enough for smooth warps and some 50 times cheaper than asking at each pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats

GRID_PX: Final = 8
"""Pixels between two asked points. At 8 the error of a bent elbow stays under a third of a pixel."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the picture."""

Plane = NDArray[np.float32]

Warp = Callable[[Plane, Plane], tuple[Plane, Plane]]
"""Points of the frame, a row (1, columns) of x and a column (rows, 1) of y -> points of the picture, x and y."""

PRESENCE_RIM: Final = 2
"""Cells around a layer's own in which it counts as present: between two asked points a map may jump that far."""

BEHIND: Final = 3
"""The channel of a layer that says how much of what is behind it stays."""


@dataclass(frozen=True)
class Layer:
    """A part of the picture with its own transparency, cropped."""

    pixels: NDArray[np.uint8]
    """(height, width, 4): blue, green, red times alpha, and 255 minus alpha."""
    left: int
    """Where the crop sits in the picture, pixels."""
    top: int
    """Where the crop sits in the picture, pixels."""
    scale: float = 1.0
    """Pixels of `pixels` per pixel of the picture: a small copy draws small frames."""

    @property
    def corners(self) -> Floats:
        """(4, 2): the crop's corners in the picture."""
        height, width = (round(side / self.scale) for side in self.pixels.shape[:2])
        right, bottom = self.left + width, self.top + height
        return np.array(
            [[self.left, self.top], [right, self.top], [self.left, bottom], [right, bottom]], dtype=np.float64
        )

    @cached_property
    def presence(self) -> NDArray[np.uint8]:
        """Not 0 where anything can be seen in a cell of `GRID_PX` pixels or near it; `PRESENCE_RIM` cells wider."""
        height, width = self.pixels.shape[:2]
        solid = np.pad(self.pixels[..., BEHIND] < 255, ((0, -height % GRID_PX), (0, -width % GRID_PX)))
        cells = solid.reshape(solid.shape[0] // GRID_PX, GRID_PX, -1, GRID_PX).any(axis=(1, 3)).astype(np.uint8)
        wide = np.pad(cells, PRESENCE_RIM)
        return np.asarray(cv2.dilate(wide, np.ones((2 * PRESENCE_RIM + 1, 2 * PRESENCE_RIM + 1), np.uint8)), np.uint8)

    def smaller(self, scale: float) -> Layer:
        """The same layer for frames of another size."""
        pixels = cv2.resize(self.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return Layer(np.asarray(pixels, np.uint8), self.left, self.top, self.scale * scale)


def make_layer(bgr: NDArray[np.uint8], alpha: NDArray[np.float32]) -> Layer | None:
    """Cut a layer out: (height, width, 3) and (height, width) 0 to 1. None when nothing of it shows."""
    left, top, width, height = cv2.boundingRect((alpha > 1 / 255).astype(np.uint8))
    if not width:
        return None
    crop = np.s_[top : top + height, left : left + width]
    solid = alpha[crop][..., None]
    pixels = np.concatenate([bgr[crop] * solid, 255 - solid * 255], axis=2)
    return Layer(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), left, top)


def source_map(warp: Warp, width: int, height: int) -> tuple[Plane, Plane]:
    """The warp for every pixel of a frame: x and y, (height, width) each."""
    asked = warp(*_grid(0, 0, width, height))
    inside = np.s_[GRID_PX : GRID_PX + height, GRID_PX : GRID_PX + width]
    full_x, full_y = (_enlarged(plane) for plane in asked)
    return full_x[inside], full_y[inside]


def _grid(left: int, top: int, right: int, bottom: int) -> tuple[Plane, Plane]:
    """A row of x and a column of y: the middles of the cells in a box of the frame, and of one more on each side."""
    columns, rows = -(-(right - left) // GRID_PX) + 2, -(-(bottom - top) // GRID_PX) + 2
    x = left + (np.arange(columns, dtype=np.float32)[None] - 0.5) * GRID_PX - 0.5
    y = top + (np.arange(rows, dtype=np.float32)[:, None] - 0.5) * GRID_PX - 0.5
    return x, y


def _enlarged(asked: Plane) -> Plane:
    """From cells to pixels: asked at their middles, where cv2.resize takes values to lie."""
    size = (asked.shape[1] * GRID_PX, asked.shape[0] * GRID_PX)
    return np.asarray(cv2.resize(asked, size, interpolation=cv2.INTER_LINEAR), np.float32)


def box_around(points: Floats, pad: float = 0.0) -> Box:
    """The box of (n, 2) points, `pad` pixels wider on each side, and a little more for soft rims."""
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    pad += 3
    return left - pad, top - pad, right + pad, bottom + pad


def draw(frame: NDArray[np.uint8], layer: Layer, warp: Warp, box: Box) -> None:
    """Draw the layer over a frame, in place.

    Args:
        frame: (height, width, 3); it has `layer.scale` pixels per pixel of the picture.
        layer: what to draw.
        warp: where each point comes from, in pixels of the picture.
        box: outside of it the layer can't be seen.
    """
    height, width = frame.shape[:2]
    scale = layer.scale
    left, top = max(0, int(box[0] * scale)), max(0, int(box[1] * scale))
    right, bottom = min(width, int(box[2] * scale) + 1), min(height, int(box[3] * scale) + 1)
    if right <= left or bottom <= top:
        return
    x, y = _grid(left, top, right, bottom)
    at_x, at_y = warp(x, y) if scale == 1 else warp((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5)
    at_x = (at_x - (layer.left - 0.5)) * scale - 0.5
    at_y = (at_y - (layer.top - 0.5)) * scale - 0.5
    # Most of the box is empty, as limbs slant: find out by a glance at the cells.
    to_cells, rim = 1 / GRID_PX, PRESENCE_RIM - 0.5
    seen = cv2.remap(layer.presence, at_x * to_cells + rim, at_y * to_cells + rim, cv2.INTER_NEAREST)
    first, above, columns, rows = cv2.boundingRect(seen)
    if not columns:
        return
    # One cell more on each side for what is bent between two cells, and one that cv2.resize gets wrong by half.
    first, last = max(0, first - 2), first + columns + 2
    above, below = max(0, above - 2), above + rows + 2
    where_x, where_y = (_enlarged(np.ascontiguousarray(at[above:below, first:last])) for at in (at_x, at_y))
    start_x, start_y = left + (first - 1) * GRID_PX, top + (above - 1) * GRID_PX
    left, right = max(left, start_x + GRID_PX), min(right, start_x + where_x.shape[1] - GRID_PX)
    top, bottom = max(top, start_y + GRID_PX), min(bottom, start_y + where_x.shape[0] - GRID_PX)
    part = np.s_[top - start_y : bottom - start_y, left - start_x : right - start_x]
    nothing = (0, 0, 0, 255)
    drawn = cv2.remap(
        layer.pixels,
        where_x[part],
        where_y[part],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=nothing,
    )
    _over(frame[top:bottom, left:right], np.asarray(drawn, np.uint8))


def _over(under: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> None:
    """Put a layer's (height, width, 4) pixels over (height, width, 3), in place."""
    behind = cv2.cvtColor(cv2.extractChannel(drawn, BEHIND), cv2.COLOR_GRAY2BGR)
    cv2.multiply(under, behind, dst=behind, scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), dst=under)
