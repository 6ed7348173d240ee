"""A real PostgreSQL of the test's own, on loopback, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCOUNT = "postgres"  # the server refuses to run as root; Debian's package makes this account


class Server:
    """One server on a port of its own, which can be stopped and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._account = ACCOUNT if os.getuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._is_running = False
        self.url = f"postgresql://tester@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-U", "tester", "--auth=trust", "--no-sync")

    def start(self) -> None:
        """Returns once it takes connections."""
        self._is_running = True
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", f"{options} -c fsync=off", "start")

    def stop(self) -> None:
        """As if it crashed: every connection breaks."""
        if self._is_running:
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        self._is_running = False

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._folder / "data", *arguments],
            check=True,
            user=self._account,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Give a running server with a fresh, empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert programs, "PostgreSQL is missing: tests/install_system.sh installs it"
    folder = Path(tempfile.mkdtemp(prefix="evolink-postgres-"))
    try:
        server = Server(programs[-1], folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a fresh, empty database."""
    with postgres_server() as server:
        yield server.url
