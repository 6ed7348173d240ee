"""What is behind the figures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .pen import Colour, Pen, bgr, ellipse, mix, point, rounded


def gradient(width: int, height: int, top: Colour, bottom: Colour, glow: Colour | None = None) -> NDArray[np.uint8]:
    """A vertical gradient, (height, width, 3), with a soft light in the middle if a glow is given."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = np.array(top, np.float32) * (1 - down) + np.array(bottom, np.float32) * down
    canvas = np.broadcast_to(canvas, (height, width, 3))
    if glow:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        far = ((x / width - 0.5) / 0.5) ** 2 + ((y / height - 0.42) / 0.42) ** 2
        light = 0.8 * np.exp(-far)[..., None]
        canvas = canvas * (1 - light) + np.array(glow, np.float32) * light
    # A trace of grain hides the bands that 8 bits and H.264 would draw into a smooth gradient.
    grain = np.random.default_rng(7).normal(0, 0.8, (height, width, 1))
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def cast_shadow(canvas: NDArray[np.uint8], x: float, y: float, half_width: float, half_height: float) -> None:
    """Darken the floor under a figure, in place."""
    height, width = canvas.shape[:2]
    reach = 3 * half_height
    left, right = max(0, int(x - half_width - reach)), min(width, int(x + half_width + reach))
    top, bottom = max(0, int(y - half_height - reach)), min(height, int(y + half_height + reach))
    if left >= right or top >= bottom:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    Pen(mask).fill(ellipse(point(x - left, y - top), half_width, half_height), (255, 255, 255))
    soft = cv2.GaussianBlur(mask, (0, 0), 0.55 * half_height).astype(np.uint16)[..., None]
    box = canvas[top:bottom, left:right]
    # At most 35 % darker: 90 / 255.
    box[:] = box - (box * soft.astype(np.uint32) * 90 // 65025).astype(np.uint8)


def meadow(width: int, height: int) -> NDArray[np.uint8]:
    """A summer meadow with hills, clouds and a sun."""
    pen = Pen(gradient(width, height, bgr("6cc6ea"), bgr("fdf1d8"), bgr("e8f9ff")), 2)
    pen.fill(ellipse(point(0.82 * width, 0.10 * height), 0.10 * width, 0.10 * width), bgr("ffe3a3"))
    pen.fill(ellipse(point(0.82 * width, 0.10 * height), 0.075 * width, 0.075 * width), bgr("ffc95e"))
    for x, y, size in ((0.20, 0.13, 1.0), (0.72, 0.27, 0.8)):
        for dx, dy, radius in ((-0.08, 0.012, 0.05), (0, 0, 0.072), (0.085, 0.014, 0.048), (0.02, 0.02, 0.06)):
            middle = point((x + dx * size) * width, y * height + dy * width)
            pen.fill(ellipse(middle, 1.35 * radius * size * width, 0.85 * radius * size * width), (255, 255, 255))
    for x, y, radius_x, radius_y, colour in (
        (0.10, 0.99, 0.66, 0.27, "a9dc9f"), (0.95, 1.0, 0.62, 0.24, "8dd09c"), (0.5, 1.10, 1.15, 0.27, "76be7c"),
    ):  # fmt: skip
        pen.fill(ellipse(point(x * width, y * height), radius_x * width, radius_y * height), bgr(colour))
    random = np.random.default_rng(5)
    for _ in range(34):
        at = point(random.uniform(0, width), random.uniform(0.89, 0.99) * height)
        petal = bgr(("ffffff", "ffd166", "ff9aa2", "c5b3ff")[int(random.integers(4))])
        for turn in range(5):
            angle = turn * 2 * np.pi / 5
            pen.fill(
                ellipse(at + 0.006 * width * point(np.cos(angle), np.sin(angle)), 0.0055 * width, 0.0055 * width), petal
            )
        pen.fill(ellipse(at, 0.0045 * width, 0.0045 * width), bgr("f7b32b"))
    return pen.finished()


def moon(width: int, height: int) -> NDArray[np.uint8]:
    """A moon landscape with stars and a planet."""
    pen = Pen(gradient(width, height, bgr("1b1b45"), bgr("58488f"), bgr("4a3f86")), 2)
    random = np.random.default_rng(11)
    for _ in range(120):
        size = float(random.uniform(0.6, 2.2))
        pen.fill(ellipse(point(random.uniform(0, width), random.uniform(0, 0.8) * height), size, size), bgr("fff6dd"))
    planet = point(0.20 * width, 0.17 * height)
    pen.fill(ellipse(planet, 0.11 * width, 0.11 * width), bgr("d9683f"))
    pen.fill(ellipse(planet - 0.012 * width, 0.093 * width, 0.093 * width), bgr("f39c5c"))
    pen.line(ellipse(planet, 0.19 * width, 0.045 * width, -0.35), bgr("ffe0b0"), 0.012 * width, closed=True)
    ground = [(-0.1, 0.86), (0.2, 0.80), (0.5, 0.825), (0.8, 0.795), (1.1, 0.85), (1.1, 1.2), (-0.1, 1.2)]
    pen.fill(rounded([(x * width, y * height) for x, y in ground]), bgr("b9b4d6"))
    for x, y, size in ((0.12, 0.92, 0.07), (0.86, 0.90, 0.09), (0.62, 0.975, 0.06), (0.34, 0.985, 0.045)):
        pen.fill(ellipse(point(x * width, y * height), size * width, 0.32 * size * width), bgr("938db8"))
        pen.fill(
            ellipse(point(x * width, y * height + 0.012 * width), 0.86 * size * width, 0.24 * size * width),
            bgr("a59fc8"),
        )
    return pen.finished()


def studio(width: int, height: int, wall: Colour, floor: Colour) -> NDArray[np.uint8]:
    """A quiet studio: lit wall, soft edge, floor."""
    canvas = gradient(width, height, mix(wall, (0, 0, 0), 0.10), wall, mix(wall, (255, 255, 255), 0.55))
    edge = round(0.80 * height)
    canvas[edge:] = gradient(width, height - edge, floor, mix(floor, (255, 255, 255), 0.14))
    band = canvas[edge - 24 : edge + 24]
    band[:] = cv2.GaussianBlur(canvas, (0, 0), 7)[edge - 24 : edge + 24]
    return canvas
