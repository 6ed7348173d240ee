"""A browser app for EvoLink's Kling-V3 Motion Control, and its client for programs.

The names below are the client's (httpx and pydantic, no Gradio), imported when they are first used;
`evolink_ui.evolink` has all of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolink_ui.evolink import (
        EvoLink,
        EvoLinkError,
        ModelParams,
        MotionControlRequest,
        MotionOrder,
        Task,
        failure_of,
    )

__version__ = "0.1.0"

__all__ = ["EvoLink", "EvoLinkError", "ModelParams", "MotionControlRequest", "MotionOrder", "Task", "failure_of"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from evolink_ui import evolink

        return getattr(evolink, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
