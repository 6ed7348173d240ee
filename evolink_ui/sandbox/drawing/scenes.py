"""The finished material: three characters as PNG, two dances as MP4."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from .dancer import DISCO, GROOVE, Build, Dance, Joints, Pose, place_joints, stand_on
from .figure import Style, paint_figure
from .music import compose
from .pen import Pen, bgr, point
from .stage import cast_shadow, meadow, moon, studio

WIDTH_PX: Final = 720
HEIGHT_PX: Final = 960
PICTURE_SCALE: Final = 1.5
"""Characters are drawn larger than the videos, so that 1080p has something to show."""

STANDING: Final = Pose(left_arm=40, left_forearm=2, right_arm=40, right_forearm=2, left_leg=9, right_leg=9)
"""Arms and legs apart: every limb can be cut out."""

YOUNG: Final = Build(shoulder=0.34, hip=0.18, upper_arm=0.56, forearm=0.50, thigh=0.68, shin=0.66, neck=0.47)


@dataclass(frozen=True)
class Character:
    """One picture."""

    style: Style
    backdrop: Callable[[int, int], NDArray[np.uint8]] | None
    """None: transparent."""


MIKA: Final = Character(
    Style(
        skin=bgr("f6c7a4"), hair=bgr("5a2f27"), top=bgr("ff8a4c"), trim=bgr("ffd166"), trousers=bgr("35508a"),
        shoes=bgr("f4f4f8"), sole=bgr("e4572e"), build=YOUNG, head=0.36, eyes=1.15, hood=True, edge=2.2,
    ),
    meadow,
)  # fmt: skip
NOVA: Final = Character(
    Style(
        skin=bgr("c98d63"), hair=bgr("33222e"), top=bgr("eef0f8"), trim=bgr("ff8552"), trousers=bgr("e2e5f1"),
        shoes=bgr("ff8552"), sole=bgr("7d86a8"), build=YOUNG, head=0.33, eyes=1.1, limb=1.12, helmet=True, edge=2.2,
    ),
    moon,
)  # fmt: skip
JUNI: Final = Character(
    Style(
        skin=bgr("e7b08a"), hair=bgr("d98b2b"), top=bgr("ffe7b8"), trim=bgr("ff6f91"), trousers=bgr("3f9c8f"),
        shoes=bgr("ff6f91"), sole=bgr("fff6ec"), build=YOUNG, head=0.35, eyes=1.15,
        ponytail=True, dungarees=True, edge=2.2,
    ),
    None,
)  # fmt: skip


@dataclass(frozen=True)
class Show:
    """One dance with who dances it where."""

    dance: Dance
    style: Style
    wall: str
    floor: str
    seed: int


DISCO_SHOW: Final = Show(
    DISCO,
    Style(
        skin=bgr("e2b391"), hair=bgr("2c2a33"), top=bgr("3f8f8a"), trim=bgr("f4f1de"), trousers=bgr("33364d"),
        shoes=bgr("e9e9ee"), sole=bgr("8b8b95"), head=0.24, limb=0.88, eyes=0.85,
    ),
    "c3cadb", "a9afbf", 1,
)  # fmt: skip
GROOVE_SHOW: Final = Show(
    GROOVE,
    Style(
        skin=bgr("a86f4c"), hair=bgr("241a1f"), top=bgr("e0b13c"), trim=bgr("5b3f8c"), trousers=bgr("54607e"),
        shoes=bgr("f3efe6"), sole=bgr("c44536"), head=0.24, limb=0.88, eyes=0.85, ponytail=True,
    ),
    "dcc7c4", "b49b98", 4,
)  # fmt: skip


def character_joints() -> tuple[Joints, float]:
    """Where the characters' joints are in their pictures, and the torso's length, both in pixels of the picture."""
    torso = 0.218 * HEIGHT_PX * PICTURE_SCALE
    root = point(0.5 * WIDTH_PX, 0.60 * HEIGHT_PX) * PICTURE_SCALE
    joints = place_joints(root, torso, STANDING, YOUNG)
    return stand_on(joints, 0.875 * HEIGHT_PX * PICTURE_SCALE), torso


def write_character(path: Path, character: Character) -> None:
    """Draw one character and write it as PNG."""
    width, height = round(WIDTH_PX * PICTURE_SCALE), round(HEIGHT_PX * PICTURE_SCALE)
    joints, torso = character_joints()
    if character.backdrop is None:
        # Twice, on black and on white: what differs is transparent.
        black, white = (np.full((height, width, 3), level, np.uint8) for level in (0, 255))
        on_black, on_white = (_painted(canvas, joints, torso, character.style) for canvas in (black, white))
        clear = (on_white.astype(np.int16) - on_black).mean(axis=2)
        alpha = np.clip(255 - clear, 0, 255)
        own = np.clip(on_black * (255 / np.maximum(alpha, 1))[..., None], 0, 255)
        pixels = np.dstack([own, alpha]).astype(np.uint8)
        pixels[alpha < 1] = 0
    else:
        canvas = character.backdrop(width, height)
        middle = (joints["left_ankle"] + joints["right_ankle"]) / 2
        cast_shadow(canvas, middle[0], middle[1] + 0.13 * torso, 0.62 * torso, 0.08 * torso)
        pixels = _painted(canvas, joints, torso, character.style)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _painted(canvas: NDArray[np.uint8], joints: Joints, torso: float, style: Style) -> NDArray[np.uint8]:
    pen = Pen(canvas, 2)
    paint_figure(pen, joints, torso, style)
    return pen.finished()


def show_joints(show: Show) -> Iterator[Joints]:
    """Where the dancer's joints are, frame by frame, in pixels of the video."""
    torso = 0.205 * HEIGHT_PX
    for index in range(show.dance.frame_count):
        pose = show.dance.pose(index)
        root = point(0.5 * WIDTH_PX + pose.sway * torso, 0.5 * HEIGHT_PX)
        yield stand_on(place_joints(root, torso, pose, show.style.build), 0.865 * HEIGHT_PX)


def show_frames(show: Show) -> Iterator[NDArray[np.uint8]]:
    """The frames of a dance, (HEIGHT_PX, WIDTH_PX, 3) BGR."""
    empty = studio(WIDTH_PX, HEIGHT_PX, bgr(show.wall), bgr(show.floor))
    torso = 0.205 * HEIGHT_PX
    for index, joints in enumerate(show_joints(show)):
        canvas = empty.copy()
        cast_shadow(canvas, joints["hips"][0], 0.865 * HEIGHT_PX + 0.13 * torso, 0.55 * torso, 0.07 * torso)
        pen = Pen(canvas)
        # A blink of an eighth of a second, every 2.3 seconds.
        paint_figure(pen, joints, torso, show.style, blink=index % 69 > 65)
        yield pen.canvas


def write_show(path: Path, show: Show) -> None:
    """Film one dance with its music and write it as MP4.

    Raises:
        RuntimeError: ffmpeg could not write the file.
    """
    song = path.with_suffix(".wav")
    compose(song, show.dance.seconds, show.dance.beats_per_minute, show.seed)
    process = subprocess.Popen(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"),
            *("-s", f"{WIDTH_PX}x{HEIGHT_PX}", "-r", str(show.dance.fps), "-i", "-", "-i", str(song)),
            *("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_primaries", "bt709"),
            *("-color_trc", "bt709", "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-b:a", "96k", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
            *("-movflags", "+faststart", str(path)),
        ],
        stdin=subprocess.PIPE,
    )
    pipe = process.stdin
    assert pipe is not None  # noqa: S101  it was asked for above
    try:
        with pipe:
            for frame in show_frames(show):
                pipe.write(frame.data)
        failed = process.wait() != 0
    finally:
        process.kill()
        process.wait()
        song.unlink()
    if failed:
        raise RuntimeError("ffmpeg could not write an example")
