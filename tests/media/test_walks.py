"""The bounded walks over headers: what they read, and what they refuse."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from evolink_ui.media import words
from evolink_ui.media.boxes import walk_boxes
from evolink_ui.media.files import name_format
from evolink_ui.media.jpeg import Damaged, Unusual, exif_orientation, walk_jpeg
from evolink_ui.media.png import walk_png
from evolink_ui.media.refusal import Refused
from tests.media import studio
from tests.media.test_hostile_files import BOMBS, bombs


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


FRAME = struct.pack(">BHHB", 8, 16, 16, 1) + b"\x01\x11\x00"
TWO_COLOURS = struct.pack(">BHHB", 8, 16, 16, 3) + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\x34\xff\x00\xff\xd0\x56"


def jpeg(*parts: bytes, end: bytes = b"\xff\xd9") -> bytes:
    return b"\xff\xd8" + b"".join(parts) + end


def test_a_jpeg_without_its_metadata_is_the_same_picture() -> None:
    made = studio.picture()
    data = studio.image_bytes(made, exif=studio.exif(8), comment=b"hello" * 100, icc_profile=b"p" * 200)
    header = walk_jpeg(data)
    assert (header.width, header.height, header.orientation, header.channels) == (640, 480, 8, 3)
    assert header.icc_profile == b"p" * 200
    for left_out in (b"Exif", b"hello", b"ICC_PROFILE"):
        assert left_out not in header.clean
    with Image.open(io.BytesIO(header.clean)) as clean, Image.open(io.BytesIO(data)) as whole:
        assert clean.tobytes() == whole.tobytes()
    printed = walk_jpeg(studio.image_bytes(studio.picture(mode="CMYK")))
    assert printed.channels == 4
    assert b"Adobe" in printed.clean


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        jpeg(),
        jpeg(SCAN),
        jpeg(segment(0xC0, FRAME)),
        jpeg(b"junk"),
        jpeg(b"\xff\x00"),
        jpeg(segment(0xC0, FRAME), segment(0xC0, FRAME), SCAN),
        jpeg(segment(0xC0, FRAME[:5]), SCAN),
        jpeg(segment(0xC0, FRAME[:-1]), SCAN),
        jpeg(segment(0xC0, FRAME[:-2] + b"\x91\x00"), SCAN),
        jpeg(segment(0xC0, struct.pack(">BHHB", 8, 0, 16, 1) + b"\x01\x11\x00"), SCAN),
        jpeg(segment(0xC0, struct.pack(">BHHB", 8, 9000, 9000, 1) + b"\x01\x11\x00"), SCAN),
        jpeg(segment(0xC0, FRAME), b"\xff\xfe\xff\xffshort"),
        jpeg(segment(0xC0, FRAME), b"\xff\xfe\x00\x01"),
        jpeg(segment(0xC0, FRAME), SCAN * 101),
        jpeg(segment(0xC0, FRAME), segment(0xDA, b"\x01\x01\x00\x00\x3f") + b"\x12\x34\x56\x78"),
        jpeg(segment(0xC2, FRAME), segment(0xDA, b"\x01\x01\x00\x00\x00\x01") + b"\x12\x34"),
        jpeg(segment(0xC0, TWO_COLOURS), SCAN),
        jpeg(segment(0xC0, FRAME), segment(0xFE, b"c") * 4001, SCAN),
    ],
)
def test_a_jpeg_that_is_not_whole_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        walk_jpeg(data)


@pytest.mark.parametrize("frame", [segment(0xC3, FRAME), segment(0xCB, FRAME), segment(0xC1, b"\x0c" + FRAME[1:])])
def test_a_jpeg_that_cannot_be_read_here_is_told_from_a_damaged_one(frame: bytes) -> None:
    with pytest.raises(Unusual):
        walk_jpeg(jpeg(frame, SCAN))


def test_a_jpeg_that_few_programs_read_is_unusual() -> None:
    assert walk_jpeg(jpeg(segment(0xC9, FRAME), SCAN)).unusual
    assert not walk_jpeg(jpeg(segment(0xC0, FRAME), SCAN)).unusual


def test_a_jpeg_may_restart_pad_and_lack_its_end() -> None:
    assert walk_jpeg(jpeg(b"\xff\xff\xff\x01", b"\xff\xd3", segment(0xC0, FRAME), SCAN)).width == 16
    open_ended = walk_jpeg(jpeg(segment(0xC0, FRAME), SCAN, end=b""))
    assert not open_ended.clean.endswith(b"\xff\xd9")


@pytest.mark.parametrize(
    ("tiff", "orientation"),
    [
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 6),
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0", 3),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0", None),
        (b"II*\0\x08\0\0\0\xff\xff", None),
        (b"II*\0\xff\xff\xff\xff", None),
        (b"II*\0\x08\0\0\0\x01\0\x13\x01\x03\0\x01\0\0\0\x06\0\0\0", None),
        (b"XX", None),
    ],
)
def test_the_orientation_is_read_with_bounds(tiff: bytes, orientation: int | None) -> None:
    assert exif_orientation(tiff) == orientation


HEADER = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
DATA = chunk(b"IDAT", zlib.compress(bytes(52)))
END = chunk(b"IEND", b"")
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_png_without_its_metadata_is_the_same_picture() -> None:
    data = studio.image_bytes(studio.picture(), "PNG", exif=studio.exif(5), icc_profile=b"p" * 300)
    header = walk_png(data)
    assert (header.width, header.height, header.orientation, header.animated) == (640, 480, 5, False)
    assert header.icc_profile == b"p" * 300
    assert b"iCCP" not in header.clean
    with Image.open(io.BytesIO(header.clean)) as clean, Image.open(io.BytesIO(data)) as whole:
        assert clean.tobytes() == whole.tobytes()


@pytest.mark.parametrize("profile", [b"no end", b"a\0\1x", b"a\0\0junk", b"a\0\0" + zlib.compress(bytes(5_000_000))])
def test_a_colour_profile_that_cannot_be_unpacked_is_left_out(profile: bytes) -> None:
    assert walk_png(PNG + HEADER + chunk(b"iCCP", profile) + DATA + END).icc_profile is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PNG,
        PNG + DATA + END,
        PNG + HEADER + END,
        PNG + HEADER + DATA,
        PNG + HEADER + HEADER + DATA + END,
        PNG + HEADER + DATA[:-1] + b"\0" + END,
        PNG + HEADER + chunk(b"ABCD", b"") + DATA + END,
        PNG + chunk(b"IHDR", b"\0" * 12) + DATA + END,
        PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 4, 8, 2, 0, 0, 0)) + DATA + END,
        PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 3, 2, 0, 0, 0)) + DATA + END,
        PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 1, 0, 0)) + DATA + END,
        PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 3, 0, 0, 0)) + DATA + END,
        PNG + HEADER + chunk(b"tEXt", b"") * 70_000 + DATA + END,
        PNG + HEADER + struct.pack(">I4s", 0xFFFFFFFF, b"IDAT"),
    ],
)
def test_a_png_that_is_not_whole_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        walk_png(data)


HARMLESS = {
    "no time scale",
    "huge time scale",
    "many chunks",
    "chunks of many samples",
    "many key frames",
    "many keys",
    "huge picture",
}
"""Not refused by the walk: nothing is multiplied, or the demuxer reads no further than the file."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_that_multiplies_is_refused_before_a_demuxer_sees_it(good_video: Path, name: str) -> None:
    data = bombs(good_video.read_bytes())[name]
    refused = False
    try:
        walk_boxes(io.BytesIO(data), len(data))
    except Refused as why:
        refused = True
        assert why.code == "video_damaged"
    assert refused == (name not in HARMLESS)


def film(*inside: bytes, handler: bytes = b"vide", movie_ms: int = 0, media_ms: int = 0) -> bytes:
    lengths = [struct.pack(">12xII", 1000, milliseconds) for milliseconds in (movie_ms, media_ms)]
    table = studio.box(b"minf", studio.box(b"stbl", *inside))
    handled = studio.box(b"hdlr", bytes(8), handler, bytes(12))
    media = studio.box(b"mdia", studio.box(b"mdhd", lengths[1]), handled, table)
    return studio.box(b"ftyp", b"isom") + studio.box(
        b"moov", studio.box(b"mvhd", lengths[0]), studio.box(b"trak", media)
    )


@pytest.mark.parametrize(
    "data",
    [
        film(studio.box(b"stsz", bytes(4), struct.pack(">II", 9, 1_500_000))),
        film(studio.box(b"stsz", bytes(4), struct.pack(">II", 9, 5_000_000)), handler=b"soun"),
        film(studio.box(b"stsz", bytes(2))),
        film(studio.box(b"stz2", bytes(4), struct.pack(">xxxBI", 8, 90))),
        film(studio.box(b"stz2", bytes(4), struct.pack(">xxxBI", 7, 0))),
        film(studio.box(b"stts", bytes(4), struct.pack(">III", 1, 5_000_000, 1))),
        film(studio.box(b"elst", bytes(4), struct.pack(">I", 2000), bytes(12 * 2000))),
        film() + studio.box(b"moof", studio.box(b"traf", studio.box(b"trun", struct.pack(">II", 0, 200_000)))),
        film() + studio.box(b"moof", studio.box(b"traf", studio.box(b"trun", struct.pack(">II", 0x100, 9)))),
        film() + struct.pack(">I4s", 0x7FFFFFFF, b"moof"),
        studio.box(b"moov", studio.box(b"trak") * 40),
        studio.box(b"moov", b"\0\0\0\x04free"),
    ],
)
def test_tables_that_cannot_be_honest_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        walk_boxes(io.BytesIO(data), len(data))


EIGHT_SECONDS = studio.box(b"stts", bytes(4), struct.pack(">III", 1, 8, 1000))


@pytest.mark.parametrize(
    ("data", "claims"),
    [
        (film(EIGHT_SECONDS, movie_ms=8000, media_ms=8000), [8.0]),
        (film(EIGHT_SECONDS, movie_ms=5000, media_ms=8000), [5.0]),
        (film(EIGHT_SECONDS, movie_ms=8000, media_ms=90_000), [8.0, 90.0]),
        (film(EIGHT_SECONDS, media_ms=8000), []),
        (film(EIGHT_SECONDS, movie_ms=2000, media_ms=8000) + studio.box(b"moof"), []),
    ],
    ids=["agreeing", "shown in part", "a media header that lies", "unknown", "fragments"],
)
def test_only_lengths_that_headers_really_claim_are_compared(data: bytes, claims: list[float]) -> None:
    assert walk_boxes(io.BytesIO(data), len(data)).claims_seconds == claims


def test_a_last_box_that_reaches_beyond_the_end_is_noticed() -> None:
    whole = film() + studio.box(b"mdat", bytes(90))
    assert not walk_boxes(io.BytesIO(whole), len(whole)).cut_off
    assert walk_boxes(io.BytesIO(whole[:-1]), len(whole) - 1).cut_off


def test_odd_but_honest_films_are_read(good_video: Path) -> None:
    data = good_video.read_bytes()
    assert walk_boxes(io.BytesIO(data + b"junk behind"), len(data) + 11).seconds > 3
    packed = film(studio.box(b"stz2", bytes(4), struct.pack(">xxxBI", 8, 3), b"abc"))
    assert walk_boxes(io.BytesIO(packed), len(packed)).tracks[0].samples == 3
    for turned, degrees in (((0, 1, -1, 0), 90), ((0, -1, 1, 0), 270), ((-1, 0, 0, -1), 180), ((1, 0, 0, 1), 0)):
        across, up, down, along = turned
        body = bytes(40) + struct.pack(">iiiiii", across, up, 0, down, along, 0) + bytes(20)
        header = studio.box(b"moov", studio.box(b"trak", studio.box(b"tkhd", body)))
        assert walk_boxes(io.BytesIO(header), len(header)).tracks[0].rotation == degrees
    long = struct.pack(">BxxxQQIQ", 1, 0, 0, 1000, 5000)
    header = studio.box(b"moov", studio.box(b"mvhd", long))
    assert walk_boxes(io.BytesIO(header), len(header)).seconds == 5.0


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"\0\0\0\x18ftypqt  ", ("video", "mov")),
        (b"\0\0\0\x18ftyp3gp5", ("video", "3gp")),
        (b"\0\0\0\x18ftypavif", ("image", "avif")),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(20), ("video", "mpegts")),
        ((bytes(4) + b"G" + bytes(187)) * 3, ("video", "mpegts")),
        (b"8BPS", ("image", "psd")),
        (b"%PDF-1.4", ("other", "pdf")),
        (b"\x1aE\xdf\xa3\x01\x42\x82\x84webm", ("video", "webm")),
        (b"RIFF\0\0\0\0ACON", ("other", "")),
        (b"fLaC", ("audio", "flac")),
    ],
)
def test_files_are_named_by_their_first_bytes(head: bytes, named: tuple[str, str]) -> None:
    assert name_format(head) == named


def test_sizes_are_written_for_people() -> None:
    assert [words.size_text(size) for size in (0, 999, 45_300, 12_340_000)] == [
        "0 bytes",
        "999 bytes",
        "45 kB",
        "12.3 MB",
    ]
    assert [words.seconds_text(seconds) for seconds in (3.0, 9.5, 10.03)] == ["3 s", "9.5 s", "10.03 s"]
