"""What a picture without a person is about: the thing in its middle, when it stands out clearly enough."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .matte import GRABCUT_STEPS, refine_rim, tidy

WORK_PX: Final = 240
"""Long side on which the thing is looked for."""

BORDER: Final = 0.05
"""Share of each side that is taken for background at first."""

AREA: Final = (0.03, 0.6)
"""Share of the picture that the thing may cover."""

TOUCHES: Final = 0.04
"""Share of the picture's border that it may touch: more is a close-up, which is better bent as a whole."""

STANDS_OUT: Final = 3.0
"""How much stronger the picture's edges must be along the outline than elsewhere; a guessed outline gets 1 to 2."""


def cut_out_subject(bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Matte of the main thing in an opaque picture, (height, width), 0 to 1; None when nothing stands out."""
    scale = WORK_PX / max(bgr.shape[:2])
    small = np.asarray(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = small.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    far = ((x / width - 0.5) / 0.36) ** 2 + ((y / height - 0.52) / 0.40) ** 2
    labels = np.where(far < 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    rim = max(2, round(BORDER * min(height, width)))
    for edge in (np.s_[:rim], np.s_[:, :rim], np.s_[:, -rim:]):
        labels[edge] = cv2.GC_BGD
    models = np.zeros((2, 1, 65))
    cv2.grabCut(  # type: ignore[call-overload]  # the stubs forbid None
        small, labels, None, models[0], models[1], 2 * GRABCUT_STEPS, cv2.GC_INIT_WITH_MASK
    )
    mask = _largest(tidy((labels & 1).astype(np.uint8)))
    if not AREA[0] < float(mask.mean()) < AREA[1] or _touching(mask) > TOUCHES or _contrast(small, mask) < STANDS_OUT:
        return None
    return refine_rim(bgr, mask.astype(np.float32), scale)


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.uint8)


def _touching(mask: NDArray[np.uint8]) -> float:
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return float(border.mean())


def _contrast(small: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Strength of the picture's edges along the outline, over their strength everywhere."""
    soft = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    strength = sum(np.abs(cv2.Sobel(soft, cv2.CV_32F, dx, dy)).max(axis=2) for dx, dy in ((1, 0), (0, 1)))
    outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(np.median(np.asarray(strength)[outline]) / max(1e-3, float(np.mean(strength))))
