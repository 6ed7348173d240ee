"""The 33 landmarks of the pose net, and the limbs that the puppet is made of."""

from __future__ import annotations

from typing import Final

import numpy as np

LANDMARKS: Final = 33

NOSE: Final = 0
LEFT_EYE: Final = (1, 2, 3)
RIGHT_EYE: Final = (4, 5, 6)
LEFT_EAR: Final = 7
RIGHT_EAR: Final = 8
MOUTH: Final = (9, 10)
HEAD: Final = slice(0, 11)
LEFT_SHOULDER: Final = 11
RIGHT_SHOULDER: Final = 12
LEFT_HIP: Final = 23
RIGHT_HIP: Final = 24
SHOULDERS: Final = (LEFT_SHOULDER, RIGHT_SHOULDER)
HIPS: Final = (LEFT_HIP, RIGHT_HIP)
ANKLES: Final = (27, 28)
ENDS: Final = [13, 14, 15, 16, 25, 26, 27, 28]
"""Elbows, wrists, knees and ankles."""

LIMBS: Final[dict[str, tuple[int, ...]]] = {
    "left_arm": (11, 13, 15, 19),
    "right_arm": (12, 14, 16, 20),
    "left_leg": (23, 25, 27, 31),
    "right_leg": (24, 26, 28, 32),
}
"""Joints from the root outwards; the last is the tip of the hand or of the foot. "Left" is the person's own left."""

LEGS: Final = ("left_leg", "right_leg")

MIRRORED: Final = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(j + 1 if j % 2 else j - 1 for j in range(11, LANDMARKS))], np.intp
)
"""Landmark numbers after a look in the mirror."""


def is_arm(limb: str) -> bool:
    """Arms hang from the chest, legs from the pelvis."""
    return limb.endswith("arm")
