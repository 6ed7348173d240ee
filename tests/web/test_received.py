"""Which paths are opened when a stranger names them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evolink_ui.net import Refused
from evolink_ui.web.received import judge_call, received_file

HASH = "a" * 64


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An upload folder with one upload, beside things that are nobody's business."""
    folder = tmp_path / "uploads"
    (folder / HASH / "inner").mkdir(parents=True)
    (folder / HASH / "photo.png").write_bytes(b"png")
    (folder / HASH / "empty.png").write_bytes(b"")
    (folder / HASH / "inner" / "deep.png").write_bytes(b"png")
    (folder / "loose.png").write_bytes(b"png")
    (folder / "deep_links").mkdir()
    (folder / "deep_links" / "state.json").write_bytes(b"{}")
    (folder / ("A" * 64)).mkdir()
    (folder / ("A" * 64) / "photo.png").write_bytes(b"png")
    (folder / HASH / "link.png").symlink_to("/etc/passwd")
    (folder / HASH / "good_link.png").symlink_to(folder / HASH / "photo.png")
    (folder / ("b" * 64)).symlink_to("/etc")
    os.mkfifo(folder / HASH / "pipe")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "evolink_ui.sqlite").write_bytes(b"SQLite")
    (tmp_path / ".env").write_text("EVOLINK_API_KEY=sk-1")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_an_upload_is_found_in_every_form_that_gradio_hands_over(uploads: Path) -> None:
    path = uploads / HASH / "photo.png"
    forms: list[Any] = [
        {"path": str(path), "meta": {"_type": "gradio.FileData"}},
        {"path": str(path), "orig_name": "x.svg"},
        str(path),
        SimpleNamespace(path=str(path)),
        {"path": str(uploads / HASH / "good_link.png")},
        {"path": str(uploads / HASH / ".." / HASH / "photo.png")},
    ]
    for form in forms:
        assert received_file(form) == path.resolve()


@pytest.mark.parametrize("nothing", [None, {}, {"path": None}, {"path": "", "url": ""}])
def test_nothing_is_nothing(uploads: Path, nothing: object) -> None:
    assert received_file(nothing) is None


HOSTILE: list[Callable[[Path], Any]] = [
    lambda folder: "/etc/passwd",
    lambda folder: "/etc/hosts",
    lambda folder: "/proc/self/environ",
    lambda folder: "/dev/zero",
    lambda folder: "/dev/stdin",
    lambda folder: "/",
    lambda folder: ".",
    lambda folder: "..",
    lambda folder: ".env",
    lambda folder: "data/evolink_ui.sqlite",
    lambda folder: "~/.ssh/id_rsa",
    lambda folder: "file:///etc/passwd",
    lambda folder: "https://example.com/a.png",
    lambda folder: "data:image/png;base64,AAAA",
    lambda folder: "\\\\server\\share",
    lambda folder: "a\0b",
    lambda folder: "x" * 5000,
    lambda folder: "x" * 300,
    lambda folder: "\ud800",
    lambda folder: str(folder),
    lambda folder: str(folder / HASH),
    lambda folder: str(folder / HASH / "inner"),
    lambda folder: str(folder / HASH / "inner" / "deep.png"),
    lambda folder: str(folder / HASH / "link.png"),
    lambda folder: str(folder / HASH / "pipe"),
    lambda folder: str(folder / HASH / "empty.png"),
    lambda folder: str(folder / HASH / "missing.png"),
    lambda folder: str(folder / HASH / "photo.png" / "x"),
    lambda folder: str(folder / "loose.png"),
    lambda folder: str(folder / "deep_links" / "state.json"),
    lambda folder: str(folder / ("A" * 64) / "photo.png"),
    lambda folder: str(folder / ("b" * 64) / "passwd"),
    lambda folder: str(folder / HASH / ".." / ".." / "data" / "evolink_ui.sqlite"),
    lambda folder: f"{folder}/{HASH}/../../../../../../../../etc/passwd",
    lambda folder: str(folder).replace("uploads", "uploads-other") + f"/{HASH}/photo.png",
    lambda folder: 7,
    lambda folder: True,
    lambda folder: ["/etc/passwd"],
    lambda folder: {"nested": {"path": "/etc/passwd"}},
    lambda folder: b"/etc/passwd",
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
@pytest.mark.parametrize("wrapped", ["bare", "with meta", "without meta", "svg"])
def test_nothing_else_is_ever_opened(uploads: Path, number: int, wrapped: str) -> None:
    path = HOSTILE[number](uploads)
    forms: dict[str, Any] = {
        "bare": path,
        "with meta": {"path": path, "meta": {"_type": "gradio.FileData"}},
        "without meta": {"path": path},
        "svg": {"path": path, "orig_name": "x.svg", "url": "https://example.com/x.svg", "is_stream": False},
    }
    if wrapped == "bare" and isinstance(path, dict):
        path = forms["bare"] = {**path, "url": "x"}
    with pytest.raises(Refused) as caught:
        received_file(forms[wrapped])
    assert caught.value.code == "file_not_received"
    assert "passwd" not in caught.value.message and str(uploads) not in caught.value.message


def test_a_link_in_place_of_a_path_is_refused(uploads: Path) -> None:
    with pytest.raises(Refused):
        received_file({"path": None, "url": "https://169.254.169.254/"})


def test_without_an_upload_folder_nothing_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "never"))
    with pytest.raises(Refused):
        received_file({"path": "/etc/passwd"})


def test_a_call_may_name_uploads_and_nothing_else_at_any_depth(uploads: Path) -> None:
    good = {"path": str(uploads / HASH / "photo.png"), "meta": {"_type": "gradio.FileData"}}
    for form in (
        {"data": [good]},
        {"data": [[{"a": good}]]},
        {"data": [None, "x", 1]},
        {"data": [{"path": "/etc/passwd"}]},
    ):
        judge_call(json.dumps(form).encode())
    for path in ("/etc/passwd", "https://example.com/a.png", str(uploads / "loose.png"), ["/etc/passwd"], {"a": 1}):
        for meta in ({"_type": "gradio.FileData"}, {}, None):
            bad = {"path": path, "meta": meta}
            for body in ({"data": [bad]}, {"x": [[[{"y": bad}]]]}, [bad], {"data": [good, bad]}):
                with pytest.raises(Refused):
                    judge_call(json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"{} {}"])
def test_a_call_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        judge_call(body)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x\udfff"])
def test_a_text_that_no_database_can_hold_is_refused(text: str) -> None:
    for form in ({"data": [text]}, {"data": [{text: 1}]}, {"data": [[{"prompt": text}]]}):
        with pytest.raises(Refused) as caught:
            judge_call(json.dumps(form).encode())
        assert caught.value.code == "not_text"


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [null], "data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
        b'{"data": [{"path": "/etc/passwd", "meta": {}}], "data": [null]}',
        b'{"data": [{"path": "/etc/passwd", "path": "", "meta": {}}]}',
        b'{"fn_index": 1, "fn_index": 2}',
    ],
)
def test_a_name_that_stands_twice_is_refused_whichever_value_counts(body: bytes) -> None:
    with pytest.raises(Refused):
        judge_call(body)
