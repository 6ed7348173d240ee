"""A whole site on loopback: Gradio's real page, our routes and the guard, before a desk that keeps jobs in memory."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import uvicorn
from gradio.events import api

from evolink_ui.evolink import Credits
from evolink_ui.jobs import JobError
from evolink_ui.jobs.figures import LedgerFigures
from evolink_ui.jobs.insist import DatabaseAway
from evolink_ui.jobs.spend import Total
from evolink_ui.settings import Settings
from evolink_ui.web.exchange import App
from evolink_ui.web.received import received_file
from evolink_ui.web.server import create_app, uvicorn_options
from evolink_ui.web.visitor import key_of, may, visitor_of

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40
JPEG = b"\xff\xd8\xff\xe0" + b"jpeg" * 100
PNG = b"\x89PNG\r\n\x1a\n" + b"png" * 100


@dataclass(frozen=True)
class StandInJob:
    """A job as the web sees it."""

    id: str
    visitor: str
    state: str = "running"
    mode: str = "live"
    own_key: bool = True


@dataclass
class StandInDesk:
    """Keeps jobs in memory and their files in a folder."""

    folder: Path
    jobs: dict[str, StandInJob] = field(default_factory=dict)
    done: list[tuple[str, ...]] = field(default_factory=list)
    healthy: bool = True
    credits: Credits | None = None

    def __post_init__(self) -> None:
        self.link: Callable[[Any, str], str | None] = lambda _job, _kind: None

    def add(self, job_id: str, visitor: str, **files: bytes) -> StandInJob:
        """A job with files: `result`, `poster`, `video`, `image`."""
        self.jobs[job_id] = StandInJob(job_id, visitor)
        (self.folder / job_id).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (self.folder / job_id / name).write_bytes(content)
        return self.jobs[job_id]

    async def find(self, job_id: str) -> StandInJob | None:
        return self.jobs.get(job_id)

    def candidates(self, job: StandInJob) -> list[dict[str, Any]]:
        return [{"task_id": "task-unified-1-secret", "created_at": None, "seconds": None, "credits": None}]

    async def show(self, job: StandInJob) -> dict[str, Any]:
        return {
            "id": job.id,
            "state": job.state,
            "actions": ["stop", "edit", "delete", "attach"],
            "poster_url": self.link(job, "poster"),
            "result": {"url": self.link(job, "result")},
        }

    async def _did(self, job_id: str, *what: str) -> StandInJob:
        if self.jobs[job_id].state == "done":
            raise JobError("not_possible_now", "The job is done.", "Look again.", status=409)
        self.done.append((job_id, *what))
        self.jobs[job_id] = replace(self.jobs[job_id], state="stopped")
        return self.jobs[job_id]

    async def stop(self, job_id: str) -> StandInJob:
        return await self._did(job_id, "stop")

    async def follow_again(self, job_id: str, *, api_key: str | None = None) -> StandInJob:
        return await self._did(job_id, "follow_again", api_key or "")

    async def send_again(self, job_id: str, *, api_key: str | None = None) -> StandInJob:
        return await self._did(job_id, "send_again", api_key or "")

    async def attach(self, job_id: str, task_id: str, *, api_key: str | None = None) -> StandInJob:
        return await self._did(job_id, "attach", task_id, api_key or "")

    async def give_up(self, job_id: str) -> StandInJob:
        return await self._did(job_id, "give_up")

    async def delete(self, job_id: str) -> StandInJob:
        return await self._did(job_id, "delete")

    async def hand_over(self, visitor: str, to: str) -> int:
        mine = [job for job in self.jobs.values() if job.visitor == visitor]
        self.jobs.update({job.id: replace(job, visitor=to) for job in mine})
        return len(mine)

    async def callback(self, job_id: str, token: str, _hint: Any = None) -> bool:
        if token != "right":
            return False
        self.done.append((job_id, "callback"))
        return True

    async def try_key(self, api_key: str) -> Credits | None:
        if api_key.startswith("sk-wrong"):
            raise JobError("unauthorized", "EvoLink does not accept this API key.", "Check the key.", field="key")
        return self.credits

    async def health(self) -> dict[str, Any]:
        if not self.healthy:
            raise OSError("the database at /var/lib/secret does not answer")
        return {"ok": True}

    async def figures(self) -> LedgerFigures:
        if not self.healthy:
            raise DatabaseAway
        return LedgerFigures({"queued": 2, "unknown": 1, "done": 7}, 3, 1, Total(32.7, 9.5, 4))

    async def bring(self, path: Path) -> bool:
        return await asyncio.to_thread(path.is_file)

    def result_path(self, job: StandInJob) -> Path:
        return self.folder / job.id / "result"

    def poster_path(self, job: StandInJob) -> Path:
        return self.folder / job.id / "poster"

    def reference_path(self, job: StandInJob) -> Path:
        return self.folder / job.id / "video"

    def image_path(self, job: StandInJob) -> Path:
        return self.folder / job.id / "image"


@dataclass
class Site:
    """A running site."""

    url: str
    desk: StandInDesk
    settings: Settings
    folder: Path

    def client(self, **options: Any) -> httpx.Client:
        """A browser-like client with a cookie jar of its own."""
        return httpx.Client(base_url=self.url, timeout=120, **options)

    @contextmanager
    def visitor(self) -> Iterator[tuple[httpx.Client, str]]:
        """A client that has its cookie, and the name behind it."""
        with self.client() as client:
            client.get("/config").raise_for_status()
            yield client, call(client, "who")[0]


def call(client: httpx.Client, name: str, *data: Any, headers: dict[str, str] | None = None) -> list[Any]:
    """What an API end point answers, as curl would ask: POST, then the event stream."""
    posted = client.post(f"/gradio_api/call/{name}", json={"data": list(data)}, headers=headers)
    posted.raise_for_status()
    answer = client.get(f"/gradio_api/call/{name}/{posted.json()['event_id']}")
    assert "event: complete" in answer.text, answer.text
    values: list[Any] = httpx.Response(200, text=answer.text.split("event: complete\ndata: ")[1]).json()
    return values


def build_page() -> Any:
    """A page with one end point of each kind that the tests ask."""

    def who(request: gr.Request) -> str:
        return visitor_of(request)

    def whose_key(request: gr.Request) -> str:
        return key_of(request) or "owner"

    def everything(request: gr.Request) -> str:
        scope = request.request.scope if request.request else {}
        return repr(scope) + repr(dict(request.headers)) + repr(dict(request.cookies)) + repr(vars(request))

    def take(file: gr.FileData) -> str:
        path = received_file(file)
        return path.name if path else "nothing"

    def fail() -> str:
        raise RuntimeError("the password is in /srv/app/.env")

    def may_stop(owner: str, request: gr.Request) -> bool:
        return may(visitor_of(request), StandInJob("j", owner), "stop")

    with gr.Blocks() as page:
        box = gr.Textbox()
        gr.Button("Go").click(lambda text: text, box, box, api_name="echo")
        for function in (who, whose_key, everything, take, fail, may_stop):
            api(function, api_name=function.__name__)
    return page


@contextmanager
def serving(create: Callable[[], App], **options: Any) -> Iterator[str]:
    """An application on a free port of loopback, made and run in a thread of its own; gives its address."""
    # With the protocol named, asyncio turns Nagle's delay off, as it does for sockets that it opens itself.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        servers: list[uvicorn.Server] = []

        async def run() -> None:
            config = uvicorn.Config(create(), **{**uvicorn_options(Settings()), "lifespan": "auto", **options})
            servers.append(uvicorn.Server(config))
            await servers[0].serve([listener])

        def end() -> None:
            for server in servers:
                server.should_exit = server.force_exit = True

        # Gradio wants an event loop around while a page is built.
        thread = threading.Thread(target=asyncio.run, args=[run()])
        thread.start()
        stack.callback(thread.join, timeout=20)
        stack.callback(end)
        deadline = time.monotonic() + 30
        while not (servers and servers[0].started):
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def site(folder: Path, *, build: Callable[[], Any] = build_page, **overrides: Any) -> Iterator[Site]:
    """A site whose settings are the defaults but for `overrides`; `build` makes its page."""
    with contextlib.ExitStack() as stack:
        before = os.environ.get("GRADIO_TEMP_DIR")
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        stack.callback(_restore, "GRADIO_TEMP_DIR", before)
        settings = Settings(data_dir=folder / "data", **overrides)
        desk = StandInDesk(folder / "jobs")
        url = stack.enter_context(serving(lambda: create_app(settings, desk, build())))
        yield Site(url, desk, settings, folder)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
