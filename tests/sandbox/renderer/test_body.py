"""A person in the picture moves like the person in the clip."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from evolink_ui.sandbox.drawing import scenes
from evolink_ui.sandbox.drawing.dancer import GROOVE, Joints
from evolink_ui.sandbox.drawing.scenes import Show
from evolink_ui.sandbox.renderer import Result, render
from evolink_ui.sandbox.renderer.badge import make_badge
from evolink_ui.sandbox.renderer.clip import read_clip
from evolink_ui.sandbox.renderer.follow import PoseTrack, follow_person
from evolink_ui.sandbox.renderer.picture import load_picture
from evolink_ui.sandbox.renderer.skeleton import LIMBS

from .conftest import FFMPEG, all_frames, psnr

SETTLED = 20
"""Frames after which the limbs are in the clip's pose."""

NAMES = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}


def truth(show: Show) -> NDArray[np.float64]:
    """(frames, 8): angles of the drawn bones."""
    return np.array([_angles(joints) for joints in scenes.show_joints(show)])


def _angles(joints: Joints) -> list[float]:
    out = []
    for limb in LIMBS:
        side, kind = limb.split("_")
        at = [joints[f"{side}_{name}"] for name in NAMES[kind]]
        out += [float(np.arctan2(*(b - a)[::-1])) for a, b in pairwise(at)]
    return out


def read(path: Path) -> NDArray[np.float64]:
    """(frames, 8): the same angles as the net sees them."""
    track = watch(path)
    return np.stack(
        [
            np.arctan2(*(track.points[:, b] - track.points[:, a]).T[::-1])
            for joints in LIMBS.values()
            for a, b in pairwise(joints[:3])
        ],
        axis=1,
    )


def watch(path: Path) -> PoseTrack:
    track, _ = follow_person(read_clip(path), lambda share: None)
    assert track is not None
    return track


@pytest.fixture(scope="module")
def danced(mika: Path, dance: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("danced") / "out.mp4"
    told: list[float] = []
    result = render(mika, dance, out, progress=lambda share, _: told.append(share))
    assert max(b - a for a, b in pairwise(told)) < 0.05, "progress stands still and then jumps"
    return out, result


def test_every_limb_follows_the_dance(danced: tuple[Path, Result], short_show: Show) -> None:
    path, result = danced
    assert (result.path, result.frames, result.has_audio) == ("body", 90, True)
    seen, drawn = read(path)[SETTLED:], truth(short_show)[SETTLED:90]
    error = np.degrees(np.abs((seen - drawn + np.pi) % (2 * np.pi) - np.pi))
    assert float(np.median(error)) < 7.0
    for bone in range(8):
        assert np.corrcoef(np.unwrap(seen[:, bone]), np.unwrap(drawn[:, bone]))[0, 1] > 0.8


def test_the_first_frame_is_the_picture(danced: tuple[Path, Result], mika: Path) -> None:
    picture = load_picture(mika, "720p")
    first = all_frames(danced[0])[0]
    left, top, right, bottom = make_badge(picture.width, picture.height).box
    outside = np.ones(first.shape[:2], bool)
    outside[top - 2 : bottom + 2, left - 2 : right + 2] = False
    assert psnr(first[outside], picture.bgr[outside]) >= 35


def test_every_frame_wears_the_badge(danced: tuple[Path, Result]) -> None:
    frames = all_frames(danced[0])
    left, top, right, bottom = make_badge(720, 960).box
    first = frames[0][top:bottom, left:right]
    for frame in frames[::9]:
        # The dark pill with white letters: darker than the meadow, and the same everywhere.
        assert psnr(frame[top:bottom, left:right], first) > 22
        assert frame[top:bottom, left:right].mean() < frames[0][top:bottom, right : 2 * right - left].mean() - 30


def test_the_background_stands_still(danced: tuple[Path, Result]) -> None:
    frames = all_frames(danced[0])
    sky = np.s_[20:120, 60:240]
    assert psnr(frames[0][sky], frames[60][sky]) > 38


def test_orientation_video_takes_the_clips_pose_from_the_first_frame(
    juni: Path, dance: Path, short_show: Show, tmp_path: Path
) -> None:
    result = render(juni, dance, tmp_path / "out.mp4", orientation="video")
    assert result.path == "body"
    seen, drawn = read(tmp_path / "out.mp4"), truth(short_show)
    error = np.degrees(np.abs((seen - drawn[: len(seen)] + np.pi) % (2 * np.pi) - np.pi))
    assert float(np.median(error)) < 8.0


def test_a_cut_out_stands_on_a_plain_stage(juni: Path) -> None:
    picture = load_picture(juni, "720p")
    assert picture.alpha is not None
    corner = picture.bgr[:20, :20].astype(int)
    assert corner.mean() > 225
    assert np.ptp(corner, axis=(0, 1)).max() <= 3


def test_a_half_body_picture_keeps_its_lower_edge_closed(mika: Path, dance: Path, tmp_path: Path) -> None:
    whole = cv2.imread(str(mika))
    assert whole is not None
    bust = tmp_path / "bust.png"
    cv2.imwrite(str(bust), whole[150:800, 100:980])
    result = render(bust, dance, tmp_path / "out.mp4")
    assert result.path == "body"
    frames = all_frames(tmp_path / "out.mp4")
    height, width = frames[0].shape[:2]
    for frame in frames[::10]:
        bottom = frame[height - 4, width // 2 - 15 : width // 2 + 15].astype(int)
        # The orange hoodie goes on down to the border: blue low, red high.
        assert bottom[:, 2].mean() > bottom[:, 0].mean() + 60


def test_the_same_person_is_followed_through_a_crowd_and_a_cut(tmp_path: Path, short_show: Show) -> None:
    # A large dancer in green beside a small one in yellow; after the cut they change sides.
    large = list(scenes.show_frames(replace(short_show, dance=replace(short_show.dance, seconds=2.0))))
    other = replace(scenes.GROOVE_SHOW, dance=replace(GROOVE, seconds=2.0))
    small = [cv2.resize(frame, (432, 576), interpolation=cv2.INTER_AREA) for frame in scenes.show_frames(other)]
    path = tmp_path / "crowd.mp4"
    size = f"{720 + 432}x960"
    command = [FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", size, "-r", "30", "-i", "-"]
    with subprocess.Popen([*command, "-pix_fmt", "yuv420p", str(path)], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for index, (one, two) in enumerate(zip(large, small, strict=True)):
            before = index < 30
            canvas = np.full((960, 1152, 3), 205 if before else 120, np.uint8)
            canvas[:, slice(0, 720) if before else slice(432, 1152)] = one
            canvas[384:, slice(720, 1152) if before else slice(0, 432)] = two
            process.stdin.write(canvas.tobytes())
    track = watch(path)
    hips = track.points[:, 23:25, 0].mean(axis=1) * 1152 / 512
    assert 200 < float(np.median(hips[:28])) < 520
    assert 632 < float(np.median(hips[34:])) < 952
