"""How long it takes to judge a file, beside others that read the same file: python -m benchmarks.media

Facts: ffprobe, PyAV, MoviePy's VideoFileClip, and the first words of our warm child. The whole check (facts, frames,
poster): beside FFmpeg decoding the same file to nothing. Mending: beside plain FFmpeg doing the same.
All of one run on one machine, alternating, so that a busy moment hits everybody.
"""

import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import imageio_ffmpeg
import numpy as np
from PIL import Image

from evolink_ui import media
from evolink_ui.media.child import POOL
from evolink_ui.media.files import look_at, name_format
from evolink_ui.media.fix import fix_video

VIDEO_ROUNDS: Final = 8
LARGE_ROUNDS: Final = 2
IMAGE_ROUNDS: Final = 25
FIX_ROUNDS: Final = 5


def ffmpeg(*arguments: str) -> None:
    """Run FFmpeg quietly."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def make_video(path: Path, size: str, seconds: int, bits: str) -> Path:
    """A moving picture with sound; coded for 3 s and repeated, since coding 30 s of 4K would take minutes."""
    piece = path.with_suffix(".piece.mp4")
    ffmpeg(
        *("-f", "lavfi", "-i", f"mandelbrot=s={size}:r=30", "-f", "lavfi", "-i", "sine", "-t", "3"),
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", bits, "-c:a", "aac", str(piece)),
    )
    ffmpeg("-stream_loop", str(seconds // 3), "-i", str(piece), "-t", str(seconds - 0.2), "-c", "copy", str(path))
    piece.unlink()
    return path


def measured(work: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def side_by_side(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each, in alternation; the first round warms up and does not count."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            took = measured(work)
            if turn:
                found[name].append(took)
    return found


def show(title: str, found: dict[str, list[float]]) -> None:
    """One block of the table."""
    print(f"\n{title}")
    for name, times in found.items():
        ninety_five = sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]
        print(f"  {name:<44} {statistics.median(times):8.1f} ms   95 %: {ninety_five:8.1f} ms")


def first_words(path: Path) -> None:
    """Facts only: what our child says before it looks at the frames."""
    heard: list[float] = []
    with look_at(path) as source:
        _, name = name_format(source.head)
        request = {"job": "video", "format": name, "path": source.path}
        started = time.perf_counter()
        POOL.examine(request, source.file, lambda _: heard.append((time.perf_counter() - started) * 1000))
    FIRST_WORDS.append(heard[0])


FIRST_WORDS: Final[list[float]] = []


def read_by_pyav(path: Path) -> None:
    """Size, length, rate, codec and sound."""
    import av

    with av.open(str(path), "r", format="mov") as container:
        stream = container.streams.video[0]
        _ = (stream.width, stream.height, stream.duration, stream.average_rate, bool(container.streams.audio))


def read_by_moviepy(path: Path) -> None:
    """The same facts by VideoFileClip."""
    from moviepy import VideoFileClip

    with VideoFileClip(str(path)) as clip:
        _ = (clip.size, clip.duration, clip.fps, clip.audio is not None)


def read_by_ffprobe(path: Path) -> None:
    """The same facts by ffprobe."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    subprocess.run(command, check=True, capture_output=True)


def decode_by_ffmpeg(path: Path) -> None:
    """Every frame, thrown away."""
    ffmpeg("-threads", "2", "-i", str(path), "-an", "-f", "null", "-")


def passes(path: Path) -> None:
    """The whole check of a video; the benchmark's premise is that it passes."""
    report = media.check_video(path, "video")
    assert report.ok, report.problems


def videos(folder: Path) -> None:
    """The tables of videos."""
    for title, size, seconds, bits, rounds in (
        ("720p, 10 s", "1280x720", 10, "4M", VIDEO_ROUNDS),
        ("1080p, 10 s", "1920x1080", 10, "8M", VIDEO_ROUNDS),
        ("4K, 30 s", "3840x2160", 30, "20M", LARGE_ROUNDS),
    ):
        path = make_video(folder / f"{size}.mp4", size, seconds, bits)
        readers: dict[str, Callable[[Path], None]] = {
            "facts: PyAV, in this process (floor)": read_by_pyav,
            "facts: MoviePy VideoFileClip": read_by_moviepy,
            "whole: FFmpeg decoding to nothing (floor)": decode_by_ffmpeg,
            "whole: check_video, warm child": passes,
        }
        if shutil.which("ffprobe"):
            readers["facts: ffprobe"] = read_by_ffprobe
        works = {name: functools.partial(reader, path) for name, reader in readers.items()}
        found = side_by_side(works, rounds)
        FIRST_WORDS.clear()
        for _ in range(rounds):
            first_words(path)
        found["facts: our child's first words"] = list(FIRST_WORDS)
        show(f"{title}, {path.stat().st_size / 1e6:.0f} MB", dict(sorted(found.items())))


def images(folder: Path) -> None:
    """The table of pictures."""
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 255, (75, 100, 3), dtype=np.uint8)
    photo = Image.fromarray(blocks).resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = Image.effect_noise(photo.size, 12).convert("RGB")
    photo = Image.blend(photo, grain, 0.15)
    files = {"12 MP JPEG": folder / "a.jpg", "2 MP JPEG": folder / "b.jpg", "2 MP PNG": folder / "c.png"}
    photo.save(files["12 MP JPEG"], quality=88)
    photo.resize((1600, 1200)).save(files["2 MP JPEG"], quality=90)
    photo.resize((1600, 1200)).save(files["2 MP PNG"])
    for title, path in files.items():

        def plain(path: Path = path) -> None:
            with Image.open(path) as picture:
                picture.load()

        def check(path: Path = path) -> None:
            assert media.check_image(path).facts is not None

        found = side_by_side({"Pillow load(), in this process": plain, "check_image, warm child": check}, IMAGE_ROUNDS)
        show(f"{title}, {path.stat().st_size / 1e6:.1f} MB", found)


def mending(folder: Path) -> None:
    """Trim and convert 10 s of 1080p, beside plain FFmpeg and MoviePy with the same settings."""
    source, target = folder / "1920x1080.mp4", folder / "plain.mp4"
    coding = ["-crf", "19", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]

    def plain() -> None:
        ffmpeg(
            *("-ss", "0.5", "-i", str(source), "-t", "9", "-c:v", "libx264", "-preset", "veryfast"),
            *(*coding, "-c:a", "aac", "-b:a", "160k", str(target)),
        )

    def by_moviepy() -> None:
        from moviepy import VideoFileClip

        with VideoFileClip(str(source)) as clip:
            clip.subclipped(0.5, 9.5).write_videofile(
                str(target), preset="veryfast", audio_codec="aac", ffmpeg_params=coding, logger=None
            )

    def ours() -> None:
        fix_video(source, folder / "mended", "image", 0.5, 9.5).path.unlink()

    works = {"plain FFmpeg (floor)": plain, "MoviePy": by_moviepy, "fix_video (start, check and all)": ours}
    found = side_by_side(works, FIX_ROUNDS)
    show("Trim and convert 1080p to 9 s", found)
    floor, *others = found.items()
    for name, times in others:
        # Of each round by itself: a busy moment hits both.
        ratios = [took / least for took, least in zip(times, floor[1], strict=True)]
        print(f"  {name}: {statistics.median(ratios):.2f} times plain FFmpeg")


def main() -> None:
    """All tables."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    commands = {"bare Python": "pass", "with import": "import evolink_ui.media"}
    found = side_by_side(
        {
            name: functools.partial(subprocess.run, [sys.executable, "-c", code], check=True)
            for name, code in commands.items()
        },
        5,
    )
    show("import evolink_ui.media, in a process of its own", found)
    media.warm_up()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images(folder)
        videos(folder)
        mending(folder)
    media.close()


if __name__ == "__main__":
    main()
