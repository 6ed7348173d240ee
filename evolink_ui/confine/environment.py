"""The environment of every child process: an allow-list, so that no key is ever among it."""

import os
import sys
from pathlib import Path
from typing import Final

KEPT: Final = (
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL"),
    *("IMAGEIO_FFMPEG_EXE", "FFMPEG_BINARY"),
)


def clean_environment() -> dict[str, str]:
    """The environment of every child."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # One thread and one arena: a library that reserves memory per core would use up the address space.
    kept |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "PYTHONIOENCODING": "utf-8"}
    kept["ORT_DISABLE_TELEMETRY"] = "1"  # some builds of ONNX Runtime report to their maker otherwise
    # Without a home Python looks for one in the list of users, which may even be asked for over a socket.
    kept["HOME"] = os.path.abspath(os.sep)  # noqa: PTH100 - pathlib would have to look at the disk
    kept["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([str(Path(__file__).resolve().parents[2]), *(path for path in sys.path if path)])
    )
    return kept
