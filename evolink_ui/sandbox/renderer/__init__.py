"""A local stand-in for the model: the motion of a video moves the content of a picture, on the CPU.

Run it in a process of its own: `python -m evolink_ui.sandbox.renderer IMAGE VIDEO OUT --orientation image`.
The names below can be imported too; importing the package alone costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evolink_ui.catalog import Orientation

    from .errors import RenderError
    from .rendering import Progress, Result, render

__all__ = ["Orientation", "Progress", "RenderError", "Result", "render"]


def __getattr__(name: str) -> object:
    # Loading OpenCV takes a moment; `__main__` must be able to speak before that.
    if name == "RenderError":
        from .errors import RenderError

        return RenderError
    if name in __all__:
        from . import rendering

        return getattr(rendering, name)
    raise AttributeError(name)
