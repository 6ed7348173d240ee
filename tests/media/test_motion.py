"""Cuts are found; flashes, pans, shaking and dancing are none. Rows of frames are drawn here."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from evolink_ui.media import ImageFacts, VideoFacts, check_video, compare, rules
from evolink_ui.media.motion import judge, shrink
from tests.media import studio

Grey = npt.NDArray[np.float64]
WIDTH, HEIGHT = 320, 180


def dance(count: int, shot: int = 0, start: int = 0) -> list[Grey]:
    """A figure that sways on the background of its shot."""
    return [studio.scene(WIDTH, HEIGHT, (start + index) / 30, shot)[:, :, 0].astype(float) for index in range(count)]


def wall(seed: int) -> Grey:
    """Something with patterns of all sizes, wider than the frame."""
    rng = np.random.default_rng(seed)
    layers = [np.kron(rng.uniform(0, 255, (400 // s + 2, 2000 // s + 2)), np.ones((s, s))) for s in (8, 32, 64)]
    mixed: Grey = sum((layer[:400, :2000] / 3 for layer in layers), np.zeros((400, 2000)))
    return mixed


def pan(seed: int, count: int, speed: int) -> list[Grey]:
    ground = wall(seed)
    return [ground[60 : 60 + HEIGHT, index * speed : index * speed + WIDTH] for index in range(count)]


def shake(seed: int, count: int, most: float) -> list[Grey]:
    rng, ground = np.random.default_rng(seed + 50), wall(seed)
    places = [(100 + int(rng.normal(0, most)), 400 + int(rng.normal(0, most))) for _ in range(count)]
    return [ground[y : y + HEIGHT, x : x + WIDTH] for y, x in places]


def cuts(frames: list[Grey]) -> list[int]:
    small = [shrink(np.clip(frame, 0, 255).astype(np.uint8)) for frame in frames]
    return [round(at * 30) for at in judge(small, [index / 30 for index in range(len(frames))]).cuts_seconds]


def flash() -> list[Grey]:
    frames = dance(90)
    for index in (30, 31, 60):
        frames[index] = np.minimum(frames[index] * 0.2 + 180, 255)
    return frames


def dissolve() -> list[Grey]:
    shares = np.clip(np.arange(60) / 30 - 0.5, 0, 1)
    return [
        one * (1 - share) + other * share for one, other, share in zip(dance(60), dance(60, 1), shares, strict=True)
    ]


WHIP = [wall(3)[60 : 60 + HEIGHT, x : x + WIDTH] for x in [*range(30), *range(30, 670, 80), *range(670, 710)]]

ROWS: dict[str, tuple[list[Grey], list[int]]] = {
    "another shot": (dance(60) + dance(60, 1), [60]),
    "three shots": (dance(30) + dance(20, 1) + dance(30, 2), [30, 50]),
    "many short shots": (
        [frame for shot in range(9) for frame in dance(12, shot, shot * 12)],
        list(range(12, 108, 12)),
    ),
    "a cut in the dark": ([frame * 0.15 for frame in dance(40) + dance(40, 1)], [40]),
    "a cut in the mist": ([100 + frame * 0.2 for frame in dance(40) + dance(40, 1)], [40]),
    "a still, then another": (dance(1) * 30 + dance(1, 1) * 30, [30]),
    "from one shaky shot to another": (shake(4, 45, 2) + shake(5, 45, 2), [45]),
    "dancing": (dance(120), []),
    "fast dancing": (dance(240)[::4], []),
    "few frames, each shown twice": ([frame for frame in dance(160)[::4] for _ in (0, 1)], []),
    "a slow pan": (pan(1, 90, 3), []),
    "a fast pan": (pan(2, 90, 15), []),
    "a whipped camera": (WHIP, []),
    "a shaky camera": (shake(6, 90, 2), []),
    "a flash": (flash(), []),
    "a strobe": ([frame * (1 if index // 2 % 2 else 0.35) for index, frame in enumerate(dance(90))], []),
    "a fade from black": ([frame * min(index / 20, 1) for index, frame in enumerate(dance(80))], []),
    "a dissolve": (dissolve(), []),
    "two frames": (dance(2), []),
    "none": ([], []),
}


@pytest.mark.parametrize("name", ROWS)
def test_cuts_are_found_and_nothing_else(name: str) -> None:
    frames, expected = ROWS[name]
    assert cuts(frames) == expected


def test_fast_motion_is_told_from_dancing() -> None:
    def speed(frames: list[Grey]) -> float:
        small = [shrink(np.clip(frame, 0, 255).astype(np.uint8)) for frame in frames]
        return judge(small, [index / 30 for index in range(len(frames))]).speed

    assert speed(dance(90)) < rules.FAST_SPEED / 2
    assert speed(shake(7, 90, 25)) > rules.FAST_SPEED


def test_a_film_of_hectic_motion_is_warned_about() -> None:
    facts = VideoFacts(480, 360, 1000, "mp4", 4.0, 30.0, False, "h264", 2.0)
    found = {"speed": 30.0, "missing": 3, "frames": 120}
    codes = [warning.code for warning in rules.video_warnings(facts, found)]
    assert codes == ["video_partly_damaged", "video_fast_motion", "video_checked_in_part"]


def test_frames_of_any_size_are_shrunk() -> None:
    for height, width in ((1, 1), (36, 64), (100, 3000), (2160, 3840)):
        assert shrink(np.full((height, width), 7, np.uint8)).tolist() == [[7.0] * 64] * 36


@pytest.mark.parametrize(
    ("image", "video", "differs"),
    [
        ((600, 800), (720, 1280), False),
        ((600, 800), (1280, 720), True),
        ((800, 800), (720, 1280), True),
        ((800, 780), (720, 700), False),
        ((800, 600), (720, 1280), True),
    ],
)
def test_framings_that_differ_are_named(image: tuple[int, int], video: tuple[int, int], differs: bool) -> None:
    found = compare(ImageFacts(*image, 1, "png"), VideoFacts(*video, 1, "mp4", 5.0, 30.0, False, "h264"))
    assert [warning.code for warning in found] == ["framing_differs"] * differs
    assert compare(None, None) == []


def test_a_large_video_is_looked_at_as_far_as_the_time_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_this_process: None
) -> None:
    from evolink_ui.media import limits

    path = studio.film(tmp_path / "a.mp4", seconds=8, width=640, height=480, options=(("preset", "veryfast"),))
    monkeypatch.setattr(limits, "SCAN_SECONDS", 0.1)
    monkeypatch.setattr(limits, "THOROUGH_SECONDS", 0.05)
    monkeypatch.setattr("evolink_ui.media.scan.SKIPPING_AFTER_SECONDS", 0.0)
    monkeypatch.setattr("evolink_ui.media.scan.MAX_LOOKED_AT", 20)
    report = check_video(path)
    assert report.ok
    assert isinstance(report.facts, VideoFacts)
    assert report.facts.duration_seconds == pytest.approx(8.0)
    assert report.facts.checked_seconds < 7
    assert [warning.code for warning in report.warnings] == ["video_checked_in_part"]
