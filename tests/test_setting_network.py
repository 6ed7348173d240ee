"""Proxy and certificate variables: SOCKS works, and a wrong value is one line instead of a traceback of Gradio."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import certifi
import httpx
import pytest

from evolink_ui.setting_faults import SettingsError
from evolink_ui.setting_network import check_network_variables
from tests.stub import Stub
from tests.stub.plugin import stub

__all__ = ["stub"]

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:7891", "socks:// is not supported"),
        ("all_proxy", "socks4://127.0.0.1:7891", "socks4:// is not supported"),
        ("HTTPS_PROXY", "ftp://127.0.0.1", "ftp:// is not supported"),
        ("HTTPS_PROXY", "http://127.0.0.1:port", "is not the address of a proxy"),
        ("http_proxy", "http://", "names no host"),
        ("NO_PROXY", "localhost,[::1]", "[::1] is not a host name or an address"),
        ("no_proxy", "fd00::/8", "fd00::/8 is not a host name"),  # httpx takes networks of IPv4 only
        ("SSL_CERT_FILE", "/no/such/file.pem", "No such file"),
        ("SSL_CERT_FILE", __file__, "no certificates in PEM form"),
        ("SSL_CERT_DIR", "/no/such/folder", "no such folder"),
    ],
)
def test_a_wrong_variable_is_one_line_with_its_name_the_fault_and_an_example(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_network_variables({name: value})
    line = str(caught.value)
    assert line.startswith(f"{name}: ") and says in line and f"Example: {name}=" in line and "\n" not in line


def test_a_proxys_password_is_not_repeated_in_the_error() -> None:
    with pytest.raises(SettingsError) as caught:
        check_network_variables({"ALL_PROXY": "socks://me:marked@127.0.0.1:7891"})
    assert "marked" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ALL_PROXY": "socks5://127.0.0.1:7891", "https_proxy": "socks5h://me:word@proxy:7891"},
        {"HTTP_PROXY": "127.0.0.1:8080", "HTTPS_PROXY": "https://proxy.example.com", "no_proxy": ""},
        {"NO_PROXY": "*"},
        {"NO_PROXY": "localhost, 127.0.0.1,::1,.example.com,10.0.0.0/8"},
        {"SSL_CERT_FILE": certifi.where(), "SSL_CERT_DIR": "/not/read/beside/a/file"},
    ],
)
def test_what_passes_the_check_is_taken_by_httpx(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    check_network_variables()
    httpx.Client().close()


@pytest.mark.parametrize("command", [["app.py"], ["-m", "evolink_ui", "serve"], ["-m", "evolink_ui.sandbox"]])
def test_a_start_ends_with_that_line(tmp_path: Path, command: list[str]) -> None:
    environment = {**os.environ, "NO_PROXY": "[::1]", "EVOLINK_UI_DATA_DIR": str(tmp_path), "EVOLINK_API_KEY": ""}
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=START_SECONDS
    )
    assert ended.returncode != 0
    assert ended.stderr.count("\n") == 1 and "NO_PROXY: [::1] is not" in ended.stderr, ended.stderr


def test_gradio_can_be_imported_behind_a_socks_proxy() -> None:
    environment = {**os.environ, "ALL_PROXY": "socks5://127.0.0.1:9", "GRADIO_ANALYTICS_ENABLED": "False"}
    code = "import gradio, evolink_ui.evolink"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=START_SECONDS)


@pytest.fixture
def socks() -> Iterator["Socks"]:
    """A SOCKS5 proxy without log-in on loopback."""
    with closing(Socks()) as proxy:
        yield proxy


class Socks:
    """Serves one connection after the other (RFC 1928, CONNECT to IPv4 only), each with one request and answer."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socks5://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(10)
            with client:
                assert client.recv(256)[0] == 5
                client.sendall(b"\x05\x00")
                wanted = client.recv(256)
                assert wanted[:4] == b"\x05\x01\x00\x01"
                address = socket.inet_ntoa(wanted[4:8]), int.from_bytes(wanted[8:10], "big")
                with socket.create_connection(address, 10) as server:
                    client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                    self.connections += 1
                    server.sendall(client.recv(65536))
                    while piece := server.recv(65536):
                        client.sendall(piece)


def test_requests_go_through_a_socks_proxy(monkeypatch: pytest.MonkeyPatch, stub: Stub, socks: Socks) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", socks.url)
    answer = httpx.get(f"{stub.base_url}/v1/credits", headers={"connection": "close"}, timeout=10)
    assert answer.status_code == 401
    assert socks.connections == 1
