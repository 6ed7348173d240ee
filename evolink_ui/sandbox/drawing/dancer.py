"""Skeletons and choreography: which joint is where on which beat.

Angles are degrees. Arms and legs: 0 hangs straight down, positive goes outwards from the body; a forearm's or a shin's
angle is added to the one above it. Lengths are in torsos.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from .pen import Points, point


@dataclass(frozen=True)
class Build:
    """Proportions, in torso lengths (middle of the hips to the base of the neck)."""

    shoulder: float = 0.37
    hip: float = 0.175
    upper_arm: float = 0.55
    forearm: float = 0.55
    thigh: float = 0.80
    shin: float = 0.78
    neck: float = 0.38
    """Base of the neck to the middle of the head."""


@dataclass(frozen=True)
class Pose:
    """One pose; `left` is the figure's own left, the viewer's right."""

    left_arm: float = 24
    left_forearm: float = 8
    right_arm: float = 24
    right_forearm: float = 8
    left_leg: float = 8
    left_shin: float = -2
    right_leg: float = 8
    right_shin: float = -2
    lean: float = 0
    shoulders: float = 0
    hips: float = 0
    head: float = 0
    sway: float = 0
    """Sideways, in torsos."""

    def mirrored(self) -> Pose:
        """The same pose as in a mirror."""
        swapped = {
            name: getattr(self, other)
            for side, across in (("left", "right"), ("right", "left"))
            for part in ("arm", "forearm", "leg", "shin")
            for name, other in ((f"{side}_{part}", f"{across}_{part}"),)
        }
        turned = {name: -getattr(self, name) for name in ("lean", "shoulders", "hips", "head", "sway")}
        return replace(self, **swapped, **turned)


Joints = dict[str, Points]
"""Joint name -> (2,) pixels. Names: neck, head, hips; {left,right}_{shoulder,elbow,wrist,hip,knee,ankle,toe}."""


def place_joints(root: Points, torso_px: float, pose: Pose, build: Build) -> Joints:
    """Forward kinematics from the middle of the hips."""
    lean = np.radians(pose.lean)
    up = point(np.sin(lean), -np.cos(lean))
    joints: Joints = {"hips": root, "neck": root + up * torso_px}
    nod = lean + np.radians(pose.head)
    joints["head"] = joints["neck"] + point(np.sin(nod), -np.cos(nod)) * build.neck * torso_px
    across, below = lean + np.radians(pose.shoulders), np.radians(pose.hips)
    for side, sign in (("left", 1), ("right", -1)):
        shoulder = joints["neck"] - up * 0.05 * torso_px
        shoulder = shoulder + sign * build.shoulder * torso_px * point(np.cos(across), np.sin(across))
        hip = root + sign * build.hip * torso_px * point(np.cos(below), np.sin(below))
        arm = [getattr(pose, f"{side}_arm"), getattr(pose, f"{side}_forearm")]
        leg = [getattr(pose, f"{side}_leg"), getattr(pose, f"{side}_shin")]
        joints |= _chain(
            side, sign, ("shoulder", "elbow", "wrist"), shoulder, arm, (build.upper_arm, build.forearm), torso_px
        )
        joints |= _chain(side, sign, ("hip", "knee", "ankle"), hip, leg, (build.thigh, build.shin), torso_px)
        joints[f"{side}_toe"] = joints[f"{side}_ankle"] + point(sign * 0.14, 0.12) * torso_px
    return joints


def _chain(
    side: str,
    sign: int,
    names: tuple[str, ...],
    start: Points,
    turns: list[float],
    lengths: tuple[float, ...],
    px: float,
) -> Joints:
    joints, angle, here = {f"{side}_{names[0]}": start}, 0.0, start
    for name, turn, length in zip(names[1:], turns, lengths, strict=True):
        angle += np.radians(turn)
        here = here + length * px * point(sign * np.sin(angle), np.cos(angle))
        joints[f"{side}_{name}"] = here
    return joints


def stand_on(joints: Joints, floor_px: float) -> Joints:
    """Move the figure so that its lower ankle is at the height `floor_px`."""
    lowest = max(joints["left_ankle"][1], joints["right_ankle"][1])
    return {name: at + point(0, floor_px - lowest) for name, at in joints.items()}


@dataclass(frozen=True)
class Dance:
    """Poses on the beats of a loop."""

    beats_per_minute: float
    poses: tuple[Pose, ...]
    """One for each beat; after the last the first comes again."""
    seconds: float = 8.0
    fps: int = 30
    bounce: float = 3.0
    """Degrees by which the knees give on every beat."""

    @property
    def frame_count(self) -> int:
        """Frames of the whole dance."""
        return round(self.seconds * self.fps)

    def pose(self, index: int) -> Pose:
        """The pose of a frame: each beat's pose is reached with a swing and held for an instant."""
        beat = index / self.fps * self.beats_per_minute / 60
        last, share = int(beat), beat % 1
        # A smoothstep with flat ends in 85 % of the beat: people arrive on the beat and rest there.
        way = min(1.0, share / 0.85)
        way = way * way * (3 - 2 * way)
        one, other = (self.poses[i % len(self.poses)] for i in (last, last + 1))
        values = {
            field.name: getattr(one, field.name) * (1 - way) + getattr(other, field.name) * way
            for field in fields(Pose)
        }
        give = self.bounce * np.sin(np.pi * share)
        for side in ("left", "right"):
            values[f"{side}_leg"] += give
            values[f"{side}_shin"] -= 1.7 * give
        return Pose(**values)


_OPEN: Final = Pose(left_arm=34, left_forearm=14, right_arm=34, right_forearm=14, left_leg=11, right_leg=11)
_STEP: Final = Pose(
    left_arm=58, left_forearm=-46, right_arm=40, right_forearm=22,
    left_leg=30, left_shin=-8, right_leg=6, right_shin=-4,
    lean=5, shoulders=5, hips=-4, head=6, sway=0.12,
)  # fmt: skip
_KNEE: Final = Pose(
    left_arm=46, left_forearm=-58, right_arm=112, right_forearm=18,
    left_leg=56, left_shin=-62, right_leg=5, right_shin=-2,
    lean=-6, shoulders=-7, hips=-5, head=-7, sway=-0.10,
)  # fmt: skip
_KICK: Final = Pose(
    left_arm=104, left_forearm=10, right_arm=60, right_forearm=-40,
    left_leg=44, left_shin=4, right_leg=10, right_shin=-12,
    lean=-9, shoulders=-6, hips=-6, head=-4, sway=-0.14,
)  # fmt: skip
_POINT: Final = Pose(
    left_arm=146, left_forearm=6, right_arm=48, right_forearm=-66,
    left_leg=26, left_shin=-4, right_leg=24, right_shin=-30,
    lean=4, shoulders=8, hips=-5, head=9, sway=0.10,
)  # fmt: skip
_STAR: Final = Pose(
    left_arm=122, left_forearm=22, right_arm=122, right_forearm=22,
    left_leg=28, left_shin=-6, right_leg=28, right_shin=-6,
)  # fmt: skip
_SQUAT: Final = Pose(
    left_arm=66, left_forearm=52, right_arm=66, right_forearm=52,
    left_leg=46, left_shin=-54, right_leg=46, right_shin=-54,
)  # fmt: skip
_WAVE: Final = Pose(
    left_arm=92, left_forearm=70, right_arm=84, right_forearm=-28,
    left_leg=12, left_shin=-4, right_leg=34, right_shin=-40,
    lean=3, shoulders=6, hips=4, head=8, sway=0.08,
)  # fmt: skip
_ROLL: Final = Pose(
    left_arm=70, left_forearm=84, right_arm=30, right_forearm=-34,
    left_leg=38, left_shin=-44, right_leg=14, right_shin=-6,
    lean=6, shoulders=7, hips=5, head=-6, sway=0.12,
)  # fmt: skip

DISCO: Final = Dance(
    120,
    (
        _OPEN, _STEP, _STEP.mirrored(), _STEP, _KNEE.mirrored(), _KNEE, _KNEE.mirrored(), _KICK,
        _POINT, _POINT.mirrored(), _POINT, _STAR, _SQUAT, _STAR, _KICK.mirrored(), _STEP,
    ),
)  # fmt: skip
"""16 beats at 120 to the minute: side steps, knees, kicks, pointing, star jumps."""

GROOVE: Final = Dance(
    90,
    (
        _OPEN, _ROLL, _ROLL.mirrored(), _WAVE, _WAVE.mirrored(), _SQUAT,
        _STAR, _KICK, _KICK.mirrored(), _ROLL.mirrored(), _KNEE, _KNEE.mirrored(),
    ),
    bounce=6.0,
)  # fmt: skip
"""12 beats at 90 to the minute: rolling arms, waves, low bounces."""
