"""What uploads leave behind is taken away, and nothing else."""

import os
import socket
import time
from pathlib import Path

import httpx
import pytest

from evolink_ui.web.leftovers import PART_SECONDS, UPLOAD_SECONDS, Leftovers
from tests.web.site import Site

UPLOAD = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upload folder of a test's own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def aged(path: Path, seconds: float) -> Path:
    if path.suffix:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        aged(path.parent, seconds)
    elif path.name != UPLOAD and not path.exists():
        path.write_bytes(b"x")
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def test_parts_and_old_uploads_go_and_everything_else_stays(folder: Path, tmp_path: Path) -> None:
    old_part, new_part = aged(folder / "tmpold", PART_SECONDS + 5), aged(folder / "tmpnew", 5)
    other = folder / "somebodys"
    other.mkdir()
    aged(other, UPLOAD_SECONDS + 5)
    (folder / "link").symlink_to(tmp_path)
    upload = aged(folder / UPLOAD / "photo.png", UPLOAD_SECONDS - 60)
    assert Leftovers().sweep() == 1
    assert not old_part.exists() and new_part.exists() and upload.exists() and other.exists() and tmp_path.exists()
    assert Leftovers(clock=lambda: time.time() + 120).sweep() == 1
    assert not upload.exists() and not upload.parent.exists()


def test_without_an_upload_folder_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "never"))
    assert Leftovers().sweep() == 0


def test_it_sweeps_again_and_again_until_it_is_closed(folder: Path) -> None:
    leftovers = Leftovers(sweep_seconds=0.01)
    leftovers.start()
    try:
        for name in ("tmp1", "tmp2"):
            part = aged(folder / name, PART_SECONDS + 5)
            deadline = time.monotonic() + 20
            while part.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        leftovers.close()


def test_an_upload_that_breaks_off_leaves_only_what_is_swept(running: Site) -> None:
    """Gradio's part files lie where the sweep looks for them."""
    uploads = running.folder / "uploads"
    url = httpx.URL(running.url)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
    form = b"--x\r\nContent-Disposition: form-data; name=files; filename=a.png\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80)) as raw:
        raw.sendall(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + form + b"a" * 500_000)
        deadline = time.monotonic() + 20
        while not (uploads.is_dir() and any(entry.is_file() for entry in uploads.iterdir())):
            assert time.monotonic() < deadline, "there is no part"
            time.sleep(0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        Leftovers(clock=lambda: time.time() + PART_SECONDS + 5).sweep()
    assert not any(entry.is_file() for entry in uploads.iterdir())
