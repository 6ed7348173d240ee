"""The picture made ready for the body path, while the clip is being watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .backdrop import fill_behind, hole_of
from .curves import Floats
from .matte import cut_out
from .people import SURE, find_people, torso_size
from .picture import Picture
from .pose_net import Pose, Window, look_closely
from .shadow import Shadow, find_shadow, lift, own_shadow
from .skeleton import ANKLES

LOOK_PX: Final = 640
"""Long side at which the picture is searched for a person."""

GAP: Final = 0.012
"""Share of the longer side: narrower gaps between limbs are filled too."""

SECOND_LOOKS: Final = ((1.0, 0.0), (0.92, 0.0), (1.1, 0.0), (1.0, 0.14), (1.0, -0.14))
"""Scale and turn (radians) of the windows whose landmarks are averaged: the picture is read once, so read it well."""

PLAUSIBLE_SHARE: Final = (0.004, 0.92)
"""Share of the picture that a person covers."""


@dataclass(frozen=True)
class Person:
    """The person in the picture."""

    pose: Pose
    """In picture pixels."""
    alpha: NDArray[np.float32]
    """(height, width), the matte."""
    backdrop: NDArray[np.uint8]
    """(height, width, 3), the picture without the person and without their shadow."""
    shadow: Shadow | None
    """What lies under the person's feet."""

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Low and high corner (x, y) of the matte."""
        left, top, width, height = cv2.boundingRect((self.alpha > 0.5).astype(np.uint8))
        return np.array([left, top], np.float64), np.array([left + width, top + height], np.float64)


def prepare(picture: Picture) -> Person | None:
    """Find the person in the picture, cut them out and fill the hole; None when there is nobody."""
    found = find_person(picture.bgr)
    if found is None:
        return None
    pose, likely = found
    alpha = picture.alpha if picture.alpha is not None else cut_out(picture.bgr, likely, pose.points)
    share = float((alpha > 0.5).mean())
    if not PLAUSIBLE_SHARE[0] < share < PLAUSIBLE_SHARE[1]:
        return None
    ankles, torso = pose.points[list(ANKLES)], torso_size(pose.points)
    stands = float(pose.visible[list(ANKLES)].min()) > 0.5 and float(ankles[:, 1].max()) < picture.height
    if picture.backdrop is not None:
        shadow = own_shadow(alpha.shape, ankles, torso) if stands else None
        return Person(pose, alpha, picture.backdrop, shadow)
    shadow = find_shadow(picture.bgr, alpha, ankles, torso) if stands else None
    hole = hole_of(alpha, GAP * max(picture.width, picture.height))
    bare = lift(picture.bgr, shadow) if shadow else picture.bgr
    return Person(pose, alpha, fill_behind(bare, hole), shadow)


def find_person(bgr: NDArray[np.uint8]) -> tuple[Pose, NDArray[np.float32]] | None:
    """The most prominent person in a picture, in its pixels, with the mask of where they are likely to be."""
    height, width = bgr.shape[:2]
    scale = min(1.0, LOOK_PX / max(height, width))
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rgb = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
    people = find_people(rgb, thorough=True)
    if not people or people[0].score < SURE:
        return None
    at = people[0].window
    looks = [look_closely(rgb, Window(at.x, at.y, at.side * zoom, at.angle + turn)) for zoom, turn in SECOND_LOOKS]
    poses = [pose for pose, _ in looks if pose.score > SURE]
    masks = [mask for pose, mask in looks if pose.score > SURE]
    if not poses:
        return None
    points = np.median([pose.points for pose in poses], axis=0) / scale
    depth = np.median([pose.depth for pose in poses], axis=0) / scale
    visible = np.median([pose.visible for pose in poses], axis=0)
    likely = cv2.resize(np.mean(masks, axis=0), (width, height), interpolation=cv2.INTER_LINEAR)
    window = Window(at.x / scale, at.y / scale, at.side / scale, at.angle)
    return Pose(points, depth, visible, poses[0].score, window), np.asarray(likely, np.float32)
