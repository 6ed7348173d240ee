"""What every mended file is asked for."""

import hashlib
from pathlib import Path
from typing import Any

from evolink_ui.media import Fixed, check_image, check_video, fix_image, fix_video


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
