"""The app as a real process on a free port with a data folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 180.0
"""The app is up in about 5 s; a machine with 30 processes for its two cores took a minute."""
STOP_SECONDS = 20.0


class AppProcess:
    """`python app.py`, started on construction and ended by `stop`; `log` is what it said."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        data_dir.mkdir(parents=True, exist_ok=True)
        self._log_path = data_dir.with_suffix(".log")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK", "GRADIO"))},
            "EVOLINK_UI_DATA_DIR": str(data_dir),
            "EVOLINK_UI_REQUESTS_PER_MINUTE": "100000",
            "EVOLINK_UI_UPLOADS_PER_HOUR": "100000",
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(data_dir / "received"),
            "GRADIO_ANALYTICS_ENABLED": "False",
            **environment,
        }
        self.start()

    def start(self) -> None:
        """Start (again), on the same port; returns once orders can be taken."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the app did not start:\n{self.log}")
            try:
                if httpx.get(f"{self.url}healthz", timeout=2.0, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)

    def owners_cookies(self) -> dict[str, str]:
        """What a browser has after it opened the link that was printed at the start; it can be opened once."""
        link = re.findall(r"Owner, once: (\S+)", self.log)[-1]
        return dict(httpx.get(link, timeout=5.0, trust_env=False).cookies)

    def stop(self) -> None:
        """End it, gently first."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything the process wrote."""
        return self._log_path.read_text(errors="replace")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
