"""The flow path: a picture, or a subject cut from it, takes over the motion of whatever moves in the clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .compositor import Layer, Plane, box_around, draw, make_layer, source_map
from .curves import Floats, smoothstep, soft_limit
from .flow_motion import BENDS, REACH, Motion
from .sampling import sample_field

MAX_ANGLE: Final = 1.6
"""Radians: a flat picture that turns further looks like a thrown card."""

MAX_GROWTH: Final = 0.8
"""Logarithm of the scale: between 0.45 and 2.2 times."""

OUTSIDE: Final = 0.35
"""Share of its own size by which a subject may leave the picture."""

LEAK_SECONDS: Final = 2.5
"""Seconds: motion that would go on for ever (a turning globe, a pan) comes back at this pace."""

OPAQUE_SIZE: Final = 0.55
"""The subject's size in an opaque picture where none can be cut out, in square roots of the picture's area."""

FADE: Final = 0.25
"""Share of the shorter side over which a bent opaque picture comes to rest towards its border."""


class FlowActor:
    """Draws frame after frame of the flow path."""

    def __init__(
        self,
        bgr: NDArray[np.uint8],
        alpha: NDArray[np.float32] | None,
        backdrop: NDArray[np.uint8] | None,
        motion: Motion,
        fps: float,
        bend: float = 1.0,
    ) -> None:
        """Args:
        bgr: (height, width, 3), the picture or the foreground's own colours.
        alpha: (height, width) of the subject, None: bend the whole picture.
        backdrop: (height, width, 3) to draw the subject on, None with `alpha` None.
        motion: what the clip does.
        fps: frames a second of the result.
        bend: share of the bends that is taken over.
        """
        self._bend = bend
        self._bgr, self._backdrop = bgr, backdrop
        height, width = bgr.shape[:2]
        frame = np.array([width, height], np.float64)
        self._layer: Layer | None = None
        if alpha is None:
            self._centre = frame / 2
            size = float(np.sqrt(width * height)) * (1.0 if motion.whole_frame else OPAQUE_SIZE)
            room = np.stack([0.5 * frame, 0.5 * frame])
        else:
            moments = cv2.moments((alpha > 0.5).astype(np.uint8), binaryImage=True)
            self._centre = np.array([moments["m10"], moments["m01"]]) / max(1.0, moments["m00"])
            size = float(np.sqrt(max(1.0, moments["m00"])))
            left, top, box_width, box_height = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
            low, box = np.array([left, top], np.float64), np.array([box_width, box_height], np.float64)
            room = OUTSIDE * box + np.stack([low, frame - low - box])
            made = make_layer(bgr, alpha)
            self._layer = extend_over_border(made, width, height) if made else None
        self._scale = size / motion.size
        """Picture pixels per analysed pixel."""
        self._motion = motion
        self._angle = _bounded(motion.angle[:, None], np.array([[MAX_ANGLE], [MAX_ANGLE]]), fps)[:, 0]
        self._growth = _bounded(motion.growth[:, None], np.array([[MAX_GROWTH], [MAX_GROWTH]]), fps)[:, 0]
        self._shift = _bounded(motion.shift * self._scale, room, fps)

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        """Paint frame `index` over all of `frame`, (height, width, 3)."""
        height, width = frame.shape[:2]
        if self._layer is None:
            where = source_map(lambda x, y: _by_points(self._bent, x, y, index), width, height)
            cv2.remap(self._bgr, *where, cv2.INTER_LINEAR, dst=frame, borderMode=cv2.BORDER_REFLECT_101)
            return
        np.copyto(frame, self._bgr if self._backdrop is None else self._backdrop)
        corners = self._forward(self._layer.corners, index)
        slack = 0.1 * float(np.ptp(corners, axis=0).max())
        box = box_around(corners, slack)
        draw(frame, self._layer, lambda x, y: _by_points(self._source, x, y, index), box)

    def _matrix(self, index: int) -> Floats:
        grown = np.exp(self._growth[index])
        cos, sin = grown * np.cos(self._angle[index]), grown * np.sin(self._angle[index])
        return np.array([[cos, -sin], [sin, cos]])

    def _forward(self, points: Floats, index: int) -> Floats:
        moved: Floats = (points - self._centre) @ self._matrix(index).T + self._centre + self._shift[index]
        return moved

    def _source(self, points: Floats, index: int) -> Floats:
        """Frame points -> picture points: the similarity and the bends undone by three fixed-point steps."""
        inverse = np.linalg.inv(self._matrix(index)).T
        moved = points - self._centre - self._shift[index]
        field = (self._motion.bends[index] * (self._scale * self._bend)).astype(np.float32)
        reach = 2 * REACH * self._motion.size * self._scale
        bend: Floats | float = 0.0
        rest: Floats = moved @ inverse
        for _ in range(3):
            at = ((rest / reach + 0.5) * (BENDS - 1)).astype(np.float32)
            bend = sample_field(field, at)
            rest = (moved - bend) @ inverse
        return rest + self._centre

    def _bent(self, points: Floats, index: int) -> Floats:
        """As `_source`, but the picture's border stays as still as it can without folding."""
        displaced = self._source(points, index) - points
        if self._motion.whole_frame:
            return points + displaced
        height, width = self._bgr.shape[:2]
        edge = np.minimum(points, np.array([width - 1, height - 1]) - points).min(axis=-1, keepdims=True)
        margin = FADE * min(width, height)
        longest = max(1e-6, float(np.linalg.norm(displaced, axis=-1).max()))
        least = max(0.0, 1 - margin / (1.7 * longest))
        calm: Floats = displaced * (least + (1 - least) * smoothstep(edge / margin))
        return points + calm


def extend_over_border(layer: Layer, width: int, height: int) -> Layer:
    """A figure that the picture's border cuts off goes on outside, so that lifting it shows no flat end."""
    rows, columns = layer.pixels.shape[:2]
    more = round(0.4 * max(rows, columns))
    left = more * (layer.left <= 0)
    right = more * (layer.left + columns >= width)
    bottom = more * (layer.top + rows >= height)
    grown = cv2.copyMakeBorder(layer.pixels, 0, bottom, left, right, cv2.BORDER_REPLICATE)
    return Layer(np.asarray(grown, np.uint8), layer.left - left, layer.top)


def _by_points(warp: Callable[[Floats, int], Floats], x: Plane, y: Plane, index: int) -> tuple[Plane, Plane]:
    """A warp of points (rows, columns, 2), asked for a row and a column."""
    found = warp(np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64), index).astype(np.float32)
    return found[..., 0], found[..., 1]


def _bounded(curve: Floats, room: Floats, fps: float) -> Floats:
    """Keep a curve (frames, axes) inside `room` (2, axes): below and above zero. Endless motion leaks away first."""
    out = curve.copy()
    for axis in range(curve.shape[1]):
        column = out[:, axis]
        if column.min() < -room[0, axis] or column.max() > room[1, axis]:
            steps, keep = np.diff(column), 1 - 1 / (LEAK_SECONDS * fps)
            for i, step in enumerate(steps, 1):
                column[i] = column[i - 1] * keep + step
        out[:, axis] = soft_limit(column, np.where(column < 0, room[0, axis], room[1, axis]), knee=0.85)
    return out
