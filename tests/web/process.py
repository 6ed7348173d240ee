"""The real app as a child process in a folder of its own, with secrets lying around as canaries."""

import contextlib
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from evolink_ui.catalog import DEFAULT_MODEL
from tests.loopback import python_path
from tests.stub.clip import small_clip
from tests.web.site import call

ROOT = Path(__file__).parent.parent.parent
APP = ROOT / "app.py"
CANARY = "canary-4f1d9b"
"""Stands in every file that is nobody's business."""

# Everything that is logged anywhere, as one who looks for a fault would set it.
LOUD = "import logging, runpy, sys; logging.basicConfig(level=0); runpy.run_path(sys.argv[1], run_name='__main__')"

START_SECONDS = 180.0


@dataclass
class AppProcess:
    """A running app."""

    url: str
    folder: Path
    child: subprocess.Popen[bytes]
    heard: list[bytes] = field(default_factory=list)
    """Everything it answered, heads and bodies, to clients made here."""

    def client(self, **options: Any) -> httpx.Client:
        """A client with cookies of its own, whose answers are remembered."""
        return httpx.Client(base_url=self.url, timeout=120, event_hooks={"response": [self._hear]}, **options)

    def _hear(self, response: httpx.Response) -> None:
        response.read()
        self.heard.append(repr(response.headers.raw).encode() + response.content)

    @contextmanager
    def visitor(self, **options: Any) -> Iterator[httpx.Client]:
        """A client that has been here before."""
        with self.client(**options) as client:
            client.get("/config").raise_for_status()
            yield client

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.child.pid

    def end(self, seconds: float = 30.0) -> int:
        """Ask the process to end, as a deploy does; gives its exit code."""
        self.child.terminate()
        return self.child.wait(seconds)

    def log(self) -> str:
        """What the process wrote to its terminal."""
        return (self.folder / "terminal.log").read_text(errors="replace")


@contextmanager
def app_process(folder: Path, **environment: str) -> Iterator[AppProcess]:
    """Start the app with this environment; ends it afterwards."""
    (folder / "data").mkdir(parents=True, exist_ok=True)  # a later start finds what an earlier one left
    (folder / ".env").write_text(f"UNRELATED={CANARY}\n")
    (folder / "data" / "notes.txt").write_text(CANARY)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EVOLINK", "GRADIO", "SPACE", "OAUTH", "SSL_CERT"))
    }
    full = {
        **clean,
        "EVOLINK_UI_DATA_DIR": str(folder / "data"),
        "EVOLINK_UI_SECRET": f"secret-{CANARY}-0123456789abcdef",
        "EVOLINK_UI_REQUESTS_PER_MINUTE": "1000000",
        "EVOLINK_UI_UPLOADS_PER_HOUR": "1000000",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "PYTHONPATH": python_path(ROOT),
        **environment,
    }
    with (folder / "terminal.log").open("wb") as terminal:
        command = [sys.executable, "-c", LOUD, str(APP)]
        child = subprocess.Popen(command, cwd=folder, env=full, stdout=terminal, stderr=terminal)
    started = AppProcess(f"http://127.0.0.1:{port}", folder, child)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(started.url):
            assert child.poll() is None and time.monotonic() < deadline, started.log()
            time.sleep(0.1)
        yield started
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(15)
        child.kill()
        child.wait(5)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def picture() -> bytes:
    """A picture that passes every check."""
    sink = io.BytesIO()
    Image.effect_noise((320, 400), 50).convert("RGB").save(sink, "PNG", compress_level=1)
    return sink.getvalue()


def clip() -> bytes:
    """A video that passes every check."""
    return small_clip(3.2, 360, 480, 10)


def upload(client: httpx.Client, name: str, content: bytes) -> dict[str, Any]:
    """Upload as the page does; gives the `gr.FileData` of the file."""
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    answer.raise_for_status()
    return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def order(
    client: httpx.Client,
    headers: dict[str, str] | None = None,
    *,
    image: bytes | None = None,
    video: bytes | None = None,
) -> dict[str, Any]:
    """Upload both files and order; gives the job's view."""
    files = [upload(client, "photo.png", image or picture()), upload(client, "dance.mp4", video or clip())]
    form = ["a dance", "720p", "image", True, False, "", "", "", DEFAULT_MODEL, ""]
    view: dict[str, Any] = call(client, "start", *files, *form, headers=headers)[0]
    return view


def wait_for(client: httpx.Client, job_id: str, *states: str, seconds: float = 40.0) -> dict[str, Any]:
    """The job's view once it is in one of `states`."""
    deadline = time.monotonic() + seconds
    while True:
        view: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if view["state"] in states:
            return view
        assert time.monotonic() < deadline, f"still {view['state']}: {view}"
        time.sleep(0.1)
