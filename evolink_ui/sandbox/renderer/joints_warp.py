"""Warps of the puppet's parts, backwards: for points of the frame, where to look in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .curves import Floats, smoothstep
from .plane import across, unit

SOFT_JOINT: Final = 0.9
"""How far an elbow's bend is spread, in half widths of the limb."""

HEAD_REACH: Final = 1.25
"""Head radii within which a turn of the head is seen."""

MOST_TURN: Final = 0.45
"""Head radii by which the middle of a face moves at most."""

NECK_BENDS: Final = 0.35
"""Share of the way from the shoulders to the head over which the neck bends."""


@dataclass(frozen=True)
class Bone:
    """Where a rigid piece of the trunk is: an origin with its own up and scales."""

    origin: Floats
    up: Floats
    wide: float = 1.0
    long: float = 1.0

    def local(self, points: Floats) -> Floats:
        """Plane points -> (along up, across), unscaled."""
        far = points - self.origin
        return np.stack([far @ self.up / self.long, far @ across(self.up) / self.wide], axis=-1)

    def place(self, local: Floats) -> Floats:
        """The inverse of `local`."""
        along, beside = local[..., :1] * self.long, local[..., 1:] * self.wide
        return self.origin + along * self.up + beside * across(self.up)


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


def look_through_spine(points: Floats, now: Spine, rest: Spine, chin: float) -> Floats:
    """Frame points -> picture points of the trunk; `chin` is the height below which the neck bends (0 to 1)."""
    pelvis, chest, head = (there.place(here.local(points)) for here, there in zip(now.bones, rest.bones, strict=True))
    upper = _height(points, now.pelvis.origin, now.chest.origin)
    trunk = pelvis + smoothstep(upper)[..., None] * (chest - pelvis)
    above = _height(points, now.chest.origin, now.head.origin)
    bent: Floats = trunk + smoothstep((above - chin) / NECK_BENDS + 1)[..., None] * (head - trunk)
    return bent


def look_round_head(points: Floats, head: Bone, radius: float, yaw: float, pitch: float) -> Floats:
    """Picture points of a face that has turned: its middle moves, the outline of the head stays.

    Args:
        points: (..., 2), picture points as they would be looked at without the turn.
        head: the head in the picture.
        radius: of the head, pixels.
        yaw: how far the middle of the face moves to the viewer's right, pixels.
        pitch: the same downwards.
    """
    side = across(head.up)
    far = (points - head.origin) / (HEAD_REACH * radius)
    inside = np.clip(1 - (far**2).sum(axis=-1), 0, 1) ** 2
    # More than this would fold the face over itself.
    most = MOST_TURN * radius
    move = float(np.clip(yaw, -most, most)) * side - float(np.clip(pitch, -most, most)) * head.up
    moved: Floats = points - inside[..., None] * move
    return moved


def _height(points: Floats, low: Floats, high: Floats) -> Floats:
    line = high - low
    return np.asarray((points - low) @ line / max(1.0, float(line @ line)), np.float64)


def look_along_limb(points: Floats, now: Floats, rest: Floats, thickness: float, zoom: float) -> Floats:
    """Frame points -> picture points of a limb.

    Args:
        points: (..., 2).
        now: (joints, 2) in the frame.
        rest: (joints, 2) in the picture.
        thickness: half the limb's width in the frame, pixels.
        zoom: the figure's size in the frame against the picture.
    """
    found: Floats | None = None
    for bone in range(len(rest) - 1):
        here = _look_along_bone(points, now[bone : bone + 2], rest[bone : bone + 2], zoom)
        if found is None:
            found = here
            continue
        # Beyond the plane that halves the joint's angle the next bone takes over.
        before, after = unit(now[bone] - now[bone - 1]), unit(now[bone + 1] - now[bone])
        beyond = (points - now[bone]) @ unit(before + after)
        share = smoothstep(beyond / (2 * SOFT_JOINT * thickness) + 0.5)[..., None]
        found = found + share * (here - found)
    assert found is not None  # noqa: S101  a limb has at least one bone
    return found


def _look_along_bone(points: Floats, now: Floats, rest: Floats, zoom: float) -> Floats:
    line_now, line_rest = now[1] - now[0], rest[1] - rest[0]
    length_now, length_rest = float(np.linalg.norm(line_now)), float(np.linalg.norm(line_rest))
    along_now, along_rest = unit(line_now), unit(line_rest)
    far = points - now[0]
    along = far @ along_now
    # Foreshortening squeezes the bone between its joints; what sticks out at the ends keeps its shape.
    between = np.clip(along, 0, length_now)
    along = between * (length_rest / max(length_now, 1e-3)) + (along - between) / zoom
    beside = far @ across(along_now) / zoom
    return np.asarray(rest[0] + along[..., None] * along_rest + beside[..., None] * across(along_rest), np.float64)
