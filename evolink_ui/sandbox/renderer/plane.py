"""Directions, angles and distances in the picture's plane; x to the right, y down, angles clockwise in radians."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .curves import Floats


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


def distance_to_path(points: Floats, path: Floats) -> Floats:
    """(..., 2) and (n, 2): distance to the nearest point of the path."""
    return np.asarray(np.min([_distance(points, a, b) for a, b in pairwise(path)], axis=0))


def _distance(points: Floats, a: Floats, b: Floats) -> Floats:
    line = b - a
    share = np.clip((points - a) @ line / max(1e-9, float(line @ line)), 0, 1)
    return np.asarray(np.linalg.norm(points - a - share[..., None] * line, axis=-1), np.float64)
