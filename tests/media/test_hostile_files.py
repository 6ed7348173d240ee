"""Files that want to hurt: each gets an answer in two seconds, and nothing else happens."""

import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evolink_ui.media import Report, check, check_image, check_video
from evolink_ui.media.files import Source, look_at
from evolink_ui.media.limits import CHECK_SECONDS
from tests.media import studio

Save = Callable[[str, bytes], Path]
ANSWER_SECONDS = CHECK_SECONDS + 1.0
"""The promise is 2 s; this machine is shared and may lose some tenths."""


def refused(report: Report) -> str:
    """The first problem of a report that must not be ok and must be fit to be read."""
    assert not report.ok
    for problem in report.problems:
        assert problem.message
        assert problem.next_step
        assert "/" not in problem.message.replace("4:2:0", "")
        assert "Error" not in problem.message
    return report.problems[0].code


def both(path: object) -> list[str]:
    started = time.monotonic()
    found = [refused(check_image(path)), refused(check_video(path))]  # type: ignore[arg-type]  # any object may come
    assert time.monotonic() - started < 2 * ANSWER_SECONDS
    return found


@pytest.mark.parametrize(
    "path", ["", "/", "\0", "a\0b", "x" * 5000, "/nowhere/at/all", b"\xff\xfe", None, 3, 1.5, [], "http://127.0.0.1/"]
)
def test_what_is_no_file_gets_an_answer(path: object) -> None:
    assert set(both(path)) <= {"file_missing", "not_a_file", "file_unreadable"}


def test_folders_pipes_devices_sockets_and_links_are_not_opened(tmp_path: Path, good_image: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    link = tmp_path / "link.jpg"
    link.symlink_to(good_image)
    dangling = tmp_path / "dangling.jpg"
    dangling.symlink_to(tmp_path / "nothing")
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    door = tmp_path / "door.mp4"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        for path in (tmp_path, pipe, link, dangling, loop, door, Path("/dev/zero"), Path("/dev/stdin")):
            assert both(path) == ["not_a_file", "not_a_file"]


def test_a_file_under_another_ones_folder_name_is_missing(good_image: Path) -> None:
    assert both(good_image / "inside.jpg") == ["file_unreadable", "file_unreadable"]


@pytest.mark.parametrize(
    ("data", "image_code", "video_code"),
    [
        (b"", "file_empty", "file_empty"),
        (b"\0", "not_an_image", "not_a_video"),
        (b"\0" * 100_000, "not_an_image", "not_a_video"),
        (b"hello, this is a text", "not_an_image", "not_a_video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image", "not_a_video"),
        (b"PK\x03\x04" + b"\0" * 100, "not_an_image", "not_a_video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not_an_image", "not_a_video"),
        (b"\xff\xd8\xff", "image_damaged", "not_a_video"),
        (b"\xff\xd8\xff\xd9", "image_damaged", "not_a_video"),
        (b"\x89PNG\r\n\x1a\n", "image_damaged", "not_a_video"),
        (b"GIF89a", "unsupported_image_format", "not_a_video"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "unsupported_image_format", "not_a_video"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not_an_image", "not_a_video"),
        (b"ID3\x04" + b"\0" * 50, "not_an_image", "not_a_video"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "not_an_image", "video_damaged"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_image_format", "not_a_video"),
        (b"\0\0\0\x08moov", "not_an_image", "video_without_picture"),
        (b"\0\0\0\x00moov", "not_an_image", "video_without_picture"),
        (b"\0\0\0\x08wide" * 1000, "not_an_image", "video_damaged"),
        (b"\x1aE\xdf\xa3" + b"\0" * 50, "not_an_image", "unsupported_video_format"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "unsupported_image_format", "not_a_video"),
    ],
)
def test_fragments_and_foreign_files_are_named(save: Save, data: bytes, image_code: str, video_code: str) -> None:
    for name in ("a.jpg", "a.mp4"):
        path = save(name, data)
        assert both(path) == [image_code, video_code]


@contextmanager
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server that writes down whoever comes."""
    visits: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def wait() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                visits.append(b"came")
                connection.close()

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/secret.mp4", visits
        finally:
            time.sleep(0.15)
            done.set()
            thread.join()


def test_a_playlist_in_disguise_makes_no_connection_and_opens_no_other_file(save: Save, good_video: Path) -> None:
    with listener() as (url, visits):
        for target in (url, str(good_video), f"concat:{good_video}", url.replace("http", "tcp")):
            for text in studio.listed_playlists(target).values():
                for start in (b"", b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", b"\0\0\0\x08free"):
                    assert both(save("a.mp4", start + text))[1] in ("not_a_video", "video_damaged")
    assert visits == []


def test_a_data_reference_to_another_file_is_not_followed(save: Save, good_video: Path) -> None:
    """QuickTime files may keep their samples elsewhere: a URL in the place of "in this file"."""
    data = good_video.read_bytes()
    with listener() as (url, visits):
        inside = studio.box(b"url ", b"\0\0\0\x01")
        assert inside in data
        at = data.index(b"dref") + 4 + 8
        reference = studio.box(b"url ", b"\0\0\0\0", url.encode() + b"\0")[: len(inside)]
        report = check_video(save("a.mp4", data[:at] + reference + data[at + len(inside) :]))
        assert report.facts is None or report.facts.width == 480
    assert visits == []


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (60_000, 1_000), (2**31 - 1, 2**31 - 1)])
def test_a_pixel_bomb_is_refused_by_its_header(save: Save, width: int, height: int) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(5_000_000))) + chunk(b"IEND", b"")
    report = check_image(save("bomb.png", bomb))
    assert not report.ok
    assert "image_too_many_pixels" in [problem.code for problem in report.problems]
    jpeg = studio.image_bytes(studio.picture())
    at = jpeg.index(b"\xff\xc0") + 5
    if width < 65_536:
        liar = jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]
        assert refused(check_image(save("bomb.jpg", liar))) == "image_damaged"


def test_metadata_that_unpacks_to_gigabytes_is_never_unpacked(save: Save) -> None:
    made = studio.image_bytes(studio.picture(), "PNG")

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    flood = zlib.compress(bytes(100_000_000), 9)
    at = 8 + 25
    for name, body in ((b"zTXt", b"a\0\0" + flood), (b"iCCP", b"a\0\0" + flood), (b"iTXt", b"a\0\1\0\0\0" + flood)):
        started = time.monotonic()
        assert check_image(save("a.png", made[:at] + chunk(name, body) * 20 + made[at:])).ok
        assert time.monotonic() - started < ANSWER_SECONDS


def test_a_jpeg_with_thousands_of_segments_or_scans_is_answered_in_time(save: Save) -> None:
    made = studio.image_bytes(studio.picture(), progressive=True)
    comments = made[:2] + (b"\xff\xfe\x00\x10" + b"c" * 14) * 100_000 + made[2:]
    entries = b"\xff\xe1\xff\xff" + b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\0" * 65_517
    applications = made[:2] + entries * 60 + made[2:]
    scan = made.index(b"\xff\xda")
    scans = made[:-2] + (made[scan : scan + 10] + made[scan + 10 : scan + 300]) * 3000
    for data in (comments, applications, scans):
        started = time.monotonic()
        check_image(save("a.jpg", data))
        assert time.monotonic() - started < ANSWER_SECONDS


def bombs(data: bytes) -> dict[str, bytes]:
    """Headers that ask a demuxer for gigabytes or for hours."""
    many = struct.pack(">I", 0xFFFFFFF0)
    moov_at = data.index(b"moov") - 4
    moov = data[moov_at:]
    packed = zlib.compress(bytes(1_000_000))
    cmov = studio.box(b"moov", studio.box(b"cmov", studio.box(b"dcom", b"zlib"), studio.box(b"cmvd", many, packed)))
    head = data[:moov_at]
    nested = b""
    for _ in range(5000):
        nested = studio.box(b"moov" if len(nested) % 2 else b"trak", nested)
    huge = struct.pack(">I4s", 0x7FFFFFFF, b"moov") + moov[8:]
    return {
        "compressed header": head + cmov,
        "samples of one size": studio.replace_in_box(data, b"stsz", 4, struct.pack(">II", 1, 0xFFFFFFF0)),
        "samples without a table": studio.replace_in_box(data, b"stsz", 8, many),
        "a run of durations": studio.replace_in_box(data, b"stts", 8, many),
        "many runs": studio.replace_in_box(data, b"stts", 4, many),
        "many edits": studio.replace_in_box(data, b"elst", 4, many),
        "many chunks": studio.replace_in_box(data, b"stco", 4, many),
        "chunks of many samples": studio.replace_in_box(data, b"stsc", 12, many),
        "many key frames": studio.replace_in_box(data, b"stss", 4, many),
        "no time scale": studio.replace_in_box(data, b"mdhd", 12, b"\0\0\0\0"),
        "huge time scale": studio.replace_in_box(data, b"mdhd", 12, b"\xff\xff\xff\xff"),
        "nested boxes": head + nested,
        "header longer than the file": head + huge,
        "many tracks": head + studio.box(b"moov", studio.box(b"trak") * 30_000),
        "many boxes": studio.box(b"free") * 200_000 + data,
        "box of no length": data[:24] + struct.pack(">I4sQ", 1, b"free", 0) + data[24:],
        "many keys": head + studio.box(b"moov", studio.box(b"meta", studio.box(b"keys", b"\0" * 4, many))),
        "huge picture": studio.replace_in_box(data, b"avc1", 24, b"\xff\xff\xff\xff"),
    }


BOMBS = [
    "compressed header",
    "samples of one size",
    "samples without a table",
    "a run of durations",
    "many runs",
    "many edits",
    "many chunks",
    "chunks of many samples",
    "many key frames",
    "no time scale",
    "huge time scale",
    "nested boxes",
    "header longer than the file",
    "many tracks",
    "many boxes",
    "box of no length",
    "many keys",
    "huge picture",
]


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_that_asks_for_too_much_is_answered_in_time(save: Save, good_video: Path, name: str) -> None:
    path = save("bomb.mp4", bombs(good_video.read_bytes())[name])
    started = time.monotonic()
    report = check_video(path)
    assert time.monotonic() - started < ANSWER_SECONDS
    if not report.ok:
        assert refused(report)
    else:
        assert report.facts is not None
        assert report.facts.width == 480


def test_a_header_over_garbage_and_a_cut_off_file_are_damaged(save: Save, tmp_path: Path) -> None:
    whole = studio.film(tmp_path / "whole.mp4", movflags="faststart").read_bytes()
    start = whole.index(b"mdat") + 4
    garbage = whole[:start] + bytes(range(256)) * ((len(whole) - start) // 256 + 1)
    assert refused(check_video(save("a.mp4", garbage))) == "video_damaged"
    half = check_video(save("a.mp4", whole[: start + (len(whole) - start) // 2]))
    assert refused(half) == "video_cut_off"
    assert refused(check_video(save("a.mp4", whole[: start + 100]))) == "video_damaged"
    assert refused(check_video(save("a.mp4", whole[:200]))) == "video_damaged"


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_cut_off_picture_is_damaged_wherever_it_was_cut(save: Save, name: str) -> None:
    whole = studio.image_bytes(studio.picture(), name)
    for share in (0.1, 0.5, 0.9, 0.98):
        assert refused(check_image(save("a", whole[: int(len(whole) * share)]))) == "image_damaged"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_end_marker_does_not_make_a_cut_off_jpeg_whole(save: Save, share: float) -> None:
    whole = studio.image_bytes(studio.picture())
    assert refused(check_image(save("a.jpg", whole[: int(len(whole) * share)] + b"\xff\xd9"))) == "image_damaged"


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"restart_marker_rows": 2}])
def test_a_jpeg_that_ends_in_one_colour_is_whole(save: Save, options: dict[str, Any]) -> None:
    made = Image.new("RGB", (900, 700), "white")
    made.paste(studio.picture(500, 400), (90, 0))
    assert check_image(save("a.jpg", studio.image_bytes(made, **options))).ok


def test_a_protected_video_is_named_as_such(save: Save, good_video: Path) -> None:
    encrypted = good_video.read_bytes().replace(b"avc1\0", b"encv\0")
    assert refused(check_video(save("a.mp4", encrypted))) == "video_protected"


def test_a_film_whose_picture_track_says_it_is_none_has_no_picture(save: Save, good_video: Path) -> None:
    data = good_video.read_bytes()
    start = data.index(b"moov")
    assert refused(check_video(save("a.mp4", data[:start] + data[start:].replace(b"vide", b"hint", 1)))) == (
        "video_without_picture"
    )


@pytest.mark.parametrize("matrix", [bytes(36), struct.pack(">9i", *[46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30])])
def test_a_matrix_that_no_player_follows_turns_nothing(save: Save, good_video: Path, matrix: bytes) -> None:
    facts = check_video(save("a.mp4", studio.replace_in_box(good_video.read_bytes(), b"tkhd", 40, matrix))).facts
    assert facts is not None
    assert (facts.width, facts.height) == (480, 360)


def test_a_file_that_is_exchanged_while_it_is_looked_at_is_judged_as_it_was_opened(
    tmp_path: Path, good_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "a.jpg", look_at
    path.write_bytes(good_image.read_bytes())

    def exchange(given: object) -> Source:
        source = real(given)
        (tmp_path / "other").write_bytes(b"another file")
        (tmp_path / "other").replace(path)
        return source

    monkeypatch.setattr(check, "look_at", exchange)
    report = check_image(path)
    assert report.ok
    assert report.facts is not None
    assert report.facts.size_bytes == good_image.stat().st_size
