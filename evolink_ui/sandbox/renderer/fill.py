"""Filling holes smoothly: colours spread from where they are known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


def spread(values: Pixels, known: Pixels) -> Pixels:
    """Values everywhere from values known somewhere, by a pyramid: fine near the rim, broad far from it.

    Args:
        values: (height, width, channels).
        known: (height, width), 0 to 1, how much each is to be believed.

    Returns:
        (height, width, channels): the known values where they are known, blended into the filled ones.
    """
    height, width = known.shape
    total = values * known[..., None]
    return _level(total, known, height, width)


def _level(total: Pixels, weight: Pixels, height: int, width: int) -> Pixels:
    if min(height, width) <= 2 or float(weight.min()) > 0.999:
        filled = total.reshape(height, width, -1) / np.maximum(weight, 1e-6)[..., None]
        mean = total.reshape(-1, total.shape[-1]).sum(axis=0) / max(1e-6, float(weight.sum()))
        return np.where(weight[..., None] > 1e-6, filled, mean).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    # A wide kernel, so that the coarse grid can't be seen in the result.
    small_total = _channels(cv2.resize(cv2.GaussianBlur(total, (5, 5), 1.1), half, interpolation=cv2.INTER_AREA), total)
    small_weight = cv2.resize(cv2.GaussianBlur(weight, (5, 5), 1.1), half, interpolation=cv2.INTER_AREA)
    # Whatever is half known below counts as known on the next level.
    gain = (1 / np.maximum(small_weight, 0.25)).astype(np.float32)
    coarse = _level(small_total * gain[..., None], np.minimum(small_weight * gain, 1.0), half[1], half[0])
    back = _channels(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), total)
    return np.asarray(total + back * (1 - weight[..., None]), np.float32)


def _channels(pixels: cv2.typing.MatLike, like: Pixels) -> Pixels:
    # OpenCV drops a last axis of one.
    return np.asarray(pixels, np.float32).reshape(*pixels.shape[:2], like.shape[2])
