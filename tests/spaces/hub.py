"""The part of the Hub that `hf repos create` and `hf upload` speak to, on loopback."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """Keeps the files of one Space. Close it when done."""

    def __init__(self, **files: bytes) -> None:
        self.files = dict(files)
        self.created: list[dict[str, Any]] = []
        """What Spaces were asked for."""
        self.refuses = False
        """Whether every request is answered with 401."""
        self.tokens: set[str | None] = set()
        """The Authorization headers that came."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                hub.tokens.add(self.headers.get("authorization"))
                content = json.dumps(hub._answer(self.path, body)).encode()
                self.send_response(401 if hub.refuses else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815  the base class looks for these names

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the name in the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _answer(self, path: str, body: bytes) -> object:
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            return {"url": f"{self.url}/spaces/me/motion"}
        if "/tree/" in path:
            return [{"type": "file", "path": name, "oid": "0" * 40, "size": 1} for name in self.files]
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]}
        if "/commit/" in path:
            for line in body.splitlines():
                self._apply(json.loads(line))
            return {"commitUrl": f"{self.url}/spaces/me/motion/commit/1", "commitOid": "1" * 40}
        return {}

    def _apply(self, change: dict[str, Any]) -> None:
        value = change["value"]
        if change["key"] == "file":
            self.files[value["path"]] = base64.b64decode(value["content"])
        elif change["key"] == "deletedFile":
            del self.files[value["path"]]
