"""Keeps every test, and each Python process that a test starts, on this machine."""

import os
import sys
from pathlib import Path

GUARD = Path(__file__).parent
if Path(getattr(sys.modules.get("sitecustomize"), "__file__", None) or "/").parent == GUARD:
    # A worker of pytest-xdist inherits PYTHONPATH and with it a guard; a second one would not know of its refusals.
    sys.modules[f"{__name__}.sitecustomize"] = sys.modules["sitecustomize"]


def python_path(*folders: Path) -> str:
    """PYTHONPATH for a process that a test starts: these folders, and the guard that keeps it on this machine."""
    return os.pathsep.join(map(str, (GUARD, *folders)))
