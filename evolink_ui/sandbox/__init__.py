"""EvoLink without EvoLink: the same HTTP API, answered on this machine, with videos that really move.

    from evolink_ui.evolink.in_process import InProcessTransport

    sandbox = create_sandbox(Path("data/sandbox"))
    client = httpx.AsyncClient(transport=InProcessTransport(sandbox.app))
    ...
    sandbox.close()

`python -m evolink_ui.sandbox --port 9000` serves it on a socket.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Sandbox, create_sandbox
    from .options import Options

__all__ = ["Options", "Sandbox", "create_sandbox"]


def __getattr__(name: str) -> Any:
    # The renderer is a child process in a package below this one. It must not pay (0.3 s, 40 MB) for a web framework.
    if name in ("Sandbox", "create_sandbox"):
        from . import api

        return getattr(api, name)
    if name == "Options":
        from .options import Options

        return Options
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
