"""Something to try at once."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from evolink_ui.sandbox import examples
from evolink_ui.sandbox.drawing import scenes
from evolink_ui.sandbox.drawing.dancer import DISCO, Pose
from evolink_ui.sandbox.drawing.music import compose


def test_examples_that_are_there_are_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(path: Path, **_: object) -> None:
        drawn.append(path.name)
        path.write_bytes(b"drawn")

    monkeypatch.setattr(scenes, "write_character", draw)
    monkeypatch.setattr(scenes, "write_show", draw)
    first = examples.ensure_examples(tmp_path)
    assert len(drawn) == 5
    assert examples.ensure_examples(tmp_path) == first
    assert len(drawn) == 5
    assert {pair.image.suffix for pair in first} == {".png"}
    assert all(pair.image.exists() and pair.video.exists() for pair in first)
    assert len({pair.name for pair in first}) == 3
    assert len(list(tmp_path.iterdir())) == 5


def test_a_server_does_not_feel_the_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setattr(scenes, "write_character", None)  # nothing may be drawn in this process
    for name in ("nova-1.png", "juni-1.png", "disco-1.mp4", "groove-1.mp4"):
        (tmp_path / name).write_bytes(b"drawn")
    examples.ensure_examples(tmp_path, apart=True)
    drawn = cv2.imread(str(tmp_path / "mika-1.png"))
    assert drawn is not None
    assert drawn.shape == (1440, 1080, 3)


def test_the_same_character_is_drawn_twice_alike(tmp_path: Path, mika: Path) -> None:
    scenes.write_character(tmp_path / "again.png", scenes.MIKA)
    assert (tmp_path / "again.png").read_bytes() == mika.read_bytes()


def test_every_character_is_a_picture_that_the_vendor_takes(mika: Path, juni: Path, tmp_path: Path) -> None:
    scenes.write_character(tmp_path / "nova.png", scenes.NOVA)
    for path in (mika, juni, tmp_path / "nova.png"):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert pixels.shape[:2] == (1440, 1080)
        assert path.stat().st_size < 2_000_000
    cut_out = cv2.imread(str(juni), cv2.IMREAD_UNCHANGED)
    assert cut_out is not None
    assert cut_out.shape[2] == 4
    assert 0.1 < float((cut_out[..., 3] > 128).mean()) < 0.6


def test_the_same_song_is_played_twice_alike(tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav"):
        compose(tmp_path / name, 1.0, 120, 3)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


def test_a_mirrored_pose_mirrored_again_is_the_pose() -> None:
    pose = DISCO.poses[4]
    assert pose.mirrored() != pose
    assert pose.mirrored().mirrored() == pose
    assert Pose().mirrored() == Pose(lean=-0.0)
