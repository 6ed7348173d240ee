"""The person in the picture as the puppet rests in it: which limbs can move, where the neck bends, who sits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .follow import PoseTrack
from .joints_warp import Bone, Spine
from .people import torso_size
from .plane import unit
from .pose_net import Pose
from .skeleton import HEAD, HIPS, LEFT_EAR, LEFT_HIP, LIMBS, MOUTH, NOSE, RIGHT_EAR, RIGHT_HIP, SHOULDERS, is_arm

TRUSTED: Final = 0.7
"""Visibility above which a landmark of the picture is a joint to cut at; hidden ones are guessed with up to .65."""

COVERED: Final = 0.8
"""Share of a limb's bones that the matte must cover for the limb to be cut out."""

BURIED: Final = (0.3, 0.45)
"""Trunk lengths that an upper and a lower bone of a limb lie inside the matte at most; limbs are half as thick. Deeper
ones are in front of a trunk seen from the side, or under a coat: cut out, they would tear it."""

SITS: Final = 0.5
"""A picture's thigh shorter than this share of the trunk points at the viewer: the person sits."""


@dataclass(frozen=True)
class Rest:
    """The person in the picture."""

    points: Floats
    """(33, 2), picture pixels."""
    limbs: dict[str, tuple[int, ...]]
    """Limbs that move by themselves, with their joints."""
    torso: float
    """Pixels."""
    spine: Spine
    chin: float
    """Where the neck ends, between shoulders (0) and the head's middle (1)."""
    head_radius: float
    """Pixels."""
    planted: bool
    """Hips and legs stay where they are: the person sits, or the picture ends above the hips."""


def rest_pose(pose: Pose, track: PoseTrack, frame_size: tuple[int, int], alpha: NDArray[np.float32]) -> Rest:
    points, (width, height) = pose.points, frame_size

    def joint(number: int) -> bool:
        x, y = points[number]
        inside = -0.02 * width < x < 1.02 * width and -0.02 * height < y < 1.02 * height
        return bool(pose.visible[number] > TRUSTED and inside)

    torso = torso_size(points)
    hips_seen = joint(LEFT_HIP) and joint(RIGHT_HIP)
    shoulders, hips, head = (
        points[list(SHOULDERS)].mean(axis=0),
        points[list(HIPS)].mean(axis=0),
        points[HEAD].mean(axis=0),
    )
    thighs = [np.linalg.norm(points[b] - points[a]) for a, b in ((23, 25), (24, 26))]
    sits = hips_seen and float(max(thighs)) < SITS * torso
    limbs = {}
    depth = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / torso
    for name, joints in LIMBS.items():
        chain = joints if joint(joints[3]) else joints[:3]
        known = all(joint(number) for number in joints[:3]) and float(track.visible[list(joints[:3])].min()) > 0.45
        # Of a person cut off above the hips the net guesses the arms: only sure ones are believed.
        sure = hips_seen or float(pose.visible[list(joints[:3])].min()) > 0.9
        known = known and sure and _stands_out(points[list(joints[:3])], np.asarray(depth, np.float32))
        if known and (is_arm(name) or (hips_seen and not sits)):
            limbs[name] = chain
    up = unit(shoulders - hips)
    mouth = points[list(MOUTH)].mean(axis=0)
    chin = mouth + 0.9 * (mouth - points[NOSE])
    axis = head - shoulders
    spine = Spine(Bone(hips, up), Bone(shoulders, up), Bone(head, up))
    share = float((chin - shoulders) @ axis / max(1.0, float(axis @ axis)))
    planted = not hips_seen or sits or not any(not is_arm(name) for name in limbs)
    ears = float(np.linalg.norm(points[LEFT_EAR] - points[RIGHT_EAR]))
    radius = max(0.75 * ears, 0.2 * torso)
    return Rest(points, limbs, torso, spine, float(np.clip(share, 0.2, 0.6)), radius, planted)


def _stands_out(joints: Floats, depth: NDArray[np.float32]) -> bool:
    """Does the matte cover a limb's bones, and no more than a limb? `depth`: trunk lengths inside the matte."""
    share = np.linspace(0, 1, 12)[:, None]
    limit = np.array(depth.shape[::-1]) - 1
    bones = [np.clip(np.round(a + share * (b - a)), 0, limit).astype(int) for a, b in pairwise(joints)]
    inside = np.array([depth[at[:, 1], at[:, 0]] for at in bones])
    return bool((inside > 0).mean() > COVERED and (np.median(inside, axis=1) < BURIED).all())
