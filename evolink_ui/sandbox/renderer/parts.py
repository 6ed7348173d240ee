"""The puppet's parts: a person's matte divided into trunk with head, arms and legs.

Cuts follow the bones, not the picture's edges: a pixel belongs to the part whose bone is nearest in units of that
part's thickness. So a cut is a clean curve also where cloth has no edge, and a raised arm leaves no notch. Lower parts
go on under upper ones, in their own colours: trunk under arms, legs under the trunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .compositor import Layer, make_layer
from .curves import Floats
from .fill import spread
from .flow_actor import extend_over_border
from .matte import disc
from .plane import across, distance_to_path, unit
from .skeleton import HEAD, HIPS, LEFT_EAR, RIGHT_EAR, SHOULDERS, is_arm

WORK_PX: Final = 480
"""Long side on which parts are told apart."""

Grid = NDArray[np.float64]
Mask = NDArray[np.float32]

ARM_THICKNESS: Final = (0.07, 0.16)
LEG_THICKNESS: Final = (0.10, 0.24)
"""Bounds of half a limb's width, in trunk lengths."""

PURE: Final = 0.4
"""Where less of a rim pixel is the person's, its colour is taken from further inside."""

SLIVER: Final = 0.055
"""Half the width, in trunk lengths, below which a piece of the trunk beside a limb is given to the limb."""

IN_FRONT: Final = 0.85
"""An arm's distance counts less than a leg's: hands rest on thighs, not the other way round."""


@dataclass(frozen=True)
class Parts:
    """Layers of one person."""

    trunk: Layer | None
    """With the head."""
    limbs: dict[str, Layer]
    seat: Layer | None
    """Between the legs and under them; None without legs of their own."""
    thickness: dict[str, float]
    """Half the width of each limb at its root, in picture pixels."""


def divide(
    bgr: NDArray[np.uint8],
    alpha: Mask,
    backdrop: NDArray[np.uint8] | None,
    points: Floats,
    limbs: dict[str, tuple[int, ...]],
    torso: float,
) -> Parts:
    """Cut the person into layers.

    Args:
        bgr: (height, width, 3), the picture.
        alpha: (height, width), the person's matte.
        backdrop: (height, width, 3), what is mixed into the person's rim; None when `bgr` has pure colours.
        points: (33, 2), landmarks in the picture.
        limbs: those that move by themselves, with their joints; the others stay with the trunk.
        torso: length of the trunk in pixels.
    """
    scale = WORK_PX / max(alpha.shape)
    small = np.asarray(cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    body = _Body(small, points * scale, limbs, torso * scale)
    own_colours = _clean_rim(bgr, alpha, backdrop)
    layers: dict[str, Layer] = {}
    for name in ("trunk", *limbs):
        shown, hidden = body.region(name)
        colours = own_colours
        if hidden.any():
            colours = _continued(own_colours, shown, hidden, scale)
        mask = cv2.resize(np.maximum(shown, hidden), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR) * alpha
        layer = make_layer(colours, np.asarray(mask, np.float32))
        if layer:
            layers[name] = extend_over_border(layer, alpha.shape[1], alpha.shape[0]) if name == "trunk" else layer
    thickness = {name: radius / scale for name, radius in body.thickness.items()}
    seat = _seat(own_colours, body, scale) if body.seat is not None else None
    return Parts(layers.pop("trunk", None), layers, seat, thickness)


def _seat(bgr: NDArray[np.uint8], body: _Body, scale: float) -> Layer | None:
    """What closes the gap that opens between spread legs: the colours of the legs on a rounded bar."""
    assert body.seat is not None  # noqa: S101  asked by the caller
    legs = np.maximum.reduce([body.region(name)[0] for name in body.names if name.endswith("leg")])
    colours = _continued(bgr, legs, body.seat, scale)
    mask = cv2.resize(body.seat, bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return make_layer(colours, np.asarray(mask, np.float32))


class _Body:
    """Distances from every pixel of the small matte to every part."""

    def __init__(self, alpha: Mask, points: Floats, limbs: dict[str, tuple[int, ...]], torso: float) -> None:
        self._alpha, self._points, self._limbs, self._torso = alpha, points, limbs, torso
        height, width = alpha.shape
        self._grid: Grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        self._depth = self._depths()
        self.thickness = {name: self._measure(name, 0) for name in limbs}
        inside = (alpha > 0.5).astype(np.uint8)
        polygon = np.zeros(alpha.shape, np.uint8)
        cv2.fillPoly(polygon, [np.round(self._trunk_outline()).astype(np.int32)], 1)
        self._head = self._head_region()
        self._polygon = polygon | self._head
        outside = cv2.distanceTransform(1 - self._polygon, cv2.DIST_L2, 3)
        self.names = ["trunk", *limbs]
        scores = [np.asarray(1.0 + outside / (0.10 * torso), np.float32)]
        for name in limbs:
            score = self._distance(name)
            # The trunk hangs over the legs; it keeps whatever lies inside its outline.
            score = score * IN_FRONT if is_arm(name) else np.where(self._polygon > 0, 9.0, score)
            scores.append(np.asarray(score, np.float32))
        winner = np.argmin(np.stack(scores), axis=0)
        self._labels = np.where(inside > 0, winner, -1)
        self._drop_islands()
        self._trim_trunk(np.stack(scores))
        self.seat = self._seat() if {"left_leg", "right_leg"} <= limbs.keys() else None

    def region(self, name: str) -> tuple[Mask, Mask]:
        """Where a part is seen, and where it goes on unseen below others; (height, width), 0 to 1."""
        number = self.names.index(name)
        # Outside the matte a part goes on too: its rim is cut by the matte alone.
        mine = self._grown(number)
        shown = np.asarray(cv2.GaussianBlur(mine.astype(np.float32), (0, 0), 0.8), np.float32)
        if name == "trunk":
            # The shoulders are the picture's own in both layers: an arm may also be drawn behind the trunk.
            for limb in self._limbs:
                if is_arm(limb):
                    root = self._points[self._limbs[limb][0]]
                    shown = np.maximum(shown, self._disc(root, self.thickness[limb]))
        below = self._below(name)
        return shown, np.asarray(np.maximum(below, shown) - shown, np.float32)

    def _below(self, name: str) -> Mask:
        """Where a part must have something to show when the part above it moves away."""
        if name == "trunk":
            return self._polygon.astype(np.float32)
        root, next_joint = self._points[list(self._limbs[name][:2])]
        radius = self.thickness[name]
        if is_arm(name):
            return self._disc(root, 1.08 * radius)
        return self._stick(root, next_joint, 0.4, 0.97 * radius)

    def _seat(self) -> Mask:
        """A bar from hip to hip that ends where the legs part."""
        left, right = (self._points[self._limbs[name][0]] for name in ("left_leg", "right_leg"))
        middle, up = (left + right) / 2, unit(self._points[list(SHOULDERS)].mean(axis=0) - (left + right) / 2)
        thick = 0.9 * min(self.thickness["left_leg"], self.thickness["right_leg"])
        low = self._crotch_depth(middle, -up) + 0.02 * self._torso
        down = max(0.0, low - thick)
        return self._stick(left - down * up, right - down * up, 1.0, min(thick, low))

    def _disc(self, middle: Floats, radius: float) -> Mask:
        far = np.linalg.norm(self._grid - middle, axis=-1)
        return np.asarray(np.clip(radius - far + 0.5, 0, 1), np.float32)

    def _stick(self, a: Floats, b: Floats, share: float, radius: float) -> Mask:
        far = distance_to_path(self._grid, np.stack([a, a + share * (b - a)]))
        return np.asarray(np.clip(radius - far + 0.5, 0, 1), np.float32)

    def _grown(self, number: int) -> NDArray[np.bool_]:
        known = self._labels >= 0
        _, nearest = cv2.distanceTransformWithLabels(
            (~known).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
        )
        table = np.zeros(int(nearest.max()) + 1, np.intp)
        table[nearest[known]] = self._labels[known]
        return np.asarray(table[nearest] == number, np.bool_)

    def _drop_islands(self) -> None:
        """A limb is one piece around its bones; what is cut off from it goes to the trunk."""
        for number, name in enumerate(self.names):
            if number == 0:
                continue
            count, pieces, stats, _ = cv2.connectedComponentsWithStats((self._labels == number).astype(np.uint8))
            if count > 2:
                largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
                near = self._distance(name) < 1.3
                self._labels[(pieces > 0) & (pieces != largest) & ~near] = 0

    def _trim_trunk(self, scores: NDArray[np.float32]) -> None:
        """Thin slivers of the trunk along a limb belong to the limb: they would stay behind as spikes."""
        trunk = self._labels == 0
        whole = trunk.astype(np.float32)
        for limb in self._limbs:
            if is_arm(limb):
                whole = np.maximum(whole, self._disc(self._points[self._limbs[limb][0]], self.thickness[limb]))
        opened = cv2.morphologyEx((whole > 0.5).astype(np.uint8), cv2.MORPH_OPEN, disc(SLIVER * self._torso)) > 0
        nearest = 1 + np.argmin(scores[1:], axis=0) if len(scores) > 1 else np.zeros_like(self._labels)
        beside = np.min(scores[1:], axis=0) < 2.2 if len(scores) > 1 else np.zeros_like(trunk)
        lost = trunk & ~opened & beside & (self._head == 0)
        self._labels[lost] = nearest[lost]

    def _distance(self, name: str) -> NDArray[np.float32]:
        """From every pixel to a limb's bones, in half widths of each bone."""
        path = self._path(name)
        first = distance_to_path(self._grid, path[:2]) / self.thickness[name]
        rest = distance_to_path(self._grid, path[1:]) / self._measure(name, 1)
        return np.asarray(np.minimum(first, rest), np.float32)

    def _path(self, name: str) -> Floats:
        joints = self._points[list(self._limbs[name])]
        tip = joints[-1] + 0.25 * (joints[-1] - joints[-2])
        return np.vstack([joints, tip])

    def _depths(self) -> NDArray[np.float32]:
        """How far every pixel is inside the matte."""
        solid = np.pad((self._alpha > 0.5).astype(np.uint8), 1)
        depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)[1:-1, 1:-1]
        # A landmark may lie beside the bone: the deepest place nearby counts.
        side = 2 * max(1, round(0.05 * self._torso)) + 1
        return np.asarray(cv2.dilate(depth, np.ones((side, side), np.uint8)), np.float32)

    def _measure(self, name: str, bone: int) -> float:
        """Half the width of a bone's limb: how far the bone is inside the matte, typically."""
        a, b = self._points[list(self._limbs[name][bone : bone + 2])]
        limit = np.array(self._alpha.shape[::-1]) - 1
        at = np.clip(np.round(a + np.linspace(0.3, 0.85, 12)[:, None] * (b - a)), 0, limit).astype(int)
        low, high = ARM_THICKNESS if is_arm(name) else LEG_THICKNESS
        inside = float(np.percentile(self._depth[at[:, 1], at[:, 0]], 55))
        return float(np.clip(inside, low * self._torso, high * self._torso))

    def _trunk_outline(self) -> Floats:
        """Shoulders, sides, and below the hips a wedge down to the crotch."""
        points, torso = self._points, self._torso
        shoulders, hips = points[list(SHOULDERS)], points[list(HIPS)]
        up = unit(shoulders.mean(axis=0) - hips.mean(axis=0))
        # The person's left, seen on the screen; `across` of up points to the viewer's right.
        sideways = across(up) * (1.0 if (shoulders[0] - shoulders[1]) @ across(up) > 0 else -1.0)
        left_leg, right_leg = (self.thickness.get(name, 0.13 * torso) for name in ("left_leg", "right_leg"))
        middle = hips.mean(axis=0)
        crotch = middle - up * self._crotch_depth(middle, -up)
        left_side, right_side = (self._half_width(middle, shoulders.mean(axis=0), way) for way in (sideways, -sideways))
        return np.array(
            [
                shoulders[0] + 0.06 * torso * up,
                shoulders[0] - 0.03 * torso * sideways,
                *(middle + share * (shoulders.mean(axis=0) - middle) + left_side * sideways for share in (0.65, 0.3)),
                hips[0] + sideways * 1.15 * left_leg + 0.10 * torso * up,
                hips[0] + sideways * 1.15 * left_leg - 0.03 * torso * up,
                crotch + 0.25 * left_leg * sideways,
                crotch - 0.25 * right_leg * sideways,
                hips[1] - sideways * 1.15 * right_leg - 0.03 * torso * up,
                hips[1] - sideways * 1.15 * right_leg + 0.10 * torso * up,
                *(middle + share * (shoulders.mean(axis=0) - middle) - right_side * sideways for share in (0.3, 0.65)),
                shoulders[1] + 0.03 * torso * sideways,
                shoulders[1] + 0.06 * torso * up,
            ]
        )

    def _half_width(self, hips: Floats, shoulders: Floats, way: Floats) -> float:
        """From the spine to the side of the trunk: where the matte ends or an arm begins, at typical height."""
        limit = np.array(self._alpha.shape[::-1]) - 1
        half = 0.5 * float(np.linalg.norm(self._points[SHOULDERS[0]] - self._points[SHOULDERS[1]]))
        steps = np.arange(0.1 * self._torso, max(0.2 * self._torso, 1.05 * half))
        found = []
        for share in np.linspace(0.25, 0.7, 10):
            at = np.clip(np.round(hips + share * (shoulders - hips) + steps[:, None] * way), 0, limit).astype(int)
            outside = self._alpha[at[:, 1], at[:, 0]] < 0.5
            for name in self._limbs:
                if is_arm(name):
                    path = self._points[list(self._limbs[name][:3])]
                    outside |= distance_to_path(at.astype(np.float64), path) < self.thickness[name]
            found.append(float(steps[int(np.argmax(outside))] if outside.any() else steps[-1]))
        return float(np.median(found))

    def _crotch_depth(self, middle: Floats, down: Floats) -> float:
        """How far below the hips the legs part; a guess when they don't."""
        limit = np.array(self._alpha.shape[::-1]) - 1
        for depth in np.arange(0.08, 0.5, 0.01) * self._torso:
            x, y = np.clip(np.round(middle + depth * down), 0, limit).astype(int)
            if self._alpha[y, x] < 0.5:
                return float(depth)
        return 0.22 * self._torso

    def _head_region(self) -> NDArray[np.uint8]:
        points, torso = self._points, self._torso
        head, neck = points[HEAD].mean(axis=0), points[list(SHOULDERS)].mean(axis=0)
        radius = max(0.75 * float(np.linalg.norm(points[LEFT_EAR] - points[RIGHT_EAR])), 0.2 * torso)
        region = np.zeros(self._alpha.shape, np.uint8)
        cv2.circle(region, (round(float(head[0])), round(float(head[1]))), round(1.15 * radius), 1, -1)
        ends = np.round(np.stack([head, neck])).astype(np.int32)
        cv2.polylines(region, [ends], False, 1, max(2, round(0.9 * radius)))
        return region


def _clean_rim(bgr: NDArray[np.uint8], alpha: Mask, backdrop: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The person's own colours also where the rim is mixed with the background."""
    left, top, width, height = cv2.boundingRect((alpha > 0.01).astype(np.uint8))
    box = np.s_[top : top + height, left : left + width]
    if not width or not (alpha > PURE).any():
        return bgr
    share, mixed = alpha[box][..., None], bgr[box].astype(np.float32)
    own = mixed
    if backdrop is not None:
        unmixed = (mixed - (1 - share) * backdrop[box]) / np.maximum(share, PURE)
        own = np.where(share < 0.99, np.clip(unmixed, 0, 255), mixed).astype(np.float32)
    out = bgr.copy()
    out[box] = np.clip(spread(own, (alpha[box] > PURE).astype(np.float32)), 0, 255).astype(np.uint8)
    return out


def _continued(bgr: NDArray[np.uint8], shown: Mask, hidden: Mask, scale: float) -> NDArray[np.uint8]:
    """A part's colours carried on to where it is hidden, (height, width, 3)."""
    height, width = bgr.shape[:2]
    small = cv2.resize(bgr, shown.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    # Outlines and shadows run along the cut; the colours further inside are the part's own.
    for width_px in (9, 5, 3, 1):
        seen = cv2.erode((shown > 0.9).astype(np.uint8), np.ones((width_px, width_px), np.uint8)).astype(np.float32)
        if float(seen.sum()) > 0.3 * float((shown > 0.9).sum()):
            break
    if not seen.any():
        return bgr
    carried = spread(small, seen)
    full = cv2.resize(carried, (width, height), interpolation=cv2.INTER_LINEAR)
    amount = cv2.GaussianBlur(hidden, (0, 0), 0.7)
    share = cv2.resize(amount, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.clip(bgr * (1 - share) + full * share, 0, 255).astype(np.uint8)
