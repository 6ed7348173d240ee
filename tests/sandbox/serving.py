"""`python -m evolink_ui.sandbox` as a process of its own, reached over a real socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import python_path

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 30.0
END_SECONDS = 10.0


class Served:
    """A running server.

    Attributes:
        url: its address.
        process: it; tests may kill it.
    """

    def __init__(self, data_dir: Path, *options: str, launcher: tuple[str, ...] = ("-m", "evolink_ui.sandbox")) -> None:
        command = [sys.executable, *launcher, "--port", "0", "--data-dir", str(data_dir), *options]
        environment = {**os.environ, "PYTHONPATH": python_path(ROOT)}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, cwd=data_dir.parent
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", "".join(self.lines))) or "complete" not in self.said:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)
        self.url = found.group()

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def end(self) -> int:
        """Tell it to end, as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(END_SECONDS)
        finally:
            self.process.kill()
            self._reader.join()

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            for line in self.process.stderr:
                self.lines.append(line)


@contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[Served]:
    """A server for the length of a block."""
    served = Served(data_dir, *options)
    try:
        yield served
    finally:
        served.end()
