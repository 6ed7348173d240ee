"""Takes the pictures under docs/screenshots from the real app in its sandbox: `python -m tests.browser.screenshots`."""

import asyncio
import io
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import async_playwright

from evolink_ui.sandbox.examples import ExamplePair, ensure_examples
from tests.browser.app_process import ROOT, AppProcess
from tests.browser.visit import CHROMIUM, CHROMIUM_ARGUMENTS, DESKTOP, PHONE, Browsers, Scheme, Visit
from tests.stub import Stub, Timeline, drop

FOLDER = ROOT / "docs" / "screenshots"
PROMPTS = ("A summer meadow, soft light", "On the moon, earthrise behind", "Cut-out paper theatre")
DARK = {"running-dark", "done-dark", "my-videos-dark", "failed-dark", "unknown-dark"}
"""Enough to show that dark is cared for."""
DESKTOP_TALL = (DESKTOP[0], 1060)


async def walk(browsers: Browsers, url: str, pairs: list[ExamplePair], scheme: Scheme) -> None:
    """One visitor makes three videos; pictures of everything on the way."""
    async with Visit(browsers, url, size=DESKTOP_TALL, scheme=scheme) as visit:
        await _shoot(visit, f"create-{scheme}")
        for number, (pair, prompt) in enumerate(zip(pairs, PROMPTS, strict=True)):
            await visit.choose(pair.image, pair.video)
            await visit.page.fill("#mc-prompt", prompt)
            await visit.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
            if number == 0:
                await _shoot(visit, f"filled-{scheme}")
            await visit.generate()
            await visit.reaches("running")
            await visit.page.wait_for_function(
                "document.querySelector('.mc-card [role=progressbar]').getAttribute('aria-valuenow') > 30"
            )
            if number == 0:
                await visit.page.evaluate("window.scrollTo(0, 0)")
                await _shoot(visit, f"running-{scheme}")
            if number == len(pairs) - 1:
                await visit.tab("My videos")
                await visit.page.locator(".mc-tile[data-job]").nth(2).wait_for()
                await asyncio.sleep(1)
                await _shoot(visit, f"my-videos-{scheme}")
                await visit.tab("Create")
            await visit.ends()
            if number == 0:
                await _compare(visit, scheme)
        await visit.tab("As code")
        await visit.page.wait_for_function("document.querySelector('.mc-code').textContent.includes('curl')")
        await _shoot(visit, f"as-code-{scheme}")


async def on_a_phone(browsers: Browsers, url: str, pair: ExamplePair) -> None:
    """The form and the finished video on a small screen."""
    async with Visit(browsers, url, size=PHONE, device_scale_factor=2) as visit:
        await visit.choose(pair.image, pair.video)
        await visit.page.evaluate("window.scrollTo(0, 0)")
        await _shoot(visit, "phone-form")
        await visit.generate()
        await visit.ends()
        await visit.card.scroll_into_view_if_needed()
        await visit.page.evaluate("document.querySelector('.mc-card').scrollIntoView()")
        await _half_way(visit, ".mc-screen video")
        await _shoot(visit, "phone-done")


async def in_trouble(browsers: Browsers, url: str, stub: Stub, pair: ExamplePair, scheme: Scheme) -> None:
    """An order that failed and one of unknown outcome, at a stand-in EvoLink; on a phone in light only."""
    for size in (DESKTOP_TALL, PHONE):
        if size == PHONE and scheme == "dark":
            continue
        start = "phone-" if size == PHONE else ""
        end = "" if size == PHONE else f"-{scheme}"
        stub.reset()
        error = {"code": "content_policy_violation", "message": "The picture was blocked."}
        stub.timeline = Timeline(seconds=0.0, video_seconds=8.0, outcome="failed", error=error)
        more: dict[str, Any] = {"device_scale_factor": 2} if size == PHONE else {}
        async with Visit(browsers, url, size=size, scheme=scheme, **more) as visit:
            for state in ("failed", "unknown"):
                await visit.choose(pair.image, pair.video)
                if state == "unknown":
                    stub.fail("order", drop(after_work=True))
                await visit.generate()
                await visit.reaches(state)
                await visit.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
                if size == PHONE:
                    await visit.page.evaluate("document.querySelector('.mc-card[data-state]').scrollIntoView()")
                await _shoot(visit, f"{start}{state}{end}")


async def _compare(visit: Visit, scheme: Scheme) -> None:
    await visit.page.evaluate("window.scrollTo(0, 0)")
    await _half_way(visit, ".mc-screen video")
    await _shoot(visit, f"done-{scheme}")
    await visit.action("Compare with the motion")
    await _half_way(visit, ".mc-screen figure:last-child video")
    await visit.page.evaluate("document.activeElement.blur()")
    await _shoot(visit, f"compare-{scheme}")
    await visit.action("Compare with the motion")


async def _half_way(visit: Visit, selector: str) -> None:
    await visit.page.evaluate(
        """async selector => {
            const video = document.querySelector(selector);
            if (video.readyState < 1) await new Promise(go => video.addEventListener('loadedmetadata', go));
            const there = new Promise(go => video.addEventListener('seeked', go, { once: true }));
            video.pause();
            video.currentTime = video.duration * 0.45;
            await there;
        }""",
        selector,
    )
    await asyncio.sleep(1)


async def _shoot(visit: Visit, name: str) -> None:
    if name.endswith("-dark") and name not in DARK:
        return
    await asyncio.sleep(0.4)
    picture = await visit.page.screenshot()
    await asyncio.to_thread(_keep, picture, FOLDER / f"{name}.png")


def _keep(picture: bytes, path: Path) -> None:
    """256 colours are enough for a page, and a third of the bytes."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


async def main() -> None:
    """Everything, in light and dark, into docs/screenshots."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pairs = ensure_examples(Path(folder) / "examples")
        app = await asyncio.to_thread(AppProcess, Path(folder) / "data")
        stub = await asyncio.to_thread(Stub().start)
        hosts = {"EVOLINK_BASE_URL": stub.base_url, "EVOLINK_FILES_URL": stub.files_url}
        more = {"EVOLINK_API_KEY": "sk-owner-0123456789abcdef", "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true"}
        live_app = await asyncio.to_thread(partial(AppProcess, Path(folder) / "live", **hosts, **more))
        try:
            async with async_playwright() as playwright:
                chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
                browsers = Browsers(chromium)
                await walk(browsers, app.url, pairs, "light")
                await walk(browsers, app.url, pairs, "dark")
                await on_a_phone(browsers, app.url, pairs[1])
                for scheme in ("light", "dark"):
                    await in_trouble(browsers, live_app.url, stub, pairs[0], scheme)
                await chromium.close()
        finally:
            app.stop()
            live_app.stop()
            stub.stop()


if __name__ == "__main__":
    asyncio.run(main())
