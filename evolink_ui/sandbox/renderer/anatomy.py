"""Which pixel of a person belongs to which part of the body.

Cuts follow the bones, not the picture's edges: a pixel belongs to the part whose bone is nearest in units of that
part's thickness. So a cut is a clean curve also where cloth has no edge, and a raised arm leaves no notch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .matte import disc
from .plane import across, distance_to_path, unit
from .skeleton import HEAD, HIPS, LEFT_EAR, RIGHT_EAR, SHOULDERS, is_arm

Grid = NDArray[np.float32]
Mask = NDArray[np.float32]

ARM_THICKNESS: Final = (0.07, 0.16)
LEG_THICKNESS: Final = (0.10, 0.24)
"""Bounds of half a limb's width, in trunk lengths."""

SLIVER: Final = 0.055
"""Half the width, in trunk lengths, below which a piece of the trunk beside a limb is given to the limb."""

IN_ARMPIT: Final = 1.15
"""Half widths of an upper arm from its bone, on the trunk's side, beyond which a pixel is never the arm's."""

ENOUGH_FREE: Final = 4
"""Places, of eleven, at which an upper arm must be seen apart from the trunk to tell where its edge runs."""

OUTSIDE: Final = -1
"""Label of a pixel outside the matte."""
NOBODY: Final = -2
"""Label of a pixel inside it that no part shows."""

TIP: Final = 0.3
"""Trunk lengths that hands and feet go on beyond their last joint."""

IN_FRONT: Final = 0.85
"""An arm's distance counts less than a leg's: hands rest on thighs, not the other way round."""


class Anatomy:
    """Distances from every pixel of the small matte to every part."""

    def __init__(self, alpha: Mask, points: Floats, limbs: dict[str, tuple[int, ...]], torso: float) -> None:
        self._alpha, self._points, self._limbs, self._torso = alpha, points, limbs, torso
        height, width = alpha.shape
        # Planes of x and of y, seen as points: so each of them lies in one piece.
        planes = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
        self._grid: Grid = np.moveaxis(planes, 0, -1)
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
        self._labels = np.where(inside > 0, winner, OUTSIDE)
        self._drop_islands()
        self._trim_trunk(np.stack(scores))
        self._tidy_arms()
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

    def reach(self, name: str, mask: Mask) -> float:
        """How far what is seen of a limb, (height, width), goes from its bones."""
        seen = (mask > 0) & (self._alpha > 0)
        joints = self._points[list(self._limbs[name])]
        path = np.vstack([joints, joints[-1] + TIP * self._torso * unit(joints[-1] - joints[-2])])
        return float(distance_to_path(self._grid[seen], path).max()) + 1 if seen.any() else 0.0

    def _below(self, name: str) -> Mask:
        """Where a part must have something to show when the part above it moves away."""
        if name == "trunk":
            return self._polygon.astype(np.float32)
        root, next_joint = self._points[list(self._limbs[name][:2])]
        radius = self.thickness[name]
        if is_arm(name):
            return self._disc(root, 1.08 * radius)
        # Wide enough to meet the other leg: or the background would be seen through a slit below the seat.
        apart = float(np.linalg.norm(np.subtract(*self._points[list(HIPS)])))
        return self._stick(root, next_joint, 0.4, max(0.97 * radius, min(0.48 * apart, 1.3 * radius)))

    def _seat(self) -> Mask:
        """A bar from hip to hip that ends where the legs part."""
        left, right = (self._points[self._limbs[name][0]] for name in ("left_leg", "right_leg"))
        middle, up = (left + right) / 2, unit(self._points[list(SHOULDERS)].mean(axis=0) - (left + right) / 2)
        thick = 0.9 * min(self.thickness["left_leg"], self.thickness["right_leg"])
        low = self._crotch_depth(middle, -up) + 0.035 * self._torso
        down = max(0.0, low - thick)
        return self._stick(left - down * up, right - down * up, 1.0, min(thick, low))

    def _disc(self, middle: Floats, radius: float) -> Mask:
        far = distance_to_path(self._grid, np.stack([middle, middle]))
        return np.asarray(np.clip(radius - far + 0.5, 0, 1), np.float32)

    def _stick(self, a: Floats, b: Floats, share: float, radius: float) -> Mask:
        far = distance_to_path(self._grid, np.stack([a, a + share * (b - a)]))
        return np.asarray(np.clip(radius - far + 0.5, 0, 1), np.float32)

    def _grown(self, number: int) -> NDArray[np.bool_]:
        known = self._labels != OUTSIDE
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

    def _tidy_arms(self) -> None:
        """What is left of the trunk along an arm (a rucksack's edge, a fold, a collar) would stick out as spikes."""
        middle = self._points[[*SHOULDERS, *HIPS]].mean(axis=0)
        for number, name in enumerate(self.names):
            if not number or not is_arm(name):
                continue
            root, elbow = self._points[list(self._limbs[name][:2])]
            length = max(1.0, float(np.linalg.norm(elbow - root)))
            inwards = across((elbow - root) / length)
            inwards = inwards if inwards @ (middle - root) > 0 else -inwards
            from_root = self._grid - root.astype(np.float32)
            along = from_root @ ((elbow - root) / length**2).astype(np.float32)
            aside = from_root @ inwards.astype(np.float32)
            wide = aside > self._sleeve(name, root, elbow, inwards)(along)
            self._labels[(self._labels == number) & wide & (along < 1)] = NOBODY
            # A collar's edge stays where it is.
            beyond = (along < 0) & (self._disc(root, 1.08 * self.thickness[name]) == 0)
            self._labels[(self._labels == number) & beyond] = 0

    def _sleeve(self, name: str, root: Floats, elbow: Floats, inwards: Floats) -> Callable[[Grid], Grid]:
        """How far an upper arm reaches towards the trunk, by the share of the way to the elbow.

        Where the arm is free of the trunk its edge is seen; from there it is carried on into the armpit.
        """
        thickness = self.thickness[name]
        limit = np.array(self._alpha.shape[::-1]) - 1
        steps = np.arange(0, IN_ARMPIT * thickness, 0.5)
        free = []
        for share in np.linspace(0.2, 1.2, 11):
            at = np.clip(np.round(root + share * (elbow - root) + steps[:, None] * inwards), 0, limit).astype(int)
            outside = self._alpha[at[:, 1], at[:, 0]] < 0.5
            if outside.any():
                free.append((share, float(steps[int(np.argmax(outside))])))
        least, most = 0.7 * thickness, IN_ARMPIT * thickness
        slope, start = 0.0, most
        if len(free) >= ENOUGH_FREE:
            slope, start = np.polyfit([share for share, _ in free], [edge for _, edge in free], 1)
        return lambda along: np.clip(start + slope * along + 1, least, most).astype(np.float32)

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
