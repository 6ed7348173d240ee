"""Videos are made acceptable in one click: with their sound, upright, and cut at the frame."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from evolink_ui.media import FixFailed, VideoFacts, check_video, fix_video
from tests.media import studio
from tests.media.mended import mended_video, nothing_left

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.mkv", {"container": "matroska", "sound_seconds": None}),
        (
            "a.webm",
            {"container": "webm", "codec": "libvpx", "options": studio.FAST_VP8, "fps": 4, "sound_seconds": None},
        ),
        ("a.avi", {"container": "avi", "codec": "mpeg4", "options": ()}),
        ("a.ts", {"container": "mpegts", "sound_seconds": None}),
        ("a.flv", {"container": "flv"}),
        ("a.mov", {"container": "mov", "codec": "libx265", "options": (("x265-params", "log-level=none"),)}),
        ("a.mp4", {"pixels": "yuv444p"}),
        ("a.mp4", {"aspect": Fraction(4, 3)}),
        ("a.mp4", {"sound_seconds": 5.0}),
    ],
)
def test_other_videos_become_h264_in_mp4_with_their_sound(tmp_path: Path, name: str, what: dict[str, Any]) -> None:
    path = studio.film(tmp_path / name, **what)
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.fixes == ["convert"]
    assert isinstance(fixed.after, VideoFacts)
    assert (fixed.after.codec, fixed.after.format) == ("h264", "mp4")
    assert fixed.after.has_audio == (what.get("sound_seconds", 0) != 0)
    assert fixed.after.duration_seconds == pytest.approx(3.2, abs=0.1)
    assert fixed.report.warnings == []


def test_h264_in_another_container_is_only_put_into_an_mp4(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mkv", container="matroska")
    fixed = mended_video(path, tmp_path / "out")
    assert "Put into an MP4 file" in fixed.changes[0]
    assert fixed.after.size_bytes == pytest.approx(path.stat().st_size, rel=0.1)


@pytest.mark.parametrize(
    ("orientation", "start", "end", "seconds"),
    [("image", None, None, 10.0), ("image", 1.5, None, 10.0), ("image", 2.0, 6.5, 4.5), ("video", 0.0, 11.0, 11.0)],
)
def test_the_chosen_part_is_cut_out(
    long_video: Path, tmp_path: Path, orientation: str, start: float | None, end: float | None, seconds: float
) -> None:
    fixed = mended_video(long_video, tmp_path / "out", orientation, start, end)
    assert fixed.fixes == ["trim"]
    assert isinstance(fixed.after, VideoFacts)
    assert fixed.after.duration_seconds == pytest.approx(seconds, abs=0.07)  # a frame lasts 0.067 s
    assert fixed.after.duration_seconds <= seconds + 0.01
    assert fixed.after.has_audio
    assert f"{start or 0:g} s" in fixed.changes[0]


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (0.0, 2.0, "fix_part_too_short"),
        (10.0, None, "fix_part_too_short"),
        (0.0, 11.0, "fix_part_too_long"),
        (5.0, 5.0, "fix_part_outside"),
        (6.0, 5.0, "fix_part_outside"),
        (50.0, 60.0, "fix_part_outside"),
        (float("nan"), 5.0, "fix_part_outside"),
        (0.0, float("inf"), "fix_part_outside"),
    ],
)
def test_a_part_that_cannot_pass_is_refused_before_any_work(
    long_video: Path, tmp_path: Path, start: float, end: float | None, code: str
) -> None:
    with pytest.raises(FixFailed) as failed:
        fix_video(long_video, tmp_path / "out", "image", start, end)
    assert failed.value.code == code
    assert failed.value.next_step
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize(
    ("what", "fixes", "size"),
    [
        ({"width": 320, "height": 240}, ["enlarge"], (454, 340)),
        ({"width": 240, "height": 320}, ["enlarge"], (340, 454)),
        ({"width": 4000, "height": 800, "fps": 2, "seconds": 3.0, "still": True}, ["shrink"], (1920, 384)),
        ({"width": 320, "height": 240, "rotation": 90}, ["enlarge"], (340, 454)),
    ],
)
def test_a_video_is_scaled_into_the_allowed_sizes(
    tmp_path: Path, what: dict[str, Any], fixes: list[str], size: tuple[int, int]
) -> None:
    fixed = mended_video(studio.film(tmp_path / "a.mp4", **what), tmp_path / "out")
    assert fixed.fixes == fixes
    assert (fixed.after.width, fixed.after.height) == size


def test_a_heavy_video_is_squeezed_under_100_mb(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4")
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 101_000_000, b"free"))
        file.truncate(path.stat().st_size + 101_000_000)
    assert [problem.code for problem in check_video(path).problems] == ["video_too_big"]
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.fixes == ["shrink"]
    assert fixed.after.size_bytes < 1_000_000
    assert "instead of 101." in fixed.changes[-1]


def test_a_shape_that_can_never_fit_is_not_offered(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4", width=3000, height=64, fps=5)
    assert [(found.code, found.fix) for found in check_video(path).problems] == [("video_too_small", None)]
    with pytest.raises(FixFailed):
        fix_video(path, tmp_path / "out")
    with pytest.raises(FixFailed) as failed:
        fix_video(studio.film(tmp_path / "b.mp4", seconds=1.0), tmp_path / "out")
    assert failed.value.code == "fix_part_too_short"
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize(
    ("container", "start", "end", "frames"),
    [
        ("mp4", 1.01, 4.79, range(15, 71)),  # 15.15 to 71.85 at 15 frames a second
        ("matroska", 2.5, 5.5, range(38, 83)),  # the nearest to 37.5, and enough for 3 s
        ("mpegts", 2.0, 5.4, range(30, 81)),  # one key frame in all, and the first sample is sound
        ("flv", None, 4.0, range(60)),
    ],
)
def test_a_cut_holds_exactly_the_chosen_frames_and_their_sound(
    tmp_path: Path, container: str, start: float | None, end: float, frames: range
) -> None:
    path = studio.counted_film(tmp_path / "a", container, bang_seconds=3.0)
    fixed = mended_video(path, tmp_path / "out", "image", start, end)
    seen, bang = studio.read_counted_film(fixed.path)
    assert seen == list(frames)
    assert bang == pytest.approx(3.0 - frames[0] / 15, abs=0.04)


def cut_off(path: Path, share: float) -> Path:
    """The beginning of a film, as a lost connection leaves it."""
    whole = studio.film(path, movflags="faststart", seconds=4.0).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def test_what_is_there_of_a_video_that_was_cut_off_is_saved(tmp_path: Path) -> None:
    path = cut_off(tmp_path / "a.mp4", 0.9)
    report = check_video(path)
    assert [(found.code, found.fix) for found in report.problems] == [("video_cut_off", "convert")]
    assert report.warnings == []
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.fixes == ["convert"]
    assert fixed.report.warnings == []
    assert isinstance(fixed.after, VideoFacts)
    assert 3.2 < fixed.after.duration_seconds < 3.9


def test_no_fix_is_offered_where_too_little_is_left_of_a_video(tmp_path: Path) -> None:
    problems = check_video(cut_off(tmp_path / "a.mp4", 0.5)).problems
    assert [(found.code, found.fix) for found in problems] == [("video_cut_off", None), ("video_too_short", None)]
    assert problems[0].next_step == "Fetch the video again."


def test_frames_that_cannot_be_read_at_the_beginning_are_replaced_by_the_first_that_can(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4", seconds=4.0, options=(("preset", "ultrafast"), ("g", "15")))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 2000] = bytes(2000)
    path.write_bytes(data)
    assert [found.code for found in check_video(path).problems] == ["video_cut_off"]
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.report.warnings == []
    assert isinstance(fixed.after, VideoFacts)
    assert fixed.after.duration_seconds == pytest.approx(4.0, abs=0.07)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_damaged_frames_are_coded_anew_where_copying_would_keep_them(tmp_path: Path, container: str) -> None:
    path = studio.film(tmp_path / "a", container=container)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\x55" * 40
    path.write_bytes(data)
    assert "video_partly_damaged" in [found.code for found in check_video(path).warnings]
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.report.warnings == []
    assert "Coded anew from the frames that can be read." in fixed.changes


def test_no_place_leaves_with_a_mended_video(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mkv", container="matroska", metadata={"location": "+48.8577+002.2950/"})
    assert b"48.8577" in path.read_bytes()
    assert b"48.8577" not in mended_video(path, tmp_path / "out").path.read_bytes()


def test_people_filmed_in_hdr_stay_as_bright_as_they_were(tmp_path: Path) -> None:
    """Grey of 150 of 255 in SMPTE 2084 is as bright as paper; read as if it were ordinary it looks dull."""
    colours = "log-level=none:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc"
    options = (("preset", "ultrafast"), ("x265-params", colours))
    what: dict[str, Any] = {
        "codec": "libx265",
        "pixels": "yuv420p10le",
        "options": options,
        "brightness": 0.8,
        "still": True,
    }
    fixed = mended_video(studio.film(tmp_path / "a.mov", container="mov", **what), tmp_path / "out")
    assert "Brightness brought from HDR to the ordinary range." in fixed.changes
    assert isinstance(fixed.before, VideoFacts)
    assert fixed.after.brightness is not None
    assert 160 < fixed.after.brightness < 230


def test_frames_woven_of_two_moments_become_one_picture(tmp_path: Path) -> None:
    def torn(path: Path) -> float:
        """How much the lines of one moment stick out of those of the other."""
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)]
        grey = np.stack(frames)
        return float(np.abs(2 * grey[:, 1:-1:2] - grey[:, :-2:2] - grey[:, 2::2][:, : grey.shape[1] // 2 - 1]).mean())

    options = (("preset", "ultrafast"), ("x264-params", "tff=1"))
    path = studio.film(tmp_path / "a.mp4", seconds=4.0, woven=True, options=options)
    fixed = mended_video(path, tmp_path / "out", "image", 0.0, 3.2)
    assert torn(fixed.path) < torn(path) / 2
