"""For everyone: axe finds nothing in light and dark, idle, running, failed and done; from 320 px to 4K all fits."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest
from playwright.async_api import Route

from tests.browser.conftest import HELD, Visits, release
from tests.browser.material import Material
from tests.browser.visit import DESKTOP, PHONE, Scheme, Visit
from tests.stub import Stub, Timeline, drop

SMALL_TARGETS = """() => [...document.querySelectorAll(
        '.mc-part :is(button, a.mc-button, summary, label.mc-button, .mc-choice), [role=tab]')]
    .filter(node => node.offsetParent && !node.closest('p'))
    .map(node => [node.textContent.trim().slice(0, 30), node.getBoundingClientRect()])
    .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
    .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""


WIDTHS = (320, 375, 768, 1280, 3840)

WATCH_SHIFTS = """
    window.shift = 0;
    window.lastShift = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) { window.shift += entry.value; window.lastShift = performance.now() }
    }).observe({ type: 'layout-shift', buffered: true });
"""

MOVING = """document.getAnimations().filter(
    one => one.playState === 'running' && one.effect.target.closest('.mc-part')).length"""


async def test_axe_finds_nothing_in_any_tab_idle_running_failed_and_done(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    looks: tuple[tuple[Scheme, tuple[int, int]], ...] = (("light", DESKTOP), ("dark", PHONE))
    async with contextlib.AsyncExitStack() as stack:
        visits = [
            await stack.enter_async_context(live_visit(scheme=scheme, size=size, reduced_motion="reduce"))
            for scheme, size in looks
        ]
        stub.timeline = replace(HELD, progress="missing")
        await asyncio.gather(*(_idle_to_running(visit, material) for visit in visits))
        release(stub)
        await asyncio.gather(*(_done(visit) for visit in visits))
        stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "service_error", "message": "Sorry."})
        await asyncio.gather(*(_ended(visit, "failed") for visit in visits))
        stub.fail("order", drop(after_work=True), drop(after_work=True))
        await asyncio.gather(*(_ended(visit, "unknown") for visit in visits))


async def _idle_to_running(visit: Visit, material: Material) -> None:
    assert await visit.axe() == [], "idle"
    await visit.choose(material.wrong_type)
    assert await visit.axe() == [], "a refused file"
    await visit.choose(material.picture, material.video_4s)
    await visit.generate()
    await visit.reaches("running")
    assert await visit.axe() == [], "running"
    assert await visit.page.evaluate(MOVING) == 0, "those who asked for no motion see none"
    await visit.tab("My videos")
    await visit.page.locator(".mc-tile[data-job]").first.wait_for()
    assert await visit.axe() == [], "My videos"
    await visit.tab("As code")
    await visit.page.get_by_role("button", name="Task (JSON)").click()
    await visit.page.wait_for_function("document.querySelector('.mc-code').textContent.includes('status')")
    assert await visit.axe() == [], "As code"
    task_id = json.loads(await visit.page.inner_text(".mc-code"))["id"]
    await visit.tab("Look up")
    await visit.page.fill("#mc-task", task_id)
    await visit.page.keyboard.press("Enter")
    await visit.page.locator(".mc-lookup .mc-card").wait_for()
    assert await visit.axe() == [], "Look up"
    await visit.tab("Create")


async def _done(visit: Visit) -> None:
    assert await visit.ends() == "done"
    await visit.card.locator("summary").click()
    assert await visit.axe() == [], "done"


async def _ended(visit: Visit, state: str) -> None:
    await visit.page.fill("#mc-prompt", state)  # another order than the one before, or the page would ask
    await visit.generate()
    assert await visit.reaches(state)
    if state == "unknown":
        await visit.action("I have its task id")
    assert await visit.axe() == [], state


async def test_nothing_sticks_out_and_every_target_is_large_enough_from_320_px_to_4k(
    sandbox_visit: Visits, material: Material
) -> None:
    async with sandbox_visit(size=(WIDTHS[0], 900)) as visit:
        assert await visit.fits()
        await visit.choose(material.picture, material.video_4s)
        await visit.zone("video").get_by_role("button", name="Trim").click()
        for width in WIDTHS:
            await visit.page.set_viewport_size({"width": width, "height": 900})
            await visit.open_tab("Create")
            assert await visit.fits(), width
            assert await visit.page.evaluate(SMALL_TARGETS) == [], width
            for name in ("My videos", "Look up", "As code"):
                await visit.open_tab(name)
                assert await visit.fits(), (width, name)


async def test_the_price_stays_in_view_on_a_small_screen_and_is_written_as_the_visitor_writes_it(
    sandbox_visit: Visits, material: Material
) -> None:
    async with sandbox_visit(size=PHONE, locale="en-GB") as visit:
        await visit.choose(material.picture, material.video_4s)
        assert "about US$0.49" in await visit.go.inner_text()
        await visit.page.evaluate("window.scrollTo(0, 300)")
        box = await visit.go.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE[1]


@pytest.mark.parametrize("locale", ["de-DE", "zh-CN", "ar"])
async def test_an_english_page_says_so_and_writes_english_numbers_whatever_the_browser_prefers(
    sandbox_visit: Visits, material: Material, locale: str
) -> None:
    async with sandbox_visit(locale=locale) as visit:
        await visit.choose(material.picture, material.video_4s)
        assert "32.7 credits (about $0.49)" in await visit.go.inner_text()
        assert await visit.page.evaluate("[document.documentElement.lang, document.dir]") == ["en", ""]


async def test_a_finger_is_not_told_to_drop_and_click(sandbox_visit: Visits) -> None:
    async with sandbox_visit(size=PHONE, has_touch=True, is_mobile=True) as visit:
        assert "Tap to choose" in await visit.zone("image").inner_text()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_layout_does_not_jump_while_the_page_settles_on_a_slow_machine(
    live_visit: Visits, stub: Stub, material: Material, size: tuple[int, int]
) -> None:
    async with live_visit(size=size) as visit:
        await visit.page.add_init_script(WATCH_SHIFTS)
        await _slow_down(visit)
        assert await _shift(visit) < 0.1, "the empty page"
        await visit.choose(material.picture, material.video_4s)
        await visit.generate()
        assert await visit.ends() == "done"
        assert await _shift(visit) < 0.1, "with a draft and a finished video"


async def _slow_down(visit: Visit) -> None:
    """A slow processor, a slow network, no cache, and Gradio's parts in an unlucky order."""
    devtools = await visit.context.new_cdp_session(visit.page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    await devtools.send("Network.enable")
    await devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    slow = {"offline": False, "latency": 40, "downloadThroughput": 1_000_000, "uploadThroughput": 1_000_000}
    await devtools.send("Network.emulateNetworkConditions", slow)

    async def late(route: Route) -> None:
        await asyncio.sleep(1.0)
        await route.continue_()

    await visit.page.route("**/assets/HTML-*.js", late)


async def _shift(visit: Visit) -> float:
    await visit.reload()
    await visit.page.wait_for_function("performance.now() - window.lastShift > 1000")
    shift: float = await visit.page.evaluate("window.shift")
    return shift
