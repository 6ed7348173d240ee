"""Debian's haproxy with the shipped file, of which names and ports alone are replaced."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.browser.app_process import free_port
from tests.pins import ROOT

SHIPPED = ROOT / "deploy" / "haproxy.cfg"
FRONT = "127.0.0.2"  # where the TLS front would come from
START_SECONDS = 10.0


def configured(*, port: int, replicas: Sequence[str], name_server_port: int = 9) -> str:
    """The shipped file for this machine.

    Args:
        port: where the proxy listens.
        replicas: `host:port` of app-1 and app-2.
        name_server_port: on loopback; nothing listens on the default.
    """
    text = SHIPPED.read_text()
    first, second = replicas
    changes = {
        "bind :7860": f"bind 127.0.0.1:{port}",
        "nameserver dns 127.0.0.11:53": f"nameserver dns 127.0.0.1:{name_server_port}",
        "src 10.89.0.2": f"src {FRONT}",
        " app-1:7860": f" {first}",
        " app-2:7860": f" {second}",
        "init-addr libc,none": "init-addr none",  # libc would ask this machine's name server
    }
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the shipped file any more"
        text = text.replace(old, new)
    return text


@contextmanager
def proxy(folder: Path, replicas: Sequence[str], *, name_server_port: int = 9) -> Iterator[str]:
    """A running proxy; gives its address."""
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    assert Path(haproxy).exists(), "haproxy is missing: tests/install_system.sh installs it"
    port = free_port()
    path = folder / "haproxy.cfg"
    path.write_text(configured(port=port, replicas=replicas, name_server_port=name_server_port))
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([haproxy, "-db", "-f", path], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "haproxy.log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return True
