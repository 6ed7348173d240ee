"""Files that are good enough, and files with one thing wrong: what people are told about them."""

import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evolink_ui.media import ImageFacts, Report, VideoFacts, check_image, check_video
from tests.media import studio

Save = Callable[[str, bytes], Path]

pytestmark = pytest.mark.usefixtures("in_this_process")


def codes(report: Report) -> list[str]:
    return [problem.code for problem in report.problems]


def warned(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


def video_facts(report: Report) -> VideoFacts:
    assert isinstance(report.facts, VideoFacts)
    return report.facts


def image_facts(report: Report) -> ImageFacts:
    assert isinstance(report.facts, ImageFacts)
    return report.facts


def test_a_good_video_passes_with_its_facts_and_a_poster(good_video: Path) -> None:
    report = check_video(good_video)
    assert report.ok
    assert (codes(report), warned(report)) == ([], [])
    facts = video_facts(report)
    assert (facts.width, facts.height, facts.format, facts.codec, facts.has_audio) == (480, 360, "mp4", "h264", True)
    assert facts.duration_seconds == pytest.approx(3.2, abs=0.001)
    assert facts.fps == pytest.approx(15, abs=0.01)
    assert facts.size_bytes == good_video.stat().st_size
    assert report.poster_jpeg is not None
    with Image.open(io.BytesIO(report.poster_jpeg)) as poster:
        assert (poster.format, poster.size) == ("JPEG", (480, 360))


def test_a_good_picture_passes_with_its_facts_and_a_small_poster(save: Save) -> None:
    path = save("large.jpg", studio.image_bytes(studio.picture(1600, 1200)))
    report = check_image(path)
    assert report.ok
    facts = image_facts(report)
    assert (facts.width, facts.height, facts.format) == (1600, 1200, "jpeg")
    assert facts.size_bytes == path.stat().st_size
    assert report.poster_jpeg is not None
    with Image.open(io.BytesIO(report.poster_jpeg)) as poster:
        assert poster.size == (640, 480)


def test_a_report_can_be_sent_as_json(good_video: Path, good_image: Path) -> None:
    for report in (check_video(good_video), check_image(good_image), check_video("/nowhere")):
        read = json.loads(json.dumps(report.to_dict()))
        assert read["ok"] == report.ok
        assert "poster_jpeg" not in read


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_every_kind_of_png_is_read(save: Save, mode: str) -> None:
    made = studio.picture(900, 700).quantize(16) if mode == "P" else studio.picture(900, 700, mode)
    report = check_image(save("a.png", studio.image_bytes(made, "PNG")))
    assert report.ok
    assert image_facts(report).format == "png"
    assert report.poster_jpeg is not None
    with Image.open(io.BytesIO(report.poster_jpeg)) as poster:
        mean = sum(poster.convert("L").resize((1, 1)).tobytes())
    assert mean == pytest.approx(image_facts(report).brightness or 0, abs=12)


def test_transparent_palettes_and_large_16_bit_pictures_get_a_poster(save: Save) -> None:
    see_through = studio.image_bytes(studio.picture(1400, 1400).quantize(16), "PNG", transparency=3)
    deep = studio.image_bytes(studio.picture(1400, 1400, "I;16"), "PNG")
    for data in (see_through, deep):
        report = check_image(save("a.png", data))
        assert report.ok
        assert report.poster_jpeg is not None


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 30}, {"optimize": True}, {"subsampling": 0}])
def test_every_usual_jpeg_is_read(save: Save, options: dict[str, Any]) -> None:
    assert check_image(save("a.jpg", studio.image_bytes(studio.picture(), **options))).ok


def test_the_content_decides_and_not_the_name(save: Save, good_video: Path) -> None:
    assert image_facts(check_image(save("picture.png", studio.image_bytes(studio.picture())))).format == "jpeg"
    assert check_image(save("noname", studio.image_bytes(studio.picture(), "PNG"))).ok
    assert check_video(save("clip.txt", good_video.read_bytes())).ok


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (300, 300, []),
        (299, 400, ["image_too_small"]),
        (400, 299, ["image_too_small"]),
        (750, 300, []),
        (300, 750, []),
        (751, 300, ["image_aspect"]),
        (300, 751, ["image_aspect"]),
        (900, 200, ["image_too_small", "image_aspect"]),
        (1, 1, ["image_too_small"]),
    ],
)
def test_a_picture_is_judged_by_its_sides(save: Save, width: int, height: int, expected: list[str]) -> None:
    made = studio.picture(max(width, 8), max(height, 8)).resize((width, height))
    report = check_image(save("a.png", studio.image_bytes(made, "PNG")))
    assert codes(report) == expected
    assert report.ok == (not expected)
    for problem in report.problems:
        assert str(width) in problem.message
        assert problem.fix in ("enlarge", "pad")


def test_a_picture_above_ten_megabytes_can_be_shrunk(save: Save) -> None:
    padded = studio.image_bytes(studio.picture()) + b"\0" * 10_000_000
    report = check_image(save("a.jpg", padded))
    assert codes(report) == ["image_too_big"]
    assert report.problems[0].fix == "shrink"
    assert "10.0 MB" in report.problems[0].message


def test_a_picture_too_large_to_read_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(1 << 40)
    assert codes(check_image(path)) == ["image_too_big"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_shown_the_way_its_exif_entry_turns_it(save: Save, orientation: int, name: str) -> None:
    data = studio.image_bytes(studio.picture(640, 480), name, exif=studio.exif(orientation))
    report = check_image(save("a", data))
    facts = image_facts(report)
    assert (facts.width, facts.height) == ((640, 480) if orientation < 5 else (480, 640))
    assert ("image_turned" in warned(report)) == (orientation != 1)
    assert report.poster_jpeg is not None
    with Image.open(io.BytesIO(report.poster_jpeg)) as poster:
        assert poster.size == (facts.width, facts.height)


def test_a_turned_picture_looks_the_same_as_one_stored_upright(save: Save) -> None:
    upright = studio.picture(480, 640)
    turned = upright.transpose(Image.Transpose.ROTATE_90)  # orientation 6 turns it back
    one = check_image(save("a.jpg", studio.image_bytes(upright, quality=95))).poster_jpeg
    two = check_image(save("b.jpg", studio.image_bytes(turned, quality=95, exif=studio.exif(6)))).poster_jpeg
    assert one is not None
    assert two is not None
    with Image.open(io.BytesIO(one)) as first, Image.open(io.BytesIO(two)) as second:
        apart = [abs(a - b) for a, b in zip(first.convert("L").tobytes(), second.convert("L").tobytes(), strict=True)]
    assert sum(apart) / len(apart) < 2


@pytest.mark.parametrize("name", ["WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_other_pictures_are_named_and_can_be_converted(save: Save, name: str) -> None:
    report = check_image(save("a.jpg", studio.image_bytes(studio.picture(), name)))
    assert codes(report) == ["unsupported_image_format"]
    assert report.problems[0].fix == "convert"
    assert name in report.problems[0].message
    assert image_facts(report).width == 640
    assert report.poster_jpeg is not None


def test_a_phones_heic_picture_can_be_converted(save: Save) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    report = check_image(save("a.heic", studio.image_bytes(studio.picture(), "HEIF")))
    assert codes(report) == ["unsupported_image_format"]
    assert (image_facts(report).width, image_facts(report).height) == (640, 480)


def test_pictures_for_print_animated_and_dark_ones_are_warned_about(save: Save) -> None:
    still = studio.picture()
    assert warned(check_image(save("a.jpg", studio.image_bytes(studio.picture(mode="CMYK"))))) == ["image_cmyk"]
    moving = studio.image_bytes(still, "PNG", save_all=True, append_images=[studio.picture(brightness=0.5)])
    assert warned(check_image(save("a.png", moving))) == ["image_animated"]
    assert warned(check_image(save("b.jpg", studio.image_bytes(studio.picture(brightness=0.1))))) == ["image_dark"]


@pytest.mark.parametrize(
    ("name", "what", "expected"),
    [
        ("a.mov", {"container": "mov"}, []),
        ("a.mp4", {"movflags": "faststart"}, []),
        ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}, []),
        ("a.mp4", {"sound_seconds": 3.3}, []),
        ("a.mp4", {"seconds": 2.8}, ["video_too_short"]),
        ("a.mp4", {"seconds": 3.0}, []),
        ("a.mp4", {"seconds": 2.0, "sound_seconds": 5.0}, ["video_too_short"]),
        ("a.mp4", {"seconds": 11, "fps": 5}, ["video_too_long_for_image_orientation"]),
        ("a.mp4", {"seconds": 10, "fps": 5}, []),
        ("a.mp4", {"seconds": 31, "fps": 2}, ["video_too_long"]),
        ("a.mp4", {"width": 340, "height": 340}, []),
        ("a.mp4", {"width": 338, "height": 400}, ["video_too_small"]),
        ("a.mp4", {"width": 3852, "height": 340, "fps": 5}, ["video_too_large"]),
        ("a.mp4", {"codec": "libx265", "options": (("x265-params", "log-level=none"),)}, ["unsupported_codec"]),
        ("a.mp4", {"codec": "mpeg4", "options": ()}, ["unsupported_codec"]),
        ("a.mp4", {"pixels": "yuv420p10le"}, ["unsupported_codec"]),
        ("a.mkv", {"container": "matroska"}, ["unsupported_video_format"]),
        (
            "a.webm",
            {"container": "webm", "codec": "libvpx", "fps": 4, "options": studio.FAST_VP8},
            ["unsupported_video_format"],
        ),
        ("a.avi", {"container": "avi", "codec": "mpeg4", "options": ()}, ["unsupported_video_format"]),
        ("a.ts", {"container": "mpegts"}, ["unsupported_video_format"]),
    ],
)
def test_a_video_is_judged_by_the_vendors_rules(
    tmp_path: Path, name: str, what: dict[str, Any], expected: list[str]
) -> None:
    report = check_video(studio.film(tmp_path / name, **what))
    assert codes(report) == expected
    assert report.ok == (not expected)
    assert report.facts is not None
    assert report.poster_jpeg is not None


def test_a_long_video_is_judged_for_both_orientations(long_video: Path) -> None:
    facing_as_in_picture = check_video(long_video, "image")
    assert not facing_as_in_picture.ok
    assert facing_as_in_picture.fits == {"image": False, "video": True}
    problem = facing_as_in_picture.problems[0]
    assert "12 s" in problem.message
    assert "face as in the video" in problem.next_step
    assert problem.fix == "trim"
    facing_as_in_video = check_video(long_video, "video")
    assert facing_as_in_video.ok
    assert facing_as_in_video.fits == {"image": False, "video": True}


@pytest.mark.parametrize(("rotation", "size"), [(90, (360, 480)), (-90, (360, 480)), (180, (480, 360))])
def test_a_video_has_the_size_at_which_it_is_shown(tmp_path: Path, rotation: int, size: tuple[int, int]) -> None:
    report = check_video(studio.film(tmp_path / "a.mp4", rotation=rotation))
    facts = video_facts(report)
    assert (facts.width, facts.height) == size
    assert report.poster_jpeg is not None
    with Image.open(io.BytesIO(report.poster_jpeg)) as poster:
        assert poster.size == size


def test_pixels_that_are_not_square_are_counted_as_shown_and_warned_about(tmp_path: Path) -> None:
    report = check_video(studio.film(tmp_path / "a.mp4", aspect=Fraction(4, 3)))
    facts = video_facts(report)
    assert (facts.width, facts.height) == (640, 360)
    assert warned(report) == ["video_stretched"]
    assert report.ok


def test_cuts_are_named_with_their_times(tmp_path: Path) -> None:
    report = check_video(studio.film(tmp_path / "a.mp4", shots_seconds=(1.0, 2.0)))
    assert report.ok
    assert video_facts(report).cuts_seconds == (1.0, 2.0)
    assert warned(report) == ["video_cuts"]
    assert "1 s, 2 s" in report.warnings[0].message


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"fps": 60}, "video_high_fps"),
        ({"brightness": 0.1}, "video_dark"),
        ({"sound_seconds": 5.0}, "video_lengths_differ"),
    ],
)
def test_what_is_advised_against_is_a_warning_and_not_a_problem(
    tmp_path: Path, what: dict[str, Any], expected: str
) -> None:
    report = check_video(studio.film(tmp_path / "a.mp4", **what))
    assert report.ok
    assert warned(report) == [expected]


def test_a_song_with_a_cover_is_not_a_video(tmp_path: Path) -> None:
    from tests.media.studio import song_with_cover

    assert codes(check_video(song_with_cover(tmp_path / "song.mp4"))) == ["video_without_picture"]


def test_an_unknown_orientation_is_judged_by_the_stricter_rule(long_video: Path) -> None:
    report = check_video(long_video, "sideways")  # type: ignore[arg-type]  # what a stranger's request may hold
    assert codes(report) == ["video_too_long_for_image_orientation"]
