"""The shadow on the ground: taken off the picture with the person, and laid under their feet in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats, smoothstep
from .fill import spread

SIDES: Final = 0.5
"""Trunk lengths to the left and right of the feet in which a shadow is looked for."""

ABOVE: Final = 0.06
BELOW: Final = 0.42
"""The same above and below the ankles."""

STRIP: Final = 0.16
"""Trunk lengths beside the zone that tell how bright the ground is without a shadow."""

FAINT: Final = 0.05
"""Darkening that may as well be the ground's own pattern."""

DARKEST: Final = 0.35
LEAST_AREA: Final = 0.05
"""Squared trunk lengths that must be visibly darker."""

LEAST_BLEND: Final = 0.25
"""Share of the shadow's width over which one foot's half goes over into the other's, however close the feet are."""

OWN_DARKNESS: Final = 0.22
"""Darkening of the shadow that a cut-out gets, which brings none."""


@dataclass(frozen=True)
class Shadow:
    """How much light is left on the ground, as a patch under the feet."""

    light: NDArray[np.float32]
    """(height, width), 0 to 1; 1 along its border."""
    left: int
    top: int
    ankles: Floats
    """(2, 2): left and right ankle of the person that it belongs to."""

    def lay(self, frame: NDArray[np.uint8], shifts: Floats) -> None:
        """Darken the ground of a frame, in place.

        Args:
            frame: (height, width, 3).
            shifts: (2, 2), pixels that the left and the right foot have moved on the ground. Each takes its half along.
        """
        height, width = self.light.shape
        (low_x, low_y), (high_x, high_y) = np.floor(shifts.min(axis=0)), np.ceil(shifts.max(axis=0))
        left, right = max(0, self.left + int(low_x)), min(frame.shape[1], self.left + width + int(high_x))
        top, bottom = max(0, self.top + int(low_y)), min(frame.shape[0], self.top + height + int(high_y))
        if left >= right or top >= bottom:
            return
        light = None
        for half, (x, y) in zip(self._halves, shifts.tolist(), strict=True):
            matrix = np.array([[1.0, 0.0, self.left + x - left], [0.0, 1.0, self.top + y - top]])
            at = cv2.warpAffine(half, matrix, (right - left, bottom - top), borderValue=(255,))
            light = at if light is None else cv2.multiply(light, at, scale=1 / 255)
        assert light is not None  # noqa: S101  a person has two feet
        box = frame[top:bottom, left:right]
        cv2.multiply(box, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), dst=box, scale=1 / 255)

    @cached_property
    def _halves(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What is each foot's, 0 to 255; multiplied they are `light`."""
        (left_x, _), (right_x, _) = (self.ankles - [self.left, self.top]).tolist()
        across = np.arange(self.light.shape[1]) - (left_x + right_x) / 2
        apart = right_x - left_x
        blend = max(abs(apart), LEAST_BLEND * self.light.shape[1])
        share = smoothstep(across * (1 if apart > 0 else -1) / blend + 0.5)
        halves = (self.light ** (1 - share), self.light**share)
        one, other = (np.asarray(np.round(half * 255), np.uint8) for half in halves)
        return one, other


def find_shadow(bgr: NDArray[np.uint8], alpha: NDArray[np.float32], ankles: Floats, torso: float) -> Shadow | None:
    """The shadow that the person throws on the ground around their feet; None when there is none to be seen.

    Args:
        bgr: (height, width, 3), the picture.
        alpha: (height, width), the person's matte.
        ankles: (2, 2), both ankles.
        torso: length of the trunk, pixels.
    """
    left, top, right, bottom = _zone(bgr.shape, ankles, torso)
    strip = max(2, round(STRIP * torso))
    if left - strip < 0 or right + strip > bgr.shape[1] or bottom - top < 0.15 * torso:
        return None
    wide = np.s_[top:bottom, left - strip : right + strip]
    bright = cv2.cvtColor(bgr[wide], cv2.COLOR_BGR2GRAY).astype(np.float32) + 1
    clear = (cv2.dilate((alpha[wide] > 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0).astype(np.float32)
    expected = _ground(bright, clear, strip)
    inner = np.s_[:, strip:-strip]
    left_over = spread((bright / expected)[inner][..., None], clear[inner])[..., 0]
    ratio = cv2.GaussianBlur(cv2.medianBlur(left_over, 5), (0, 0), 0.025 * torso)
    dark = np.clip(1 - np.asarray(ratio, np.float64), 0, 1 - DARKEST)
    dark = dark * smoothstep((dark - FAINT) / FAINT) * _towards_border(dark.shape, 0.12 * torso)
    visible = float(((dark > 2 * FAINT) & (clear[inner] > 0)).sum())
    if visible < LEAST_AREA * torso**2:
        return None
    return Shadow((1 - dark).astype(np.float32), left, top, ankles)


def own_shadow(shape: tuple[int, ...], ankles: Floats, torso: float) -> Shadow:
    """A soft shadow for a figure that came without a ground."""
    left, top, right, bottom = _zone(shape, ankles, torso)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    middle = ankles.mean(axis=0) + np.array([0, 0.15 * torso])
    half = 0.5 * abs(float(ankles[0, 0] - ankles[1, 0])) + 0.25 * torso
    far = ((x - middle[0]) / half) ** 2 + ((y - middle[1]) / (0.09 * torso)) ** 2
    dark = OWN_DARKNESS * np.exp(-(far**1.5)) * _towards_border(far.shape, 0.1 * torso)
    return Shadow((1 - dark).astype(np.float32), left, top, ankles)


def lift(bgr: NDArray[np.uint8], shadow: Shadow) -> NDArray[np.uint8]:
    """The picture with the shadow taken off; the ground's pattern stays."""
    out = bgr.copy()
    height, width = shadow.light.shape
    box = out[shadow.top : shadow.top + height, shadow.left : shadow.left + width]
    box[:] = np.clip(box / shadow.light[..., None], 0, 255).astype(np.uint8)
    return out


def _zone(shape: tuple[int, ...], ankles: Floats, torso: float) -> tuple[int, int, int, int]:
    low, high = ankles.min(axis=0), ankles.max(axis=0)
    left, right = low[0] - SIDES * torso, high[0] + SIDES * torso
    top, bottom = low[1] - ABOVE * torso, high[1] + BELOW * torso
    return max(0, round(left)), max(0, round(top)), min(shape[1], round(right)), min(shape[0], round(bottom))


def _ground(bright: NDArray[np.float32], clear: NDArray[np.float32], strip: int) -> NDArray[np.float32]:
    """Brightness of each row without the shadow, from the strips on both sides."""
    ends = []
    for side in (np.s_[:, :strip], np.s_[:, -strip:]):
        weight = clear[side] + 1e-3
        row = (bright[side] * weight).sum(axis=1) / weight.sum(axis=1)
        ends.append(cv2.GaussianBlur(row[:, None].astype(np.float32), (1, 0), sigmaX=0.1, sigmaY=max(1.0, strip / 6)))
    share = np.linspace(0, 1, bright.shape[1], dtype=np.float32)[None]
    return np.asarray(ends[0] * (1 - share) + ends[1] * share, np.float32)


def _towards_border(shape: tuple[int, ...], margin: float) -> Floats:
    """1 inside, 0 along the border of a patch."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    edge = np.minimum(np.minimum(x, shape[1] - 1 - x), np.minimum(y, shape[0] - 1 - y))
    return smoothstep(edge / max(1.0, margin))
