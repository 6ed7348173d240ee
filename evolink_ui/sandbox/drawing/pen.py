"""A pen for flat, two-tone illustration on a BGR canvas, anti-aliased by OpenCV with sixteenths of a pixel."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]
"""Blue, green, red, 0 to 255."""
Points = NDArray[np.float64]
"""(n, 2) as x, y in pixels."""

SHIFT: Final = 4
"""OpenCV's fixed point: 4 bits are sixteenths of a pixel."""

ROUND: Final = 18
"""Corners of a half circle."""

LIGHT: Final = np.array([-0.20, -0.16])
"""Where the light comes from, in radii of the lit shape."""


def bgr(hex_rgb: str) -> Colour:
    """`"ff8a4c"` as red, green, blue -> a colour."""
    red, green, blue = (int(hex_rgb[i : i + 2], 16) for i in (0, 2, 4))
    return float(blue), float(green), float(red)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    blue, green, red = (a * (1 - share) + b * share for a, b in zip(one, other, strict=True))
    return blue, green, red


def shade(colour: Colour) -> Colour:
    """The same stuff turned away from the light."""
    return mix(colour, bgr("2b2450"), 0.24)


def ink(colour: Colour) -> Colour:
    """The outline that goes with a colour."""
    return mix(colour, bgr("221a33"), 0.62)


def point(x: float, y: float) -> NDArray[np.float64]:
    """A place in pixels."""
    return np.array([x, y], np.float64)


class Pen:
    """Draws on `canvas`, (height, width, 3) uint8, enlarged `zoom` times; coordinates are those of the small canvas."""

    def __init__(self, canvas: NDArray[np.uint8], zoom: int = 1) -> None:
        self._zoom = zoom
        self.canvas = canvas if zoom == 1 else np.asarray(cv2.resize(canvas, None, fx=zoom, fy=zoom), np.uint8)

    def finished(self) -> NDArray[np.uint8]:
        """The canvas at its own size."""
        if self._zoom == 1:
            return self.canvas
        scale = 1 / self._zoom
        return np.asarray(cv2.resize(self.canvas, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    def fill(self, outline: ArrayLike, colour: Colour) -> None:
        """A polygon in one colour."""
        cv2.fillPoly(self.canvas, [self._fixed(outline)], colour, cv2.LINE_AA, SHIFT)

    def line(self, path: ArrayLike, colour: Colour, width: float, *, closed: bool = False) -> None:
        """A stroke along a path, `width` pixels wide, with round ends."""
        thickness = max(1, round(width * self._zoom))
        cv2.polylines(self.canvas, [self._fixed(path)], closed, colour, thickness, cv2.LINE_AA, SHIFT)

    def blob(self, outline: Points, colour: Colour, *, edge: float = 2.0, lit: float = 0.88) -> None:
        """A shape with an outline and a lit side: the same shape, smaller, moved towards the light."""
        if edge:
            self.line(outline, ink(colour), 2 * edge, closed=True)
        self.fill(outline, shade(colour))
        middle = outline.mean(axis=0)
        radius = float(np.ptp(outline, axis=0).min()) / 2
        self.fill(middle + (outline - middle) * lit + LIGHT * radius * (1 - lit) * 2.5, colour)

    def limb(self, joints: list[Points], radii: list[float], colour: Colour, *, edge: float = 2.0) -> None:
        """A chain of tapered capsules, painted as one."""
        pieces = [
            capsule(a, b, radius_a, radius_b)
            for a, b, radius_a, radius_b in zip(joints[:-1], joints[1:], radii[:-1], radii[1:], strict=True)
        ]
        for piece in pieces:
            self.line(piece, ink(colour), 2 * edge, closed=True)
        for piece in pieces:
            self.fill(piece, shade(colour))
        light = LIGHT * min(radii)
        for a, b, radius_a, radius_b in zip(joints[:-1], joints[1:], radii[:-1], radii[1:], strict=True):
            self.fill(capsule(a + light, b + light, 0.74 * radius_a, 0.74 * radius_b), colour)

    def _fixed(self, points: ArrayLike) -> NDArray[np.int32]:
        return np.round((np.asarray(points, np.float64) + 0.5) * self._zoom * (1 << SHIFT)).astype(np.int32)


def capsule(a: Points, b: Points, radius_a: float, radius_b: float) -> Points:
    """The outline of a tapered stick with round ends."""
    along = np.arctan2(b[1] - a[1], b[0] - a[0])
    half = np.linspace(-np.pi / 2, np.pi / 2, ROUND)
    first, second = along + np.pi + half, along + half
    return np.vstack(
        [
            a + radius_a * np.column_stack([np.cos(first), np.sin(first)]),
            b + radius_b * np.column_stack([np.cos(second), np.sin(second)]),
        ]
    )


def ellipse(middle: Points, radius_x: float, radius_y: float, turn: float = 0.0) -> Points:
    """The outline of an ellipse; `turn` in radians, clockwise on the screen."""
    around = np.linspace(0, 2 * np.pi, 3 * ROUND, endpoint=False)
    flat = np.column_stack([radius_x * np.cos(around), radius_y * np.sin(around)])
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(middle + flat @ np.array([[cos, sin], [-sin, cos]]), np.float64)


def rounded(corners: ArrayLike, steps: int = 8) -> Points:
    """A smooth closed curve through the corners (a uniform cubic that passes through each)."""
    at = np.asarray(corners, np.float64)
    before, after, beyond = np.roll(at, 1, axis=0), np.roll(at, -1, axis=0), np.roll(at, -2, axis=0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    one, two, three, four = (side[:, None] for side in (before, at, after, beyond))
    curve: Points = two + 0.5 * t * (
        three - one + t * (2 * one - 5 * two + 4 * three - four + t * (3 * (two - three) + four - one))
    )
    return np.asarray(curve.reshape(-1, 2), np.float64)
