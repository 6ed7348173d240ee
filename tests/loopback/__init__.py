"""Keeps every test, and each Python process that a test starts, on this machine."""

import os
from pathlib import Path

GUARD = Path(__file__).parent


def python_path(*folders: Path) -> str:
    """PYTHONPATH for a process that a test starts: these folders, and the guard that keeps it on this machine."""
    return os.pathsep.join(map(str, (GUARD, *folders)))
