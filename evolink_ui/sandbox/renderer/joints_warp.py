"""Warps of the puppet's parts, backwards: for points of the frame, where to look in the picture.

They are asked for some thousand points in every frame, so they are written for arrays of single precision that
broadcast: x may be a row and y a column. Numbers must be Python's own; numpy's would widen every array.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from .compositor import Plane
from .curves import Floats
from .plane import across

SOFT_JOINT: Final = 0.9
"""How far an elbow's bend is spread, in half widths of the limb."""

HEAD_REACH: Final = 1.25
"""Head radii within which a turn of the head is seen."""

MOST_TURN: Final = 0.45
"""Head radii by which the middle of a face moves at most."""

NECK_BENDS: Final = 0.35
"""Share of the way from the shoulders to the head over which the neck bends."""


Point = Sequence[float]

Affine = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Rows of a matrix: x' = a x + b y + c, and the same for y'."""


@dataclass(frozen=True)
class Bone:
    """Where a rigid piece of the trunk is: an origin with its own up and scales."""

    origin: Floats
    up: Floats
    wide: float = 1.0
    long: float = 1.0

    def to(self, other: Bone) -> Affine:
        """Takes points that hang on this bone to where they are on the other."""
        (here_x, here_y), (there_x, there_y) = self.up.tolist(), other.up.tolist()
        long, wide = other.long / self.long, other.wide / self.wide
        a, b = long * there_x * here_x + wide * there_y * here_y, long * there_x * here_y - wide * there_y * here_x
        d, e = long * there_y * here_x - wide * there_x * here_y, long * there_y * here_y + wide * there_x * here_x
        (from_x, from_y), (to_x, to_y) = self.origin.tolist(), other.origin.tolist()
        return (a, b, to_x - a * from_x - b * from_y), (d, e, to_y - d * from_x - e * from_y)


def moved(matrix: Affine, points: Floats) -> Floats:
    """Points, (..., 2)."""
    (a, b, c), (d, e, f) = matrix
    return np.asarray(points @ np.array([[a, d], [b, e]]) + np.array([c, f]), np.float64)


@dataclass(frozen=True)
class Spine:
    """The trunk with the head."""

    pelvis: Bone
    chest: Bone
    head: Bone

    @property
    def bones(self) -> tuple[Bone, Bone, Bone]:
        """From below upwards."""
        return self.pelvis, self.chest, self.head


def look_through_spine(x: Plane, y: Plane, now: Spine, rest: Spine, chin: float) -> tuple[Plane, Plane]:
    """Frame points -> picture points of the trunk; `chin` is the height below which the neck bends (0 to 1)."""
    pelvis, chest, head = (here.to(there) for here, there in zip(now.bones, rest.bones, strict=True))
    upper = _step(_affine(x, y, *_height(now.pelvis.origin, now.chest.origin)))
    a, b, c = _height(now.chest.origin, now.head.origin)
    above = _step(_affine(x, y, a / NECK_BENDS, b / NECK_BENDS, (c - chin) / NECK_BENDS + 1))
    found = []
    for low, middle, high in zip(pelvis, chest, head, strict=True):
        # Between two affine maps only their difference has to be weighted.
        at = _affine(x, y, *low)
        at += upper * _affine(x, y, *(m - n for m, n in zip(middle, low, strict=True)))
        at += above * (_affine(x, y, *high) - at)
        found.append(at)
    return found[0], found[1]


def look_round_head(x: Plane, y: Plane, head: Bone, radius: float, yaw: float, pitch: float) -> tuple[Plane, Plane]:
    """Picture points of a face that has turned: its middle moves, the outline of the head stays.

    Args:
        x: picture points as they would be looked at without the turn.
        y: the same.
        head: the head in the picture.
        radius: of the head, pixels.
        yaw: how far the middle of the face moves to the viewer's right, pixels.
        pitch: the same downwards.
    """
    reach = HEAD_REACH * radius
    far_x, far_y = (x - float(head.origin[0])) / reach, (y - float(head.origin[1])) / reach
    inside = np.maximum(1 - far_x * far_x - far_y * far_y, 0)
    inside *= inside
    # More than this would fold the face over itself.
    most = MOST_TURN * radius
    move = float(np.clip(yaw, -most, most)) * across(head.up) - float(np.clip(pitch, -most, most)) * head.up
    return x - inside * float(move[0]), y - inside * float(move[1])


def look_along_limb(
    x: Plane, y: Plane, now: Floats, rest: Floats, thickness: float, zoom: float
) -> tuple[Plane, Plane]:
    """Frame points -> picture points of a limb.

    Args:
        x: frame points.
        y: the same.
        now: (joints, 2) in the frame.
        rest: (joints, 2) in the picture.
        thickness: half the limb's width in the frame, pixels.
        zoom: the figure's size in the frame against the picture.
    """
    bones, own_bones = list(pairwise(now.tolist())), list(pairwise(rest.tolist()))
    at_x, at_y = _look_along_bone(x, y, *bones[0], *own_bones[0], zoom)
    for (joint, after), (before, _), own in zip(bones[1:], bones, own_bones[1:], strict=False):
        next_x, next_y = _look_along_bone(x, y, joint, after, *own, zoom)
        # Beyond the plane that halves the joint's angle the next bone takes over.
        (to_x, to_y), (from_x, from_y) = _unit(before, joint)[0], _unit(joint, after)[0]
        a, b = to_x + from_x, to_y + from_y
        soft = 2 * SOFT_JOINT * thickness * max(math.hypot(a, b), 1e-6)
        a, b = a / soft, b / soft
        share = _step(_affine(x, y, a, b, 0.5 - a * joint[0] - b * joint[1]))
        at_x += share * (next_x - at_x)
        at_y += share * (next_y - at_y)
    return at_x, at_y


def _look_along_bone(
    x: Plane, y: Plane, now_a: Point, now_b: Point, rest_a: Point, rest_b: Point, zoom: float
) -> tuple[Plane, Plane]:
    (a, b), length_now = _unit(now_a, now_b)
    (c, d), length_rest = _unit(rest_a, rest_b)
    # Foreshortening squeezes the bone between its joints; what sticks out at the ends keeps its shape.
    between = _affine(x, y, a, b, -a * now_a[0] - b * now_a[1])
    np.maximum(between, 0, out=between)
    np.minimum(between, length_now, out=between)
    between *= length_rest / max(length_now, 1e-3) - 1 / zoom
    cos, sin = (a * c + b * d) / zoom, (a * d - b * c) / zoom
    at_x = _affine(x, y, cos, -sin, rest_a[0] - cos * now_a[0] + sin * now_a[1])
    at_y = _affine(x, y, sin, cos, rest_a[1] - sin * now_a[0] - cos * now_a[1])
    at_x += between * c
    at_y += between * d
    return at_x, at_y


def _unit(start: Point, end: Point) -> tuple[tuple[float, float], float]:
    """Direction and length of a line."""
    x, y = end[0] - start[0], end[1] - start[1]
    length = math.hypot(x, y)
    return (x / max(length, 1e-6), y / max(length, 1e-6)), length


def _affine(x: Plane, y: Plane, a: float, b: float, c: float) -> Plane:
    found: Plane = x * a + (y * b + c)
    return found


def _step(value: Plane) -> Plane:
    """As `curves.smoothstep`, in place and without widening."""
    np.maximum(value, 0, out=value)
    np.minimum(value, 1, out=value)
    curved: Plane = value * value * (3 - 2 * value)
    return curved


def _height(low: Floats, high: Floats) -> tuple[float, float, float]:
    """a, b, c: a x + b y + c is 0 at the low and 1 at the high point."""
    line = high - low
    a, b = (line / max(1.0, float(line @ line))).tolist()
    return a, b, -a * float(low[0]) - b * float(low[1])
