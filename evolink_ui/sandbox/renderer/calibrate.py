"""Correcting what the net systematically misreads.

The net reads every body a little wrongly, by habits of its own: upper arms too steep, shins too straight. Drawing what
it read in the clip and looking at the result would show the error twice. So some frames are drawn, read back, and the
bones turned by what was misread, as a smooth function of their own direction. The cost doesn't grow with the clip.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .body_motion import BodyMotion
from .curves import Floats, fill_gaps, smooth
from .people import SURE
from .plane import angle_of, wrapped
from .pose_net import Pose, Window, look
from .skeleton import HIPS

SAMPLES: Final = (36, 90)
"""Fewest and most frames that are drawn and read: 0.1 to 0.25 s of work on two threads."""

SHORTEST_FRAMES: Final = 24
"""A shorter dance isn't corrected."""

SAMPLE_SECONDS: Final = 0.08
"""Seconds between two of them, where the clip is short enough for that."""

SHARES: Final = (0.25, 0.25, 0.5)
"""Of the samples in each round. The net doesn't answer a turn with the same turn: what is left after one correction is
corrected again."""

GOLDEN: Final = 0.618
"""Steps of the golden section fall evenly into any shares."""

LOCAL_SECONDS: Final = 0.5
"""With so many seconds between two samples, what is left of the error says nothing about the frames between."""

LOCAL_SMOOTHING_SECONDS: Final = 0.08
"""What one look gets wrong by chance must not shake the figure."""

NO_FRAME: Final = -1_000_000
"""Stands for the picture among the frames: far from all of them."""

LOOK_SCALE_PX: Final = 320
"""Long side at which a drawn frame is read: about what the net is shown of it."""

THREADS: Final = 2
STIFFNESS: Final = 0.1
"""Weight of the wish for small coefficients against the samples."""

BELIEVED: Final = 0.7
"""Radians: a larger difference is a confusion, not a habit."""

LOCAL_TRUST: Final = 0.8
"""How much of what the habits don't explain is corrected at its own time."""

MOST: Final = 0.35
"""Radians by which a bone is turned at most."""


class Draws(Protocol):
    """The figure as it would be drawn."""

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of what is drawn."""
        ...

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        """Paint frame `index`."""
        ...

    def smaller(self, scale: float) -> Draws:
        """The same in frames of another size."""
        ...


def calibrate(
    motion: BodyMotion,
    actor: Draws,
    pose: Pose,
    on_look: Callable[[float], None] = lambda share: None,
) -> None:
    """Turn the bones of `motion` so that the net reads in the result what it read in the clip.

    Args:
        motion: corrected in place.
        actor: draws the figure with `motion`.
        pose: the person in the picture.
        on_look: told the finished share, 0 to 1, after every sample.
    """
    first = motion.eased_frame
    length = motion.count - first
    if length < SHORTEST_FRAMES or not motion.rest.limbs:
        return
    samples = min(length, int(np.clip(length / motion.fps / SAMPLE_SECONDS, *SAMPLES)))
    indices = np.linspace(first, motion.count - 1, samples).astype(int)
    rounds = _dealt(indices)
    spacing = length / len(rounds[-1]) / motion.fps
    local = float(np.clip(2 - 2 * spacing / LOCAL_SECONDS, 0, 1)) * LOCAL_TRUST
    wanted = {name: angles.copy() for name, angles in motion.angles.items()}
    reader = _Reader(motion, actor, pose, lambda looked: on_look(looked / samples))
    for number, chosen in enumerate(rounds, 1):
        seen = [(i, pose) for i, pose in reader.read(chosen) if pose.score > SURE]
        if len(seen) < len(chosen) / 2:
            return
        # What the habits don't explain is a matter of the last round alone: it would be corrected twice.
        _correct(motion, wanted, seen, local if number == len(rounds) else 0.0)


def _dealt(indices: NDArray[np.intp]) -> list[list[int]]:
    """The samples of each round, all of them spread over the whole clip."""
    turns = np.searchsorted(np.cumsum(SHARES), (np.arange(len(indices)) * GOLDEN) % 1.0, side="right")
    return [indices[turns == number].tolist() for number in range(len(SHARES))]


def _correct(motion: BodyMotion, wanted: dict[str, Floats], seen: list[tuple[int, Pose]], local: float) -> None:
    at = np.array([index for index, _ in seen])
    for name, joints in motion.rest.limbs.items():
        for bone in range(2):
            read = np.array([angle_of(pose.points[joints[bone + 1]] - pose.points[joints[bone]]) for _, pose in seen])
            error = wrapped(read - wanted[name][at, bone])
            habit = _fit(_features(wanted[name][at], bone), error, _features(wanted[name], bone))
            rest = wrapped(error - habit[at])
            rest = np.where(np.abs(rest) < BELIEVED, rest, 0.0)
            nearby = smooth(fill_gaps(at, rest, motion.count), LOCAL_SMOOTHING_SECONDS * motion.fps)
            motion.turn_bone(name, bone, -np.clip(habit + local * nearby, -MOST, MOST))


class _Reader:
    """Draws frames and reads them."""

    def __init__(self, motion: BodyMotion, actor: Draws, pose: Pose, on_look: Callable[[int], None]) -> None:
        self._motion, self._on_look, self._looked = motion, on_look, 0
        self._scale = LOOK_SCALE_PX / max(actor.frame_shape[:2])
        self._actor = actor.smaller(self._scale)
        hips, at = pose.points[list(HIPS)].mean(axis=0), pose.window
        self._windows = {NO_FRAME: Window(at.x - hips[0], at.y - hips[1], at.side, at.angle)}
        """Where frames were looked at, against the hips and at the figure's own size."""

    def read(self, indices: list[int]) -> list[tuple[int, Pose]]:
        """What the net sees in these frames."""
        poses = []
        with ThreadPoolExecutor(THREADS) as pool:
            for index, pose in zip(indices, pool.map(self._look, indices), strict=True):
                poses.append((index, pose))
                self._looked += 1
                self._on_look(self._looked)
        for index, pose in poses:
            self._remember(index, pose.window)
        return poses

    def _look(self, index: int) -> Pose:
        frame = np.empty(self._actor.frame_shape, np.uint8)
        self._actor.draw(index, frame)
        return look(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8), self._placed(index))

    def _remember(self, index: int, window: Window) -> None:
        """Where the net would look next; whoever follows the result looks there, and so reads alike."""
        (hips_x, hips_y), zoom = self._hips(index)
        x, y = window.x / self._scale - hips_x, window.y / self._scale - hips_y
        self._windows[index] = Window(x / zoom, y / zoom, window.side / self._scale / zoom, window.angle)

    def _placed(self, index: int) -> Window:
        """The nearest known window, moved along with the hips."""
        (hips_x, hips_y), zoom = self._hips(index)
        window = self._windows[min(self._windows, key=lambda known: abs(known - index))]
        x, y = (hips_x + zoom * window.x) * self._scale, (hips_y + zoom * window.y) * self._scale
        return Window(x, y, window.side * zoom * self._scale, window.angle)

    def _hips(self, index: int) -> tuple[list[float], float]:
        at: list[float] = self._motion.joints(index)[0].pelvis.origin.tolist()
        return at, float(self._motion.zoom[index])


def _features(angles: Floats, bone: int) -> Floats:
    """(frames, 5): what a habit may depend on, the bone's direction and that of its neighbour in the limb."""
    own, other = angles[:, bone], angles[:, 1 - bone]
    return np.stack([np.ones(len(own)), np.cos(own), np.sin(own), np.cos(other), np.sin(other)], axis=1)


def _fit(features: Floats, error: Floats, everywhere: Floats) -> Floats:
    """The errors as a smooth function of the features, for all frames."""
    believed = np.abs(error) < BELIEVED
    if believed.sum() < 2 * features.shape[1]:
        return np.zeros(len(everywhere))
    a, b = features[believed], error[believed]
    # The constant is free: it is the habit at a typical direction.
    penalty = STIFFNESS * np.diag([0.0, *([1.0] * (features.shape[1] - 1))])
    coefficients = np.linalg.solve(a.T @ a + penalty + 1e-6 * np.eye(len(penalty)), a.T @ b)
    return np.asarray(everywhere @ coefficients, np.float64)
