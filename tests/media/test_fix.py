"""One click mends what can be mended; the original stays; what cannot pass is not offered."""

import hashlib
import io
import os
import signal
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evolink_ui.media import (
    FixCancelled,
    Fixed,
    FixFailed,
    VideoFacts,
    check_image,
    check_video,
    fix,
    fix_image,
    fix_video,
)
from evolink_ui.media.child import Child, ChildFailed
from tests.media import studio
from tests.media.test_children import gone

Save = Callable[[str, bytes], Path]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mended_image(path: Path, folder: Path) -> Fixed:
    before = digest(path)
    fixed = fix_image(path, folder)
    assert digest(path) == before
    assert fixed.report.ok
    assert check_image(fixed.path).ok
    assert fixed.path.parent == folder
    assert fixed.changes
    return fixed


def mended_video(path: Path, folder: Path, *arguments: Any) -> Fixed:
    before = digest(path)
    fixed = fix_video(path, folder, *arguments)
    assert digest(path) == before
    assert fixed.report.ok
    assert check_video(fixed.path, arguments[0] if arguments else "image").ok
    assert fixed.path.parent == folder
    assert fixed.changes
    return fixed


def nothing_left(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", ["WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_other_pictures_become_jpeg_or_png(save: Save, tmp_path: Path, name: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    fixed = mended_image(save("a", studio.image_bytes(studio.picture(), name)), tmp_path / "out")
    assert fixed.fixes == ["convert"]
    assert fixed.before is not None
    assert (fixed.before.width, fixed.after.width) == (640, 640)
    assert fixed.path.suffix == (".png" if name in ("GIF", "BMP") else ".jpg")


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_lying_down_is_stored_upright_and_looks_the_same(
    save: Save, tmp_path: Path, orientation: int
) -> None:
    path = save("a.jpg", studio.image_bytes(studio.picture(640, 400), exif=studio.exif(orientation)))
    seen = check_image(path)
    fixed = mended_image(path, tmp_path / "out")
    assert fixed.fixes == ["upright"]
    assert fixed.report.warnings == []
    assert seen.facts is not None
    assert (fixed.after.width, fixed.after.height) == (seen.facts.width, seen.facts.height)
    assert seen.poster_jpeg is not None
    with Image.open(io.BytesIO(seen.poster_jpeg)) as shown, Image.open(fixed.path) as stored:
        small = [each.convert("L").resize((64, 64)).tobytes() for each in (shown, stored)]
    assert sum(abs(a - b) for a, b in zip(*small, strict=True)) / 4096 < 3


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("size", "fixes", "after"),
    [
        ((100, 200), ["enlarge"], (300, 600)),
        ((200, 80), ["enlarge"], (750, 300)),
        ((1000, 350), ["pad"], (1000, 400)),
        ((350, 1000), ["pad"], (400, 1000)),
        ((200, 60), ["pad", "enlarge"], (750, 300)),
        ((1, 1), ["enlarge"], (300, 300)),
        ((3, 1000), ["pad"], (400, 1000)),
    ],
)
def test_small_and_narrow_pictures_are_enlarged_and_padded(
    save: Save, tmp_path: Path, size: tuple[int, int], fixes: list[str], after: tuple[int, int]
) -> None:
    made = studio.picture(200, 200, {1000: "L", 200: "RGBA"}.get(size[0], "RGB")).resize(size)
    fixed = mended_image(save("a.png", studio.image_bytes(made, "PNG")), tmp_path / "out")
    assert fixed.fixes == fixes
    assert (fixed.after.width, fixed.after.height) == after
    assert str(size[0]) in fixed.changes[0]


@pytest.mark.usefixtures("in_this_process")
def test_a_heavy_picture_is_shrunk_under_ten_megabytes_at_the_best_quality_that_fits(
    save: Save, tmp_path: Path
) -> None:
    noisy = Image.merge("RGB", [Image.effect_noise((2200, 1600), 100) for _ in range(3)])
    fixed = mended_image(save("a.png", studio.image_bytes(noisy, "PNG") + bytes(3_000_000)), tmp_path / "out")
    assert fixed.fixes == ["shrink"]
    assert 3_000_000 < fixed.after.size_bytes <= 10_000_000
    assert (fixed.after.width, fixed.after.height) == (2200, 1600)


@pytest.mark.usefixtures("in_this_process")
def test_a_picture_of_many_pixels_is_scaled_down(save: Save, tmp_path: Path) -> None:
    large = studio.picture(900, 800).resize((9000, 8000))
    path = save("a.jpg", studio.image_bytes(large, quality=60))
    assert [problem.code for problem in check_image(path).problems] == ["image_too_many_pixels"]
    fixed = mended_image(path, tmp_path / "out")
    assert "shrink" in fixed.fixes
    assert fixed.after.width * fixed.after.height <= 16_100_000
    assert fixed.after.width / fixed.after.height == pytest.approx(9 / 8, abs=0.01)


@pytest.mark.usefixtures("in_this_process")
def test_print_colours_transparency_and_16_bits_come_through(save: Save, tmp_path: Path) -> None:
    printed = mended_image(save("a.jpg", studio.image_bytes(studio.picture(mode="CMYK"))), tmp_path / "out")
    assert printed.fixes == ["convert"]
    assert printed.report.warnings == []
    clear = studio.picture(200, 200, "RGBA")
    clear.putalpha(90)
    fixed = mended_image(save("b.png", studio.image_bytes(clear, "PNG")), tmp_path / "out")
    with Image.open(fixed.path) as kept:
        assert kept.getpixel((150, 150))[3] == 90
    deep = save("c.png", studio.image_bytes(studio.picture(200, 200, "I;16"), "PNG"))
    seen = check_image(deep).facts
    after = mended_image(deep, tmp_path / "out").after
    assert seen is not None
    assert after.brightness == pytest.approx(seen.brightness, abs=3)
    animated = studio.image_bytes(
        studio.picture(), "PNG", save_all=True, append_images=[studio.picture(brightness=0.5)]
    )
    assert mended_image(save("d.png", animated), tmp_path / "out").fixes == ["convert"]


@pytest.mark.usefixtures("in_this_process")
def test_the_colour_profile_is_kept(save: Save, tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("JPEG", "PNG", "WEBP"):
        made = studio.image_bytes(studio.picture(200, 200), name, icc_profile=profile)
        with Image.open(mended_image(save("a", made), tmp_path / "out").path) as kept:
            assert kept.info["icc_profile"] == profile


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


@pytest.mark.usefixtures("in_this_process")
def test_h264_in_another_container_is_only_put_into_an_mp4(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mkv", container="matroska")
    fixed = mended_video(path, tmp_path / "out")
    assert "Put into an MP4 file" in fixed.changes[0]
    assert fixed.after.size_bytes == pytest.approx(path.stat().st_size, rel=0.1)


@pytest.mark.usefixtures("in_this_process")
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


@pytest.mark.usefixtures("in_this_process")
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


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("what", "fixes", "size"),
    [
        ({"width": 320, "height": 240}, ["enlarge"], (454, 340)),
        ({"width": 240, "height": 320}, ["enlarge"], (340, 454)),
        ({"width": 4000, "height": 800, "fps": 2, "seconds": 3.0}, ["shrink"], (1920, 384)),
        ({"width": 320, "height": 240, "rotation": 90}, ["enlarge"], (340, 454)),
    ],
)
def test_a_video_is_scaled_into_the_allowed_sizes(
    tmp_path: Path, what: dict[str, Any], fixes: list[str], size: tuple[int, int]
) -> None:
    fixed = mended_video(studio.film(tmp_path / "a.mp4", **what), tmp_path / "out")
    assert fixed.fixes == fixes
    assert (fixed.after.width, fixed.after.height) == size


@pytest.mark.usefixtures("in_this_process")
def test_a_heavy_video_is_squeezed_under_100_mb(tmp_path: Path) -> None:
    path = studio.film(tmp_path / "a.mp4")
    with path.open("ab") as file:
        file.write(studio.box(b"free", bytes(101_000_000)))
    assert [problem.code for problem in check_video(path).problems] == ["video_too_big"]
    fixed = mended_video(path, tmp_path / "out")
    assert fixed.fixes == ["shrink"]
    assert fixed.after.size_bytes < 1_000_000
    assert "instead of 101." in fixed.changes[-1]


@pytest.mark.usefixtures("in_this_process")
def test_a_shape_that_can_never_fit_is_not_offered(tmp_path: Path) -> None:
    with pytest.raises(FixFailed):
        fix_video(studio.film(tmp_path / "a.mp4", width=3000, height=64, fps=5), tmp_path / "out")
    with pytest.raises(FixFailed) as failed:
        fix_video(studio.film(tmp_path / "b.mp4", seconds=1.0), tmp_path / "out")
    assert failed.value.code == "fix_part_too_short"
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
    kind: str, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        path = save("a.png", studio.image_bytes(Image.effect_noise((2600, 2000), 100).convert("RGB"), "PNG"))
    else:
        path = studio.film(tmp_path / "a.mp4", seconds=12, fps=10, width=1280, height=720)
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
