"""A small web server on loopback: it serves files and receives callbacks, over a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What it was told to answer, and what it received.

    Attributes:
        url: its address.
        files: bodies by path; every other GET is a 404.
        answers: statuses for the next POSTs, the last one for all further; 0 closes the connection without an answer.
        received: (seconds since some start, path, JSON body) of every POST.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[int] = field(default_factory=lambda: [200])
    received: list[tuple[float, str, Any]] = field(default_factory=list)


@contextmanager
def running() -> Iterator[Receiver]:
    """A receiver that is listening."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = receiver.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append((time.monotonic(), self.path, json.loads(body)))
            status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
