"""One visitor with a browser of their own: what they do on the page, and what must never happen meanwhile."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response

Scheme = Literal["light", "dark"]
DESKTOP = (1280, 900)
PHONE = (375, 812)
PATIENCE_MS = 60_000
"""For whatever the server does; the assertions on speed have limits of their own."""
WORKING = ("queued", "hosting", "submitting", "running", "saving")
CHROMIUM = shutil.which("chromium")
"""Debian's; None lets Playwright take the one that it installed itself."""
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
]


class Browsers:
    """Browsers of visitors: each has cookies, storage and options of its own; one that is left is cleaned for the next.

    What a next visitor finds is a filled cache of the page's scripts, nothing else.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._free: dict[str, list[BrowserContext]] = {}

    async def take(self, options: dict[str, Any]) -> BrowserContext:
        """A browser that nobody uses."""
        free = self._free.setdefault(json.dumps(options, sort_keys=True), [])
        return free.pop() if free else await self._chromium.new_context(**options)

    async def give_back(self, context: BrowserContext, options: dict[str, Any]) -> None:
        """Forget who used it."""
        for page in context.pages:
            await page.evaluate("try { localStorage.clear(); sessionStorage.clear() } catch {}")
            await page.close()
        await context.clear_cookies()
        self._free[json.dumps(options, sort_keys=True)].append(context)


class Visit:
    """`async with Visit(browsers, url) as visit:` opens the page; leaving asserts that the walk was clean."""

    def __init__(
        self,
        browsers: Browsers,
        url: str,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: Scheme = "light",
        rough: bool = False,
        cookies: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """rough: the test breaks the connection itself, so failed requests prove nothing. cookies: from before."""
        self._cookies = cookies or {}
        self._browsers, self.url, self._rough = browsers, url, rough
        self._options = {
            "viewport": {"width": size[0], "height": size[1]},
            "color_scheme": scheme,
            "reduced_motion": "reduce",
            "locale": "en-US",
            **options,
        }
        self.faults: list[str] = []
        self.requests: list[str] = []

    async def __aenter__(self) -> "Visit":
        self.context: BrowserContext = await self._browsers.take(self._options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("page", self._watch)
        try:
            for name, value in self._cookies.items():
                await self.context.add_cookies([{"name": name, "value": value, "url": self.url}])
            self.page: Page = await self.context.new_page()
            await self.open()
        except BaseException:
            await self.context.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.remove_listener("page", self._watch)
        if error is not None or self._rough:
            await self.context.close()
            return
        faults = [*self.faults]  # what is cut off by leaving is none
        await self._browsers.give_back(self.context, self._options)
        assert not faults, "\n".join(faults)

    async def open(self, query: str = "") -> None:
        """Load the page and wait until it can be used."""
        await self.page.goto(self.url + query)
        await self.page.wait_for_selector(".mc-go")

    async def reload(self) -> None:
        """Load it again."""
        await self.page.reload()
        await self.page.wait_for_selector(".mc-go")

    # ---- the form ----

    async def choose(self, image: Path | None = None, video: Path | None = None) -> None:
        """Give files to the two inputs and wait for the server's judgement of each."""
        if image is not None:
            await self.page.set_input_files("#mc-image-input", image)
        if video is not None:
            await self.page.set_input_files("#mc-video-input", video)
        if image is not None:
            await self.judged("image")
        if video is not None:
            await self.judged("video")

    async def judged(self, kind: str) -> None:
        """Wait until a zone shows facts, or says what is wrong."""
        await self.page.wait_for_function(
            """kind => { const zone = document.querySelector(`.mc-zone[data-kind=${kind}]`);
                const busy = zone.querySelector('.mc-note:not(.bad):not(.warn):not(.good)');
                const facts = zone.querySelectorAll('.mc-facts span').length > 1;
                const waiting = zone.querySelector('.mc-meter:not([hidden]), .mc-skeleton');
                return !busy && (zone.querySelector('.mc-note.bad') || facts && !waiting) }""",
            arg=kind,
        )

    def zone(self, kind: str) -> Locator:
        """A drop zone."""
        return self.page.locator(f".mc-zone[data-kind={kind}]")

    async def problem(self, kind: str) -> str:
        """What a zone says is wrong."""
        return await self.zone(kind).locator(".mc-note.bad").first.inner_text()

    @property
    def go(self) -> Locator:
        """The Generate button."""
        return self.page.locator(".mc-go")

    async def may_go(self) -> bool:
        """Whether the button would order right now."""
        return await self.go.get_attribute("aria-disabled") == "false"

    async def can_go(self) -> None:
        """Wait until the button would order."""
        await self.page.wait_for_function("document.querySelector('.mc-go').getAttribute('aria-disabled') === 'false'")

    async def generate(self) -> str:
        """Press the button; the new job's id."""
        before = job_of(self.page.url)
        await self.can_go()
        await self.go.click()
        await self.page.wait_for_function(
            "before => { const now = new URL(location.href).searchParams.get('job'); return now && now !== before }",
            arg=before,
        )
        job_id = job_of(self.page.url)
        assert job_id
        return job_id

    # ---- the card ----

    @property
    def card(self) -> Locator:
        """The job card."""
        return self.page.locator(".mc-card[data-state]")

    async def reaches(self, *states: str) -> str:
        """Wait until the card shows one of these states; which one."""
        await self.page.wait_for_function(
            """states => { const card = document.querySelector('.mc-card[data-state]');
                return card && !card.hidden && states.includes(card.dataset.state) }""",
            arg=list(states),
        )
        return await self.card.get_attribute("data-state") or ""

    async def ends(self) -> str:
        """Wait until nothing works on the job any more; the state."""
        return await self.reaches("done", "failed", "unknown", "stopped")

    async def action(self, name: str) -> None:
        """Press one of the card's buttons."""
        await self.card.locator(".mc-actions").get_by_role("button", name=name).click()

    async def tab(self, name: str) -> None:
        """Open one of the page's tabs."""
        await self.page.get_by_role("tab", name=name).click()

    async def open_tab(self, name: str) -> None:
        """The same on the narrowest screens, too, where Gradio keeps the last tabs in a menu."""
        tab = self.page.get_by_role("tab", name=name)
        more = self.page.get_by_role("button", name="More tabs")
        await tab.or_(more).first.wait_for()
        if await tab.count():
            await tab.click()
        else:
            await more.click()
            await self.page.locator(".overflow-dropdown button", has_text=name).click()

    # ---- looking closely ----

    async def axe(self) -> list[str]:
        """What axe-core finds wrong with the page as it stands, by rule."""
        await self.page.evaluate(axe_source())
        found: list[dict[str, Any]] = await self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
        )
        return [f"{rule['id']}: {[node['html'][:160] for node in rule['nodes'][:3]]}" for rule in found]

    async def fits(self) -> bool:
        """Whether nothing sticks out to the right."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"outside request: {request.url}")

    def _failed(self, request: Request) -> None:
        # A player that has seen enough of a file, or a page that is left, ends its own requests.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"status {response.status}: {response.url}")


PLAYS = """async selector => {
    const video = document.querySelector(selector);
    video.muted = true;
    await video.play();
    for (let i = 0; i < 100 && video.currentTime < 0.3; i += 1) await new Promise(go => setTimeout(go, 100));
    return [video.currentTime, video.duration, video.videoWidth];
}"""


async def plays(visit: Visit, selector: str = ".mc-screen video") -> tuple[float, float, int]:
    """Play a video on the page: (how far it came, its length in seconds, its width)."""
    await visit.page.locator(selector).first.wait_for()
    at, duration, width = await visit.page.evaluate(PLAYS, selector)
    assert at >= 0.3, "the video does not move"
    return at, duration, width


def job_of(url: str) -> str | None:
    """The job in a page's address."""
    found = re.search(r"[?&]job=([^&]+)", url)
    return found.group(1) if found else None


def axe_source() -> str:
    """axe-core's script."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def shorter(requests: Sequence[str], part: str) -> list[str]:
    """Those requests whose address has `part` in it."""
    return [url for url in requests if part in url]
