"""Finding a person in a picture or a frame, with nothing but the pose net's own presence score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .pose_net import Pose, Window, look
from .skeleton import HIPS, SHOULDERS

SURE: Final = 0.9
"""Presence: globes and rabbits get .73 to .87, people more than .92."""

HERE: Final = 0.5
"""Presence below which the person has been lost."""

SETTLE: Final = 3
"""Looks after which a window has either closed in on a person or wandered off."""


def find_people(rgb: NDArray[np.uint8], *, thorough: bool) -> list[Pose]:
    """Everybody who can be found in a (height, width, 3) RGB frame, the most convincing first.

    Args:
        rgb: the frame.
        thorough: try small windows too (some 25 looks, against 6), for pictures and for crowds.
    """
    found: list[Pose] = []
    for number, window in enumerate(_windows(rgb.shape[1], rgb.shape[0], thorough=thorough)):
        # Two windows over the whole frame agree on one large person: no need to look for small ones.
        if number == 2 and len(found) == 1 and found[0].score > SURE and _size(found[0]) > 0.2 * max(rgb.shape[:2]):
            break
        pose = _settle(rgb, window)
        if pose and not any(_same(pose, other) for other in found):
            found.append(pose)
    return sorted(found, key=lambda pose: -prominence(pose))


def prominence(pose: Pose) -> float:
    """How much a person matters in the frame: the surer and the larger, the more."""
    return pose.score * _size(pose)


def torso_size(points: Floats) -> float:
    """Length of a person's trunk in pixels, also when it is seen from the side or cut at the waist."""
    shoulders, hips = points[list(SHOULDERS)], points[list(HIPS)]
    return max(float(np.linalg.norm(shoulders.mean(axis=0) - hips.mean(axis=0))),
               1.2 * float(np.linalg.norm(shoulders[0] - shoulders[1])), 1e-3)  # fmt: skip


def _size(pose: Pose) -> float:
    return torso_size(pose.points)


def _settle(rgb: NDArray[np.uint8], window: Window) -> Pose | None:
    height, width = rgb.shape[:2]
    pose = None
    for step in range(SETTLE):
        pose = look(rgb, window)
        window = pose.window
        lost = not 0.08 * min(height, width) < window.side < 6 * max(height, width)
        if lost or pose.score < (0.05 if step == 0 else 0.4):
            return None
    return pose if pose and pose.score > HERE else None


def _same(one: Pose, other: Pose) -> bool:
    apart = float(np.linalg.norm(one.points[list(SHOULDERS)].mean(axis=0) - other.points[list(SHOULDERS)].mean(axis=0)))
    return apart < 0.5 * max(_size(one), _size(other))


def _windows(width: int, height: int, *, thorough: bool) -> Iterator[Window]:
    long, short = max(width, height), min(width, height)
    yield Window(width / 2, height / 2, long)
    yield Window(width / 2, height, 2 * height)  # a bust: the body goes on below the frame
    for share in (1.0, 0.6) if thorough else (1.0,):
        side = share * short
        across = max(1, round(1.6 * width / side) - 1) if width > 1.15 * side else 1
        down = max(1, round(1.6 * height / side) - 1) if height > 1.15 * side else 1
        for y in np.linspace(side / 2, height - side / 2, down) if down > 1 else (height / 2,):
            for x in np.linspace(side / 2, width - side / 2, across) if across > 1 else (width / 2,):
                yield Window(float(x), float(y), side * 1.1)
