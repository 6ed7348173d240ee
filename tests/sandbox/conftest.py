"""What the sandbox's tests share: small legal files, a sandbox with a quick stand-in renderer, a client in process."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

from evolink_ui.evolink.in_process import InProcessTransport
from evolink_ui.sandbox import Sandbox, create_sandbox

from .receiver import Receiver, running

STAND_IN = Path(__file__).with_name("stand_in_renderer.py")
BASE_URL = "https://sandbox.evolink.invalid"
KEY = "any-key"
DEADLINE_SECONDS = 60.0  # a loaded machine may take its time; nothing waits that long when all is well


def stand_in(seconds: float = 0.2, outcome: str = "body") -> tuple[str, ...]:
    """A render command that takes `seconds` and ends in `outcome`."""
    return (sys.executable, str(STAND_IN), str(seconds), outcome)


def make_video(path: Path, *, seconds: float = 3.0, width: int = 360, height: int = 480, fps: int = 10) -> Path:
    """A moving bar as an MP4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(round(seconds * fps)):
            pixels = np.full((height, width, 3), 90, np.uint8)
            pixels[:, index * 5 % (width - 40) :][:, :40] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "figure.png"
    Image.new("RGB", (360, 480), (200, 120, 80)).save(path)
    return path


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "dance.mp4")


SandboxMaker = Callable[..., Sandbox]


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Iterator[SandboxMaker]:
    """Sandboxes in one folder of their own, closed at the end; quick stand-in renderer unless told otherwise."""
    made: list[Sandbox] = []

    def make(**options: Any) -> Sandbox:
        options.setdefault("render_command", stand_in())
        sandbox = create_sandbox(options.pop("data_dir", tmp_path / "sandbox"), **options)
        made.append(sandbox)
        return sandbox

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture
def sandbox(make_sandbox: SandboxMaker) -> Sandbox:
    return make_sandbox()


def client_of(sandbox: Sandbox, key: str = KEY) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=InProcessTransport(sandbox.app), base_url=BASE_URL, headers={"Authorization": f"Bearer {key}"}
    )


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sandbox) as http:
        yield http


def contents(path: Path) -> bytes:
    """The bytes of a small file of the tests."""
    return path.read_bytes()


async def upload(client: httpx.AsyncClient, path: Path, **fields: str) -> dict[str, Any]:
    """Upload a file; the `data` of the answer."""
    answer = await client.post("/api/v1/files/upload/stream", files={"file": (path.name, contents(path))}, data=fields)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def order(image_url: str = f"{BASE_URL}/files/x/a.png", video_url: str = f"{BASE_URL}/files/x/a.mp4") -> dict[str, Any]:
    """The smallest legal order."""
    return {
        "model": "kling-v3-motion-control",
        "image_urls": [image_url],
        "video_urls": [video_url],
        "model_params": {"character_orientation": "image"},
    }


async def uploaded_order(client: httpx.AsyncClient, image: Path, video: Path) -> dict[str, Any]:
    """An order whose files are there."""
    return order((await upload(client, image))["file_url"], (await upload(client, video))["file_url"])


async def place(client: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Order; the task as answered."""
    answer = await client.post("/v1/videos/generations", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def wait_for(
    client: httpx.AsyncClient, task_id: str, *statuses: str, seconds: float = DEADLINE_SECONDS
) -> dict[str, Any]:
    """Read a task until it has one of `statuses` (any final one unless named); the last answer."""
    wanted = statuses or ("completed", "failed")
    deadline = time.monotonic() + seconds
    while True:
        answer = await client.get(f"/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        task: dict[str, Any] = answer.json()
        if task["status"] in wanted:
            return task
        assert time.monotonic() < deadline, f"still {task['status']} {task['progress']} %"
        await asyncio.sleep(0.03)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running() as started:
        yield started


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


@pytest.fixture
def unanswering() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
