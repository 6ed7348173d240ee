"""The main job, end to end: two files in, one video out, whatever the person does to the page meanwhile."""

import contextlib
import sqlite3

import httpx
import pytest

from tests.browser.app_process import AppProcess
from tests.browser.conftest import HELD, Visits, release
from tests.browser.material import Material
from tests.browser.visit import DESKTOP, PHONE, WORKING, plays
from tests.stub import Stub


async def test_two_files_become_a_playing_video_in_the_sandbox_across_a_reload(
    sandbox_visit: Visits, material: Material
) -> None:
    async with sandbox_visit() as visit:
        assert "Sandbox" in await visit.page.inner_text("#mc-head")
        assert not await visit.may_go()
        await visit.choose(material.picture, material.video_4s)
        assert "540 \u00d7 720" in await visit.zone("image").inner_text()
        assert "4.0 s" in await visit.zone("video").inner_text()
        assert "32.7 credits (about $0.49)" in await visit.go.inner_text()
        await visit.page.fill("#mc-prompt", "A quiet <b>dance</b> ${1+1} {{x}}")
        job_id = await visit.generate()
        assert await visit.reaches(*WORKING) in WORKING
        await visit.reload()  # in mid-flight
        assert job_id in visit.page.url
        assert await visit.page.input_value("#mc-prompt") == "A quiet <b>dance</b> ${1+1} {{x}}"
        assert await visit.ends() == "done"
        _, duration, _ = await plays(visit)
        assert duration == pytest.approx(4.0, abs=0.2)
        assert "Ready" in await visit.page.title()
        await visit.action("Compare with the motion")
        assert await visit.page.locator(".mc-screen video").count() == 2
        assert await visit.card.locator(".mc-badge").inner_text() == "Sandbox"
        await visit.card.get_by_text("No person was found").wait_for()  # the video shows none
        await visit.card.get_by_text("redraws every frame").wait_for()  # what the real model does better
        await visit.card.get_by_role("button", name="Use your EvoLink key").click()
        assert await visit.page.evaluate("document.activeElement.id") == "mc-key"
        await visit.card.locator("summary").click()
        assert "A quiet <b>dance</b> ${1+1} {{x}}" in await visit.card.inner_text()
        href = await visit.page.get_by_role("link", name="Download").get_attribute("href")
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(visit.url + str(href))
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert await visit.fits()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_two_files_become_a_playing_video_at_the_vendor_and_are_paid_for_once(
    live_visit: Visits, stub: Stub, material: Material, size: tuple[int, int]
) -> None:
    stub.timeline = HELD
    async with live_visit(size=size) as visit:
        assert "Live" in await visit.page.inner_text("#mc-head")
        await visit.page.get_by_text("1,000 credits left").wait_for()
        await visit.choose(material.picture, material.video_4s)
        await visit.page.get_by_text("1080p").click()
        assert "43.6 credits (about $0.65)" in await visit.go.inner_text()
        await visit.generate()
        await visit.reaches("running")
        await visit.reload()
        release(stub)
        assert await visit.ends() == "done"
        await plays(visit)
        await visit.card.locator("summary").click()
        assert stub.orders[0].task_id in await visit.card.inner_text()
        assert stub.paid == 1
        body = stub.orders[0].body
        assert body["quality"] == "1080p"
        assert body["model_params"] == {
            "character_orientation": "image",
            "keep_sound": True,
            "watermark_info": {"enabled": False},
        }


async def test_compare_plays_both_videos_in_step(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.result_bytes = material.video_4s.read_bytes()
    try:
        async with live_visit() as visit:
            await visit.choose(material.picture, material.video_4s)
            await visit.generate()
            assert await visit.ends() == "done"
            await visit.action("Compare with the motion")
            await plays(visit, ".mc-screen figure:last-child video")
            apart = await visit.page.evaluate(
                """() => { const [a, b] = document.querySelectorAll('.mc-screen video');
                    return [a.paused, Math.abs(a.currentTime - b.currentTime)] }"""
            )
            assert apart[0] is False
            assert apart[1] < 0.35
    finally:
        stub.result_bytes = None


async def test_ctrl_enter_orders_from_anywhere_in_the_form(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.page.fill("#mc-prompt", "By keyboard")
        await visit.page.keyboard.press("Control+Enter")
        assert await visit.ends() == "done"
        assert stub.orders[0].body["prompt"] == "By keyboard"


async def test_from_click_to_a_stored_job_takes_under_a_second(live_visit: Visits, material: Material) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.page.evaluate("window.clickedAt = performance.now()")
        await visit.generate()
        assert await visit.page.evaluate("performance.now() - window.clickedAt") < 1000
        await visit.ends()  # or its order would reach the vendor during the next test


async def test_a_job_whose_key_is_gone_asks_for_it_where_it_is_needed(
    live_visit: Visits, live_app: AppProcess, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        await visit.page.get_by_text("Your own EvoLink key").click()
        await visit.page.fill("#mc-key", "sk-visitor-0123456789")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("Using your key").wait_for()
        await visit.choose(material.picture, material.video_4s)
        job_id = await visit.generate()
        await visit.reaches("running")
        await visit.action("Stop following")
        await visit.page.locator(".mc-asking").get_by_role("button", name="Stop following").click()
        await visit.reaches("stopped")
        await visit.page.get_by_role("button", name="Forget it").click()
        await visit.page.locator("#mc-key").wait_for()
        with contextlib.closing(sqlite3.connect(live_app.data_dir / "evolink_ui.sqlite", timeout=30)) as ledger:
            ledger.execute("update jobs set sealed_key = null where id = ?", (job_id,))  # as a day later
            ledger.commit()
        await visit.reload()
        await visit.card.get_by_text("We no longer have your key").wait_for()
        await visit.action("Follow again")
        assert await visit.page.evaluate("document.activeElement.id") == "mc-card-key"
        assert await visit.axe() == []
        release(stub)
        await visit.page.fill("#mc-card-key", "sk-visitor-0123456789")
        await visit.page.keyboard.press("Enter")
        await visit.reaches("done")
        assert stub.paid == 1


async def test_a_visitors_own_key_pays_and_can_be_forgotten(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit() as visit:
        await visit.page.get_by_text("Your own EvoLink key").click()
        await visit.page.fill("#mc-key", "sk-visitor-0123456789")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("Using your key").wait_for()
        assert await visit.axe() == []
        await visit.choose(material.picture, material.video_4s)
        await visit.generate()
        assert await visit.ends() == "done"
        assert stub.orders[0].api_key == "sk-visitor-0123456789"
        stored = await visit.page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
        assert "sk-visitor" not in stored
        await visit.page.get_by_role("button", name="Forget it").click()
        await visit.page.locator("#mc-key").wait_for()


async def test_another_example_is_picked_by_its_picture(sandbox_visit: Visits) -> None:
    async with sandbox_visit(scheme="dark") as visit:
        assert [url for url in visit.requests if "page_example" in url] == []  # nothing before somebody reaches for it
        await visit.page.get_by_text("More examples").click()
        juni = visit.page.get_by_role("button", name="Juni")
        await juni.wait_for()
        assert await visit.axe() == []
        await juni.click()
        await visit.can_go()
        assert "juni" in await visit.zone("image").inner_text()


async def test_the_example_needs_one_click_and_a_keyboard_is_enough(sandbox_visit: Visits) -> None:
    async with sandbox_visit() as visit:
        for _ in range(12):
            await visit.page.keyboard.press("Tab")
            if await visit.page.evaluate("document.activeElement.textContent.trim() === 'Try an example'"):
                break
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_function("document.activeElement.classList.contains('mc-go')")
        assert "65.4 credits (about $0.97)" in await visit.go.inner_text()
        await visit.page.keyboard.press("Enter")
        assert await visit.reaches(*WORKING, "done")
        assert await visit.page.evaluate("document.activeElement.tagName") == "H2"  # the card's heading speaks
