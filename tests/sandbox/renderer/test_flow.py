"""Without a person the picture takes over the motion of whatever moves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from evolink_ui.sandbox.renderer import render
from evolink_ui.sandbox.renderer.flow_actor import FlowActor
from evolink_ui.sandbox.renderer.flow_motion import BENDS, Motion

from .conftest import FFMPEG, all_frames, psnr

FRAMES = 60
KINDS = ("translate", "rotate", "scale", "mixed")
DOTS = {(360, 360): (0, 0, 255), (280, 290): (0, 255, 0), (440, 290): (255, 0, 0), (430, 440): (255, 0, 255)}


def texture(height: int, width: int, grain: float, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.asarray((soft - soft.min()) / np.ptp(soft) * 255, np.uint8)


def moved(kind: str, index: int) -> NDArray[np.float64]:
    """How the object has moved in a frame, (2, 3)."""
    swing = float(np.sin(2 * np.pi * index / FRAMES))
    shift, turn, scale = {
        "translate": ((80 * swing, 30 * abs(swing)), 0.0, 1.0),
        "rotate": ((0.0, 0.0), 25 * swing, 1.0),
        "scale": ((0.0, 0.0), 0.0, 1 + 0.2 * swing),
        "mixed": ((60 * swing, 20 * swing), 15 * swing, 1 + 0.12 * float(np.sin(4 * np.pi * index / FRAMES))),
    }[kind]
    matrix = np.asarray(cv2.getRotationMatrix2D((320, 240), turn, scale), np.float64)
    matrix[:, 2] += shift
    return matrix


def driver(path: Path, kind: str) -> None:
    behind, thing = texture(480, 640, 6, 1), texture(480, 640, 3, 2)
    mask = np.zeros((480, 640), np.float32)
    cv2.ellipse(mask, (320, 240), (90, 110), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    command = [
        FFMPEG,
        "-y",
        "-v",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "bgr24",
        "-s",
        "640x480",
        "-r",
        "30",
        "-i",
        "-",
    ]
    with subprocess.Popen(
        [*command, "-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p", str(path)], stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        for index in range(FRAMES):
            matrix = moved(kind, index)
            over = cv2.warpAffine(mask, matrix, (640, 480))[..., None]
            frame = behind * (1 - over) + cv2.warpAffine(thing, matrix, (640, 480)) * over
            process.stdin.write(frame.astype(np.uint8).tobytes())


def dotted_picture(path: Path, *, opaque: bool) -> None:
    pixels = np.zeros((720, 720, 4), np.uint8)
    if opaque:
        pixels[..., :3] = texture(720, 720, 9, 5) // 3 + 130
        pixels[..., 3] = 255
    cv2.ellipse(pixels, (360, 360), (150, 185), 0, 0, 360, (128, 128, 128, 255), -1, cv2.LINE_AA)
    for at, colour in DOTS.items():
        cv2.circle(pixels, at, 16, (*colour, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(path), pixels)


def found_dots(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    out = []
    for colour in DOTS.values():
        far = np.abs(frame.astype(int) - np.array(colour)).sum(axis=2)
        y, x = np.nonzero(far < 170)
        out.append((x.mean(), y.mean()) if len(x) > 60 else (np.nan, np.nan))
    return np.array(out)


def follow_dots(result: Path, kind: str) -> tuple[float, float]:
    """Correlation and gain of the dots' motion against the driver's, scaled by the ratio of the subjects' sizes."""
    seen = np.array([found_dots(frame) for frame in all_frames(result)])
    # The driver's ellipse and the picture's: square roots of their areas.
    ratio = float(np.sqrt(150 * 185 / (90 * 110)))
    middle = np.array([320.0, 240.0])
    at = (np.array(list(DOTS), np.float64) - 360) / ratio + middle
    expected = np.array(
        [(at @ (matrix := moved(kind, i))[:, :2].T + matrix[:, 2] - middle) * ratio + 360 for i in range(FRAMES)]
    )
    one, other = (seen - seen[0]).ravel(), (expected - expected[0]).ravel()
    known = ~np.isnan(one)
    assert known.mean() > 0.95
    gain = float((one[known] * other[known]).sum() / (other[known] ** 2).sum())
    return float(np.corrcoef(one[known], other[known])[0, 1]), gain


# The mixed motion has all the others in it; they come one by one in `make soak`.
@pytest.mark.parametrize(
    "kind", [kind if kind == "mixed" else pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS]
)
@pytest.mark.parametrize(("opaque", "least"), [(False, 0.995), (True, 0.95)])
def test_the_motion_arrives_in_direction_and_size(tmp_path: Path, kind: str, opaque: bool, least: float) -> None:
    driver(tmp_path / "driver.mp4", kind)
    dotted_picture(tmp_path / "dots.png", opaque=opaque)
    result = render(tmp_path / "dots.png", tmp_path / "driver.mp4", tmp_path / "out.mp4")
    assert result.path == "flow"
    correlation, gain = follow_dots(tmp_path / "out.mp4", kind)
    assert correlation >= least
    assert 0.85 < gain < 1.15


def test_a_still_clip_leaves_the_picture_alone(tmp_path: Path, ball_picture: Path) -> None:
    video = tmp_path / "still.mp4"
    still = ["-f", "lavfi", "-i", "color=gray:size=320x240:duration=0.5:rate=20", "-pix_fmt", "yuv420p", str(video)]
    subprocess.run([FFMPEG, "-y", "-v", "error", *still], check=True)
    render(ball_picture, video, tmp_path / "out.mp4")
    frames = all_frames(tmp_path / "out.mp4")
    assert len(frames) == 10
    assert psnr(frames[0], frames[-1]) > 40


def test_a_person_moves_before_a_background_that_stays_where_the_clip_has_nobody(tmp_path: Path, mika: Path) -> None:
    driver(tmp_path / "driver.mp4", "mixed")
    result = render(mika, tmp_path / "driver.mp4", tmp_path / "out.mp4")
    assert result.path == "flow"
    frames = all_frames(tmp_path / "out.mp4")
    sun, trunk = np.s_[20:180, 520:670], np.s_[380:580, 290:430]
    assert min(psnr(frames[0][sun], frame[sun]) for frame in frames) > 35
    assert min(psnr(frames[0][trunk], frame[trunk]) for frame in frames) < 25


def test_a_person_is_bent_less_than_a_thing() -> None:
    bends = np.zeros((1, BENDS, BENDS, 2))
    bends[..., 0] = 20 * np.sin(np.arange(BENDS))[:, None]  # every other row of nodes to the other side
    still = np.zeros(1)
    motion = Motion(np.array([50.0, 50.0]), 60.0, False, still, still, np.zeros((1, 2)), bends)
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, 48:52] = 255
    lines = []
    for bend in (0.0, 0.3, 1.0):
        frame = np.empty_like(picture)
        FlowActor(picture, np.ones((100, 100), np.float32), picture * 0, motion, 25.0, bend).draw(0, frame)
        lines.append(
            float(np.std((frame[20:80, :, 0] * np.arange(100.0)).sum(axis=1) / frame[20:80, :, 0].sum(axis=1)))
        )
    assert lines[0] < 0.1
    assert lines[1] == pytest.approx(0.3 * lines[2], rel=0.4)
