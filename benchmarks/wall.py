"""What isolating the decoders costs: python -m benchmarks.wall

Checks by a warm child and whole renders, each with the wall and without it, in alternation, so that a busy moment hits
both. Renders are compared by processor time too, which other work on the machine changes least.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from evolink_ui import confine, media
from evolink_ui.media import second_reader
from evolink_ui.media.child import Child
from evolink_ui.media.files import look_at
from evolink_ui.sandbox.examples import ensure_examples

CHECKS: Final = 40
STARTS: Final = 6
RENDERS: Final = 4
SECONDS: Final = 30.0
WITHOUT: Final = "tests.confine.unconfined"
WORKER: Final = "evolink_ui.media.worker"
RENDERER: Final = "evolink_ui.sandbox.renderer"


def check(child: Child, job: str, name: str, path: Path) -> None:
    """One check by one warm child."""
    with look_at(path) as source, child.deadline(SECONDS):
        child.send({"job": job, "format": name, "seconds": SECONDS}, source.file)
        answer = child.read_line()
        while "done" not in answer:
            answer = child.read_line()
        assert "refused" not in answer["done"], answer
        child.read_bytes(answer["poster_bytes"])


def start(with_wall: bool) -> Child:
    """A child that is ready for its first file."""
    child = Child(WORKER) if with_wall else Child(WITHOUT, (WORKER,))
    child.wait_ready(SECONDS)
    return child


def render(with_wall: bool, image: Path, video: Path, out: Path) -> None:
    """One render in a process of its own."""
    before = [] if with_wall else [WITHOUT]
    command = [sys.executable, "-m", *before, RENDERER, str(image), str(video), str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=confine.clean_environment())


def alternated(works: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds on the wall clock and of the processor in ended children; the first round warms up."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            started, used = time.perf_counter(), _cpu_seconds()
            work()
            if turn:
                found[name][0].append((time.perf_counter() - started) * 1000)
                found[name][1].append((_cpu_seconds() - used) * 1000)
    return found


def show(title: str, found: dict[str, tuple[list[float], list[float]]], *, cpu: bool = False) -> None:
    """One block of the table, and what the first costs more than the second."""
    print(f"\n{title}")
    column = 1 if cpu else 0
    for name, times in found.items():
        print(f"  {name:<14} median {statistics.median(times[column]):8.1f} ms   best {min(times[column]):8.1f} ms")
    if len(found) == 2:
        one, other = (statistics.median(times[column]) for times in found.values())
        print(f"  the wall adds {one - other:.1f} ms, {100 * (one / other - 1):.1f} %")


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """All tables."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(confine.support().describe())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair = ensure_examples(folder / "examples")[0]
        walled, open_ = start(True), start(False)
        for job, format_name, path in (("image", "png", pair.image), ("video", "mp4", pair.video)):

            def by(child: Child, job: str = job, format_name: str = format_name, path: Path = path) -> None:
                check(child, job, format_name, path)

            checks = {"with wall": lambda by=by: by(walled), "without": lambda by=by: by(open_)}
            show(f"check of a {job}, {path.stat().st_size / 1e6:.1f} MB, warm", alternated(checks, CHECKS))
        walled.kill()
        open_.kill()
        starts = {"with wall": lambda: start(True).kill(), "without": lambda: start(False).kill()}
        show("start of a checking child", alternated(starts, STARTS))
        report = media.check_video(pair.video)
        reading = {"second reading": lambda: second_reader.read_again(pair.video, report)}
        show("MoviePy's second reading of the same video, behind the wall", alternated(reading, STARTS))
        renders = {
            "with wall": lambda: render(True, pair.image, pair.video, folder / "a.mp4"),
            "without": lambda: render(False, pair.image, pair.video, folder / "b.mp4"),
        }
        rendered = alternated(renders, RENDERS)
        show("render of 8 s at 720p, wall clock", rendered)
        show("render of 8 s at 720p, processor time", rendered, cpu=True)
    media.close()


if __name__ == "__main__":
    main()
