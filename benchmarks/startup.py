"""From `python app.py` to the first `/healthz` that answers 200, beside a hello-world Blocks started in turn.

python -m benchmarks.startup
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.browser.app_process import ROOT, free_port

ROUNDS = 5
LIMIT = 1.5
"""What the app may cost over hello-world."""

HELLO = """
import gradio as gr
with gr.Blocks() as demo:
    gr.Textbox("hello")
demo.launch(server_port={port}, quiet=True)
"""


def seconds_until_it_answers(command: list[str], url: str, environment: dict[str, str]) -> float:
    """Start a process, wait for a 200, end it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None or time.perf_counter() - started > 120:
                raise SystemExit(f"{command} did not start")
            try:
                if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                    return time.perf_counter() - started
            except httpx.HTTPError:
                time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Print both medians and their ratio."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK", "GRADIO"))}
    plain["GRADIO_ANALYTICS_ENABLED"] = "False"
    ours, hello = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):  # in turn, so that noise meets both
            port = free_port()
            hello.append(
                seconds_until_it_answers(
                    [sys.executable, "-c", HELLO.format(port=port)], f"http://127.0.0.1:{port}/", plain
                )
            )
            port = free_port()
            environment = plain | {
                "GRADIO_SERVER_PORT": str(port),
                "EVOLINK_UI_DATA_DIR": str(Path(folder) / "data"),
            }
            ours.append(
                seconds_until_it_answers([sys.executable, "app.py"], f"http://127.0.0.1:{port}/healthz", environment)
            )
    ratio = statistics.median(ours) / statistics.median(hello)
    print(f"hello-world Blocks   {statistics.median(hello):6.2f} s  (median of {ROUNDS})")
    print(f"this app, /healthz   {statistics.median(ours):6.2f} s")
    print(f"ratio                {ratio:6.2f}    (limit {LIMIT})")


if __name__ == "__main__":
    main()
