"""What was behind the person: the hole is filled with pieces of the picture that fit its surroundings.

Coarse to fine. On the coarsest level every piece is compared with every other; on finer ones the matches are passed on
and tried around their neighbours. At full size the tone comes from the finest level, the grain from the matched places.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .fill import Pixels, spread
from .matte import disc

LEVELS_PX: Final = (64, 128, 224)
"""Long sides of the levels."""

ROUNDS: Final = (6, 3, 2)
"""Rounds of match and vote on each level."""

PATCH: Final = 7
"""Side of a compared piece, pixels of its level."""

TRUST_PX: Final = 2.5
"""Pixels of a level over which a guess inside the hole loses its say in a comparison."""

SEED: Final = 2
"""The same picture is filled alike every time."""

LEAST_VOTE: Final = 0.1
"""Weight of a piece's say in a pixel below which it isn't heard."""

NEARNESS: Final = 40.0
"""What a pixel of distance costs in squared levels: structure goes on where it stops."""

MAX_TONE_ERROR: Final = 24.0
"""Levels, of 255."""

SAME_TONE: Final = 10.0
"""Levels between the filled tone and a matched place's from which on its grain is hardly taken over."""

FEW: Final = 60
"""With fewer sources than this there is nothing to choose from: a smooth fill has to do."""

Matches = NDArray[np.intp]
"""(n, 2): for each pixel of the hole, row and column of the source piece's middle."""


def fill_behind(bgr: NDArray[np.uint8], hole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with its hole (non-zero) filled; (height, width, 3) and (height, width)."""
    height, width = hole.shape
    if not hole.any():
        return bgr
    found = _match(bgr, hole)
    if found is None:
        return _finish(bgr, hole, spread(bgr.astype(np.float32), (hole == 0).astype(np.float32)))
    tone, rows, columns = found
    scale = max(height, width) / max(tone.shape[:2])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    size = (width, height)
    shift_y = cv2.resize(rows, size, interpolation=cv2.INTER_NEAREST) * scale
    shift_x = cv2.resize(columns, size, interpolation=cv2.INTER_NEAREST) * scale
    copied = cv2.remap(bgr, x + shift_x, y + shift_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    broad = cv2.resize(tone, size, interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(copied.astype(np.float32), (0, 0), 1.2 * scale)
    # Grain that comes from another tone brings an edge along that has no business here.
    foreign = np.abs(soft - broad).max(axis=2, keepdims=True)
    grain = np.clip(copied - soft, -28, 28) * np.exp(-((foreign / SAME_TONE) ** 2))
    return _finish(bgr, hole, broad + grain)


def _finish(bgr: NDArray[np.uint8], hole: NDArray[np.uint8], filled: Pixels | cv2.typing.MatLike) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur((hole > 0).astype(np.float32), (0, 0), 2.0)[..., None]
    soft = np.maximum(soft, (hole > 0).astype(np.float32)[..., None])
    return np.clip(bgr * (1 - soft) + filled * soft, 0, 255).astype(np.uint8)


def _match(bgr: NDArray[np.uint8], hole: NDArray[np.uint8]) -> tuple[Pixels, Pixels, Pixels] | None:
    """The hole filled on the finest level: picture, and how far (rows, columns) each pixel's match is away."""
    matches: Matches | None = None
    image: Pixels | None = None
    inside: NDArray[np.bool_] | None = None
    cv2.setRNGSeed(SEED)
    for long_px, rounds in zip(LEVELS_PX, ROUNDS, strict=True):
        scale = long_px / max(hole.shape)
        size = (max(PATCH + 1, round(hole.shape[1] * scale)), max(PATCH + 1, round(hole.shape[0] * scale)))
        small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        now_inside = cv2.resize((hole > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.01
        blocked = cv2.dilate(now_inside.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8)) > 0
        for edge in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]):  # PATCH // 2: a piece must fit inside
            blocked[edge] = True
        sources = np.argwhere(~blocked)
        if len(sources) < FEW or not now_inside.any():
            return None
        if image is None or matches is None or inside is None:
            current = spread(small, (~now_inside).astype(np.float32))
            current[~now_inside] = small[~now_inside]
            places: Matches | None = None
        else:
            places = _carry_over(matches, inside, now_inside, blocked)
            enlarged = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
            current = np.where(now_inside[..., None], enlarged, small).astype(np.float32)
        level = _Level(current, now_inside, blocked, sources)
        for _ in range(rounds):
            places = level.best_of_all() if long_px == LEVELS_PX[0] else level.improve(places)
            level.vote(places)
        matches, image, inside = places, level.image, now_inside
    if image is None or matches is None or inside is None:
        return None
    far = np.zeros((*inside.shape, 2), np.float32)
    far[inside] = matches - np.argwhere(inside)
    tone = image + _tone_error(image, inside, far)
    return tone, np.ascontiguousarray(far[..., 0]), np.ascontiguousarray(far[..., 1])


def _tone_error(image: Pixels, inside: NDArray[np.bool_], far: Pixels) -> Pixels:
    """By how much the copied pieces are too dark or too bright where they meet the picture, spread over the hole."""
    ring = (cv2.dilate(inside.astype(np.uint8), disc(2)) > 0) & ~inside
    at = np.argwhere(ring)
    table, nearest = _nearest(inside, far)
    source = at + np.round(table[nearest[ring]]).astype(np.intp)
    source = np.clip(source, 0, np.array(inside.shape) - 1)
    error = np.zeros_like(image)
    error[ring] = image[ring] - image[source[:, 0], source[:, 1]]
    # A larger error is an edge that ends here, not a matter of tone.
    believed = ring & (np.abs(error).max(axis=2) < MAX_TONE_ERROR)
    spread_error = spread(error, believed.astype(np.float32))
    return np.where(inside[..., None], spread_error, 0).astype(np.float32)


def _nearest(inside: NDArray[np.bool_], far: Pixels) -> tuple[Pixels, NDArray[np.intp]]:
    """A table of the matches in the hole, and for every pixel the row of the nearest one."""
    _, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((int(nearest.max()) + 1, 2), np.float32)
    table[nearest[inside]] = far[inside]
    return table, np.asarray(nearest, np.intp)


class _Level:
    """One size of the picture with its hole."""

    def __init__(self, image: Pixels, inside: NDArray[np.bool_], blocked: NDArray[np.bool_], sources: Matches) -> None:
        self.image = image
        self._inside, self._blocked, self._sources = inside, blocked, sources
        self._targets = np.argwhere(inside)
        self._shape = inside.shape
        # What is far inside the hole is a guess at first: the pixels near its rim decide.
        depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
        confidence = np.exp(-depth / TRUST_PX).astype(np.float32)
        reach = PATCH // 2
        wide = cv2.copyMakeBorder(confidence, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
        view = np.lib.stride_tricks.sliding_window_view(wide, (PATCH, PATCH)).reshape(*self._shape, -1)
        trust = view[self._targets[:, 0], self._targets[:, 1]]
        # Deep inside nothing is sure: there the guesses of the round before weigh as much as pixels do at the rim.
        trust = trust / trust.mean(axis=1, keepdims=True)
        self._trust = np.tile(trust, (1, 3)).astype(np.float32)

    @cached_property
    def _apart(self) -> Pixels:
        """(targets, sources): near sources win over far ones that fit as well, structure goes on where it stops."""
        one, other = self._targets.astype(np.float32), self._sources.astype(np.float32)
        squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * one @ other.T
        return np.asarray(NEARNESS * np.sqrt(np.maximum(squared, 0)), np.float32)

    def best_of_all(self) -> Matches:
        """For each target the most similar source, by comparing all with all."""
        pieces = self._pieces()
        one, other = self._rows(pieces, self._targets), self._rows(pieces, self._sources)
        cost = self._trust @ (other**2).T - 2 * (self._trust * one) @ other.T
        return np.asarray(self._sources[np.argmin(cost + self._apart, axis=1)], np.intp)

    def improve(self, places: Matches | None) -> Matches:
        """Better matches: those of the neighbours, moved along, and some random ones nearby."""
        assert places is not None  # noqa: S101  only the first level starts without
        pieces = self._pieces()
        mine = self._rows(pieces, self._targets)
        cost = self._cost(pieces, mine, places, self._trust)
        grid = np.full(self._shape, -1, np.intp)
        grid[self._inside] = np.arange(len(self._targets))
        for step in (1, 2):
            for direction in ((0, step), (step, 0), (0, -step), (-step, 0)):
                near = np.clip(self._targets + direction, 0, np.array(self._shape) - 1)
                index = grid[near[:, 0], near[:, 1]]
                usable = index >= 0
                offered = np.where(usable[:, None], places[index] - direction, places)
                places, cost = self._keep_better(pieces, mine, places, cost, offered)
        for reach in (12, 4, 1):
            offered = places + _dice(-reach, reach + 1, places.shape)
            places, cost = self._keep_better(pieces, mine, places, cost, offered)
        return places

    def vote(self, places: Matches) -> None:
        """Each pixel of the hole becomes the mean of what the pieces over it propose."""
        reach = PATCH // 2
        height, width = self._shape
        # Pieces overhang the picture: a wider one takes what they say there. Rows of a flat array are quicker to find.
        wide = width + 2 * reach
        total = np.zeros(((height + 2 * reach) * wide, 3), np.float32)
        weight = np.zeros((len(total), 1), np.float32)
        targets = (self._targets[:, 0] + reach) * wide + self._targets[:, 1] + reach
        sources = places[:, 0] * width + places[:, 1]
        colours = self.image.reshape(-1, 3)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                worth = float(np.exp(-(dy * dy + dx * dx) / (2 * 1.6**2)))
                if worth < LEAST_VOTE:
                    continue
                # Targets are distinct pixels, so plain indexing adds each of them once.
                to = targets + (dy * wide + dx)
                total[to] += colours.take(sources + (dy * width + dx), axis=0) * np.float32(worth)
                weight[to] += np.float32(worth)
        self.image[self._inside] = total[targets] / np.maximum(weight[targets], 1e-6)

    def _pieces(self) -> Pixels:
        reach = PATCH // 2
        wide = cv2.copyMakeBorder(self.image, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
        view = np.lib.stride_tricks.sliding_window_view(wide, (PATCH, PATCH), axis=(0, 1))
        return np.ascontiguousarray(view.reshape(*self._shape, -1), np.float32)

    @staticmethod
    def _rows(pieces: Pixels, at: Matches) -> Pixels:
        return np.asarray(pieces[at[:, 0], at[:, 1]], np.float32)

    def _cost(self, pieces: Pixels, mine: Pixels, places: Matches, trust: Pixels) -> Pixels:
        apart = self._rows(pieces, places)
        apart -= mine
        apart *= apart
        return np.asarray(np.einsum("ij,ij->i", apart, trust), np.float32)

    def _keep_better(
        self, pieces: Pixels, mine: Pixels, places: Matches, cost: Pixels, offered: Matches
    ) -> tuple[Matches, Pixels]:
        reach = PATCH // 2
        offered = np.clip(offered, reach, np.array(self._shape) - 1 - reach)
        # Neighbours mostly agree: only what is new has to be compared.
        (rows, columns), (own_rows, own_columns) = offered.T, places.T
        asked = np.flatnonzero(((rows != own_rows) | (columns != own_columns)) & ~self._blocked[rows, columns])
        new = self._cost(pieces, mine[asked], offered[asked], self._trust[asked])
        better = new < cost[asked]
        places, cost = places.copy(), cost.copy()
        places[asked[better]], cost[asked[better]] = offered[asked[better]], new[better]
        return places, cost


def _carry_over(
    matches: Matches,
    before: NDArray[np.bool_],
    now: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
) -> Matches:
    """Matches of the level before, enlarged; those that end up in the hole are drawn anew."""
    far = np.zeros((*before.shape, 2), np.float32)
    far[before] = matches - np.argwhere(before)
    # Pixels that are in the hole only at this size take the match of the nearest that was in it before.
    table, nearest = _nearest(before, far)
    ratio = np.array(now.shape) / np.array(before.shape)
    targets = np.argwhere(now)
    old = np.minimum((targets / ratio).astype(np.intp), np.array(before.shape) - 1)
    places = np.round(targets + table[nearest[old[:, 0], old[:, 1]]] * ratio).astype(np.intp)
    reach = PATCH // 2
    places = np.clip(places, reach, np.array(now.shape) - 1 - reach)
    wrong = blocked[places[:, 0], places[:, 1]]
    sources = np.argwhere(~blocked)
    places[wrong] = sources[_dice(0, len(sources), (int(wrong.sum()), 1))[:, 0]]
    return np.asarray(places, np.intp)


def _dice(low: int, high: int, shape: tuple[int, ...]) -> Matches:
    """Whole numbers from `low` to below `high`; OpenCV's own generator spares the import of numpy's."""
    out = np.zeros(shape, np.int32)
    if out.size:
        cv2.randu(out, low, high)  # type: ignore[call-overload]  # the stubs forbid numbers
    return out.astype(np.intp)


def hole_of(alpha: NDArray[np.float32], reach_px: float) -> NDArray[np.uint8]:
    """The region to fill: the person, its soft rim and narrow gaps between limbs, which show a tinted background."""
    solid = (alpha > 0.02).astype(np.uint8)
    return np.asarray(
        cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc(reach_px)), disc(0.4 * reach_px)), np.uint8
    )
