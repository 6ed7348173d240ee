"""Directions, angles and distances in the picture's plane; x to the right, y down, angles clockwise in radians."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .curves import Floats

FloatsOrPlanes = TypeVar("FloatsOrPlanes", NDArray[np.float64], NDArray[np.float32])
"""Double or single precision; the answer has the question's."""


def unit(vector: Floats) -> Floats:
    """Length 1; vectors of length 0 stay."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.asarray(vector / np.maximum(length, 1e-6), np.float64)


def across(vector: Floats) -> Floats:
    """A quarter turn clockwise on the screen."""
    return np.stack([-vector[..., 1], vector[..., 0]], axis=-1)


def angle_of(vector: Floats) -> Floats:
    """(..., 2) -> (...)."""
    return np.asarray(np.arctan2(vector[..., 1], vector[..., 0]), np.float64)


def direction(angle: Floats | float) -> Floats:
    """(...) -> (..., 2), length 1."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def turned(vector: Floats, angle: float) -> Floats:
    """One vector, (2,), turned clockwise."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def wrapped(angle: Floats) -> Floats:
    """The same direction between -pi and pi."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi, np.float64)


def distance_to_path(points: FloatsOrPlanes, path: Floats) -> FloatsOrPlanes:
    """(..., 2) and (n, 2): distance to the nearest point of the path, in the precision of the points."""
    x, y = points[..., 0], points[..., 1]
    ends = path.tolist()
    nearest = _squared_distance(x, y, *ends[0], *ends[1])
    for a, b in pairwise(ends[1:]):
        np.minimum(nearest, _squared_distance(x, y, *a, *b), out=nearest)
    np.sqrt(nearest, out=nearest)
    return nearest


def _squared_distance(
    x: FloatsOrPlanes, y: FloatsOrPlanes, from_x: float, from_y: float, to_x: float, to_y: float
) -> FloatsOrPlanes:
    line_x, line_y = to_x - from_x, to_y - from_y
    squared = max(1e-9, line_x * line_x + line_y * line_y)
    far_x, far_y = x - from_x, y - from_y
    share = far_x * (line_x / squared) + far_y * (line_y / squared)
    np.clip(share, 0, 1, out=share)
    far_x -= share * line_x
    far_y -= share * line_y
    return far_x * far_x + far_y * far_y
