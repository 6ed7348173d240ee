"""Something to try at once: three characters and two dances, drawn here, free of anyone's rights.

for pair in ensure_examples(Path("data/examples")):
    print(pair.title, pair.image, pair.video)
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from evolink_ui.confine import clean_environment

EDITION: Final = "1"
"""Part of the file names: a newer drawing replaces older ones on the next start."""

DRAWING_SECONDS: Final = 180.0
"""A machine on which the drawing takes longer is too slow for the rendering anyway."""

_BUILDING: Final = threading.Lock()


@dataclass(frozen=True)
class ExamplePair:
    """A picture and a video that go together."""

    name: str
    """Short and stable, for links and tests."""
    title: str
    """For people."""
    image: Path
    """PNG, 1080 x 1440."""
    video: Path
    """MP4, 720 x 960, 8 s, with music."""


def ensure_examples(folder: Path, *, apart: bool = False) -> list[ExamplePair]:
    """The examples in `folder`, drawn first where they are missing (about 5 s on two cores, once).

    Safe to call from several threads and processes: each file appears under its name only when it is whole. `apart`
    draws in a process of its own, so that a server's memory and event loop don't feel it.
    """
    mika, nova, juni = (folder / f"{name}-{EDITION}.png" for name in ("mika", "nova", "juni"))
    disco, groove = (folder / f"{name}-{EDITION}.mp4" for name in ("disco", "groove"))
    with _BUILDING:
        missing = [path for path in (disco, groove, mika, nova, juni) if not path.exists()]
        if missing and apart:
            command = [sys.executable, "-m", __name__, str(folder.absolute())]
            # In a session of its own: Ctrl-C in the terminal is for the app, and what is begun is soon done.
            subprocess.run(
                command, check=True, env=clean_environment(), timeout=DRAWING_SECONDS, start_new_session=True
            )
        elif missing:
            folder.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(_build, missing))
    return [
        ExamplePair("mika-disco", "Mika dances disco", mika, disco),
        ExamplePair("nova-groove", "Nova grooves on the moon", nova, groove),
        ExamplePair("juni-disco", "Juni, cut out, dances disco", juni, disco),
    ]


def _build(path: Path) -> None:
    # Drawn only where it is missing, so OpenCV isn't loaded on every start.
    from .drawing import scenes

    makers: dict[str, Callable[[Path], None]] = {
        "mika": partial(scenes.write_character, character=scenes.MIKA),
        "nova": partial(scenes.write_character, character=scenes.NOVA),
        "juni": partial(scenes.write_character, character=scenes.JUNI),
        "disco": partial(scenes.write_show, show=scenes.DISCO_SHOW),
        "groove": partial(scenes.write_show, show=scenes.GROOVE_SHOW),
    }
    unfinished = path.with_name(f"{os.getpid()}-{path.name}")
    try:
        makers[path.name.split("-")[0]](unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    ensure_examples(Path(sys.argv[1]))
