"""Small material: two seconds of the example dance, one character, and odd clips made by ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from evolink_ui.sandbox.drawing import scenes
from evolink_ui.sandbox.drawing.dancer import DISCO
from evolink_ui.sandbox.drawing.scenes import Show

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()

MakeClip = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def short_show() -> Show:
    """The first three seconds of the example dance."""
    return replace(scenes.DISCO_SHOW, dance=replace(DISCO, seconds=3.0))


@pytest.fixture(scope="session")
def dance(tmp_path_factory: pytest.TempPathFactory, short_show: Show) -> Path:
    """Three seconds of a dancer, with music."""
    path = tmp_path_factory.mktemp("dance") / "dance.mp4"
    scenes.write_show(path, short_show)
    return path


@pytest.fixture(scope="session")
def mika(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A character on a meadow."""
    path = tmp_path_factory.mktemp("mika") / "mika.png"
    scenes.write_character(path, scenes.MIKA)
    return path


@pytest.fixture(scope="session")
def juni(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A character cut out, on nothing."""
    path = tmp_path_factory.mktemp("juni") / "juni.png"
    scenes.write_character(path, scenes.JUNI)
    return path


@pytest.fixture(scope="session")
def ball_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No person: a cut-out ball with a pattern."""
    pixels = np.zeros((400, 400, 4), np.uint8)
    cv2.circle(pixels, (200, 200), 90, (90, 140, 230, 255), -1, cv2.LINE_AA)
    cv2.circle(pixels, (170, 180), 20, (40, 40, 200, 255), -1, cv2.LINE_AA)
    path = tmp_path_factory.mktemp("ball") / "ball.png"
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Make a clip without a person: `make_clip("name.mp4", "-t", "1", rate=60)`."""

    def make(name: str, *options: str, rate: str = "30", seconds: float = 1.0, sound: float | None = None) -> Path:
        path = tmp_path / name
        inputs = ["-f", "lavfi", "-i", f"testsrc=size=320x240:rate={rate}:duration={seconds}"]
        if sound is not None:
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={sound}", "-c:a", "aac"]
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        subprocess.run([FFMPEG, "-y", "-v", "error", *inputs, *codec, *options, str(path)], check=True)
        return path

    return make


def all_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Every frame of a result, BGR."""
    reader = cv2.VideoCapture(str(path))
    frames: list[NDArray[np.uint8]] = []
    while True:
        ok, frame = reader.read()
        if not ok:
            return frames
        frames.append(np.asarray(frame, np.uint8))


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Decibels."""
    error = float(((one.astype(np.float64) - other) ** 2).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))
