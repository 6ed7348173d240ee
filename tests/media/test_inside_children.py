"""What a child does with its lines and its fence, looked at from within."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image

from evolink_ui.media import fence, film, limits, mend_film, mend_plan, mender, picture, scan, worker
from evolink_ui.media.refusal import Refused
from tests.media import studio

Save = Callable[[str, bytes], Path]


def request(job: str, path: Path, name: str, **more: Any) -> dict[str, Any]:
    return {"job": job, "format": name, "path": str(path), "seconds": 2, **more}


@pytest.fixture
def no_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that would end these tests, only written down."""
    started: list[float] = []
    monkeypatch.setattr(fence, "start_clock", started.append)
    return started


def test_each_line_is_answered_under_a_clock(no_clock: list[float], good_image: Path, good_video: Path) -> None:
    asked = [
        request("image", good_image, "jpeg"),
        request("video", good_video, "mp4"),
        request("image", good_video, "jpeg"),
        {"job": "image", "path": str(good_image), "seconds": 2},
    ]

    def requests() -> Iterator[tuple[dict[str, Any], BinaryIO]]:
        for each in asked:
            with Path(each["path"]).open("rb") as file:
                yield each, file

    out = io.BytesIO()
    # A pipe takes what it can: seven bytes at a time must do.
    worker.serve(requests(), lambda view: out.write(view[:7]), fence.ParentWatch())
    out.seek(0)
    assert json.loads(out.readline()) == {"ready": True}
    done: list[dict[str, Any]] = []
    while line := out.readline():
        said = json.loads(line)
        if "done" in said:
            done.append(said["done"])
            poster = out.read(said["poster_bytes"])
            assert poster[:2] in (b"", b"\xff\xd8")
    assert [each.get("refused") for each in done] == [None, None, "image_damaged", "check_failed"]
    assert no_clock == [limits.BUSY_FACTOR * 2.0 + 2.0, 0] * 4


def test_whatever_a_library_throws_is_one_answer(
    good_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throws(*_: object) -> None:
        raise RuntimeError("/secret/path: libsomething said no")

    monkeypatch.setattr(picture, "examine_picture", throws)
    file = io.BytesIO(good_image.read_bytes())
    said = worker.examine(request("image", good_image, "jpeg"), file, lambda _: None)
    assert said == ({"refused": "check_failed", "values": {}}, None)
    monkeypatch.setattr("evolink_ui.media.mend_picture.mend_picture", throws)
    assert mender.mend(request("image", good_image, "jpeg", out=str(tmp_path / "x")), file, lambda _: None)["refused"]


@pytest.mark.parametrize("name", ["webp", "tiff", "gif", "heic", "avif"])
def test_a_foreign_picture_that_is_not_whole_is_damaged(name: str) -> None:
    with pytest.raises(Refused, match="image_damaged"):
        picture.open_picture(io.BytesIO(b"not at all"), name)


def test_what_pillow_throws_at_any_step_means_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def throws(*_: object, **__: object) -> None:
        raise OSError("/secret/path")

    data = studio.image_bytes(studio.picture())
    for target in (
        "PIL.Image.Image.load",
        "PIL.JpegImagePlugin.JpegImageFile.load",
        "evolink_ui.media.picture._poster",
    ):
        with monkeypatch.context() as patched, pytest.raises(Refused, match="image_damaged"):
            patched.setattr(target, throws)
            picture.examine_picture(io.BytesIO(data), "jpeg", lambda _: None)
    with monkeypatch.context() as patched, pytest.raises(Refused, match="image_damaged"):
        patched.setattr(Image, "open", throws)
        picture.open_picture(io.BytesIO(data), "jpeg")
    lossless = data.replace(b"\xff\xc0", b"\xff\xc3", 1)
    with pytest.raises(Refused, match="image_undecodable"):
        picture.open_picture(io.BytesIO(lossless), "jpeg")


def test_frames_too_large_to_decode_are_only_measured(good_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "VIDEO_DECODE_MAX_PIXELS", 1000)
    with good_video.open("rb") as file:
        found, poster = film.examine_film(file, "mp4", 2.0, lambda _: None)
    assert poster is None
    assert found["duration_seconds"] == pytest.approx(3.2)


def test_a_film_whose_first_or_last_frames_do_not_decode_is_damaged(
    good_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = studio.film(tmp_path / "a.mp4", seconds=6, options=(("preset", "ultrafast"), ("g", "15")))
    data = bytearray(whole.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start + (end - start) // 2 : end] = bytes(end - start - (end - start) // 2)
    half = tmp_path / "half.mp4"
    half.write_bytes(data)
    for looked_at in (scan.MAX_LOOKED_AT, 5):  # the whole film; and its beginning, and then only its end
        monkeypatch.setattr(scan, "MAX_LOOKED_AT", looked_at)
        for path, is_damaged in ((half, True), (whole, False)):
            with path.open("rb") as file:
                found = film.examine_film(file, "mp4", 2.0, lambda _: None)[0]
            assert (found["missing"] > 0, found["cut_off"]) == (is_damaged, is_damaged)


def test_how_much_is_damaged_does_not_depend_on_how_busy_the_machine_is(
    good_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(good_video.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = b"\x55" * 4000
    found = []
    for slow_after_seconds in (0.0, 60.0):
        monkeypatch.setattr(scan, "SKIPPING_AFTER_SECONDS", slow_after_seconds)
        found.append(film.examine_film(io.BytesIO(data), "mp4", 2.0, lambda _: None)[0]["missing"])
    assert found[0] == found[1] > 0


def test_sound_that_cannot_be_read_is_left_out_and_said_so(good_video: Path, tmp_path: Path) -> None:
    broken = tmp_path / "a.mkv"
    studio.film(broken, container="matroska", sound_seconds=None)
    real = mend_film._run
    tried: list[bool] = []

    def no_sound(command: list[str], length: float, tell: Callable[[dict[str, Any]], None], file: BinaryIO) -> bool:
        tried.append("-an" not in command)
        return "-an" in command and real(command, length, tell, file)

    with pytest.MonkeyPatch.context() as patched, broken.open("rb") as file:
        patched.setattr(mend_film, "_run", no_sound)
        wanted = {"format": "mkv", "path": str(broken), "out": str(tmp_path / "out"), "longest": 10.0}
        done = mend_film.mend_film(file, {**wanted, "start": None, "end": None}, lambda _: None)
        assert "The sound could not be read and was left out." in done["changes"]
        assert tried == [True, True, False]
        patched.setattr(mend_film, "_run", lambda *_: False)
        with pytest.raises(Refused, match="fix_failed"):
            mend_film.mend_film(file, {**wanted, "start": None, "end": None}, lambda _: None)


def test_hdr_is_brought_to_the_ordinary_range(tmp_path: Path) -> None:
    """HLG, as phones record it: without a change of curve it would look washed out."""
    path = studio.film(tmp_path / "a.mp4")
    with path.open("rb") as file:
        before = mend_film._look(file, "mp4")
    before |= {"curve": 18, "pixels": "yuv420p10le", "codec": "hevc"}
    plan = mend_plan.make_plan(before, {"format": "mp4", "start": None, "end": None, "longest": 10.0})
    assert plan.to_sdr
    assert any("HDR" in change for change in plan.changes)
    out = tmp_path / "out.mp4"
    command = mend_film._command(str(path), "mov", str(out), before, plan, copy_picture=False, sound=False)
    at = command.index("-i")
    command[at - 2 : at - 2] = []
    filters = command[command.index("-vf") + 1]
    command[command.index("-vf") + 1] = (
        f"setparams=color_trc=arib-std-b67:color_primaries=bt2020:colorspace=bt2020nc,{filters}"
    )
    with path.open("rb") as file:
        assert mend_film._run(command, 3.2, lambda _: None, file)
    assert out.stat().st_size > 1000


def test_a_very_large_png_is_halved_before_it_is_worked_on(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolink_ui.media.mend_picture.MAX_PIXELS", 100_000)
    monkeypatch.setattr(limits, "IMAGE_MAX_BYTES", 80_000)
    noisy = Image.effect_noise((900, 700), 100).convert("RGBA")
    path = save("a.png", studio.image_bytes(noisy, "PNG"))
    file = io.BytesIO(path.read_bytes())
    done = mender.mend(request("image", path, "png", out=str(tmp_path / "out")), file, lambda _: None)
    assert done["format"] == "jpeg"
    assert {"shrink", "convert"} <= set(done["fixes"])
    monkeypatch.setattr(limits, "IMAGE_DECODE_MAX_PIXELS", 1000)
    file.seek(0)
    refused = mender.mend(request("image", path, "png", out=str(tmp_path / "out2")), file, lambda _: None)
    assert refused["refused"] == "image_too_many_pixels"


def test_the_fence_lowers_every_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    lowered: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", lowered.__setitem__)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, 100))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    clocks: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds: clocks.append(seconds))
    fence.limit_memory(50, 200)
    fence.limit_writing(7)
    fence.start_clock(1.5)
    assert lowered == {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_AS: (50, 50),
        resource.RLIMIT_DATA: (100, 100),
        resource.RLIMIT_FSIZE: (7, 7),
    }
    assert clocks == [1.5]


def test_a_child_at_work_notices_that_its_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def end() -> None:
        ended.set()
        threading.Event().wait()  # the real one does not return either

    monkeypatch.setattr(fence, "LOOK_AT_PARENT_SECONDS", 0.01)
    monkeypatch.setattr(fence, "end_family", end)
    watch = fence.ParentWatch()
    watch.job_begins()
    time.sleep(0.05)
    assert not ended.is_set()
    watch._parent = -1
    assert ended.wait(2)


def test_a_process_started_by_a_child_dies_with_it() -> None:
    code = (
        "import os, subprocess, sys\nfrom evolink_ui.media import fence\n"
        "started = subprocess.Popen(['sleep', '60'], preexec_fn=fence.die_with_parent)\n"
        "print(started.pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    pid = int(said.stdout)
    end = time.monotonic() + 3
    while time.monotonic() < end and Path(f"/proc/{pid}").exists():
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()
    assert os.getpid()
