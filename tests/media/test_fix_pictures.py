"""Pictures are made acceptable in one click, and look the same as before."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from evolink_ui.media import check_image
from evolink_ui.media.picture import TURNS
from tests.media import studio
from tests.media.mended import mended_image

Save = Callable[[str, bytes], Path]

pillow_heif.register_heif_opener()

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.mark.parametrize("name", ["WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_other_pictures_become_jpeg_or_png(save: Save, tmp_path: Path, name: str) -> None:
    fixed = mended_image(save("a", studio.image_bytes(studio.picture(), name)), tmp_path / "out")
    assert fixed.fixes == ["convert"]
    assert fixed.before is not None
    assert (fixed.before.width, fixed.after.width) == (640, 640)
    assert fixed.path.suffix == (".png" if name in ("GIF", "BMP") else ".jpg")


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


@pytest.mark.parametrize("orientation", [3, 5, 6])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_no_picture_is_turned_twice_or_not_at_all(save: Save, tmp_path: Path, name: str, orientation: int) -> None:
    upright = studio.picture(400, 500)
    stored = upright
    # What has to be done to an upright picture so that the note in the file brings it back.
    for turn in TURNS[orientation]:
        undo = {Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90}.get(turn, turn)
        stored = upright.transpose(undo)
    data = studio.image_bytes(stored, name, exif=studio.exif(orientation))
    seen = check_image(save("a", data)).facts
    fixed = mended_image(save("a", data), tmp_path / "out")
    assert seen is not None
    assert (seen.width, seen.height) == (fixed.after.width, fixed.after.height) == upright.size
    with Image.open(fixed.path) as mended:
        small = [each.convert("L").resize((40, 50)).tobytes() for each in (mended, upright)]
    assert sum(abs(a - b) for a, b in zip(*small, strict=True)) / 2000 < 4


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


def test_a_heavy_picture_is_shrunk_under_ten_megabytes_at_the_best_quality_that_fits(
    save: Save, tmp_path: Path
) -> None:
    noisy = Image.merge("RGB", [Image.effect_noise((2200, 1600), 100) for _ in range(3)])
    fixed = mended_image(save("a.png", studio.image_bytes(noisy, "PNG") + bytes(3_000_000)), tmp_path / "out")
    assert fixed.fixes == ["shrink"]
    assert 3_000_000 < fixed.after.size_bytes <= 10_000_000
    assert (fixed.after.width, fixed.after.height) == (2200, 1600)


def test_a_picture_of_many_pixels_is_scaled_down(save: Save, tmp_path: Path) -> None:
    large = studio.picture(900, 800).resize((9000, 8000))
    path = save("a.jpg", studio.image_bytes(large, quality=60))
    assert [problem.code for problem in check_image(path).problems] == ["image_too_many_pixels"]
    fixed = mended_image(path, tmp_path / "out")
    assert "shrink" in fixed.fixes
    assert fixed.after.width * fixed.after.height <= 16_100_000
    assert fixed.after.width / fixed.after.height == pytest.approx(9 / 8, abs=0.01)


def test_print_colours_transparency_and_16_bits_come_through(save: Save, tmp_path: Path) -> None:
    printed = mended_image(save("a.jpg", studio.image_bytes(studio.picture(mode="CMYK"))), tmp_path / "out")
    assert printed.fixes == ["convert"]
    assert printed.report.warnings == []
    clear = studio.picture(200, 200, "RGBA")
    clear.putalpha(90)
    fixed = mended_image(save("b.png", studio.image_bytes(clear, "PNG")), tmp_path / "out")
    with Image.open(fixed.path) as kept:
        assert kept.getchannel("A").getpixel((150, 150)) == 90
    deep = save("c.png", studio.image_bytes(studio.picture(200, 200, "I;16"), "PNG"))
    seen = check_image(deep).facts
    after = mended_image(deep, tmp_path / "out").after
    assert seen is not None
    assert after.brightness == pytest.approx(seen.brightness, abs=3)
    animated = studio.image_bytes(
        studio.picture(), "PNG", save_all=True, append_images=[studio.picture(brightness=0.5)]
    )
    assert mended_image(save("d.png", animated), tmp_path / "out").fixes == ["convert"]


def swapped_profile() -> bytes:
    """A colour profile in which red is green and green is red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        tags[bytes(data[at : at + 4])] = at
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colours_look_the_same_without_the_profile_they_were_stored_with(save: Save, tmp_path: Path, name: str) -> None:
    made = Image.new("RGB", (200, 200), (200, 30, 40))
    data = studio.image_bytes(made, name, icc_profile=swapped_profile())
    with Image.open(mended_image(save("a", data), tmp_path / "out").path) as stored:
        assert "icc_profile" not in stored.info
        seen = stored.convert("RGB").getpixel((100, 100))
    assert isinstance(seen, tuple)
    assert max(abs(value - wanted) for value, wanted in zip(seen, (30, 200, 40), strict=True)) < 12


def test_a_broken_or_foreign_profile_leaves_the_colours_as_they_are(save: Save, tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"junk" * 50):
        data = studio.image_bytes(Image.new("RGBA", (200, 200), (200, 30, 40, 99)), "PNG", icc_profile=profile)
        with Image.open(mended_image(save("a.png", data), tmp_path / "out").path) as stored:
            seen = stored.getpixel((100, 100))
        assert isinstance(seen, tuple)
        assert max(abs(value - wanted) for value, wanted in zip(seen, (200, 30, 40, 99), strict=True)) < 3


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_no_place_and_no_comment_leaves_with_a_mended_picture(save: Save, tmp_path: Path, name: str) -> None:
    told = studio.exif(6)
    told[0x010E] = "behind the old mill"
    told.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    text = PngInfo()
    text.add_text("Comment", "behind the old mill")
    extra: dict[str, dict[str, Any]] = {"JPEG": {"comment": b"behind the old mill"}, "PNG": {"pnginfo": text}}
    data = studio.image_bytes(studio.picture(200, 200), name, exif=told.tobytes(), **extra.get(name, {}))
    assert b"old mill" in data
    stored = mended_image(save("a", data), tmp_path / "out").path.read_bytes()
    assert b"old mill" not in stored
    assert b"Exif" not in stored


def test_a_jpeg_that_browsers_cannot_read_is_refused_and_written_anew(save: Save, tmp_path: Path) -> None:
    path = save("a.jpg", studio.ARITHMETIC_JPEG)
    report = check_image(path)
    assert [(found.code, found.fix) for found in report.problems] == [
        ("image_unusual", "convert"),
        ("image_too_small", "enlarge"),
    ]
    fixed = mended_image(path, tmp_path / "out")
    assert fixed.fixes == ["convert", "enlarge"]
    assert fixed.after.brightness == pytest.approx(report.facts.brightness if report.facts else 0, abs=3)
