"""The page beside a hello-world Blocks: weight, requests and time until it can be used, in turn, in one Chromium.

python -m benchmarks.page
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.async_api import Browser, async_playwright

from tests.browser.app_process import AppProcess, free_port
from tests.browser.visit import CHROMIUM, CHROMIUM_ARGUMENTS

ROUNDS = 7
SETTLE_SECONDS = 1.5
"""After the page can be used: what still comes then is counted too."""
MORE_BYTES = 60_000
MORE = 1.2
SLOWER = 2.2
"""What the page may cost over hello-world: 1.2 times its requests, 1.2 times its bytes + 60 KB, 2.2 times its time."""

HELLO = """
import gradio as gr
with gr.Blocks() as demo:
    name = gr.Textbox(label="Name")
    greeting = gr.Textbox(label="Greeting")
    gr.Button("Greet").click(lambda name: f"Hello {{name}}", name, greeting)
demo.launch(server_port={port}, quiet=True, ssr_mode=False)
"""


async def visit(browser: Browser, url: str, usable: str) -> tuple[int, int, float]:
    """Load a page with an empty cache: (requests, bytes over the wire, milliseconds until `usable` is there)."""
    context = await browser.new_context()
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Network.enable")
    received = [0, 0]

    def count(event: dict[str, float]) -> None:
        received[0] += 1
        received[1] += int(event["encodedDataLength"])

    devtools.on("Network.loadingFinished", count)
    started = time.perf_counter()
    await page.goto(url)
    await page.wait_for_selector(usable)
    milliseconds = (time.perf_counter() - started) * 1000
    await asyncio.sleep(SETTLE_SECONDS)
    await context.close()
    return received[0], received[1], milliseconds


async def measure(hello_url: str, our_url: str) -> dict[str, tuple[float, float, float]]:
    """Medians of both pages: name -> (requests, bytes, milliseconds)."""
    seen: dict[str, list[tuple[int, int, float]]] = {"hello-world": [], "our page": []}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        for round_number in range(ROUNDS + 1):
            hello = await visit(browser, hello_url, "button.lg")
            ours = await visit(browser, our_url, ".mc-go")
            if round_number:  # the first one warms the servers up
                seen["hello-world"].append(hello)
                seen["our page"].append(ours)
        await browser.close()
    return {
        name: (
            statistics.median(visit[0] for visit in visits),
            statistics.median(visit[1] for visit in visits),
            statistics.median(visit[2] for visit in visits),
        )
        for name, visits in seen.items()
    }


def main() -> None:
    """Print both pages and what is allowed."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK", "GRADIO"))}
    environment["GRADIO_ANALYTICS_ENABLED"] = "False"
    hello = subprocess.Popen([sys.executable, "-c", HELLO.format(port=port)], env=environment)
    hello_url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory() as folder:
        app = AppProcess(Path(folder) / "data")
        try:
            _wait(hello_url)
            seen = asyncio.run(measure(hello_url, app.url))
        finally:
            app.stop()
            hello.send_signal(signal.SIGTERM)
            hello.wait(30)
    floor, ours = seen["hello-world"], seen["our page"]
    limits = (floor[0] * MORE, floor[1] * MORE + MORE_BYTES, floor[2] * SLOWER)
    print(f"{'median of ' + str(ROUNDS):16}{'requests':>10}{'KB':>10}{'usable in ms':>14}")
    for name, (requests, size_bytes, milliseconds) in (*seen.items(), ("allowed", limits)):
        print(f"{name:16}{requests:10.0f}{size_bytes / 1000:10.0f}{milliseconds:14.0f}")
    assert all(value <= limit for value, limit in zip(ours, limits, strict=True)), "the page costs too much"


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=2, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("hello-world did not start")


if __name__ == "__main__":
    main()
