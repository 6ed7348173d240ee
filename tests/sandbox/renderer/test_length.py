"""The result is as long as the reference, whatever the reference's clock."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import pytest

from evolink_ui.sandbox.renderer import render

from .conftest import FFMPEG, MakeClip


def facts(path: Path) -> tuple[int, float, float | None]:
    """Frames, seconds of picture, seconds of sound."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        seconds = float((video.duration or 0) * (video.time_base or 0))
        sound = container.streams.audio[0] if container.streams.audio else None
        heard = float((sound.duration or 0) * (sound.time_base or 0)) if sound else None
        return video.frames, seconds, heard


@pytest.mark.parametrize(
    ("rate", "fps", "frames"),
    [("10", 10.0, 10), ("24", 24.0, 24), ("30000/1001", 29.97, 30), ("60", 30.0, 30), ("50", 25.0, 25)],
)
def test_every_frame_rate_keeps_its_length(
    ball_picture: Path, make_clip: MakeClip, tmp_path: Path, rate: str, fps: float, frames: int
) -> None:
    video = make_clip("clip.mp4", rate=rate)
    result = render(ball_picture, video, tmp_path / "out.mp4")
    made, seconds, _ = facts(tmp_path / "out.mp4")
    assert result.fps == pytest.approx(fps, abs=0.01)
    assert result.frames == made
    assert abs(made - frames) <= 1
    assert seconds == pytest.approx(1.0, abs=1.01 / fps)


def test_a_variable_frame_rate_keeps_its_length(ball_picture: Path, make_clip: MakeClip, tmp_path: Path) -> None:
    # Every seventh frame is missing, and all of the second half's odd ones.
    drop = "select='not(eq(mod(n,7),3))*not(gt(n,30)*mod(n,2))'"
    video = make_clip("vfr.mp4", "-vf", drop, "-fps_mode", "vfr", seconds=2.0)
    result = render(ball_picture, video, tmp_path / "out.mp4")
    _, theirs, _ = facts(video)
    _, ours, _ = facts(tmp_path / "out.mp4")
    assert abs(ours - theirs) <= 1.01 / result.fps


def test_sound_is_kept_and_never_longer_than_the_picture(
    ball_picture: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    render(ball_picture, make_clip("long.mp4", sound=2.0), tmp_path / "out.mp4")
    _, picture, sound = facts(tmp_path / "out.mp4")
    assert sound is not None
    assert picture == pytest.approx(1.0, abs=0.04)
    assert sound == pytest.approx(1.0, abs=0.06)


def test_short_sound_does_not_cut_the_picture(ball_picture: Path, make_clip: MakeClip, tmp_path: Path) -> None:
    render(ball_picture, make_clip("short.mp4", sound=0.4), tmp_path / "out.mp4")
    frames, _, _ = facts(tmp_path / "out.mp4")
    assert frames == 30


def test_sound_is_left_out_when_asked(ball_picture: Path, make_clip: MakeClip, tmp_path: Path) -> None:
    result = render(ball_picture, make_clip("sound.mp4", sound=1.0), tmp_path / "out.mp4", keep_sound=False)
    assert not result.has_audio
    assert facts(tmp_path / "out.mp4")[2] is None


def test_a_phone_clip_with_another_sound_codec_and_a_turned_picture(
    ball_picture: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    flat = make_clip("flat.mp4", sound=1.0)
    turned = tmp_path / "turned.mov"
    rotate = ["-display_rotation", "90", "-i", str(flat), "-c:v", "copy", "-c:a", "pcm_s16le", str(turned)]
    subprocess.run([FFMPEG, "-y", "-v", "error", *rotate], check=True)
    result = render(ball_picture, turned, tmp_path / "out.mp4")
    assert (result.frames, result.has_audio) == (30, True)
    assert facts(tmp_path / "out.mp4")[2] is not None
