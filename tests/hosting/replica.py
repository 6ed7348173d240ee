"""One of several processes with a data folder of its own: `python -m tests.hosting.replica IMAGE VIDEO`.

Serves the app's routes, and `POST /start`, which places an order. Says `ready PORT`. The environment has the settings.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from evolink_ui.jobs import Jobs, OrderInputs
from evolink_ui.order import MotionOrder
from evolink_ui.settings import load_settings
from evolink_ui.web.routes import build_routes, link_maker
from evolink_ui.web.signing import FileLinks


def main() -> None:
    """Serve until killed."""
    image, video = map(Path, sys.argv[1:])
    settings = load_settings(_env_file=None)
    links = FileLinks(settings.secret_key)
    jobs = Jobs(settings, link=link_maker(links), link_path=links.path, min_poll_seconds=0.05)
    jobs.launch()

    async def start(_request: Request) -> JSONResponse:
        job = await jobs.start(OrderInputs(MotionOrder(), image, video), visitor="anna")
        return JSONResponse(await jobs.show(job))

    routes = [Route("/start", start, methods=["POST"]), *build_routes(jobs, links, private=False)]
    with socket.create_server(("127.0.0.1", 0)) as door:
        print("ready", door.getsockname()[1], flush=True)  # noqa: T201  the test waits for this line
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning"))
        asyncio.run(server.serve([door]))
    jobs.close()


if __name__ == "__main__":
    main()
