"""The body path: a person cut from the picture moves like the person in the clip."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .body_motion import BodyMotion
from .compositor import draw
from .curves import Floats
from .joints_warp import Spine, look_along_limb, look_round_head, look_through_spine
from .parts import Parts
from .plane import unit
from .shadow import Shadow
from .skeleton import is_arm

REACH: Final = 2.4
"""Half widths of a limb around its bones within which its layer can show."""


class BodyActor:
    """Draws frame after frame of the body path."""

    def __init__(self, parts: Parts, motion: BodyMotion, backdrop: NDArray[np.uint8], shadow: Shadow | None) -> None:
        """Args:
        parts: the person's layers.
        motion: where their joints are.
        backdrop: (height, width, 3), the picture without the person.
        shadow: what lies under the person's feet.
        """
        self._parts, self._motion, self._backdrop, self._shadow = parts, motion, backdrop, shadow

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        """Paint frame `index` over all of `frame`, (height, width, 3)."""
        np.copyto(frame, self._backdrop)
        spine, limbs = self._motion.joints(index)
        self._lay_shadow(frame, limbs, index)
        order = self._motion.far_to_near(index)
        arms = [name for name in order if is_arm(name)]
        behind = [name for name in arms if self._motion.arm_is_behind(name, index)]
        for name in behind:
            self._limb(frame, name, limbs[name], index)
        self._seat(frame, spine)
        for name in order:
            if not is_arm(name):
                self._limb(frame, name, limbs[name], index)
        self._trunk(frame, spine, index)
        for name in arms:
            if name not in behind:
                self._limb(frame, name, limbs[name], index)

    def _lay_shadow(self, frame: NDArray[np.uint8], limbs: dict[str, Floats], index: int) -> None:
        if self._shadow is None:
            return
        ankles = [joints[2] for name, joints in limbs.items() if not is_arm(name)]
        if len(ankles) < 2:
            self._shadow.lay(frame, self._shadow.feet, self._shadow.stance)
            return
        feet = np.mean(ankles, axis=0)
        # A lifted foot takes its part of the shadow along, but not up.
        at = np.array([feet[0], self._shadow.feet[1] + self._motion.ground_shift(index)])
        self._shadow.lay(frame, at, float(abs(ankles[0][0] - ankles[1][0])))

    def _limb(self, frame: NDArray[np.uint8], name: str, joints: Floats, index: int) -> None:
        layer = self._parts.limbs.get(name)
        if layer is None:
            return
        rest = self._motion.rest
        zoom = float(self._motion.zoom[index])
        thickness = self._parts.thickness[name] * zoom
        resting = rest.points[list(rest.limbs[name])]
        tip = joints[-1] + unit(joints[-1] - joints[-2]) * 0.3 * rest.torso * zoom
        ends = np.vstack([joints, tip])
        pad = REACH * thickness
        low, high = ends.min(axis=0) - pad, ends.max(axis=0) + pad
        draw(frame, layer, lambda points: look_along_limb(points, joints, resting, thickness, zoom), low, high)

    def _seat(self, frame: NDArray[np.uint8], now: Spine) -> None:
        layer = self._parts.seat
        if layer is None:
            return
        rest = self._motion.rest.spine.pelvis
        corners = now.pelvis.place(rest.local(layer.corners))
        low, high = corners.min(axis=0), corners.max(axis=0)
        draw(frame, layer, lambda points: rest.place(now.pelvis.local(points)), low, high)

    def _trunk(self, frame: NDArray[np.uint8], now: Spine, index: int) -> None:
        layer = self._parts.trunk
        if layer is None:
            return
        rest = self._motion.rest
        corners = np.vstack(
            [here.place(there.local(layer.corners)) for here, there in zip(now.bones, rest.spine.bones, strict=True)]
        )
        low, high = corners.min(axis=0), corners.max(axis=0)
        yaw, pitch = self._motion.head_turn(index)

        def look(points: Floats) -> Floats:
            there = look_through_spine(points, now, rest.spine, rest.chin)
            return look_round_head(there, rest.spine.head, rest.head_radius, yaw, pitch)

        draw(frame, layer, look, low, high)
