"""BlazePose "lite": 33 landmarks of one person in a square window of a frame.

The window for the next frame comes with the answer, so following a person costs one run a frame. There is no
separate detector: `people.py` tries windows and believes the net's own presence score.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .curves import Floats
from .runtime import Net, Tensor, load_net
from .skeleton import LANDMARKS

WEIGHTS: Final = Path(__file__).with_name("weights")
READING: Final = ("landmarks", "score")
BETWEEN: Final = ("half", "quarter", "eighth", "sixteenth", "deep")
"""Outputs of the landmarks' net; the latter are inputs of the mask's net."""

INPUT_PX: Final = 256

WINDOW_PER_RADIUS: Final = 2.5
"""The net wants the circle around the whole body with a quarter of it as margin."""


@dataclass(frozen=True)
class Window:
    """A turned square."""

    x: float
    y: float
    side: float
    angle: float = 0.0
    """Radians by which the person inside leans, clockwise on the screen."""

    def to_input(self, scale: float = 1.0) -> Floats:
        """(2, 3): frame pixels -> the net's input, which `scale` widens around the person."""
        zoom = INPUT_PX / (self.side * scale)
        cos, sin = zoom * np.cos(self.angle), zoom * np.sin(self.angle)
        half = INPUT_PX / 2
        return np.array(
            [[cos, sin, half - cos * self.x - sin * self.y], [-sin, cos, half + sin * self.x - cos * self.y]]
        )


@dataclass(frozen=True)
class Pose:
    """What the net sees in one window."""

    points: Floats
    """(33, 2), frame pixels."""
    depth: Floats
    """(33,), frame pixels towards (negative) or away from the viewer, against the hips."""
    visible: Floats
    """(33,), 0 to 1."""
    score: float
    """0 to 1: is there a person?"""
    window: Window
    """Where to look next."""


def look(rgb: NDArray[np.uint8], window: Window) -> Pose:
    """Landmarks of the person in this window of a (height, width, 3) RGB frame."""
    return _read(rgb, window, READING)[0]


def look_closely(rgb: NDArray[np.uint8], window: Window) -> tuple[Pose, NDArray[np.float32]]:
    """As `look`, with the (height, width) probability that a pixel belongs to the person."""
    pose, features = _read(rgb, window, READING + BETWEEN)
    (logits,) = _net("pose_mask").run(dict(zip(BETWEEN, features, strict=True)), ("mask",))
    inside = _logistic(logits.reshape(INPUT_PX, INPUT_PX).astype(np.float64)).astype(np.float32)
    back = cv2.invertAffineTransform(window.to_input())
    mask = cv2.warpAffine(inside, back, (rgb.shape[1], rgb.shape[0]), flags=cv2.INTER_LINEAR)
    return pose, np.asarray(mask, np.float32)


def _read(rgb: NDArray[np.uint8], window: Window, outputs: tuple[str, ...]) -> tuple[Pose, list[Tensor]]:
    """The pose, and the outputs that follow those of `READING`."""
    matrix = window.to_input()
    crop = cv2.warpAffine(rgb, matrix, (INPUT_PX, INPUT_PX), flags=cv2.INTER_LINEAR)
    picture = np.asarray(cv2.dnn.blobFromImage(crop, 1 / 255), np.float32)
    landmarks, score, *features = _net("pose_landmarks").run({"image": picture}, outputs)
    raw = landmarks.reshape(-1, 5).astype(np.float64)
    back = cv2.invertAffineTransform(matrix)
    points = raw[:, :2] @ back[:, :2].T + back[:, 2]
    # Two more points follow the landmarks: the body's middle and one on the circle around it.
    middle, rim = points[LANDMARKS], points[LANDMARKS + 1]
    radius = float(np.hypot(*(rim - middle)))
    lean = float(np.arctan2(rim[0] - middle[0], middle[1] - rim[1]))
    pose = Pose(
        points=points[:LANDMARKS],
        depth=raw[:LANDMARKS, 2] * window.side / INPUT_PX,
        visible=_logistic(raw[:LANDMARKS, 3]),
        score=float(score.item()),
        window=Window(float(middle[0]), float(middle[1]), max(8.0, WINDOW_PER_RADIUS * radius), lean),
    )
    return pose, features


_LOADING: Final = threading.Lock()


def _net(name: str) -> Net:
    with _LOADING:  # two threads that come first would load it twice
        return _loaded(name)


@cache
def _loaded(name: str) -> Net:
    return load_net(WEIGHTS / f"{name}.onnx")


def _logistic(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -30, 30))), np.float64)
