"""One person followed through a clip: past other people, through moments of occlusion and through cuts.

The window closes in on whoever is inside, so one look is enough to find them again. Three things can go wrong and are
checked for every look: the person is lost (presence), the window has jumped to somebody else (place, size and the
colours of the trunk), the shot has changed (the whole frame differs).

Looks are what costs, and a body is too heavy to surprise: every second of the streamed frames is looked at, the one
between only where an arm or a leg moved far or something went wrong. The rest lies on a smooth curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .clip import Clip, Frame, frames, output_frames
from .curves import Floats, fill_gaps, smooth
from .people import HERE, find_people, prominence, torso_size
from .pose_net import Pose, Window, look
from .skeleton import ENDS, HIPS, SHOULDERS

LONG_SIDE_PX: Final = 512
EVERY_SECOND_FRAME_ABOVE_FPS: Final = 20
PAIRS_ABOVE_FPS: Final = 11
"""Streamed frames a second above which every second one is skipped where nothing happens."""

FAR: Final = 0.3
"""Trunk lengths that a hand or a foot may move between two looks before the frame between is looked at, too."""

LONGEST_CURVE_SECONDS: Final = 0.5
"""A longer gap is crossed in a straight line."""

SEARCHES: Final = 4
"""Thorough searches before a clip in which nobody has appeared is given to the flow path."""

SMOOTHING_SECONDS: Final = 0.05
DEPTH_SMOOTHING_SECONDS: Final = 0.13

MAX_STEP: Final = 0.9
"""Trunk lengths that shoulders and hips may move between two looks; more is somebody else."""

MOST_PATIENCE: Final = 4
"""Times `MAX_STEP` that somebody who was lost for a while may have gone."""

MAX_GROWTH: Final = 1.6
LOST_FOR: Final = 30
"""Looks without the person after which they may be anywhere: what follows is a shot of its own."""

CUT_LEVEL: Final = 22.0
"""Mean difference of two thumbnails, brightness removed, 0 to 255, above which the shot has changed."""

LEAST_SHARE: Final = 0.35
"""Share of the clip in which the person must have been found; less is no motion to transfer."""

CONVINCING: Final = 0.95
"""Presence that three looks out of four must reach: people get more than .99, globes .73 to .87, test patterns .90."""


@dataclass(frozen=True)
class PoseTrack:
    """The followed person, frame by frame, gaps filled, smoothed without lag."""

    points: Floats
    """(frames, 33, 2), pixels of the analysed frames."""
    depth: Floats
    """(frames, 33)."""
    visible: Floats
    """(33,): median over the clip."""
    cuts: list[int]
    """First frames of new shots."""
    frame_count: int
    """Frames of the result; may exceed `len(points)` by the clock's rounding."""


@dataclass
class _Person:
    """What is remembered of the followed person."""

    window: Window
    points: Floats
    colours: NDArray[np.float32]
    missed: int = 0


@dataclass
class _Log:
    at: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)


def follow_person(
    clip: Clip, tick: Callable[[float], None], wanted: Callable[[], bool] = lambda: True
) -> tuple[PoseTrack | None, int]:
    """Follow the most prominent person through the clip.

    Args:
        clip: the reference.
        tick: gets the finished share.
        wanted: asked again and again; once it says no, nobody needs the answer any more.

    Returns:
        The track, None when the clip has no person that can be believed; and the frames that were streamed.
    """
    step = 2 if clip.fps > EVERY_SECOND_FRAME_ABOVE_FPS else 1
    size = 2 if clip.fps / step > PAIRS_ABOVE_FPS else 1
    streamed = 0
    with frames(clip, LONG_SIDE_PX, "rgb", every=step) as stream:
        follower = _Follower()
        while batch := list(islice(stream, size)):
            follower.take(batch, [step * (streamed + i) for i in range(len(batch))])
            streamed += len(batch)
            tick(step * streamed / clip.frame_count)
            if follower.hopeless or not wanted():
                return None, streamed
    count = output_frames(clip, streamed, step)
    return _track(follower.log, streamed, step, count, float(clip.fps)), streamed


class _Follower:
    def __init__(self) -> None:
        self._person: _Person | None = None
        self._thumbnail: NDArray[np.float32] | None = None
        self._searches = 0
        self._wait = 0
        self.log = _Log()

    @property
    def hopeless(self) -> bool:
        """Nobody has been seen although the clip was searched at several moments."""
        return self._person is None and self._searches >= SEARCHES

    def take(self, batch: list[Frame], numbers: list[int]) -> None:
        """Look at one or two frames: at the last, and at the one before where that isn't enough."""
        cuts = [self._is_cut(rgb) for rgb in batch]
        before = self._person
        if before is None or any(cuts) or len(batch) == 1:
            for rgb, number, cut in zip(batch, numbers, cuts, strict=True):
                self._one(rgb, number, cut=cut)
            return
        guess = look(batch[-1], before.window)
        if not self._is_same(guess):
            for rgb, number in zip(batch, numbers, strict=True):
                self._one(rgb, number, cut=False)
            return
        moved = np.linalg.norm(guess.points[ENDS] - before.points[ENDS], axis=1)
        if before.missed or float(moved.max()) > FAR * torso_size(before.points):
            self._one(batch[0], numbers[0], cut=False)
        self._accept(batch[-1], numbers[-1], guess, new_shot=False)

    def _one(self, rgb: Frame, number: int, *, cut: bool) -> None:
        pose = look(rgb, self._person.window) if self._person is not None and not cut else None
        if pose is None or not self._is_same(pose):
            pose = self._search(rgb, cut=cut)
        if pose is None:
            if self._person is not None:
                self._person.missed += 1
            return
        new_shot = self._person is not None and (cut or self._person.missed > LOST_FOR) and bool(self.log.at)
        self._accept(rgb, number, pose, new_shot=new_shot)

    def _accept(self, rgb: Frame, number: int, pose: Pose, *, new_shot: bool) -> None:
        if new_shot:
            self.log.cuts.append(number)
        colours = trunk_colours(rgb, pose.points)
        if self._person is not None:
            colours = 0.9 * self._person.colours + 0.1 * colours
        self._person = _Person(pose.window, pose.points, colours)
        self.log.at.append(number)
        self.log.poses.append(pose)

    def _is_cut(self, rgb: Frame) -> bool:
        small = cv2.resize(rgb[::3, ::3], (32, 24), interpolation=cv2.INTER_AREA).astype(np.float32)
        small -= small.mean()
        before, self._thumbnail = self._thumbnail, small
        return before is not None and float(np.abs(small - before).mean()) > CUT_LEVEL

    def _is_same(self, pose: Pose) -> bool:
        person = self._person
        if person is None or pose.score < HERE:
            return False
        trunk = [*SHOULDERS, *HIPS]
        size, before = torso_size(pose.points), torso_size(person.points)
        moved = float(np.linalg.norm(pose.points[trunk] - person.points[trunk], axis=1).mean())
        patience = min(1 + person.missed, MOST_PATIENCE)
        return moved < MAX_STEP * patience * before and 1 / MAX_GROWTH < size / before < MAX_GROWTH

    def _search(self, rgb: Frame, *, cut: bool) -> Pose | None:
        person = self._person
        if person is None or cut:
            if person is None:
                # At looks 1, 5, 13 and 29: searching costs as much as some twenty looks.
                self._wait += 1
                if self._wait != (1 << (self._searches + 2)) - 3:
                    return None
            self._searches += 1
            people = find_people(rgb, thorough=True)
        elif person.missed % 4 == 1:
            people = find_people(rgb, thorough=person.missed > 4)
        else:
            # First the same place with a wider window: the person may have stepped out of the old one.
            at = person.window
            wide = look(rgb, Window(at.x, at.y, 1.35 * at.side))
            people = [wide] if wide.score >= HERE else []
        if not people:
            return None
        if person is None:
            return people[0] if people[0].score >= HERE else None
        if cut:
            return max(people, key=lambda pose: prominence(pose) * self._likeness(rgb, pose))
        best = max(people, key=lambda pose: self._likeness(rgb, pose))
        return best if self._is_same(best) or (person.missed > 8 and self._likeness(rgb, best) > 0.5) else None

    def _likeness(self, rgb: Frame, pose: Pose) -> float:
        """0.1 to 1: do the colours of the trunk fit the followed person?"""
        if self._person is None:
            return 1.0
        shared = np.minimum(trunk_colours(rgb, pose.points), self._person.colours).sum()
        return 0.1 + 0.9 * float(shared)


def trunk_colours(rgb: NDArray[np.uint8], points: Floats) -> NDArray[np.float32]:
    """Histogram of the colours between shoulders and hips, (512,), sum 1."""
    corners = points[[SHOULDERS[0], SHOULDERS[1], HIPS[1], HIPS[0]]]
    height, width = rgb.shape[:2]
    low = np.clip(np.floor(corners.min(axis=0)), 0, [width - 2, height - 2]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low + 1, [width, height]).astype(int)
    crop = rgb[low[1] : high[1] : 2, low[0] : high[0] : 2]
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round((corners - low) / 2).astype(np.int32), 1)
    bins = (crop >> 5).astype(np.intp) @ np.array([64, 8, 1])
    counts = np.bincount(bins[mask > 0] if mask.any() else bins.ravel(), minlength=512).astype(np.float32)
    return np.asarray(counts / max(1.0, float(counts.sum())), np.float32)


def _track(log: _Log, streamed: int, step: int, count: int, fps: float) -> PoseTrack | None:
    # A look stands for the frame before it, too, where that was left out.
    seen = sum(min(2 * step, after - before) for before, after in pairwise([-step, *log.at]))
    if len(log.at) < 3 or seen < LEAST_SHARE * step * streamed:
        return None
    if float(np.percentile([pose.score for pose in log.poses], 25)) < CONVINCING:
        return None
    total = min(count, step * streamed)
    at = np.array(log.at, np.intp)
    points = np.array([pose.points for pose in log.poses])
    depth = np.array([pose.depth for pose in log.poses])
    pieces = [
        _one_shot(at[inside], points[inside], depth[inside], start, end, fps)
        for start, end, inside in _shots(at, log.cuts, total)
    ]
    return PoseTrack(
        points=np.concatenate([piece[0] for piece in pieces]),
        depth=np.concatenate([piece[1] for piece in pieces]),
        visible=np.median([pose.visible for pose in log.poses], axis=0),
        cuts=log.cuts,
        frame_count=count,
    )


def _shots(at: NDArray[np.intp], cuts: list[int], total: int) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """First frame, end and the looks of every shot; nothing is interpolated or smoothed across a cut."""
    edges = [0, *cuts, total]
    for start, end in pairwise(edges):
        yield start, end, (at >= start) & (at < end)


def _one_shot(
    at: NDArray[np.intp], points: Floats, depth: Floats, start: int, end: int, fps: float
) -> tuple[Floats, Floats]:
    count, longest = end - start, LONGEST_CURVE_SECONDS * fps
    filled = fill_gaps(at - start, points, count, longest)
    deep = fill_gaps(at - start, depth, count, longest)
    return smooth(filled, SMOOTHING_SECONDS * fps), smooth(deep, DEPTH_SMOOTHING_SECONDS * fps)
