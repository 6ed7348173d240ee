"""Which way a body looks: mirrored motion, backs, heads that turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .curves import Floats, smooth
from .follow import PoseTrack
from .plane import across, unit
from .pose_net import Pose
from .skeleton import LEFT_EAR, LEFT_SHOULDER, MIRRORED, NOSE, RIGHT_EAR, RIGHT_SHOULDER


def same_facing(track: PoseTrack, pose: Pose, fps: float, keep_facing: bool) -> tuple[Floats, Floats]:
    """The clip's landmarks, mirrored where the clip's person faces the other way or shows the back."""
    points, depth = track.points.copy(), track.depth.copy()
    theirs, own = float(np.median(facing(points)[0])), float(facing(pose.points[None])[0][0])
    if keep_facing and theirs * own < 0 and min(abs(theirs), abs(own)) > 0.4:
        points = points[:, MIRRORED] * np.array([-1.0, 1.0])
        depth = depth[:, MIRRORED]
    # Seen from behind, the person's left is on the left: limbs are paired by the side of the screen instead.
    turned_away = (points[:, LEFT_SHOULDER, 0] < points[:, RIGHT_SHOULDER, 0]).astype(np.float64)
    behind: NDArray[np.bool_] = smooth(turned_away, 0.3 * fps) > 0.5
    if pose.points[LEFT_SHOULDER, 0] < pose.points[RIGHT_SHOULDER, 0]:
        behind = ~behind
    points[behind] = points[behind][:, MIRRORED]
    depth[behind] = depth[behind][:, MIRRORED]
    return points, depth


def facing(points: Floats) -> tuple[Floats, Floats]:
    """(frames, 33, 2) -> yaw and pitch: the nose against the middle of the ears, in distances between the ears."""
    ears = points[:, LEFT_EAR] - points[:, RIGHT_EAR]
    wide = np.maximum(np.linalg.norm(ears, axis=1), 1e-3)
    # Seen from the side the ears meet; the eyes' distance keeps the measure finite.
    wide = np.maximum(wide, 1.2 * np.linalg.norm(points[:, 3] - points[:, 6], axis=1))
    nose = points[:, NOSE] - (points[:, LEFT_EAR] + points[:, RIGHT_EAR]) / 2
    axis = unit(ears)
    return (nose * axis).sum(axis=1) / wide, (nose * across(axis)).sum(axis=1) / wide


def line(points: Floats, pair: tuple[int, int]) -> Floats:
    return np.asarray(points[..., pair[0], :] - points[..., pair[1], :], np.float64)


def level(points: Floats, left: int, right: int) -> Floats:
    """A line across the body whose direction doesn't jump when the body is seen edge-on."""
    return _steadied(points[:, left] - points[:, right])


def _steadied(line: Floats) -> Floats:
    least = 0.6 * float(np.percentile(np.abs(line[:, 0]), 90))
    return np.stack([np.maximum(np.abs(line[:, 0]), least), line[:, 1] * np.sign(line[:, 0] + 1e-9)], axis=1)


def eye_line(points: Floats) -> Floats:
    """The same for a face, seen from the side at times."""
    return _steadied(points[:, LEFT_EAR] + points[:, 3] - points[:, RIGHT_EAR] - points[:, 6])
