"""Runs one of our children without its wall, to show what the wall costs: `unconfined MODULE …`."""

import runpy
import sys
from typing import Any

from evolink_ui import confine


def nothing(*_: Any, **__: Any) -> None:
    """Instead of closing off."""


if __name__ == "__main__":
    confine.close_off = nothing
    sys.argv[:] = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
