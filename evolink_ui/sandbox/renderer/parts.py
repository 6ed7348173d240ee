"""The puppet's parts: a person's matte divided into trunk with head, arms and legs.

Lower parts go on under upper ones, in their own colours: trunk under arms, legs under the trunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy, Mask
from .compositor import Layer, make_layer
from .curves import Floats
from .fill import Pixels, spread
from .flow_actor import extend_over_border

WORK_PX: Final = 480
"""Long side on which parts are told apart."""

PURE: Final = 0.8
"""Where less of a rim pixel is the person's, its colour is taken from further inside."""


GAP_REACH: Final = 0.3
"""Trunk lengths around a limb's first bone in which narrow gaps are looked for."""

ALIKE: Final = 20.0
"""Levels, of 255, by which a pixel differs from the background at most to be taken for it."""


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
    reach: dict[str, float]
    """How far each limb's layer goes from its bones and the line on beyond the last joint, in picture pixels."""

    def smaller(self, scale: float) -> Parts:
        """The same parts for frames of another size."""
        return Parts(
            self.trunk.smaller(scale) if self.trunk else None,
            {name: layer.smaller(scale) for name, layer in self.limbs.items()},
            self.seat.smaller(scale) if self.seat else None,
            self.thickness,
            self.reach,
        )


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
    if backdrop is not None:
        alpha = _open_gaps(bgr, alpha, backdrop, points, limbs, torso)
    scale = WORK_PX / max(alpha.shape)
    small = np.asarray(cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    body = Anatomy(small, points * scale, limbs, torso * scale)
    own_colours = _clean_rim(bgr, alpha, backdrop)
    small_colours = np.asarray(cv2.resize(own_colours, small.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    layers: dict[str, Layer] = {}
    reach: dict[str, float] = {}
    for name in ("trunk", *limbs):
        shown, hidden = body.region(name)
        colours = own_colours
        if hidden.any():
            colours = _continued(own_colours, small_colours, shown, hidden, 1 - shown)
        if name in limbs:
            reach[name] = body.reach(name, shown + hidden) / scale
        mask = cv2.resize(shown + hidden, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR) * alpha
        layer = make_layer(colours, np.asarray(mask, np.float32))
        if layer:
            layers[name] = extend_over_border(layer, alpha.shape[1], alpha.shape[0]) if name == "trunk" else layer
    thickness = {name: radius / scale for name, radius in body.thickness.items()}
    seat = _seat(own_colours, small_colours, body) if body.seat is not None else None
    return Parts(layers.pop("trunk", None), layers, seat, thickness, reach)


def _seat(bgr: NDArray[np.uint8], small: Pixels, body: Anatomy) -> Layer | None:
    """What closes the gap that opens between spread legs: the colours of the legs on a rounded bar."""
    assert body.seat is not None  # noqa: S101  asked by the caller
    legs = np.maximum.reduce([body.region(name)[0] for name in body.names if name.endswith("leg")])
    colours = _continued(bgr, small, legs, body.seat, np.ones_like(legs))
    mask = cv2.resize(body.seat, bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return make_layer(colours, np.asarray(mask, np.float32))


def _open_gaps(
    bgr: NDArray[np.uint8],
    alpha: Mask,
    backdrop: NDArray[np.uint8],
    points: Floats,
    limbs: dict[str, tuple[int, ...]],
    torso: float,
) -> Mask:
    """The matte without the background that it holds in armpits and between thighs.

    Such wedges are too narrow for the outline to follow, and would be seen as bright rags once the limb moves.
    """
    near = np.zeros(alpha.shape, np.uint8)
    for joints in limbs.values():
        root, towards = points[joints[0]], points[joints[1]]
        ends = np.round(np.stack([root, root + 0.7 * (towards - root)])).astype(np.int32)
        cv2.polylines(near, [ends], False, 1, max(2, round(2 * GAP_REACH * torso)))
    left, top, width, height = cv2.boundingRect(near)
    if not width:
        return alpha
    box = np.s_[top : top + height, left : left + width]
    apart = cv2.absdiff(bgr[box], backdrop[box]).max(axis=2).astype(np.float32)
    like_behind = ((apart < ALIKE) & (near[box] > 0)) | (alpha[box] < 0.5)
    # Only what is joined to the true outside is a gap; a shirt in the wall's colour isn't.
    _, pieces = cv2.connectedComponents(like_behind.astype(np.uint8), connectivity=4)
    outside = np.isin(pieces, np.unique(pieces[(alpha[box] < 0.05) & like_behind]))
    gap = outside & (alpha[box] > 0) & (near[box] > 0)
    around = cv2.dilate(gap.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    out = alpha.copy()
    out[box][around] = np.minimum(alpha[box], np.clip(apart / ALIKE - 1, 0, 1))[around]
    return out


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


def _continued(bgr: NDArray[np.uint8], small: Pixels, shown: Mask, hidden: Mask, amount: Mask) -> NDArray[np.uint8]:
    """A part's colours carried on to where it is hidden.

    Args:
        bgr: (height, width, 3).
        small: the same at the masks' size.
        shown: where the part is seen.
        hidden: where it goes on.
        amount: how much of the carried colour each pixel around the hidden ones gets.
    """
    # Outlines and shadows run along the cut; the colours further inside are the part's own.
    for width_px in (9, 5, 3, 1):
        seen = cv2.erode((shown > 0.9).astype(np.uint8), np.ones((width_px, width_px), np.uint8)).astype(np.float32)
        if float(seen.sum()) > 0.3 * float((shown > 0.9).sum()):
            break
    left, top, width, height = cv2.boundingRect(cv2.dilate((hidden > 0).astype(np.uint8), np.ones((5, 5), np.uint8)))
    if not seen.any() or not width:
        return bgr
    carried = spread(small, seen)
    # Only the box around what is hidden changes.
    ratio = np.array(bgr.shape[:2]) / shown.shape
    (first, start), (last, end) = np.round([[top, left] * ratio, [top + height, left + width] * ratio]).astype(int)
    box, size = np.s_[first:last, start:end], (int(end - start), int(last - first))
    part = np.s_[top : top + height, left : left + width]
    full = cv2.resize(carried[part], size, interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(amount[part], size, interpolation=cv2.INTER_LINEAR)[..., None]
    out = bgr.copy()
    out[box] = np.clip(bgr[box] * (1 - share) + full * share, 0, 255).astype(np.uint8)
    return out
