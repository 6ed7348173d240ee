"""From point tracks to the motion of one subject: a turn, a growth, a shift, and what bends beyond those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats, smooth
from .point_tracks import Points, Tracks

BENDS: Final = 15
"""Nodes along each side of the grid that holds what a similarity can't."""

REACH: Final = 0.9
"""Half side of that grid in subject sizes."""

OWN_MOTION_PX: Final = 2.0
"""Pixels of the analysed frame: less than this against the camera is noise."""

ENOUGH_POINTS: Final = 10

IDENTITY: Final[Floats] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Motion:
    """One subject's motion since the first frame, in pixels of the analysed frames."""

    centre: Floats
    """(2,): the subject in the first frame."""
    size: float
    """Square root of the subject's area."""
    whole_frame: bool
    """Everything moves as one (a pan, a close texture): the subject is the frame."""
    angle: Floats
    """(frames,): radians."""
    growth: Floats
    """(frames,): logarithm of the scale."""
    shift: Floats
    """(frames, 2): of the centre."""
    bends: Floats
    """(frames, BENDS, BENDS, 2): displacement on top, on a grid over the subject at rest."""


def read_motion(tracks: Tracks, sigma_frames: float) -> Motion:
    """Find what moves against the camera and describe how, smoothed over time by `sigma_frames`."""
    cameras = _camera(tracks)
    moving = _moving_region(tracks, cameras)
    whole = moving is None
    region = np.ones((tracks.height, tracks.width), np.uint8) if moving is None else moving
    moments = cv2.moments(region, binaryImage=True)
    centre = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    size = float(np.sqrt(moments["m00"]))
    axis = np.linspace(-REACH, REACH, BENDS)
    nodes = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) * size + centre
    fits, bends = [], []
    last = IDENTITY
    for anchor, position, camera in zip(tracks.anchors, tracks.positions, cameras, strict=True):
        mine = region[tuple(_pixels(anchor, tracks).T[::-1])] > 0
        home, here = anchor[mine], position[mine]
        if not whole:
            here = _apply(cv2.invertAffineTransform(camera), here)
        last = similarity(home, here, 3.0, last)
        fits.append(last)
        bends.append(_spread(nodes, home, here - _apply(last, home), size))
    matrices = np.array(fits)
    cos, sin = matrices[:, 0, 0], matrices[:, 1, 0]
    shift = matrices[:, :, :2] @ centre + matrices[:, :, 2] - centre
    angle, growth = np.unwrap(np.arctan2(sin, cos)), np.log(np.hypot(cos, sin))
    bend = np.array(bends).reshape(-1, BENDS, BENDS, 2)
    curves = [smooth(curve, sigma_frames) for curve in (angle, growth, shift, bend)]
    angle, growth, shift, bend = (curve - curve[0] for curve in curves)
    return Motion(centre, size, whole, angle, growth, shift, bend)


def similarity(home: Points, here: Points, tolerance_px: float, fallback: Floats) -> Floats:
    """Turn, growth and shift that take `home` to `here`, (2, 3); `fallback` where the points can't tell."""
    if len(home) < ENOUGH_POINTS // 2:
        return fallback
    found, _ = cv2.estimateAffinePartial2D(home, here, ransacReprojThreshold=tolerance_px)
    if found is None or not 0.25 < np.hypot(found[0, 0], found[1, 0]) < 4:
        return fallback
    return np.asarray(found, np.float64)


def _camera(tracks: Tracks) -> list[Floats]:
    """What most of the frame does: (2, 3) per frame."""
    out, last = [], IDENTITY
    for home, here in zip(tracks.anchors, tracks.positions, strict=True):
        last = similarity(home, here, 1.5, last)
        out.append(last)
    return out


def _moving_region(tracks: Tracks, cameras: list[Floats]) -> NDArray[np.uint8] | None:
    """Mask (height, width) of what moves against the camera, at rest; None when nothing does."""
    speeds = [
        np.linalg.norm(here - _apply(camera, home), axis=1)
        for home, here, camera in zip(tracks.anchors, tracks.positions, cameras, strict=True)
    ]
    speed = np.concatenate(speeds)
    if not len(speed):
        return None
    fast = speed > max(OWN_MOTION_PX, 0.25 * float(np.percentile(speed, 98)))
    at = np.vstack(tracks.anchors)[fast]
    if len(np.unique(np.round(at), axis=0)) < ENOUGH_POINTS:
        return None
    rough = _outline(_votes(at, tracks), np.zeros((tracks.height, tracks.width), np.float32))
    return None if rough is None else _sharpened(rough, tracks, cameras)


def _sharpened(rough: NDArray[np.uint8], tracks: Tracks, cameras: list[Floats]) -> NDArray[np.uint8]:
    """Ground that the subject swept over was dragged along for a while: each point joins the motion that it fits."""
    mine, others = [], []
    last = IDENTITY
    for home, here, camera in zip(tracks.anchors, tracks.positions, cameras, strict=True):
        inside = rough[tuple(_pixels(home, tracks).T[::-1])] > 0
        last = similarity(home[inside], here[inside], 3.0, last)
        by_camera, by_subject = _apply(camera, home), _apply(last, home)
        tells = np.linalg.norm(by_camera - by_subject, axis=1) > OWN_MOTION_PX
        moves = np.linalg.norm(here - by_subject, axis=1) < np.linalg.norm(here - by_camera, axis=1)
        mine.append(home[tells & moves])
        others.append(home[tells & ~moves])
    sharp = _outline(_votes(np.vstack(mine), tracks), _votes(np.vstack(others), tracks))
    return rough if sharp is None else sharp


def _votes(at: Points, tracks: Tracks) -> NDArray[np.float32]:
    """How often points were seen around each pixel."""
    votes = np.zeros((tracks.height, tracks.width), np.float32)
    x, y = _pixels(at, tracks).T
    np.add.at(votes, (y, x), 1)
    return np.asarray(cv2.GaussianBlur(votes, (0, 0), 5), np.float32)


def _outline(votes: NDArray[np.float32], against: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The hull of the largest patch that was voted for; None when there is none."""
    if not (votes > 1e-3).any():
        return None
    # Points that were seen in a handful of frames only are slips of the tracker.
    enough = 0.15 * float(np.percentile(votes[votes > 1e-3], 95))
    mask = ((votes > enough) & (votes > against)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    outline, _ = cv2.findContours((labels == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    region = np.zeros_like(mask)
    cv2.fillConvexPoly(region, cv2.convexHull(outline[0]), 1)
    # The blur has widened the region by about its own sigma.
    shrunk = cv2.erode(region, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    return np.asarray(shrunk, np.uint8) if shrunk.sum() > 50 else None


def _spread(nodes: Floats, home: Points, rest: Points, size: float) -> Floats:
    """Scattered displacements on the grid, fading where no point is near."""
    if not len(home):
        return np.zeros_like(nodes)
    longest = np.linalg.norm(rest, axis=1)
    bounded = rest * np.minimum(1, 0.25 * size / np.maximum(longest, 1e-6))[:, None]
    weight = np.exp(-((nodes[:, None] - home[None]) ** 2).sum(axis=2) / (2 * (0.12 * size) ** 2))
    return np.asarray(weight @ bounded / (weight.sum(axis=1, keepdims=True) + 0.5), np.float64)


def _apply(matrix: Floats | cv2.typing.MatLike, points: Points) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _pixels(points: Points, tracks: Tracks) -> NDArray[np.intp]:
    return np.clip(np.round(points), 0, [tracks.width - 1, tracks.height - 1]).astype(np.intp)
