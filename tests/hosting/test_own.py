"""This app as the host: the vendor, who has no login, fetches the files of an order by its links, and nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette

from evolink_ui.hosting import LocalFile
from evolink_ui.hosting.own import OwnHost
from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.settings import Settings
from evolink_ui.web.routes import build_routes
from evolink_ui.web.signing import FileLinks
from tests.jobs.conftest import until
from tests.stub import Stub

from .conftest import Clock, read


@contextmanager
def serving(jobs: Jobs, links: FileLinks, listener: socket.socket) -> Iterator[None]:
    """This app's own routes with logins on, on a socket that is bound already."""
    app = Starlette(routes=build_routes(jobs, links, private=True))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


async def test_the_vendor_fetches_both_files_of_an_order_from_this_app(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, image: Path, video: Path
) -> None:
    wanted = await asyncio.to_thread(lambda: (image.read_bytes(), video.read_bytes()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings.model_validate(live.model_dump() | {"hosting": "own", "public_url": address})
        links = FileLinks(settings.secret_key)
        jobs = launch(settings, link_path=links.path)
        with serving(jobs, links, listener):
            job = await jobs.start(order, visitor="anna")
            done = await until(jobs, job.id, lambda job: not job.is_active)
            assert done.state is State.DONE
            ordered = stub.orders[0].body
            picture, film = await read(ordered["image_urls"][0]), await read(ordered["video_urls"][0])
            forged = await read(ordered["video_urls"][0].replace("/files/", "/files/A"))
    assert (picture.content, film.content) == wanted
    assert (picture.headers["content-type"], film.headers["content-type"]) == ("image/png", "video/mp4")
    assert forged.status_code == 404
    assert stub.files == {}
    assert await finished_bytes(jobs, done) == sum(map(len, wanted))


async def finished_bytes(jobs: Jobs, job: Job) -> int:
    """Bytes of the uploads as the page shows them, all of them done."""
    view = await jobs.show(job)
    assert view["uploaded_bytes"] == view["total_bytes"]
    return int(view["total_bytes"])


async def test_a_link_lives_for_a_day_at_least_and_no_shorter_than_we_say(picture: LocalFile) -> None:
    clock = Clock(time.time())
    links = FileLinks(b"s" * 32, clock=clock)
    hosted = await OwnHost("https://videos.example.com", links.path, clock=clock).put(picture)
    assert hosted.url.startswith("https://videos.example.com/files/")
    assert hosted.url.endswith(".png")
    token = httpx.URL(hosted.url).path.removeprefix("/files/")
    clock.now = hosted.expires_at - 1
    assert links.read(token) is not None
    assert hosted.expires_at >= time.time() + 24 * 3600 - 60
    clock.now = hosted.expires_at + 48 * 3600
    assert links.read(token) is None
