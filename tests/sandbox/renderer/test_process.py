"""The renderer as a process: what it says, how it stops, how it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from .conftest import MakeClip

COMMAND = [sys.executable, "-m", "evolink_ui.sandbox.renderer"]
SLACK = 2.0
"""The tests share two cores with other work; the benchmark prints the real figures."""


def run(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_progress_comes_within_a_second_and_the_last_line_tells_what_was_made(
    ball_picture: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    video, out = make_clip("moving.mp4", sound=1.0), tmp_path / "out.mp4"
    started = time.monotonic()
    with subprocess.Popen(
        [*COMMAND, str(ball_picture), str(video), str(out), "--quality", "720p"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline())]
        first_after = time.monotonic() - started
        lines += [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert first_after < 1.0 * SLACK
    shares = [line["progress"] for line in lines[:-1]]
    assert shares == sorted(shares)
    assert all(line["stage"] for line in lines[:-1])
    done = lines[-1]["done"]
    assert done["path"] == "flow"
    assert (done["frames"], done["fps"], done["width"], done["height"]) == (30, 30.0, 720, 720)
    assert done["has_audio"] is True
    assert out.stat().st_size > 1000


def test_a_stop_leaves_no_process_and_no_file(mika: Path, dance: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with subprocess.Popen([*COMMAND, str(mika), str(dance), str(out)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("stage") == "drawing":
                break
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        process.wait(timeout=10)
        took = time.monotonic() - told
    assert took < 0.5 * SLACK
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []
    assert not processes_that_name(out.parent)


def test_a_stop_while_the_files_are_read_is_as_clean(mika: Path, dance: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, str(mika), str(dance), str(tmp_path / "out.mp4")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("stage") == "watching the motion":
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
    assert list(tmp_path.iterdir()) == []
    assert not processes_that_name(dance)


def processes_that_name(path: Path) -> list[str]:
    """Command lines of living processes in which this path occurs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(path) in words and "ffmpeg" in words:
            found.append(words)
    return found


@pytest.mark.parametrize("content", [b"", b"not a video at all", b"\x00\x00\x00\x18ftypmp42" + bytes(4000)])
def test_a_broken_video_is_named_with_the_vendors_code(mika: Path, tmp_path: Path, content: bytes) -> None:
    video = tmp_path / "broken.mp4"
    video.write_bytes(content)
    code, lines = run(mika, video, tmp_path / "out.mp4")
    assert code == 1
    assert lines[-1]["error"]["code"] == "invalid_parameters"
    assert str(tmp_path) not in lines[-1]["error"]["message"]
    assert not (tmp_path / "out.mp4").exists()


def test_a_playlist_in_disguise_opens_nothing(mika: Path, tmp_path: Path) -> None:
    video = tmp_path / "playlist.mp4"
    video.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    code, lines = run(mika, video, tmp_path / "out.mp4")
    assert (code, lines[-1]["error"]["code"]) == (1, "invalid_parameters")


def test_a_broken_picture_is_named_with_the_vendors_code(make_clip: MakeClip, tmp_path: Path) -> None:
    image = tmp_path / "broken.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    code, lines = run(image, make_clip("clip.mp4"), tmp_path / "out.mp4")
    assert (code, lines[-1]["error"]["code"]) == (1, "image_processing_error")


def test_a_full_folder_is_an_error_and_not_a_trace(ball_picture: Path, make_clip: MakeClip, tmp_path: Path) -> None:
    code, lines = run(ball_picture, make_clip("clip.mp4"), tmp_path / "missing" / "out.mp4")
    assert code == 1
    assert lines[-1]["error"]["code"] == "service_error"


def test_a_16_bit_grey_picture_is_a_picture(make_clip: MakeClip, tmp_path: Path) -> None:
    image = tmp_path / "grey.png"
    cv2.imwrite(str(image), (np.random.default_rng(1).random((300, 400)) * 65535).astype(np.uint16))
    code, lines = run(image, make_clip("clip.mp4", seconds=0.4), tmp_path / "out.mp4", "--no-sound", "--watermark")
    assert code == 0
    assert lines[-1]["done"]["has_audio"] is False
    assert (lines[-1]["done"]["width"], lines[-1]["done"]["height"]) == (960, 720)
