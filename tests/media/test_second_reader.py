"""The second reader of a video: it warns where a simple program reads the file differently, and refuses nothing."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from evolink_ui.media import VideoFacts, check_video, second_reader
from evolink_ui.media.report import Report
from evolink_ui.media.second_reader import differences, read_again
from tests.media import studio

FACTS = VideoFacts(
    width=480,
    height=360,
    size_bytes=1000,
    format="mp4",
    duration_seconds=5.0,
    fps=15.0,
    has_audio=True,
    codec="h264",
    stored_size=(480, 360),
)
SAME = {"seconds": 5.04, "width": 480, "height": 360, "has_audio": True}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is promised here is the answer; a busy machine may take its time for it."""
    monkeypatch.setattr(second_reader, "SECONDS", 30.0)


ORDINARY: dict[str, dict[str, Any]] = {
    "plain": {"sound_seconds": None},
    "silent": {},
    "mov": {"container": "mov", "sound_seconds": None},
    "pixels that are not square": {"aspect": Fraction(4, 3)},
    "turned": {"rotation": 90, "sound_seconds": None},
    "turned, pixels that are not square": {"rotation": -90, "aspect": Fraction(16, 15)},
    "upside down": {"rotation": 180},
    "sound a little longer": {"sound_seconds": 3.4},
    "sound a little shorter": {"sound_seconds": 3.0},
    "fragmented": {"sound_seconds": None, "movflags": "frag_keyframe+empty_moov"},
    "index first": {"movflags": "faststart"},
    "high rate": {"fps": 60, "width": 360},
    "odd sides": {"width": 482, "height": 362},
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_files_are_not_warned_about(kind: str, tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4", **ORDINARY[kind])
    report = check_video(path)
    assert report.ok
    assert read_again(path, report) == []


def test_a_film_that_simple_programs_read_longer_is_warned_about_and_passes_all_the_same(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4", sound_seconds=8.0)
    report = check_video(path)
    assert report.ok
    (warning,) = read_again(path, report) or []
    assert (warning.code, warning.field) == ("readers_differ", "video")
    assert "8 s long instead of 3.2 s" in warning.message.replace("8.01", "8").replace("8.02", "8")


def test_a_file_is_read_again_only_if_it_passed(tmp_path: Path, good_video: Path) -> None:
    assert read_again(good_video, Report(False, FACTS, [], [])) == []
    assert read_again(tmp_path / "gone.mp4", Report(True, FACTS, [], [])) is None


def test_a_reader_that_has_no_time_says_nothing_and_the_next_file_is_read(
    good_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = check_video(good_video)
    assert read_again(good_video, report) == []
    monkeypatch.setattr(second_reader, "SECONDS", 0.001)
    assert read_again(good_video, report) is None
    monkeypatch.undo()
    monkeypatch.setattr(second_reader, "SECONDS", 30.0)
    assert read_again(good_video, report) == []


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ({}, []),
        ({"seconds": 5.29}, []),
        ({"seconds": 5.31}, ["readers_differ"]),
        ({"seconds": "long"}, []),
        ({"seconds": float("nan")}, []),
        ({"width": 360, "height": 480}, []),
        ({"width": 240, "height": 360}, ["readers_differ"]),
        ({"width": None}, []),
        ({"has_audio": False}, ["readers_differ"]),
        ({"failed": True}, ["second_reader_failed"]),
    ],
)
def test_what_counts_as_a_difference(said: dict[str, Any], codes: list[str]) -> None:
    assert [found.code for found in differences(FACTS, {**SAME, **said})] == codes


def test_sizes_are_the_same_whether_pixels_are_square_or_not() -> None:
    stretched = replace(FACTS, width=640, stored_size=(480, 360))
    assert differences(stretched, SAME) == []
    assert differences(stretched, {**SAME, "width": 640}) == []
