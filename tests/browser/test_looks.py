"""For everyone: axe finds nothing in light and dark, idle, running, failed and done; from 320 px to 4K all fits."""

import asyncio
import contextlib
import json

import pytest

from tests.browser.conftest import Visits
from tests.browser.material import Material
from tests.browser.visit import DESKTOP, PHONE, Scheme, Visit
from tests.stub import Stub, Timeline

SMALL_TARGETS = """() => [...document.querySelectorAll(
        '.mc-part :is(button, a.mc-button, summary, label.mc-button, .mc-choice), [role=tab]')]
    .filter(node => node.offsetParent && !node.closest('p'))
    .map(node => [node.textContent.trim().slice(0, 30), node.getBoundingClientRect()])
    .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
    .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""


async def test_axe_finds_nothing_in_any_tab_idle_running_failed_and_done(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = Timeline(seconds=6.0)
    schemes: tuple[Scheme, Scheme] = ("light", "dark")
    async with contextlib.AsyncExitStack() as stack:
        visits = [
            await stack.enter_async_context(live_visit(scheme=scheme, size=size))
            for scheme in schemes
            for size in (DESKTOP, PHONE)
        ]
        await asyncio.gather(*(_idle_to_done(visit, material) for visit in visits))
        stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "service_error", "message": "Sorry."})
        await asyncio.gather(*(_failed(visit) for visit in visits))


async def _idle_to_done(visit: Visit, material: Material) -> None:
    assert await visit.axe() == [], "idle"
    await visit.choose(material.wrong_type)
    assert await visit.axe() == [], "a refused file"
    await visit.choose(material.picture, material.video_4s)
    await visit.generate()
    await visit.reaches("running")
    assert await visit.axe() == [], "running"
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
    assert await visit.ends() == "done"
    await visit.card.locator("summary").click()
    assert await visit.axe() == [], "done"


async def _failed(visit: Visit) -> None:
    await visit.generate()
    assert await visit.reaches("failed")
    assert await visit.axe() == [], "failed"


@pytest.mark.parametrize("width", [320, 375, 768, 1280, 3840])
async def test_nothing_sticks_out_and_every_target_is_large_enough(
    sandbox_visit: Visits, material: Material, width: int
) -> None:
    async with sandbox_visit(size=(width, 900)) as visit:
        assert await visit.fits()
        await visit.choose(material.picture, material.video_4s)
        assert await visit.fits()
        assert await visit.page.evaluate(SMALL_TARGETS) == []
        for name in ("My videos", "Look up", "As code"):
            tab = visit.page.get_by_role("tab", name=name)
            if not await tab.count():  # on the narrowest screens Gradio keeps the last tabs in a menu
                await visit.page.get_by_role("button", name="More tabs").click()
                tab = visit.page.locator(".overflow-dropdown button", has_text=name)
            await tab.click()
            assert await visit.fits(), name


async def test_the_price_stays_in_view_on_a_small_screen(sandbox_visit: Visits, material: Material) -> None:
    async with sandbox_visit(size=PHONE) as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.page.evaluate("window.scrollTo(0, 300)")
        box = await visit.go.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE[1]


async def test_nothing_moves_for_those_who_asked_for_that(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.timeline = Timeline(seconds=4.0, progress="missing")
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.generate()
        await visit.reaches("running")
        moving = await visit.page.evaluate(
            """document.getAnimations().filter(
                one => one.playState === 'running' && one.effect.target.closest('.mc-part')).length"""
        )
        assert moving == 0


async def test_the_layout_does_not_jump_while_the_page_settles(sandbox_visit: Visits) -> None:
    async with sandbox_visit() as visit:
        shift = await visit.page.evaluate(
            """() => new Promise(done => {
                let sum = 0;
                new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value })
                    .observe({ type: 'layout-shift', buffered: true });
                setTimeout(() => done(sum), 1000) })"""
        )
        assert shift < 0.1
