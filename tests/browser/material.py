"""Small real files for people to choose, made here once a session."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Material:
    """What the names say; a video's name tells its seconds."""

    picture: Path
    other_picture: Path
    small_picture: Path
    text_as_picture: Path
    wrong_type: Path
    empty: Path
    huge: Path
    video_3s: Path
    video_4s: Path
    video_12s: Path
    video_2s: Path
    video_31s: Path
    cut_off_video: Path


def make_material(folder: Path) -> Material:
    """Draw and encode everything into `folder`; about 2 s."""
    material = Material(
        picture=_picture(folder / "character.png", 540, 720),
        other_picture=_picture(folder / "other.jpg", 480, 480),
        small_picture=_picture(folder / "small.png", 200, 260),
        text_as_picture=folder / "notes.png",
        wrong_type=folder / "notes.txt",
        empty=folder / "empty.mp4",
        huge=folder / "huge.mp4",
        video_3s=_video(folder / "hop.mp4", 3, fps=10),
        video_4s=_video(folder / "dance.mp4", 4, fps=12, sound=True),
        video_12s=_video(folder / "long.mp4", 12, fps=10),
        video_2s=_video(folder / "short.mp4", 2, fps=10),
        video_31s=_video(folder / "endless.mp4", 33, fps=5),
        cut_off_video=folder / "cut.mp4",
    )
    material.text_as_picture.write_text("Shopping: bread, milk.")
    material.wrong_type.write_text("Shopping: bread, milk.")
    material.empty.write_bytes(b"")
    with material.huge.open("wb") as file:
        file.truncate(101_000_000)
    whole = material.video_4s.read_bytes()
    material.cut_off_video.write_bytes(whole[: len(whole) // 2])
    return material


def _picture(path: Path, width: int, height: int) -> Path:
    picture = Image.new("RGB", (width, height), "#cfe3dc")
    pen = ImageDraw.Draw(picture)
    middle, head = width // 2, height // 8
    pen.ellipse((middle - head, head, middle + head, 3 * head), fill="#d8946a")
    pen.rounded_rectangle((middle - head, 3 * head, middle + head, 6 * head), head // 2, fill="#27506b")
    picture.save(path)
    return path


def _video(path: Path, seconds: float, *, fps: int, sound: bool = False) -> Path:
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}", "-c:a", "aac"] if sound else []
    subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error"),
            *("-f", "lavfi", "-i", f"testsrc2=s=360x480:r={fps}:d={seconds}", *tone),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)),
        ],
        check=True,
    )
    return path
