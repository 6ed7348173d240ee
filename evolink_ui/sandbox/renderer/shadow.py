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

OWN_DARKNESS: Final = 0.22
"""Darkening of the shadow that a cut-out gets, which brings none."""


@dataclass(frozen=True)
class Shadow:
    """How much light is left on the ground, as a patch under the feet."""

    light: NDArray[np.float32]
    """(height, width), 0 to 1; 1 along its border."""
    left: int
    top: int
    feet: Floats
    """(2,): the middle of the feet that it belongs to."""
    stance: float
    """Distance of the feet, pixels."""

    def lay(self, frame: NDArray[np.uint8], feet: Floats, stance: float) -> None:
        """Darken the ground of a frame, in place, for feet that now stand here, so far apart."""
        height, width = self.light.shape
        # Half of a shadow is the body's: it doesn't spread as far as the feet do.
        wider = float(np.clip((stance + 0.5 * width) / (self.stance + 0.5 * width), 0.75, 1.5))
        middle = self.feet - np.array([self.left, self.top])
        low_x, high_x = feet[0] - wider * middle[0], feet[0] + wider * (width - middle[0])
        top = self.top + round(float(feet[1] - self.feet[1]))
        left, right = max(0, int(np.floor(low_x))), min(frame.shape[1], int(np.ceil(high_x)))
        first, last = max(0, top), min(frame.shape[0], top + height)
        if left >= right or first >= last:
            return
        matrix = np.array([[wider, 0, low_x - left], [0, 1, top - first]])
        size = (right - left, last - first)
        light = cv2.warpAffine(self._bytes, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,))
        box = frame[first:last, left:right]
        cv2.multiply(box, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), dst=box, scale=1 / 255)

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        """`light`, 0 to 255: what frames are multiplied with."""
        return np.asarray(np.round(self.light * 255), np.uint8)


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
    return Shadow((1 - dark).astype(np.float32), left, top, ankles.mean(axis=0), _apart(ankles))


def own_shadow(shape: tuple[int, ...], ankles: Floats, torso: float) -> Shadow:
    """A soft shadow for a figure that came without a ground."""
    left, top, right, bottom = _zone(shape, ankles, torso)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    middle = ankles.mean(axis=0) + np.array([0, 0.15 * torso])
    half = 0.5 * _apart(ankles) + 0.25 * torso
    far = ((x - middle[0]) / half) ** 2 + ((y - middle[1]) / (0.09 * torso)) ** 2
    dark = OWN_DARKNESS * np.exp(-(far**1.5)) * _towards_border(far.shape, 0.1 * torso)
    return Shadow((1 - dark).astype(np.float32), left, top, ankles.mean(axis=0), _apart(ankles))


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


def _apart(ankles: Floats) -> float:
    return float(abs(ankles[0, 0] - ankles[1, 0]))
