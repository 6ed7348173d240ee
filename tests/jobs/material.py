"""Small real files for tests, made here."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from PIL import Image

from evolink_ui.jobs import OrderInputs
from evolink_ui.jobs.intake import order_of


def make_image(path: Path, width: int = 360, height: int = 480) -> Path:
    """A plain PNG with a circle of another colour."""
    picture = Image.new("RGB", (width, height), (40, 110, 160))
    picture.paste((240, 200, 160), (width // 3, height // 4, 2 * width // 3, 3 * height // 4))
    picture.save(path)
    return path


def make_video(path: Path, *, seconds: float, width: int = 360, height: int = 480, sound: bool = True) -> Path:
    """A moving test pattern in H.264, with a tone if `sound`."""
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}", "-c:a", "aac"] if sound else []
    subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-y", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=25:d={seconds}", *tone),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)),
        ],
        check=True,
    )
    return path


def inputs(image: Path | None, video: Path | None, **fields: Any) -> OrderInputs:
    """An order of these files."""
    return OrderInputs(order_of(fields), image=image, video=video)


def changed(known: OrderInputs, **changes: Any) -> OrderInputs:
    """Another order: `changes` are its files, or fields of its `MotionOrder` as a form sends them."""
    files = {name: changes.pop(name) for name in ("image", "video") if name in changes}
    return replace(known, order=order_of({**known.order.model_dump(), **changes}), **files)
