"""Two small servers that proxies ask: a replica whose health a test decides, and a name server."""

from __future__ import annotations

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

TYPE_A = 1
LIFE_SECONDS = 1  # of an answer


class Replica(ThreadingHTTPServer):
    """Answers with its name and the headers that it got; `/livez` and `/readyz` as the test says."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.lives, self.is_ready = name, True, True
        self.breaks_off = False
        """Whether it closes connections without an answer."""
        self.asked: list[str] = []
        """Method and path of each request but the probes'."""
        self._thread = threading.Thread(target=self.serve_forever, args=[0.05], name=name, daemon=True)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    server: Replica

    def do_GET(self) -> None:
        if self.path in ("/livez", "/readyz"):
            good = self.server.lives and (self.path == "/livez" or self.server.is_ready)
            self._answer(200 if good else 503, {"ok": good})
            return
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.breaks_off:
            self.close_connection = True
            return
        self._answer(200, {"replica": self.server.name, "headers": {k.lower(): v for k, v in self.headers.items()}})

    do_POST = do_GET  # noqa: N815  http.server's own name

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class NameServer:
    """Knows the names in `addresses` and no other; IPv4 only."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="name server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                query, sender = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        """RFC 1035: the question comes back, with one address or the code for "no such name"."""
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
            at += 1 + query[at]
        question = query[12 : at + 5]
        address = self.addresses.get(".".join(labels))
        (kind,) = struct.unpack_from(">H", query, at + 1)
        found = b""
        if address and kind == TYPE_A:
            found = struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, LIFE_SECONDS, 4) + socket.inet_aton(address)
        flags = 0x8180 if address else 0x8183
        return query[:2] + struct.pack(">HHHHH", flags, 1, bool(found), 0, 0) + question + found
