"""Takes the pictures under docs/screenshots from the real app in its sandbox: `python -m tests.browser.screenshots`."""

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

from evolink_ui.sandbox.examples import ExamplePair, ensure_examples
from tests.browser.app_process import ROOT, AppProcess
from tests.browser.visit import CHROMIUM, CHROMIUM_ARGUMENTS, DESKTOP, PHONE, Scheme, Visit

FOLDER = ROOT / "docs" / "screenshots"
PROMPTS = ("A summer meadow, soft light", "On the moon, earthrise behind", "Cut-out paper theatre")
DARK = {"running-dark", "done-dark", "my-videos-dark"}
"""Enough to show that dark is cared for."""
DESKTOP_TALL = (DESKTOP[0], 1060)


async def walk(browser: Browser, url: str, pairs: list[ExamplePair], scheme: Scheme) -> None:
    """One visitor makes three videos; pictures of everything on the way."""
    async with Visit(browser, url, size=DESKTOP_TALL, scheme=scheme) as visit:
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


async def on_a_phone(browser: Browser, url: str, pair: ExamplePair) -> None:
    """The form and the finished video on a small screen."""
    async with Visit(browser, url, size=PHONE, device_scale_factor=2) as visit:
        await visit.choose(pair.image, pair.video)
        await visit.page.evaluate("window.scrollTo(0, 0)")
        await _shoot(visit, "phone-form")
        await visit.generate()
        await visit.ends()
        await visit.card.scroll_into_view_if_needed()
        await visit.page.evaluate("document.querySelector('.mc-card').scrollIntoView()")
        await _half_way(visit, ".mc-screen video")
        await _shoot(visit, "phone-done")


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
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
                await walk(browser, app.url, pairs, "light")
                await walk(browser, app.url, pairs, "dark")
                await on_a_phone(browser, app.url, pairs[1])
                await browser.close()
        finally:
            app.stop()


if __name__ == "__main__":
    asyncio.run(main())
