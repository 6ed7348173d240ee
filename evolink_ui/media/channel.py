"""Requests from parent to child: one line of JSON each, with the open file beside it, over an inherited socket pair.

The child never learns a path that it could open: on systems that can pass descriptors (all but Windows) the file
arrives opened. Answers come back over a pipe, so that a child has no way to send descriptors.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

MAX_LINE_BYTES: Final = 65_536
PASSES_FILES: Final = hasattr(socket, "send_fds")


class Sender:
    """The parent's end."""

    def __init__(self) -> None:
        self._ours: socket.socket | None = None
        self._theirs: socket.socket | None = None
        if PASSES_FILES:
            self._ours, self._theirs = socket.socketpair()

    @property
    def stdin(self) -> int:
        """What a child gets as its standard input."""
        return self._theirs.fileno() if self._theirs is not None else subprocess.PIPE

    def started(self) -> None:
        """The child has its end: ours of it is closed, so that each end sees when the other is gone."""
        if self._theirs is not None:
            self._theirs.close()

    def send(self, process: "subprocess.Popen[bytes]", request: dict[str, Any], file: BinaryIO | None) -> None:
        """Send one request. Raises OSError or ValueError where the child is gone."""
        line = json.dumps(request).encode() + b"\n"
        if self._ours is None:
            assert process.stdin is not None  # noqa: S101 - for the type checker; it is a pipe by construction
            process.stdin.write(line)
            process.stdin.flush()
            return
        sent = socket.send_fds(self._ours, [line], [] if file is None else [file.fileno()])
        self._ours.sendall(line[sent:])

    def close(self) -> None:
        """The child's input ends."""
        for end in (self._ours, self._theirs):
            if end is not None:
                end.close()


def requests() -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """In the child: what the parent asks, and the file of it, from its start. Ends when the parent closes its end."""
    if not PASSES_FILES:
        yield from _requests_by_path()
        return
    with socket.socket(fileno=os.dup(0)) as channel:
        while True:
            line, descriptors = b"", list[int]()
            while not line.endswith(b"\n"):
                part, received, *_ = socket.recv_fds(channel, MAX_LINE_BYTES, 1)
                descriptors += received
                if not part:
                    return
                line += part
            with os.fdopen(descriptors[0], "rb") as file:
                file.seek(0)
                yield json.loads(line), file


def _requests_by_path() -> Iterator[tuple[dict[str, Any], BinaryIO]]:  # pragma: no cover - Windows
    with os.fdopen(os.dup(0), "rb") as channel:
        for line in channel:
            request = json.loads(line)
            with open(request["path"], "rb") as file:  # noqa: PTH123 - a plain name, as the parent sent it
                yield request, file
