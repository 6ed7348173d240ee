"""From the person in the clip to the person in the picture: what each bone does in each frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .curves import Floats, smooth, smoothstep, soft_limit
from .facing import eye_line, facing, level, line, same_facing
from .follow import PoseTrack
from .joints_warp import Bone, Spine, moved
from .people import torso_size
from .plane import angle_of, direction, turned, wrapped
from .pose_net import Pose
from .rest_pose import rest_pose
from .skeleton import (
    HEAD,
    HIPS,
    LEFT_EAR,
    LEFT_HIP,
    LEFT_SHOULDER,
    LIMBS,
    RIGHT_EAR,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    SHOULDERS,
    is_arm,
)

EASE_SECONDS: Final = 0.6
"""Seconds in which limbs go over from the picture's pose to the video's (orientation image)."""

ZOOM: Final = {"image": (0.9, 1.12), "video": (0.6, 1.6)}
"""How far the figure may shrink and grow."""

MOST_LEAN: Final = 0.8
"""Radians by which a trunk leans at most: a picture seen from the front has no side to bend further with."""

MOST_ROLL: Final = 0.6
MOST_NOD: Final = 0.5
"""Radians by which a head turns about itself and about the neck: more would drag the shoulders along."""

FACE_NOISE: Final = 0.04
"""Distances between the ears by which the nose is misread in a still face."""

SHORTEST: Final = 0.30
"""Share of its length to which a bone that points at the viewer shrinks."""


class BodyMotion:
    """Joints of the figure in every frame."""

    def __init__(
        self,
        pose: Pose,
        track: PoseTrack,
        fps: float,
        orientation: str,
        frame_size: tuple[int, int],
        box: tuple[Floats, Floats],
        alpha: NDArray[np.float32],
    ) -> None:
        """Args:
        pose: the person in the picture.
        track: the person in the clip.
        fps: frames a second of the clip.
        orientation: `image` or `video`.
        frame_size: width and height of the picture.
        box: low and high corner of the person's matte, (2,) each.
        alpha: (height, width), that matte: a limb whose bones lie outside it is hidden by something.
        """
        self.fps, self._relative = fps, orientation == "image"
        self.rest = rest_pose(pose, track, frame_size, alpha)
        moves, self._depth = same_facing(track, pose, fps, self._relative)
        self._moves = moves
        count = len(moves)
        self.count = count
        shoulders, hips = moves[:, SHOULDERS].mean(axis=1), moves[:, HIPS].mean(axis=1)
        head = moves[:, HEAD].mean(axis=1)
        self._has_hips = bool(track.visible[list(HIPS)].min() > 0.6)
        sizes = np.array([torso_size(points) for points in moves])
        self._scale = self.rest.torso / float(np.percentile(sizes, 80))
        grown = smooth(sizes, 0.6 * fps)
        self.zoom: Floats = np.clip(grown / grown[0], *ZOOM[orientation])
        zero = np.zeros(count)
        rest = self.rest
        lean = self._turn(shoulders - hips, rest.spine.chest.origin - rest.spine.pelvis.origin)
        self._lean = soft_limit(lean, MOST_LEAN)
        if not self._has_hips or (rest.planted and rest.spine.pelvis.origin[1] > frame_size[1]):
            self._lean = zero
        self._tilt = self._turn(level(moves, LEFT_SHOULDER, RIGHT_SHOULDER), line(rest.points, SHOULDERS)).clip(
            -0.6, 0.6
        )
        self._swing = self._turn(level(moves, LEFT_HIP, RIGHT_HIP), line(rest.points, HIPS)).clip(-0.5, 0.5)
        roll = self._turn(eye_line(moves), eye_line(rest.points[None])[0])
        self._roll = soft_limit(roll, MOST_ROLL)
        nod = self._turn(head - shoulders, rest.spine.head.origin - rest.spine.chest.origin)
        self._nod = soft_limit(nod, MOST_NOD)
        self._wide = self._relative_length(np.linalg.norm(line(moves, SHOULDERS), axis=1), 0.6, 1.25)
        self._neck = self._relative_length(np.linalg.norm(head - shoulders, axis=1), 0.88, 1.08)
        seconds = np.arange(count) / fps
        self._ease = smoothstep(seconds / EASE_SECONDS) if self._relative else np.ones(count)
        self.angles, self._lengths = self._bones()
        self.shift = self._root(hips if self._has_hips else shoulders, track.cuts, frame_size, box)
        self._floor = self._standing()
        self._ground = None if self._floor is None else smooth(self._floor - self._floor[0], 0.35 * fps)
        self._yaw, self._pitch = self._face()

    @property
    def eased_frame(self) -> int:
        """The first frame in which the limbs are wholly in the clip's pose."""
        return min(self.count - 1, int(np.argmax(self._ease >= 1.0)))

    def turn_bone(self, name: str, bone: int, by: Floats) -> None:
        """Turn a limb's bone, 0 or 1, by so many radians in each frame, (frames,), as far as it has been eased in."""
        self.angles[name][:, bone] += self._ease * by

    def joints(self, index: int) -> tuple[Spine, dict[str, Floats]]:
        """The trunk and each limb's joints, (joints, 2), in frame `index`."""
        spine, limbs = self._posed(index)
        if self._floor is None:
            return spine, limbs
        lowest = max(float(limbs[name][2, 1]) for name in limbs if not is_arm(name))
        down = np.array([0.0, self._floor[index] - lowest])
        lowered = (Bone(bone.origin + down, bone.up, bone.wide, bone.long) for bone in spine.bones)
        return Spine(*lowered), {name: joints + down for name, joints in limbs.items()}

    def arm_is_behind(self, name: str, index: int) -> bool:
        """Is this arm on the far side of the trunk?"""
        root, _, wrist = LIMBS[name][:3]
        far = (self._depth[index, wrist] - self._depth[index, root]) * self._scale / self.rest.torso
        return bool(far > 0.9)

    def far_to_near(self, index: int) -> list[str]:
        """The limbs, the farthest first."""

        def near(name: str) -> float:
            return -float(self._depth[index, LIMBS[name][2]] - self._depth[index, LIMBS[name][0]])

        return sorted(self.rest.limbs, key=near)

    def _posed(self, index: int) -> tuple[Spine, dict[str, Floats]]:
        rest, zoom, wide = self.rest.spine, float(self.zoom[index]), float(self._wide[index])
        lean = float(self._lean[index])
        # Hips that can't be moved stay; a person cut off at the waist moves as a whole.
        pelvis_turn = 0.0 if self.rest.planted else 0.5 * (lean + float(self._swing[index]))
        pelvis = Bone(rest.pelvis.origin + self.shift[index], turned(rest.pelvis.up, pelvis_turn), zoom * wide, zoom)
        trunk = rest.chest.origin - rest.pelvis.origin
        chest_at = pelvis.origin + zoom * turned(trunk, lean)
        chest_turn = 0.5 * (lean + float(self._tilt[index])) if self._has_hips else 0.6 * float(self._tilt[index])
        chest = Bone(chest_at, turned(rest.chest.up, chest_turn), zoom * wide, zoom)
        neck = turned(rest.head.origin - rest.chest.origin, float(self._nod[index])) * zoom * float(self._neck[index])
        head = Bone(chest_at + neck, turned(rest.head.up, float(self._roll[index])), zoom, zoom)
        spine = Spine(pelvis, chest, head)
        limbs = {}
        for name, joints in self.rest.limbs.items():
            here, there = (chest, rest.chest) if is_arm(name) else (pelvis, rest.pelvis)
            chain = [moved(there.to(here), self.rest.points[joints[0]])]
            for angle, length in zip(self.angles[name][index], self._lengths[name][index], strict=True):
                chain.append(chain[-1] + zoom * length * direction(angle))
            limbs[name] = np.array(chain)
        return spine, limbs

    def _turn(self, moving: Floats, resting: Floats) -> Floats:
        """(frames,): by how much a line is turned against the picture, or against the first frame."""
        angle = np.unwrap(angle_of(moving))
        if self._relative:
            return np.asarray(angle - angle[0], np.float64)
        return wrapped(angle - angle_of(resting))

    def _relative_length(self, length: Floats, low: float, high: float) -> Floats:
        share = np.clip(smooth(length, 1.5) / float(np.percentile(length, 90)), 0.5, 1.05)
        return np.asarray(np.clip(share / share[0] if self._relative else share, low, high), np.float64)

    def _bones(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Angles and lengths of every limb's bones, (frames, bones), lengths in picture pixels."""
        ease = self._ease
        all_angles, all_lengths = {}, {}
        for name, joints in self.rest.limbs.items():
            angles: list[Floats] = []
            lengths: list[Floats] = []
            for number, (a, b) in enumerate(pairwise(joints)):
                moving, resting = self._moves[:, b] - self._moves[:, a], self.rest.points[b] - self.rest.points[a]
                angle, start = np.unwrap(angle_of(moving)), float(angle_of(resting))
                own = float(np.linalg.norm(resting))
                if number == 2:
                    # Hands and feet keep the way they were drawn and follow the bone before them.
                    before = angles[-1] - float(angle_of(self.rest.points[a] - self.rest.points[joints[1]]))
                    follow = 1.0 if is_arm(name) else 0.35
                    angles.append(start + follow * before)
                    lengths.append(np.full(self.count, own))
                    continue
                offset = float(wrapped(angle[0] - start))
                angles.append(start + ease * (offset + angle - angle[0]))
                seen = np.linalg.norm(moving, axis=1)
                share = np.clip(seen / float(np.percentile(seen, 90)), SHORTEST, 1.05)
                lengths.append(own * (1 + ease * (share - 1)))
            all_angles[name], all_lengths[name] = np.stack(angles, axis=1), np.stack(lengths, axis=1)
        return all_angles, all_lengths

    def _root(self, at: Floats, cuts: list[int], frame_size: tuple[int, int], box: tuple[Floats, Floats]) -> Floats:
        """(frames, 2): where the hips go, inside the picture."""
        if self.rest.planted:
            return np.zeros((self.count, 2))
        scale = np.array([self._leg_scale(), self._scale])
        steps = np.diff(at, axis=0, prepend=at[:1]) * scale
        for cut in cuts:  # a new shot shows the person elsewhere; the figure stays where it is
            steps[min(cut, self.count - 1)] = 0
        path = np.cumsum(steps, axis=0)
        low, high = box
        room = 0.15 * (high - low) + np.maximum(0, np.stack([low, np.array(frame_size) - high]))
        return np.stack(
            [soft_limit(path[:, axis], np.where(path[:, axis] < 0, room[0, axis], room[1, axis])) for axis in (0, 1)],
            axis=1,
        )

    def _leg_scale(self) -> float:
        """Picture over clip by the length of the legs: so a planted foot stays planted."""
        ratios = []
        for name, joints in self.rest.limbs.items():
            if not is_arm(name):
                own = sum(
                    float(np.linalg.norm(self.rest.points[b] - self.rest.points[a])) for a, b in pairwise(joints[:3])
                )
                theirs = sum(
                    float(np.percentile(np.linalg.norm(self._moves[:, b] - self._moves[:, a], axis=1), 90))
                    for a, b in pairwise(joints[:3])
                )
                ratios.append(own / max(1.0, theirs))
        return float(np.mean(ratios)) if ratios else self._scale

    def _standing(self) -> Floats | None:
        """(frames,): height of the lower ankle in the picture; None when the figure doesn't stand on its legs."""
        legs = [joints for name, joints in self.rest.limbs.items() if not is_arm(name)]
        if len(legs) < 2 or self.rest.planted:
            return None
        ankles = [joints[2] for joints in legs]
        lowest = self._moves[:, ankles, 1].max(axis=1) * self._scale
        base = max(float(self._posed(0)[1][name][2, 1]) for name in self.rest.limbs if not is_arm(name))
        return base + soft_limit(lowest - lowest[0], 0.5 * self.rest.torso)

    def head_turn(self, index: int) -> tuple[float, float]:
        """How far the face looks to the viewer's right and down against the picture, in picture pixels."""
        return float(self._yaw[index]), float(self._pitch[index])

    def ground_shift(self, index: int) -> float:
        """By how many pixels the ground under the feet has moved down; jumps don't count."""
        return 0.0 if self._ground is None else float(self._ground[index])

    def _face(self) -> tuple[Floats, Floats]:
        """(frames,): how far the middle of the face moves to the viewer's right and down, picture pixels."""
        yaw, pitch = facing(self._moves)
        # How far a face looks down is read too differently from face to face to be taken over absolutely.
        start_yaw = yaw[0] if self._relative else float(facing(self.rest.points[None])[0][0])
        ears = float(np.linalg.norm(self.rest.points[LEFT_EAR] - self.rest.points[RIGHT_EAR]))
        turns = [yaw - start_yaw, pitch - (pitch[0] if self._relative else float(np.median(pitch)))]
        noise_free = [np.sign(turn) * np.maximum(0.0, np.abs(turn) - FACE_NOISE) * ears for turn in turns]
        return noise_free[0], noise_free[1]
