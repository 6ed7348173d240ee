"""Mending in a child: what cannot pass is not offered, it can be called off, and nothing is ever left behind."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evolink_ui.media import FixCancelled, FixFailed, check_image, fix, fix_image, fix_video
from evolink_ui.media.child import Child, ChildFailed
from tests.media import studio
from tests.media.mended import mended_image, mended_video, nothing_left
from tests.media.test_children import gone

Save = Callable[[str, bytes], Path]


def test_a_good_file_is_handed_back_as_it_is(good_image: Path, good_video: Path, tmp_path: Path) -> None:
    for fixed, path in (
        (fix_image(good_image, tmp_path / "out"), good_image),
        (fix_video(good_video, tmp_path / "out"), good_video),
    ):
        assert fixed.path == path
        assert (fixed.changes, fixed.fixes) == ([], [])
        assert fixed.report.ok
    assert nothing_left(tmp_path / "out")


@pytest.mark.usefixtures("in_this_process")
def test_what_is_no_picture_or_video_is_refused_with_a_next_step(save: Save, tmp_path: Path, good_video: Path) -> None:
    bad = [
        tmp_path / "nothing",
        tmp_path,
        save("a.jpg", b"text"),
        save("b.jpg", b"\xff\xd8\xff\xe0"),
        save("c", b"II*\0junk"),
    ]
    for path in bad:
        for mend in (fix_image, fix_video):
            with pytest.raises(FixFailed) as failed:
                mend(path, tmp_path / "out")
            assert failed.value.next_step
            assert str(tmp_path) not in failed.value.message
    for damaged in (
        b"\x1aE\xdf\xa3" + bytes(500),
        good_video.read_bytes()[:3000],
        b"RIFF\x10\0\0\0AVI LIST" + bytes(99),
    ):
        with pytest.raises(FixFailed):
            fix_video(save("d.mp4", damaged), tmp_path / "out")
    assert nothing_left(tmp_path / "out")


@pytest.mark.usefixtures("in_this_process")
def test_a_folder_that_cannot_be_written_is_an_answer_too(good_image: Path, save: Save) -> None:
    small = save("a.png", studio.image_bytes(studio.picture(100, 100), "PNG"))
    with pytest.raises(FixFailed) as failed:
        fix_image(small, good_image / "inside")
    assert failed.value.code == "fix_failed"


def test_progress_rises_from_nothing_to_nearly_all(long_video: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    fix_video(long_video, tmp_path / "out", on_progress=seen.append)
    assert seen[0] == 0.0
    assert seen == sorted(seen)
    assert max(seen) <= 1.0


@pytest.mark.parametrize("kind", ["image", "video"])
def test_calling_it_off_ends_it_at_once_and_leaves_nothing(
    kind: str, save: Save, tmp_path: Path, long_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Child] = []

    def remember(module: str) -> Child:
        started.append(Child(module))
        return started[-1]

    monkeypatch.setattr(fix, "Child", remember)
    cancel = threading.Event()
    out = tmp_path / "out"
    called_off: list[float] = []

    def progress(_: float) -> None:
        if started and not cancel.is_set():
            cancel.set()
            called_off.append(time.monotonic())

    if kind == "image":
        noisy = Image.effect_noise((2600, 2000), 100).convert("RGB")
        path = save("a.png", studio.image_bytes(noisy, "PNG", compress_level=0))
    else:
        path = long_video
    with pytest.raises(FixCancelled):
        (fix_image if kind == "image" else fix_video)(path, out, on_progress=progress, cancel=cancel)
    assert time.monotonic() - called_off[0] < 1.5  # half a second, and what a busy machine adds
    assert gone(started[0].process.pid, 0.1)
    assert nothing_left(out)


def test_one_that_waits_its_turn_can_be_called_off(good_image: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with fix._PLACES, pytest.raises(FixCancelled):
        fix_image(good_image, tmp_path / "out", cancel=cancel)


def test_a_child_mends_pictures_and_videos_and_is_gone_afterwards(
    save: Save, tmp_path: Path, long_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Child] = []

    def remember(module: str) -> Child:
        started.append(Child(module))
        return started[-1]

    monkeypatch.setattr(fix, "Child", remember)
    small = save("a.png", studio.image_bytes(studio.picture(100, 100), "PNG"))
    assert mended_image(small, tmp_path / "out").fixes == ["enlarge"]
    assert mended_video(long_video, tmp_path / "out", "image", 1.0, 4.5).fixes == ["trim"]
    with pytest.raises(FixFailed):
        fix_video(long_video, tmp_path / "out", "image", 1.0, 2.0)
    assert len(started) == 3
    assert all(gone(child.process.pid, 0.1) for child in started)


def test_a_child_that_says_nothing_is_given_up(
    good_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(module: str) -> Child:
        child = Child(module)
        os.kill(child.process.pid, signal.SIGSTOP)
        return child

    monkeypatch.setattr(fix, "Child", stopped)
    monkeypatch.setattr(fix, "SILENCE_SECONDS", 0.1)
    with pytest.raises(FixFailed) as failed:
        fix_image(good_image, tmp_path / "out")
    assert failed.value.code == "fix_failed"


@pytest.mark.usefixtures("in_this_process")
def test_what_the_gate_refuses_is_not_offered(
    good_image: Path, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = save("a.png", studio.image_bytes(studio.picture(100, 100), "PNG"))
    refusing = check_image("/nowhere")
    monkeypatch.setattr(fix, "check_image", lambda _: refusing)
    for path in (small, good_image):
        with pytest.raises(FixFailed) as failed:
            fix_image(path, tmp_path / "out")
        assert failed.value.code == "fix_not_enough"
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize(
    "said",
    [{"refused": "no_such_code"}, {"refused": "image_too_small", "values": {}}, {"format": "exe"}],
)
def test_nonsense_from_the_child_is_not_believed(
    said: dict[str, Any], save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = save("a.png", studio.image_bytes(studio.picture(100, 100), "PNG"))
    monkeypatch.setattr(fix, "_run", lambda *_: said)
    with pytest.raises(FixFailed):
        fix_image(small, tmp_path / "out")


def test_a_child_that_fails_is_an_answer(good_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ChildFailed

    monkeypatch.setattr(fix, "_run", fails)
    with pytest.raises(FixFailed) as failed:
        fix_image(good_image, tmp_path / "out")
    assert failed.value.code == "fix_failed"
