"""One person followed through a clip: past other people, through moments of occlusion and through cuts.

The window closes in on whoever is inside, so most frames need one look. Three things can go wrong and are checked for
every look: the person is lost (presence), the window has jumped to somebody else (place, size and the colours of the
trunk), the shot has changed (the whole frame differs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .clip import Clip, Frame, frames, output_frames
from .curves import Floats, fill_gaps, smooth
from .people import HERE, SURE, find_people, prominence, torso_size
from .pose_net import Pose, PoseNet, Window, borrowed_nets
from .skeleton import HIPS, SHOULDERS

LONG_SIDE_PX: Final = 512
NETS: Final = 2
"""Looks at a time, each on a net and a thread of its own; both start from the last known window."""

EVERY_SECOND_FRAME_ABOVE_FPS: Final = 20

SEARCHES: Final = 4
"""Thorough searches before a clip in which nobody has appeared is given to the flow path."""

SMOOTHING_SECONDS: Final = 0.033
DEPTH_SMOOTHING_SECONDS: Final = 0.13

MAX_STEP: Final = 0.9
"""Trunk lengths that shoulders and hips may move between two looks; more is somebody else."""

MAX_GROWTH: Final = 1.6
CUT_LEVEL: Final = 22.0
"""Mean difference of two thumbnails, brightness removed, 0 to 255, above which the shot has changed."""

LEAST_SHARE: Final = 0.35
"""Share of the looks that must have found the person; less is no motion to transfer."""


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


def follow_person(clip: Clip, tick: Callable[[float], None]) -> tuple[PoseTrack | None, int]:
    """Follow the most prominent person through the clip. `tick` gets the finished share.

    Returns:
        The track, None when the clip has no person that can be believed; and the frames looked at.
    """
    step = 2 if clip.fps > EVERY_SECOND_FRAME_ABOVE_FPS else 1
    looked = 0
    with (
        frames(clip, LONG_SIDE_PX, "rgb24", every=step) as stream,
        borrowed_nets(NETS) as nets,
        ThreadPoolExecutor(NETS) as pool,
    ):
        follower = _Follower(nets)
        while batch := list(islice(stream, NETS)):
            follower.take(batch, [step * (looked + i) for i in range(len(batch))], pool)
            looked += len(batch)
            tick(step * looked / clip.frame_count)
            if follower.hopeless:
                return None, looked
    count = output_frames(clip, looked, step)
    return _track(follower.log, looked, step, count, float(clip.fps)), looked


class _Follower:
    def __init__(self, nets: list[PoseNet]) -> None:
        self._nets = nets
        self._person: _Person | None = None
        self._thumbnail: NDArray[np.float32] | None = None
        self._searches = 0
        self._wait = 0
        self.log = _Log()

    @property
    def hopeless(self) -> bool:
        """Nobody has been seen although the clip was searched at several moments."""
        return self._person is None and self._searches >= SEARCHES

    def take(self, batch: list[Frame], numbers: list[int], pool: ThreadPoolExecutor) -> None:
        """Look at some frames in a row."""
        guesses: list[Pose | None] = [None] * len(batch)
        if self._person is not None:
            window = self._person.window
            jobs = [pool.submit(net.look, rgb, window) for net, rgb in zip(self._nets, batch, strict=False)]
            guesses = [job.result() for job in jobs]
        for rgb, number, guess in zip(batch, numbers, guesses, strict=True):
            self._one(rgb, number, guess)

    def _one(self, rgb: Frame, number: int, guess: Pose | None) -> None:
        cut = self._is_cut(rgb)
        pose = guess if guess is not None and not cut and self._is_same(guess) else None
        if pose is None:
            pose = self._search(rgb, cut=cut)
        if pose is None:
            if self._person is not None:
                self._person.missed += 1
            return
        if self._person is not None and (cut or self._person.missed > 30) and self.log.at:
            self.log.cuts.append(number)
        colours = trunk_colours(rgb, pose.points)
        if self._person is not None:
            colours = 0.9 * self._person.colours + 0.1 * colours
        self._person = _Person(pose.window, pose.points, colours)
        self.log.at.append(number)
        self.log.poses.append(pose)

    def _is_cut(self, rgb: Frame) -> bool:
        small = cv2.resize(rgb, (32, 24), interpolation=cv2.INTER_AREA).astype(np.float32)
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
        patience = 1 + person.missed
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
            people = find_people(self._nets[0], rgb, thorough=True)
        elif person.missed % 4 == 1:
            people = find_people(self._nets[0], rgb, thorough=person.missed > 4)
        else:
            # First the same place with a wider window: the person may have stepped out of the old one.
            at = person.window
            wide = self._nets[0].look(rgb, Window(at.x, at.y, 1.35 * at.side))
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


def _track(log: _Log, looked: int, step: int, count: int, fps: float) -> PoseTrack | None:
    if len(log.at) < max(3.0, LEAST_SHARE * looked):
        return None
    if float(np.percentile([pose.score for pose in log.poses], 25)) < SURE:
        return None
    total = min(count, step * looked)
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
    count = end - start
    filled = fill_gaps(at - start, points, count)
    deep = fill_gaps(at - start, depth, count)
    return smooth(filled, SMOOTHING_SECONDS * fps), smooth(deep, DEPTH_SMOOTHING_SECONDS * fps)
