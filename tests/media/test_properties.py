"""Whatever happens to a file on its way, the check answers: in time, in words, and never with an exception."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evolink_ui.media import Report, check_image, check_video
from evolink_ui.media.boxes import walk_boxes
from evolink_ui.media.files import name_format
from evolink_ui.media.jpeg import Damaged, Unusual, exif_orientation, walk_jpeg
from evolink_ui.media.png import walk_png
from evolink_ui.media.refusal import Refused
from evolink_ui.media.words import CODES
from tests.media import studio

ANSWER_SECONDS = 3.0
"""2 s are promised; the rest is for a machine that others use, too."""

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PURE = settings(max_examples=150, deadline=None)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="media-properties-"))


@pytest.fixture(scope="module", autouse=True)
def _tidied() -> Iterator[None]:
    yield
    shutil.rmtree(folder())


@cache
def corpus() -> dict[str, bytes]:
    """One small whole file of each kind that a decoder looks into."""
    small = studio.picture(320, 320)
    films = {
        "mp4": studio.film(folder() / "a.mp4", width=352, height=352, fps=8, sound_seconds=None, movflags="faststart"),
        "mov": studio.film(folder() / "a.mov", width=352, height=352, fps=8, container="mov"),
        "fragments": studio.film(folder() / "b.mp4", width=352, height=352, fps=8, movflags="frag_keyframe+empty_moov"),
        "mkv": studio.film(folder() / "a.mkv", width=352, height=352, fps=8, container="matroska"),
        "avi": studio.film(
            folder() / "a.avi", width=352, height=352, fps=8, container="avi", codec="mpeg4", options=()
        ),
    }
    return {
        "jpeg": studio.image_bytes(small, exif=studio.exif(6)),
        "progressive": studio.image_bytes(small, progressive=True),
        "png": studio.image_bytes(small, "PNG", exif=studio.exif(3)),
        "palette": studio.image_bytes(small.quantize(8), "PNG"),
        "webp": studio.image_bytes(small, "WEBP"),
        "tiff": studio.image_bytes(small, "TIFF"),
        "gif": studio.image_bytes(small, "GIF"),
        **{name: path.read_bytes() for name, path in films.items()},
    }


KINDS = ["jpeg", "progressive", "png", "palette", "webp", "tiff", "gif", "mp4", "mov", "fragments", "mkv", "avi"]
LIES = [
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff",
    b"\0",
    b"\x80\0\0\0",
    b"\0\0\0\x01",
    b"moov",
    b"\xff\xda",
]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A file of the corpus that was cut, flipped, swapped, repeated or lied in, at up to six places."""
    data = bytearray(corpus()[draw(st.sampled_from(KINDS))])
    # Headers are short and matter most: half of the places lie among the first bytes.
    place = st.one_of(st.integers(0, min(len(data) - 1, 1500)), st.integers(0, len(data) - 1))
    for _ in range(draw(st.integers(1, 6))):
        at = min(draw(place), max(len(data) - 1, 0))
        how = draw(st.sampled_from(["cut", "flip", "lie", "swap", "repeat", "remove"]))
        other = min(draw(place), max(len(data) - 1, 0))
        if how == "cut":
            del data[max(at, 1) :]
        elif how == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "lie":
            lie = draw(st.sampled_from(LIES))
            data[at : at + len(lie)] = lie
        elif how == "swap":
            data[at : at + 8], data[other : other + 8] = data[other : other + 8], data[at : at + 8]
        elif how == "repeat":
            data[at:at] = data[other : other + 200]
        else:
            del data[at : at + draw(st.integers(1, 64))]
    return bytes(data)


def check_report(report: Report) -> None:
    assert report.ok == (not report.problems)
    assert report.ok <= (report.facts is not None)
    assert report.poster_jpeg is None or report.poster_jpeg.startswith(b"\xff\xd8\xff")
    report.to_dict()
    for problem in (*report.problems, *report.warnings):
        assert problem.code in CODES
        assert problem.next_step
        assert str(folder()) not in problem.message + problem.next_step
        assert "{" not in problem.message + problem.next_step


@QUICK
@given(mutilated())
def test_a_mutilated_file_gets_an_answer_in_time(data: bytes) -> None:
    path = folder() / "mutilated"
    path.write_bytes(data)
    for check in (check_image, check_video):
        started = time.monotonic()
        check_report(check(path))
        assert time.monotonic() - started < ANSWER_SECONDS


@QUICK
@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_noise_behind_a_true_start_gets_an_answer_in_time(noise: bytes, kind: str) -> None:
    path = folder() / "noise"
    path.write_bytes(corpus()[kind][:40] + noise)
    started = time.monotonic()
    check_report(check_image(path))
    check_report(check_video(path))
    assert time.monotonic() - started < 2 * ANSWER_SECONDS


@PURE
@given(st.text() | st.binary() | st.integers() | st.none())
def test_whatever_is_given_as_a_path_gets_an_answer(path: object) -> None:
    check_report(check_image(path))  # type: ignore[arg-type]  # that is the point
    check_report(check_video(path))  # type: ignore[arg-type]  # that is the point


@PURE
@given(mutilated())
@example(b"\xff\xd8" + b"\xff" * 100)
@example(b"\xff\xd8\xff\xd0\xff\xd9")
def test_the_walk_over_a_jpeg_ends_with_a_header_or_a_refusal(data: bytes) -> None:
    for start in (b"", b"\xff\xd8"):
        try:
            header = walk_jpeg(start + data)
        except (Damaged, Unusual):
            continue
        assert 0 < header.width < 65_536
        assert 1 <= header.orientation <= 8
        assert len(header.clean) <= len(data) + 40


@PURE
@given(mutilated())
def test_the_walk_over_a_png_ends_with_a_header_or_a_refusal(data: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n"):
        try:
            header = walk_png(start + data)
        except Damaged:
            continue
        assert 0 < header.height < 1 << 31
        assert 1 <= header.orientation <= 8


@PURE
@given(mutilated())
def test_the_walk_over_boxes_ends_with_a_layout_or_a_refusal(data: bytes) -> None:
    path = folder() / "boxes"
    path.write_bytes(data)
    with path.open("rb") as file:
        try:
            layout = walk_boxes(file, len(data))
        except Refused as refused:
            assert refused.code in CODES
        else:
            assert layout.seconds >= 0


@PURE
@given(st.binary(max_size=400), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_an_orientation_is_one_of_eight_or_none(tail: bytes, start: bytes) -> None:
    assert exif_orientation(start + tail) in (None, 1, 2, 3, 4, 5, 6, 7, 8)


@PURE
@given(st.binary(max_size=600))
def test_every_first_bytes_have_a_name_or_none(head: bytes) -> None:
    kind, name = name_format(head)
    assert kind in ("image", "video", "audio", "other")
    assert name == name.lower()
