"""What the sandbox's renderer is worth: fidelity, speed against plain ffmpeg, memory, the first frame.

    python -m benchmarks.renderer                 figures
    python -m benchmarks.renderer --sheets docs/renderer   also contact sheets of what was made
    python -m benchmarks.renderer --picture a.png --video b.mp4 --sheets somewhere   one more pair of your own

Fidelity is read by the renderer's own pose net from the finished video and compared with the angles that the dancer
was drawn with; the same reading of the dancer's video itself is the floor, a still picture the other end.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from evolink_ui.sandbox.drawing import scenes
from evolink_ui.sandbox.drawing.dancer import Joints
from evolink_ui.sandbox.drawing.scenes import Show
from evolink_ui.sandbox.examples import ensure_examples
from evolink_ui.sandbox.renderer.badge import make_badge
from evolink_ui.sandbox.renderer.clip import read_clip
from evolink_ui.sandbox.renderer.encoder import X264
from evolink_ui.sandbox.renderer.follow import follow_person
from evolink_ui.sandbox.renderer.picture import load_picture
from evolink_ui.sandbox.renderer.skeleton import LIMBS
from tests.sandbox.renderer import test_flow as dots
from tests.sandbox.renderer.conftest import all_frames

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()
SETTLED = 20
"""Frames after which the limbs are in the clip's pose (orientation image)."""
BONES = [f"{limb}.{part}" for limb in LIMBS for part in ("upper", "lower")]
NAMES = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}
SHOWS = {"mika-disco": scenes.DISCO_SHOW, "nova-groove": scenes.GROOVE_SHOW, "juni-disco": scenes.DISCO_SHOW}
TURNS = 2
"""Runs of which the quickest counts: the machine has other work too."""
CASES = (("mika-disco", "720p"), ("nova-groove", "720p"), ("mika-disco", "1080p"))


def drawn_angles(show: Show) -> NDArray[np.float64]:
    """(frames, 8): directions of the bones that the dancer was drawn with."""

    def of(joints: Joints) -> list[float]:
        chains = [[joints[f"{limb.split('_')[0]}_{name}"] for name in NAMES[limb.split("_")[1]]] for limb in LIMBS]
        return [float(np.arctan2(*(b - a)[::-1])) for chain in chains for a, b in pairwise(chain)]

    return np.array([of(joints) for joints in scenes.show_joints(show)])


def read_angles(path: Path) -> NDArray[np.float64]:
    """(frames, 8): directions of the bones as the net sees them."""
    track, _ = follow_person(read_clip(path), lambda share: None)
    assert track is not None, "nobody found"
    chains = [pair for joints in LIMBS.values() for pair in pairwise(joints[:3])]
    return np.stack([np.arctan2(*(track.points[:, b] - track.points[:, a]).T[::-1]) for a, b in chains], axis=1)


def compare(seen: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, list[float], float]:
    """Median error in degrees, correlation of each bone, and the error of standing still."""
    count = min(len(seen), len(truth))
    one, other = seen[SETTLED:count], truth[SETTLED:count]
    error = np.degrees(np.abs((one - other + np.pi) % (2 * np.pi) - np.pi))
    still = np.degrees(np.abs((truth[:1] - other + np.pi) % (2 * np.pi) - np.pi))
    pairs = zip(np.unwrap(one, axis=0).T, np.unwrap(other, axis=0).T, strict=True)
    return float(np.median(error)), [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs], float(np.median(still))


def render(image: Path, video: Path, out: Path, *options: str) -> dict[str, Any]:
    """Run the renderer as the sandbox does; adds wall time, first line's delay and peak memory of the whole tree."""
    started, used = time.monotonic(), _children_cpu()
    process = subprocess.Popen(
        [sys.executable, "-m", "evolink_ui.sandbox.renderer", str(image), str(video), str(out), *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    peak = [0]
    watcher = threading.Thread(target=_watch_memory, args=(process, peak))
    watcher.start()
    assert process.stdout is not None
    first = process.stdout.readline()
    first_after = time.monotonic() - started
    last = [first, *process.stdout][-1]
    process.wait()
    watcher.join()
    done: dict[str, Any] = json.loads(last).get("done", {})
    assert done, last
    wall, cpu = time.monotonic() - started, _children_cpu() - used
    return {**done, "wall": wall, "cpu": cpu, "first": first_after, "peak_mb": peak[0] / 1024}


def _children_cpu() -> float:
    """Seconds of processor time of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch_memory(process: subprocess.Popen[str], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_memory_kb, _tree(process.pid))))
        time.sleep(0.05)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(at for child in children for at in _tree(int(child)))]


def _memory_kb(pid: int) -> int:
    """Proportional set size: what two processes share counts once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def plain_ffmpeg(video: Path, out: Path, width: int, height: int) -> tuple[float, float]:
    """Seconds, on the clock and of processors, of decoding the clip and encoding it at the result's size.

    The encoder has the renderer's preset and quality, and all that belongs to them: the renderer leaves some out.
    """
    scale = ["-vf", f"scale={width}:{height}"]
    started, used = time.monotonic(), _children_cpu()
    subprocess.run([FFMPEG, "-y", "-v", "error", "-i", str(video), *scale, *X264, "-c:a", "copy", str(out)], check=True)
    return time.monotonic() - started, _children_cpu() - used


def first_frame_psnr(image: Path, result: Path) -> float:
    """Decibels between the picture and the result's first frame, outside the badge."""
    picture = load_picture(image, "720p")
    ok, first = cv2.VideoCapture(str(result)).read()
    assert ok
    left, top, right, bottom = make_badge(picture.width, picture.height).box
    outside = np.ones(first.shape[:2], bool)
    outside[top - 2 : bottom + 2, left - 2 : right + 2] = False
    error = float(((first[outside].astype(np.float64) - picture.bgr[outside]) ** 2).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def contact_sheet(videos: list[Path], path: Path, columns: int = 8, height: int = 240) -> None:
    """Rows of frames at the same moments of several videos, as a small JPEG."""
    rows = []
    for video in videos:
        frames = all_frames(video)
        chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, columns).astype(int)]
        small = [
            cv2.resize(f, (round(f.shape[1] * height / f.shape[0]), height), interpolation=cv2.INTER_AREA)
            for f in chosen
        ]
        rows.append(np.hstack(small))
    wide = max(row.shape[1] for row in rows)
    padded = [
        cv2.copyMakeBorder(row, 0, 4, 0, wide - row.shape[1], cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(padded), [cv2.IMWRITE_JPEG_QUALITY, 82])


def bodies(folder: Path, sheets: Path | None) -> None:
    """The body path on the example pairs."""
    print("\nBody path: limb angles read back by the pose net (degrees; r of the worst bone)")
    print(f"{'pair':<14}{'median':>8}{'worst r':>9}  {'bone':<16}{'driver':>8}{'still':>7}{'1st frame':>11}{'path':>6}")
    for pair in ensure_examples(folder / "examples"):
        truth = drawn_angles(SHOWS[pair.name])
        out = folder / f"{pair.name}.mp4"
        done = render(pair.image, pair.video, out)
        error, correlations, still = compare(read_angles(out), truth)
        floor, _, _ = compare(read_angles(pair.video), truth)
        worst = int(np.argmin(correlations))
        print(
            f"{pair.name:<14}{error:>8.2f}{correlations[worst]:>9.2f}  {BONES[worst]:<16}{floor:>8.2f}{still:>7.1f}"
            f"{first_frame_psnr(pair.image, out):>8.1f} dB{done['path']:>6}"
        )
        if sheets:
            contact_sheet([pair.video, out], sheets / f"{pair.name}.jpg")


def flows(folder: Path, sheets: Path | None) -> None:
    """The flow path: coloured dots found again in the result."""
    print("\nFlow path: coloured dots found again (r and gain against the driver, scaled by the subjects' sizes)")
    print(f"{'driver':<12}{'picture':<10}{'r':>8}{'gain':>7}")
    made = []
    for opaque in (False, True):
        picture = folder / f"dots-{opaque}.png"
        dots.dotted_picture(picture, opaque=opaque)
        for kind in dots.KINDS:
            video, out = folder / f"{kind}.mp4", folder / f"{kind}-{opaque}.mp4"
            if not video.exists():
                dots.driver(video, kind)
            render(picture, video, out)
            correlation, gain = dots.follow_dots(out, kind)
            made += [video, out]
            print(f"{kind:<12}{'opaque' if opaque else 'cut-out':<10}{correlation:>8.4f}{gain:>7.2f}")
    if sheets:
        contact_sheet(made[:8:2] + made[1::2], sheets / "flow.jpg", height=130)


def speed(folder: Path) -> None:
    """Wall time beside plain ffmpeg, one after the other, the quickest of some turns."""
    print("\nSpeed: wall time of the whole process, and of ffmpeg decoding and encoding the same clip at the same size")
    print("(CPU: the same ratio of processor time, which other work on the machine disturbs less)")
    head = f"{'pair':<14}{'quality':<9}{'seconds':>8}{'ffmpeg':>8}{'ratio':>7}{'CPU':>6}{'x real time':>13}"
    print(head + f"{'1st line':>10}{'peak MB':>9}")
    pairs = {pair.name: pair for pair in ensure_examples(folder / "examples")}
    for name, quality in CASES:
        pair, runs = pairs[name], []
        for _ in range(TURNS):
            done = render(pair.image, pair.video, folder / "speed.mp4", "--quality", quality)
            runs.append((done, plain_ffmpeg(pair.video, folder / "floor.mp4", done["width"], done["height"])))
        wall, cpu = (min(float(done[kind]) for done, _ in runs) for kind in ("wall", "cpu"))
        floor, floor_cpu = (min(figures[at] for _, figures in runs) for at in (0, 1))
        done, peak = runs[0][0], max(float(done["peak_mb"]) for done, _ in runs)
        print(
            f"{name:<14}{quality:<9}{wall:>8.2f}{floor:>8.2f}{wall / floor:>7.2f}{cpu / floor_cpu:>6.2f}"
            f"{done['seconds'] / wall:>13.2f}{done['first']:>9.2f}s{peak:>9.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--only", choices=("bodies", "flows", "speed"))
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.picture and chosen.video:
            done = render(chosen.picture, chosen.video, folder / "own.mp4")
            print(done)
            if chosen.sheets:
                contact_sheet([chosen.video, folder / "own.mp4"], chosen.sheets / f"{chosen.picture.stem}.jpg")
            return
        if chosen.only in (None, "bodies"):
            bodies(folder, chosen.sheets)
        if chosen.only in (None, "flows"):
            flows(folder, chosen.sheets)
        if chosen.only in (None, "speed"):
            speed(folder)


if __name__ == "__main__":
    main()
