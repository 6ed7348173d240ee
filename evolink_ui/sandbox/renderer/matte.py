"""Cutting a person out of an opaque picture: which pixels are the person, and how much of each."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .people import torso_size
from .skeleton import HEAD, HIPS, LEFT_EAR, LIMBS, NOSE, RIGHT_EAR, SHOULDERS

WORK_PX: Final = 400
"""Long side on which the outline is found; the rim is then refined at full size."""

GRABCUT_STEPS: Final = 3

Mask = NDArray[np.uint8]


def disc(radius: float) -> cv2.typing.MatLike:
    """A round structuring element."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def cut_out(bgr: NDArray[np.uint8], likely: NDArray[np.float32], points: Floats) -> NDArray[np.float32]:
    """The person's matte, (height, width), 0 to 1.

    Args:
        bgr: (height, width, 3), the picture.
        likely: (height, width), the pose net's mask; it bleeds into armpits and misses hair and hands.
        points: (33, 2), the person's landmarks.
    """
    height, width = likely.shape
    scale = WORK_PX / max(height, width)
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    outline = _outline(np.asarray(small, np.uint8), cv2.resize(likely, small.shape[1::-1]), points * scale)
    return refine_rim(bgr, np.asarray(outline, np.float32), scale)


def _outline(small: NDArray[np.uint8], likely: cv2.typing.MatLike, points: Floats) -> Mask:
    """GrabCut between what must be the person (along the bones) and what can't be."""
    torso = torso_size(points)
    bones, head = _bones(likely.shape, points, torso), np.zeros(likely.shape, np.uint8)
    face = points[HEAD].mean(axis=0)
    reach = max(0.75 * float(np.linalg.norm(points[LEFT_EAR] - points[RIGHT_EAR])), 0.18 * torso)
    cv2.circle(head, _xy(face), round(reach), 1, -1)
    sure = np.where((bones > 0) & (likely > 0.6) | (head > 0) & (likely > 0.85), 1, 0).astype(np.uint8)
    # The mask may miss a tuft of hair or a hand by some pixels, but not by more than a tenth of the trunk.
    near_mask = cv2.dilate((likely > 0.35).astype(np.uint8), disc(0.10 * torso)) > 0
    near_bones = cv2.dilate(bones, disc(0.06 * torso)) > 0
    faint = cv2.dilate((likely > 0.1).astype(np.uint8), disc(4)) > 0
    possible = (near_mask | (near_bones & faint)).astype(np.uint8)
    labels = np.where(likely > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[_looks_like_background(small, sure, possible) & (head == 0)] = cv2.GC_PR_BGD
    labels[possible == 0] = cv2.GC_BGD
    labels[sure > 0] = cv2.GC_FGD
    if (labels == cv2.GC_BGD).any() and (labels == cv2.GC_FGD).any():
        models = np.zeros((2, 1, 65))
        cv2.grabCut(small, labels, None, models[0], models[1], GRABCUT_STEPS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    return tidy((labels & 1).astype(np.uint8))


def _bones(shape: tuple[int, ...], points: Floats, torso: float) -> Mask:
    bones = np.zeros(shape, np.uint8)
    for joints in LIMBS.values():
        cv2.polylines(bones, [np.int32(points[list(joints[:3])])], False, 1, max(2, round(0.09 * torso)))  # type: ignore[list-item]
        cv2.polylines(bones, [np.int32(points[list(joints[2:])])], False, 1, max(1, round(0.05 * torso)))  # type: ignore[list-item]
    trunk = points[[SHOULDERS[0], SHOULDERS[1], HIPS[1], HIPS[0]]]
    inner = trunk.mean(axis=0) + 0.62 * (trunk - trunk.mean(axis=0))
    cv2.fillConvexPoly(bones, cv2.convexHull(inner.astype(np.float32)).astype(np.int32), 1)
    neck = np.stack([points[NOSE], points[list(SHOULDERS)].mean(axis=0)])
    cv2.polylines(bones, [np.int32(neck)], False, 1, max(2, round(0.12 * torso)))  # type: ignore[list-item]
    return bones


def _looks_like_background(small: NDArray[np.uint8], sure: Mask, possible: Mask) -> NDArray[np.bool_]:
    """Colours that are common outside and rare along the bones."""
    bins = (small >> 4).astype(np.intp) @ np.array([256, 16, 1])
    inside, outside = (_histogram(bins[mask]) for mask in (sure > 0, possible == 0))
    return np.asarray(outside[bins] > 4 * inside[bins] + 2e-4, np.bool_)


def _histogram(bins: NDArray[np.intp]) -> Floats:
    counts = np.bincount(bins, minlength=4096).astype(np.float64).reshape(16, 16, 16)
    for axis in range(3):  # neighbours count a little: noise and gradients fall between bins
        counts = counts + 0.5 * (np.roll(counts, 1, axis) + np.roll(counts, -1, axis))
    return np.asarray(counts.ravel() / max(1.0, float(counts.sum())), np.float64)


def tidy(mask: Mask) -> Mask:
    """Drop crumbs beside the largest piece and close pinholes in it."""
    clean = cv2.medianBlur(mask * 255, 3) // 255
    for value, least in ((1, 0.06), (0, 0.004)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((clean == value).astype(np.uint8), connectivity=4)
        small = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] < least * max(1, int(mask.sum()))]
        clean[np.isin(labels, small)] = 1 - value
    return np.asarray(clean, np.uint8)


def refine_rim(bgr: NDArray[np.uint8], outline: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """A small outline at full size: a guided filter lets the rim follow the picture's own edges."""
    height, width = bgr.shape[:2]
    soft = cv2.GaussianBlur(cv2.resize(outline, (width, height), interpolation=cv2.INTER_LINEAR), (0, 0), 0.5 / scale)
    guide = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    side = 2 * max(2, round(1.2 / scale)) + 1
    window = (side, side)
    mean_guide, mean_soft = cv2.blur(guide, window), cv2.blur(soft, window)
    covariance = cv2.blur(guide * soft, window) - mean_guide * mean_soft
    variance = cv2.blur(guide * guide, window) - mean_guide * mean_guide
    slope = covariance / (variance + 3e-4)
    offset = mean_soft - slope * mean_guide
    alpha = cv2.blur(slope, window) * guide + cv2.blur(offset, window)
    alpha = np.clip((alpha - 0.18) / 0.64, 0, 1)
    # Far from the outline there is nothing to refine.
    alpha = np.where(mean_soft > 0.995, 1.0, np.where(mean_soft < 0.005, 0.0, alpha))
    return np.asarray(alpha, np.float32)


def _xy(point: Floats) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
