"""The job card: it tells the truth at every moment and outlives reloads, tabs and network cuts."""

import asyncio
from pathlib import Path

from PIL import Image

from tests.browser.app_process import AppProcess
from tests.browser.conftest import HELD, OWNER_KEY, Visits, release
from tests.browser.material import Material
from tests.browser.visit import Browsers, Visit
from tests.stub import Stub, Timeline, answer, drop


async def _start(visit: Visit, material: Material, prompt: str = "") -> str:
    await visit.choose(material.picture, material.video_4s)
    await visit.page.fill("#mc-prompt", prompt)
    return await visit.generate()


async def test_a_network_cut_of_four_seconds_loses_nothing(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.timeline = HELD
    async with live_visit(rough=True) as visit:
        await _start(visit, material, "Before the cut")
        await visit.reaches("running")
        await visit.page.evaluate("window.sameDocument = true")
        await visit.page.fill("#mc-prompt", "Typed before the cut")
        await visit.context.set_offline(True)
        await visit.page.get_by_text("Your job isn't lost").wait_for()
        release(stub)
        await asyncio.sleep(4)
        assert "Your job isn't lost" in await visit.card.inner_text()
        await visit.context.set_offline(False)
        assert await visit.ends() == "done"
        assert await visit.page.get_by_text("Your job isn't lost").is_hidden()
        assert await visit.page.evaluate("window.sameDocument") is True
        assert await visit.page.input_value("#mc-prompt") == "Typed before the cut"
        assert stub.paid == 1


async def test_a_press_that_was_cut_off_and_repeated_is_one_order(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit(rough=True) as visit:
        await visit.choose(material.picture, material.video_4s)
        # The request arrives, its answer does not.
        lost = asyncio.Event()

        async def lose(route, request) -> None:  # type: ignore[no-untyped-def]
            if lost.is_set():
                await route.continue_()
                return
            await route.fetch()
            lost.set()
            await route.abort("connectionreset")

        await visit.page.route("**/gradio_api/run/page_order", lose)
        await visit.go.click()
        await visit.page.locator(".mc-submit .mc-note.bad").wait_for()
        assert "nothing is ordered twice" in await visit.page.inner_text(".mc-submit")
        await visit.generate()
        assert await visit.ends() == "done"
        assert stub.paid == 1
        await visit.tab("My videos")
        await visit.page.locator(".mc-tile[data-job]").first.wait_for()
        assert await visit.page.locator(".mc-tile[data-job]").count() == 1


async def test_the_link_shows_the_same_card_in_a_second_tab_and_on_another_device(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit() as visit, live_visit() as stranger:
        job_id = await _start(visit, material)
        tab = await visit.context.new_page()
        await tab.goto(visit.url)  # the newest job of this browser, without its link
        await tab.wait_for_selector(".mc-card[data-state]:not([hidden])")
        await stranger.open(f"?job={job_id}")
        await stranger.reaches("running")
        release(stub)
        assert await stranger.ends() == "done"
        assert await visit.ends() == "done"
        assert await stranger.card.get_by_role("button", name="Delete").count() == 0  # only its owner may


async def test_on_a_space_that_forgets_people_are_told_to_keep_the_task_id(
    browsers: Browsers, stub: Stub, material: Material, tmp_path: Path
) -> None:
    app = AppProcess(
        tmp_path / "data",
        SPACE_ID="anna/dance",
        EVOLINK_API_KEY=OWNER_KEY,
        EVOLINK_BASE_URL=stub.base_url,
        EVOLINK_FILES_URL=stub.files_url,
        EVOLINK_UI_ALLOW_PRIVATE_URLS="true",
    )
    stub.timeline = HELD
    try:
        async with Visit(browsers, app.url) as visit:
            await _start(visit, material)
            await visit.reaches("running")
            told = visit.card.locator(".mc-message")
            assert "Save the task id" in await told.inner_text()
            await told.get_by_role("button", name="Copy the task id").wait_for()
    finally:
        release(stub)
        app.stop()


async def test_twelve_tabs_are_all_live_at_once(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        tabs = [await visit.context.new_page() for _ in range(11)]
        job_id = await _start(visit, material)
        await asyncio.gather(*(tab.goto(f"{visit.url}?job={job_id}") for tab in tabs))
        await asyncio.gather(*(tab.wait_for_selector('.mc-card[data-state="running"]') for tab in tabs))
        release(stub)
        await asyncio.gather(*(tab.wait_for_selector('.mc-card[data-state="done"]') for tab in [visit.page, *tabs]))


async def test_a_failed_job_says_what_happened_what_it_cost_and_lets_the_form_be_mended(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = Timeline(
        seconds=0.0, outcome="failed", error={"code": "content_policy_violation", "message": "Blocked."}
    )
    async with live_visit() as visit:
        await _start(visit, material, "Something blocked")
        assert await visit.ends() == "failed"
        words = await visit.card.inner_text()
        assert words.count("harged") == 1, "said once"
        assert "Nothing was charged" in words
        assert "Failed" in await visit.page.title()
        await visit.page.fill("#mc-prompt", "overwritten")
        await visit.zone("video").get_by_role("button", name="Remove").click()
        await visit.action("Edit and try again")
        await visit.page.wait_for_function("document.querySelector('#mc-prompt').value === 'Something blocked'")
        await visit.can_go()  # with both files, judged again


async def test_an_unknown_outcome_is_a_question_to_the_person_and_never_a_second_order(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.fail("order", drop(after_work=True))
    async with live_visit() as visit:
        await _start(visit, material)
        assert await visit.ends() == "unknown"
        words = await visit.card.inner_text()
        assert "We don't know yet whether you were charged" in words
        assert "You don't need to do anything yet" in words and "dashboard" not in words, "one piece of advice"
        assert stub.paid == 1
        await visit.go.click()
        question = visit.page.locator(".mc-submit .mc-note.warn")
        assert "We don't know yet if the same order went through" in await question.inner_text()
        await question.get_by_role("button", name="Cancel").click()
        await visit.action("Send again")
        assert "you pay twice" in await visit.page.inner_text(".mc-asking")
        await visit.page.get_by_role("button", name="Cancel").click()
        await visit.action("I have its task id")
        await visit.page.fill("#mc-attach", stub.orders[0].task_id)
        await visit.page.get_by_role("button", name="Attach").click()
        assert await visit.reaches("done") == "done"
        assert stub.paid == 1


async def test_stop_says_that_it_only_looks_away_and_follow_again_takes_it_up(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        await _start(visit, material)
        await visit.reaches("running")
        await visit.action("Stop following")
        assert "can't cancel orders" in await visit.page.inner_text(".mc-asking")
        await visit.page.locator(".mc-asking").get_by_role("button", name="Stop following").click()
        assert await visit.reaches("stopped")
        release(stub)
        await visit.action("Follow again")
        assert await visit.reaches("done")
        assert stub.paid == 1


async def test_stopping_in_the_sandbox_or_before_the_order_speaks_of_no_charge(
    sandbox_visit: Visits, live_visit: Visits, stub: Stub, material: Material, tmp_path: Path
) -> None:
    async with sandbox_visit() as visit:
        await _start(visit, material)
        await visit.reaches("running")
        await visit.action("Stop following")
        assert "The sandbox still makes the video" in await visit.page.inner_text(".mc-asking")
        await visit.page.locator(".mc-asking").get_by_role("button", name="Stop following").click()
        await visit.reaches("stopped")
        words = await visit.card.inner_text()
        assert "Nothing was charged." in words and "This was charged" not in words
        await visit.action("Follow again")
        await visit.ends()
    fresh = tmp_path / "fresh.png"  # not uploaded before, or the upload would be used again
    Image.new("RGB", (400, 500), "#5a3ea5").save(fresh)
    async with live_visit() as visit:
        await visit.choose(fresh, material.video_4s)
        with stub.closed("files"):
            await visit.generate()
            await visit.reaches("hosting")
            await visit.action("Stop following")
            assert "won't be placed" in await visit.page.inner_text(".mc-asking")
            await visit.page.locator(".mc-asking").get_by_role("button", name="Stop following").click()
            await visit.reaches("stopped")
        assert stub.paid == 0


async def test_waiting_in_line_shows_the_place(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        for number in range(4):  # three at once are worked on
            await visit.page.fill("#mc-prompt", f"Number {number}")
            await visit.generate()
        await visit.page.get_by_text("Number 1 in line").wait_for()
        release(stub)
        assert await visit.ends() == "done"


async def test_progress_is_honest(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit() as told, live_visit() as untold:
        stub.timeline = Timeline(seconds=6.0, progress="missing")
        await _start(untold, material)
        await untold.reaches("running")  # ordered: what follows is the other one's timeline
        stub.timeline = Timeline(seconds=6.0)
        await _start(told, material)
        numbers, none = await asyncio.gather(_percents(told), _percents(untold))
    assert numbers
    assert max(numbers) < 100
    assert numbers == sorted(numbers)
    assert none == []  # a bar that moves without a number, rather than a number that nobody knows


async def _percents(visit: Visit) -> list[int]:
    await visit.reaches("running")
    bar = visit.card.get_by_role("progressbar", include_hidden=True)
    seen = []
    while await visit.card.get_attribute("data-state") == "running":
        seen.append(await bar.get_attribute("aria-valuenow"))
        await asyncio.sleep(0.25)
    assert await visit.ends() == "done"
    return [int(value) for value in seen[:-1] if value is not None]


async def test_the_live_region_speaks_stages_and_not_every_percent(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = Timeline(seconds=3.0)
    async with live_visit() as visit:
        await visit.page.evaluate(
            """() => { window.said = [];
                const region = document.querySelector('#mc-card [role=status]');
                const note = () => window.said.push(region.textContent);
                new MutationObserver(note).observe(region, { childList: true }) }"""
        )
        await _start(visit, material)
        assert await visit.ends() == "done"
        said = await visit.page.evaluate("window.said")
        assert said[-1] == "Your video is ready."
        assert 2 <= len(said) <= 6


async def test_the_task_id_and_the_link_can_be_copied(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit(permissions=["clipboard-read", "clipboard-write"]) as visit:
        job_id = await _start(visit, material)
        assert await visit.ends() == "done"
        await visit.card.locator("summary").click()
        await visit.card.get_by_role("button", name="Copy the task id").click()
        assert await visit.page.evaluate("navigator.clipboard.readText()") == stub.orders[0].task_id
        await visit.action("Copy link")
        assert await visit.page.evaluate("navigator.clipboard.readText()") == f"{visit.url}?job={job_id}"


async def test_a_read_that_fails_never_fails_the_job(live_visit: Visits, stub: Stub, material: Material) -> None:
    stub.fail("task", answer(503), answer(500))
    async with live_visit() as visit:
        await _start(visit, material)
        assert await visit.ends() == "done"
        assert stub.paid == 1
