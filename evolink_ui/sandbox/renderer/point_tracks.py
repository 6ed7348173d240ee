"""Points followed through a clip: Lucas-Kanade, checked forwards and backwards, with fresh points where old ones die.

Every point knows where it sat, or would have sat, in the first frame (its anchor). So the motion since the first frame
can be read from any later frame alone, and errors of short tracks don't add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .clip import Clip, Frame, frames, output_frames
from .errors import RenderError

LONG_SIDE_PX: Final = 400
"""Pixels: enough for a fifth of a pixel at the subject, cheap enough for 5 ms a frame."""

MAX_POINTS: Final = 420
RESEED_EVERY: Final = 5
"""Frames between two looks for corners that aren't covered by a living point."""

CLEARANCE_PX: Final = 8
"""Pixels: a new point keeps this distance from living ones."""

MAX_RETURN_ERROR_PX: Final = 0.5
"""Pixels: a point that doesn't come back to where it started, tracked backwards, is dropped."""

NEIGHBOUR_PX: Final = 16.0
"""Pixels: a new point inherits the displacement of its neighbours within about this distance."""

Points = NDArray[np.float32]
NOBODY: Final[Points] = np.zeros((0, 2), np.float32)


@dataclass(frozen=True)
class Tracks:
    """What moved where, in pixels of the analysed frames."""

    width: int
    height: int
    anchors: list[Points]
    """Per frame, (n, 2): where the points sat in the first frame."""
    positions: list[Points]
    """Per frame, (n, 2): where the same points are now."""
    frame_count: int
    """Frames of the result."""


def track_points(clip: Clip, tick: Callable[[float], None]) -> Tracks:
    """Follow points through the whole clip. `tick` gets the finished share after every frame.

    Raises:
        RenderError: `invalid_parameters` when no frame can be decoded.
    """
    anchors: list[Points] = []
    positions: list[Points] = []
    previous: Frame | None = None
    here, home = NOBODY, NOBODY
    with frames(clip, LONG_SIDE_PX, "gray") as stream:
        for index, frame in enumerate(stream):
            if previous is not None and len(here):
                moved, alive = _follow(previous, frame, here)
                here, home = moved[alive], home[alive]
            if index % RESEED_EVERY == 0:
                here, home = _reseed(frame, here, home)
            anchors.append(home)
            positions.append(here)
            previous = frame
            tick((index + 1) / clip.frame_count)
    if previous is None:
        raise RenderError("invalid_parameters", "The video has no frame that can be decoded. Export it again.")
    height, width = previous.shape[:2]
    return Tracks(width, height, anchors, positions, output_frames(clip, len(positions)))


def _follow(before: Frame, after: Frame, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    there, found = _lucas_kanade(before, after, points)
    back, found_back = _lucas_kanade(after, before, there)
    error = np.abs(back - points).max(axis=1)
    inside = (there > 1).all(axis=1) & (there < np.array(after.shape[::-1]) - 2).all(axis=1)
    return there, found & found_back & (error < MAX_RETURN_ERROR_PX) & inside


def _lucas_kanade(before: Frame, after: Frame, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    there, found, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]  # the stubs forbid None
        before, after, points[:, None], None, winSize=(17, 17), maxLevel=3
    )
    return np.asarray(there[:, 0], np.float32), np.asarray(found[:, 0] > 0)


def _reseed(frame: Frame, here: Points, home: Points) -> tuple[Points, Points]:
    free = np.full(frame.shape, 255, np.uint8)
    for x, y in here.astype(int):
        cv2.circle(free, (int(x), int(y)), CLEARANCE_PX, 0, -1)
    wanted = MAX_POINTS - len(here)
    if wanted <= 0:
        return here, home
    corners = cv2.goodFeaturesToTrack(frame, wanted, 0.006, 6, mask=free)
    if corners is None:
        return here, home
    new = corners.reshape(-1, 2).astype(np.float32)
    moved = np.zeros_like(new)
    if len(here):
        distance = ((new[:, None] - here[None]) ** 2).sum(axis=2) / (2 * NEIGHBOUR_PX**2)
        weight = np.exp(-(distance - distance.min(axis=1, keepdims=True)))
        moved = (weight @ (here - home)) / weight.sum(axis=1, keepdims=True)
    return np.vstack([here, new]), np.vstack([home, new - moved]).astype(np.float32)
