"""The body path: a person cut from the picture moves like the person in the clip."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .anatomy import TIP
from .body_motion import BodyMotion
from .compositor import Plane, box_around, draw
from .curves import Floats
from .joints_warp import Spine, look_along_limb, look_round_head, look_through_spine, moved
from .parts import Parts
from .plane import unit
from .shadow import Shadow
from .skeleton import LEGS, is_arm

BENT_REACH: Final = 1.15
"""A bent elbow pushes cloth out by so much beyond its reach at rest."""


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

    def smaller(self, scale: float) -> BodyActor:
        """Draws small frames, for a look at the pose: without a shadow."""
        backdrop = cv2.resize(self._backdrop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return BodyActor(self._parts.smaller(scale), self._motion, np.asarray(backdrop, np.uint8), None)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of what is drawn."""
        return self._backdrop.shape

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
        shifts = np.zeros((2, 2))
        if set(LEGS) <= limbs.keys():
            # A lifted foot takes its part of the shadow along, but not up.
            shifts[:, 0] = [limbs[leg][2, 0] for leg in LEGS] - self._shadow.ankles[:, 0]
            shifts[:, 1] = self._motion.ground_shift(index)
        self._shadow.lay(frame, shifts)

    def _limb(self, frame: NDArray[np.uint8], name: str, joints: Floats, index: int) -> None:
        layer = self._parts.limbs.get(name)
        if layer is None:
            return
        rest = self._motion.rest
        zoom = float(self._motion.zoom[index])
        thickness = self._parts.thickness[name] * zoom
        resting = rest.points[list(rest.limbs[name])]
        tip = joints[-1] + unit(joints[-1] - joints[-2]) * TIP * rest.torso * zoom
        box = box_around(np.vstack([joints, tip]), BENT_REACH * self._parts.reach[name] * zoom)
        draw(frame, layer, lambda x, y: look_along_limb(x, y, joints, resting, thickness, zoom), box)

    def _seat(self, frame: NDArray[np.uint8], now: Spine) -> None:
        layer = self._parts.seat
        if layer is None:
            return
        rest = self._motion.rest.spine.pelvis
        corners = moved(rest.to(now.pelvis), layer.corners)
        (a, b, c), (d, e, f) = now.pelvis.to(rest)
        draw(frame, layer, lambda x, y: (x * a + (y * b + c), x * d + (y * e + f)), box_around(corners))

    def _trunk(self, frame: NDArray[np.uint8], now: Spine, index: int) -> None:
        layer = self._parts.trunk
        if layer is None:
            return
        rest = self._motion.rest
        pairs = zip(now.bones, rest.spine.bones, strict=True)
        corners = np.vstack([moved(there.to(here), layer.corners) for here, there in pairs])
        yaw, pitch = self._motion.head_turn(index)

        def look(x: Plane, y: Plane) -> tuple[Plane, Plane]:
            at_x, at_y = look_through_spine(x, y, now, rest.spine, rest.chin)
            if not yaw and not pitch:
                return at_x, at_y
            return look_round_head(at_x, at_y, rest.spine.head, rest.head_radius, yaw, pitch)

        draw(frame, layer, look, box_around(corners))
