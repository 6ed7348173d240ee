"""Painting a person around a skeleton."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .dancer import Build, Joints
from .pen import Colour, Pen, Points, bgr, ellipse, mix, point, rounded

SIDES: Final = ("right", "left")


@dataclass(frozen=True)
class Style:
    """How a figure looks. Sizes are in torsos."""

    skin: Colour
    hair: Colour
    top: Colour
    trim: Colour
    """Cuffs, laces, what is printed on the front."""
    trousers: Colour
    shoes: Colour
    sole: Colour
    build: Build = field(default_factory=Build)
    head: float = 0.27
    """Radius of the head."""
    limb: float = 1.0
    """Thickness of the limbs."""
    eyes: float = 1.0
    long_sleeves: bool = True
    hood: bool = False
    ponytail: bool = False
    dungarees: bool = False
    helmet: bool = False
    edge: float = 2.0
    """Outline, pixels."""


@dataclass(frozen=True)
class Axes:
    """A body part's own directions."""

    middle: Points
    right: Points
    """Unit vector towards the viewer's right when upright."""
    up: Points
    size: float

    def at(self, x: float, y: float) -> Points:
        """A place given in the part's own units."""
        return self.middle + self.right * (x * self.size) + self.up * (y * self.size)

    @property
    def turn(self) -> float:
        """Radians, clockwise on the screen."""
        return float(np.arctan2(self.right[1], self.right[0]))


def axes(middle: Points, top: Points, size: float) -> Axes:
    """Axes at `middle` whose up points at `top`."""
    up = (top - middle) / max(1e-6, float(np.linalg.norm(top - middle)))
    return Axes(middle, point(-up[1], up[0]), up, size)


def paint_figure(pen: Pen, joints: Joints, torso_px: float, style: Style, *, blink: bool = False) -> None:
    """Paint the figure from back to front: tail of hair, legs, trunk, head, arms."""
    trunk = axes(joints["hips"], joints["neck"], torso_px)
    head = axes(joints["head"], joints["head"] * 2 - joints["neck"], style.head * torso_px)
    if style.ponytail:
        _ponytail(pen, head, style)
    if style.helmet:
        pack = [trunk.at(x, y) for x, y in ((-0.34, 0.2), (-0.34, 0.95), (0.34, 0.95), (0.34, 0.2))]
        pen.blob(rounded(pack), mix(style.top, bgr("7d86a8"), 0.5), edge=style.edge)
    for side in SIDES:
        _leg(pen, joints, side, torso_px, style)
    _trunk(pen, joints, trunk, style)
    _head(pen, joints, head, trunk, style, blink=blink)
    for side in SIDES:
        _arm(pen, joints, side, torso_px, style)


def _leg(pen: Pen, joints: Joints, side: str, px: float, style: Style) -> None:
    hip, knee, ankle, toe = (joints[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "toe"))
    thick = style.limb * px
    heel = ankle + point(0, 0.05 * px) - 0.25 * (toe - ankle)
    low = point(0, 0.055 * thick)
    pen.limb([heel + low, toe + low], [0.075 * thick, 0.068 * thick], style.sole, edge=style.edge)
    pen.limb([ankle - point(0, 0.02 * px), (heel + 2 * ankle) / 3 + point(0, 0.03 * px), toe],
             [0.10 * thick, 0.112 * thick, 0.082 * thick], style.shoes, edge=style.edge)  # fmt: skip
    pen.limb([hip, knee, ankle], [0.182 * thick, 0.138 * thick, 0.108 * thick], style.trousers, edge=style.edge)
    _cuff(pen, knee, ankle, 0.085 * thick, mix(style.trousers, (255, 255, 255), 0.22), style.edge)


def _arm(pen: Pen, joints: Joints, side: str, px: float, style: Style) -> None:
    shoulder, elbow, wrist = (joints[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    thick = style.limb * px
    along = (wrist - elbow) / max(1e-6, float(np.linalg.norm(wrist - elbow)))
    thumb_side = point(-along[1], along[0]) * (1 if side == "left" else -1)
    hand = style.trim if style.helmet else style.skin
    pen.limb([wrist + along * 0.03 * px, wrist + along * 0.10 * px - thumb_side * 0.11 * thick],
             [0.045 * thick, 0.036 * thick], hand, edge=style.edge * 0.8)  # fmt: skip
    pen.limb([wrist, wrist + along * 0.10 * px, wrist + along * 0.17 * px],
             [0.075 * thick, 0.092 * thick, 0.066 * thick], hand, edge=style.edge * 0.8)  # fmt: skip
    if style.long_sleeves:
        pen.limb([shoulder, elbow, wrist], [0.135 * thick, 0.112 * thick, 0.096 * thick], style.top, edge=style.edge)
        _cuff(pen, elbow, wrist, 0.066 * thick, style.trim, style.edge)
        return
    pen.limb([shoulder, elbow, wrist], [0.115 * thick, 0.094 * thick, 0.072 * thick], style.skin, edge=style.edge)
    pen.limb([shoulder, shoulder * 0.5 + elbow * 0.5], [0.138 * thick, 0.132 * thick], style.top, edge=style.edge)


def _cuff(pen: Pen, above: Points, end: Points, half: float, colour: Colour, edge: float) -> None:
    along = (end - above) / max(1e-6, float(np.linalg.norm(end - above)))
    across = point(-along[1], along[0]) * half
    pen.limb([end - across, end + across], [0.6 * half, 0.6 * half], colour, edge=edge * 0.7)


def _trunk(pen: Pen, joints: Joints, trunk: Axes, style: Style) -> None:
    left, right = joints["left_shoulder"], joints["right_shoulder"]
    hip_left, hip_right = joints["left_hip"], joints["right_hip"]
    across, up, px = trunk.right, trunk.up, trunk.size
    neck = joints["neck"]
    if style.hood:
        pen.blob(
            ellipse(neck + up * 0.07 * px, 0.28 * px, 0.14 * px, trunk.turn), shade_of_hood(style), edge=style.edge
        )
    pen.limb(
        [neck + up * 0.17 * px, neck - up * 0.02 * px], [0.095 * px, 0.11 * px], mix(style.skin, bgr("a0564a"), 0.16)
    )
    # The seat of the trousers joins the legs under whatever is worn above.
    pen.limb([hip_right, hip_left], [0.178 * style.limb * px] * 2, style.trousers, edge=style.edge)
    waist_right = right * 0.28 + hip_right * 0.72 - across * 0.03 * px
    waist_left = left * 0.28 + hip_left * 0.72 + across * 0.03 * px
    outline = [
        right + up * 0.09 * px, neck - across * 0.13 * px + up * 0.07 * px, neck - up * 0.01 * px,
        neck + across * 0.13 * px + up * 0.07 * px, left + up * 0.09 * px, left + across * 0.06 * px - up * 0.06 * px,
        left * 0.78 + hip_left * 0.22 - across * 0.02 * px, waist_left, hip_left + across * 0.19 * px,
        hip_left + across * 0.16 * px - up * 0.10 * px, trunk.at(0, -0.13),
        hip_right - across * 0.16 * px - up * 0.10 * px, hip_right - across * 0.19 * px, waist_right,
        right * 0.78 + hip_right * 0.22 + across * 0.02 * px,
        right - across * 0.06 * px - up * 0.06 * px,
    ]  # fmt: skip
    pen.blob(rounded(outline), style.top, edge=style.edge, lit=0.93)
    if style.dungarees:
        bib = [(-0.20, 0.62), (0.20, 0.62), (0.25, 0.24), (0.27, -0.06), (0, -0.12), (-0.27, -0.06), (-0.25, 0.24)]
        pen.blob(rounded([trunk.at(x, y) for x, y in bib]), style.trousers, edge=style.edge)
        for sign in (-1, 1):
            pen.line([trunk.at(sign * 0.17, 0.58), trunk.at(sign * 0.22, 1.0)], style.trousers, 0.075 * px)
            pen.fill(ellipse(trunk.at(sign * 0.16, 0.57), 0.035 * px, 0.035 * px), style.trim)
        pen.line([trunk.at(-0.10, 0.40), trunk.at(-0.10, 0.24), trunk.at(0.10, 0.24), trunk.at(0.10, 0.40)],
                 mix(style.trousers, (255, 255, 255), 0.35), 0.018 * px)  # fmt: skip
    elif style.helmet:
        pen.blob(rounded([trunk.at(x, y) for x, y in ((-0.17, 0.62), (0.17, 0.62), (0.17, 0.34), (-0.17, 0.34))]),
                 mix(style.top, bgr("8f9ac0"), 0.35), edge=style.edge * 0.8)  # fmt: skip
        for x, colour in ((-0.09, "ff6b6b"), (0.0, "ffd166"), (0.09, "4ecdc4")):
            pen.fill(ellipse(trunk.at(x, 0.48), 0.03 * px, 0.03 * px), bgr(colour))
    else:
        spikes = np.arange(10) * np.pi / 5
        reach = np.where(np.arange(10) % 2, 0.055, 0.125)
        star = [trunk.at(r * np.sin(a), 0.55 + r * np.cos(a)) for r, a in zip(reach, spikes, strict=True)]
        pen.fill(star, style.trim)
        pen.line([trunk.at(-0.28, 0.02), trunk.at(0, -0.02), trunk.at(0.28, 0.02)], shade_of_hood(style), 0.02 * px)


def shade_of_hood(style: Style) -> Colour:
    """The top's colour in its folds."""
    return mix(style.top, bgr("3a1f4d"), 0.28)


def _ponytail(pen: Pen, head: Axes, style: Style) -> None:
    tail = [(0.35, 0.85), (1.05, 0.95), (1.55, 0.35), (1.5, -0.45), (1.2, -0.75), (1.12, -0.1), (0.8, 0.3)]
    pen.blob(rounded([head.at(x, y) for x, y in tail]), style.hair, edge=style.edge)
    pen.fill(ellipse(head.at(0.86, 0.72), 0.17 * head.size, 0.13 * head.size, head.turn - 0.7), style.trim)


def _head(pen: Pen, joints: Joints, head: Axes, trunk: Axes, style: Style, *, blink: bool) -> None:
    radius, turn, edge = head.size, head.turn, style.edge
    if style.helmet:
        pen.blob(ellipse(head.at(0, 0.05), 1.38 * radius, 1.36 * radius, turn), style.top, edge=edge)
        collar = joints["neck"] + trunk.up * 0.05 * trunk.size
        pen.blob(ellipse(collar, 0.25 * trunk.size, 0.08 * trunk.size, trunk.turn), style.trim, edge=edge)
        pen.blob(ellipse(head.at(0, 0), 1.14 * radius, 1.12 * radius, turn), bgr("2b3566"), edge=edge * 0.8)
    pen.blob(
        ellipse(head.at(0, 0.16), 1.06 * radius, 1.06 * radius, turn), style.hair, edge=0 if style.helmet else edge
    )
    if not style.helmet:
        for sign in (-1, 1):
            pen.blob(
                ellipse(head.at(sign * 0.97, -0.10), 0.16 * radius, 0.22 * radius, turn), style.skin, edge=edge * 0.8
            )
    face = [(0, -1.08), (0.55, -0.88), (0.90, -0.38), (0.95, 0.2), (0.6, 0.8), (0, 0.95),
            (-0.6, 0.8), (-0.95, 0.2), (-0.90, -0.38), (-0.55, -0.88)]  # fmt: skip
    pen.blob(rounded([head.at(x, y) for x, y in face]), style.skin, edge=edge * 0.7, lit=0.95)
    fringe = [(-1.04, 0.06), (-1.0, 0.66), (-0.5, 1.14), (0.2, 1.2), (0.8, 0.92), (1.05, 0.4), (1.02, 0.04),
              (0.84, 0.34), (0.5, 0.52), (0.12, 0.50), (-0.2, 0.72), (-0.5, 0.42), (-0.82, 0.34)]  # fmt: skip
    pen.fill(rounded([head.at(x, y) for x, y in fringe]), style.hair)
    pen.line(
        [head.at(-0.55, 0.86), head.at(-0.2, 0.98), head.at(0.2, 1.0)],
        mix(style.hair, (255, 255, 255), 0.25),
        0.07 * radius,
    )
    _features(pen, head, style, blink=blink)
    if style.helmet:
        pen.line([head.at(-0.85, 0.42), head.at(-0.62, 0.74), head.at(-0.3, 0.93)], (255, 255, 255), 0.09 * radius)


def _features(pen: Pen, head: Axes, style: Style, *, blink: bool) -> None:
    radius, turn = head.size, head.turn
    dark, blush = bgr("2f2440"), mix(style.skin, bgr("ff7d7d"), 0.5)
    for sign in (-1, 1):
        x = sign * 0.40
        pen.fill(ellipse(head.at(sign * 0.60, -0.34), 0.15 * radius, 0.09 * radius, turn), blush)
        pen.line(
            [head.at(x - 0.17, 0.30), head.at(x, 0.36), head.at(x + 0.17, 0.30)],
            mix(style.hair, dark, 0.3),
            0.065 * radius,
        )
        if blink:
            pen.line([head.at(x - 0.15, -0.02), head.at(x, -0.08), head.at(x + 0.15, -0.02)], dark, 0.06 * radius)
            continue
        wide, tall = 0.145 * style.eyes * radius, 0.20 * style.eyes * radius
        pen.fill(ellipse(head.at(x, 0.0), 1.25 * wide, 1.15 * tall, turn), (255, 255, 255))
        pen.line([head.at(x + sign * 0.19 * style.eyes, 0.06), head.at(x + sign * 0.1, 0.21 * style.eyes),
                  head.at(x - sign * 0.14, 0.2 * style.eyes)], dark, 0.055 * radius)  # fmt: skip
        pen.fill(ellipse(head.at(x, -0.01), 0.82 * wide, 0.9 * tall, turn), dark)
        pen.fill(ellipse(head.at(x - 0.04, 0.07), 0.05 * radius, 0.06 * radius, turn), (255, 255, 255))
    pen.line(
        [head.at(-0.05, -0.27), head.at(0.02, -0.33), head.at(0.09, -0.28)],
        mix(style.skin, bgr("8c3f3a"), 0.55),
        0.05 * radius,
    )
    mouth = [(-0.27, -0.48), (0, -0.54), (0.27, -0.48), (0.16, -0.70), (0, -0.75), (-0.16, -0.70)]
    pen.fill(rounded([head.at(x, y) for x, y in mouth]), bgr("7d2b3a"))
    pen.line([head.at(-0.2, -0.525), head.at(0, -0.565), head.at(0.2, -0.525)], (250, 252, 255), 0.07 * radius)
