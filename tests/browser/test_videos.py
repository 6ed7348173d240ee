"""My videos, Look up and As code."""

import asyncio
import json
import sqlite3
import time
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from PIL import Image

from evolink_ui.crypto import VERSION
from evolink_ui.evolink import EvoLink, ModelParams, MotionControlRequest
from tests.browser.app_process import AppProcess
from tests.browser.conftest import HELD, OWNER_KEY, Visits, release
from tests.browser.material import Material
from tests.browser.visit import Visit, plays
from tests.stub import Stub, Timeline

MANY = 500


async def _made(visit: Visit, material: Material, prompt: str) -> str:
    await visit.choose(material.picture, material.video_4s)
    await visit.page.fill("#mc-prompt", prompt)
    job_id = await visit.generate()
    await visit.ends()
    return job_id


async def test_my_videos_starts_empty_and_shows_what_was_made_newest_first(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.tab("My videos")
        await visit.page.get_by_role("heading", name="No videos yet").wait_for()
        await visit.page.get_by_role("button", name="Make the first one").click()
        first = await _made(visit, material, "An old one")
        stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "service_error", "message": "Sorry."})
        second = await _made(visit, material, "A failed one")
        await visit.tab("My videos")
        tiles = visit.page.locator(".mc-tile[data-job]")
        await tiles.nth(1).wait_for()
        assert [await tiles.nth(n).get_attribute("data-job") for n in range(2)] == [second, first]
        assert "Ready" in await tiles.nth(1).inner_text()
        assert "Failed" in await tiles.nth(0).inner_text()
        assert "32.7 credits" in await tiles.nth(1).inner_text()
        assert "credits" not in await tiles.nth(0).inner_text()  # EvoLink refunds what failed

        await visit.page.get_by_role("button", name="Failed", exact=True).click()
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length === 1")
        assert await tiles.nth(0).get_attribute("data-job") == second
        await visit.page.get_by_role("button", name="All", exact=True).click()
        await tiles.nth(1).wait_for()
        await visit.page.fill("#mc-search", "OLD")
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length === 1")
        assert await tiles.nth(0).get_attribute("data-job") == first

        await visit.tab("Create")
        for kind in ("image", "video"):
            await visit.zone(kind).get_by_role("button", name="Remove").click()
        await visit.tab("My videos")
        await visit.page.get_by_role("button", name="Use again: An old one").click()
        await visit.page.wait_for_function("document.querySelector('#mc-prompt').value === 'An old one'")
        await visit.can_go()  # files included

        await visit.tab("My videos")
        await visit.page.get_by_role("button", name="Delete: An old one").click()
        await visit.page.locator(".mc-tools").get_by_role("button", name="Delete", exact=True).click()
        await visit.page.get_by_role("heading", name="No matches").wait_for()


async def test_a_running_video_is_live_in_the_grid_and_opens_its_card(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        job_id = await visit.generate()
        await visit.reaches("running")
        await visit.tab("My videos")
        await visit.page.locator(f'.mc-tile[data-job="{job_id}"] .mc-state.working').wait_for()
        release(stub)
        await visit.page.locator(f'.mc-tile[data-job="{job_id}"] .mc-state.done').wait_for()
        await visit.page.locator(f'.mc-tile[data-job="{job_id}"] .mc-open').click()
        await visit.page.locator(".mc-screen video").wait_for()


async def test_five_hundred_videos_are_usable_in_a_second_and_a_half(
    live_visit: Visits, live_app: AppProcess, stub: Stub
) -> None:
    async with live_visit() as visit:
        cookies = await visit.context.cookies()
        value = next(cookie["value"] for cookie in cookies if cookie["name"] == "evolink_visitor")
        data = value.removeprefix(VERSION).split(".")[0]
        visitor = urlsafe_b64decode(data + "=" * (-len(data) % 4)).decode().partition(":")[2]
        await asyncio.to_thread(_write_many, live_app.data_dir, visitor, MANY)
        before = time.perf_counter()
        await visit.tab("My videos")
        await visit.page.locator(".mc-tile[data-job]").first.wait_for()
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length >= 24")
        assert time.perf_counter() - before < 1.5
        before = time.perf_counter()
        await visit.page.fill("#mc-search", f"number {MANY - 1}.")
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length === 1")
        assert time.perf_counter() - before < 1.5
        await visit.page.fill("#mc-search", "")
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length >= 24")
        await visit.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        await visit.page.wait_for_function("document.querySelectorAll('.mc-tile[data-job]').length >= 48")


def _write_many(data_dir: Path, visitor: str, count: int) -> None:
    request = {"quality": "720p", "character_orientation": "image", "keep_sound": True, "watermark": False}
    now = time.time()
    rows = [
        (
            *(f"many{index}", visitor, "failed", "live", json.dumps({**request, "prompt": f"number {index}."})),
            *(f"key-many-{index:08}", 1, now - 9000 + index, now, False, 4.0, 0, 0, 32.6, visitor),
        )
        for index in range(count)
    ]
    names = (
        "id, visitor, state, mode, request, idempotency_key, run, created_at, updated_at, own_key, video_seconds,"
        " uploaded_bytes, total_bytes, credits_estimated, household"
    )
    for index in range(count):
        folder = data_dir / "jobs" / f"many{index}"
        folder.mkdir(parents=True)
        Image.new("RGB", (120, 160), (index % 256, 120, 140)).save(folder / "poster.jpg")
    with sqlite3.connect(data_dir / "evolink_ui.sqlite", timeout=30) as connection:
        connection.executemany(f"insert into jobs ({names}) values ({','.join('?' * 15)})", rows)  # noqa: S608  constants
    connection.close()


async def test_a_task_is_looked_up_by_its_id_and_explained(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit() as visit:
        await _made(visit, material, "")
        await visit.tab("Look up")
        await visit.page.fill("#mc-task", stub.orders[0].task_id)
        await visit.page.keyboard.press("Enter")
        card = visit.page.locator(".mc-lookup .mc-card")
        await card.wait_for()
        assert "Completed" in await card.inner_text()
        href = await card.get_by_role("link", name="Open the video").get_attribute("href")
        assert (href or "").startswith(stub.results_url)
        stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "image_dimension_mismatch"})
        await visit.tab("Create")
        await _made(visit, material, "Another")
        await visit.tab("Look up")
        await visit.page.fill("#mc-task", stub.orders[1].task_id)
        await visit.page.keyboard.press("Enter")
        await card.get_by_text("Failed", exact=True).wait_for()
        assert "Nothing was charged" in await card.inner_text()
        await visit.page.fill("#mc-task", "task-unified-0-none")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("EvoLink knows no such task of this key").wait_for()


async def test_a_task_from_elsewhere_is_shown_here_and_taken_into_my_videos(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.result_bytes = material.video_4s.read_bytes()
    stub.timeline = HELD
    order = MotionControlRequest(
        image_urls=["https://example.org/a.png"],
        video_urls=["https://example.org/b.mp4"],
        model_params=ModelParams(character_orientation="image"),
    )
    async with EvoLink(OWNER_KEY, base_url=stub.base_url, files_url=stub.files_url) as evolink:
        task = await evolink.create(order)
    async with live_visit() as visit:
        await visit.tab("Look up")
        await visit.page.fill("#mc-task", task.id)
        await visit.page.keyboard.press("Enter")
        card = visit.page.locator(".mc-lookup .mc-card")
        await card.get_by_role("progressbar").wait_for()
        release(stub)
        await card.get_by_role("button", name="Show here").click()
        _, duration, _ = await plays(visit, ".mc-lookup video")
        assert duration == pytest.approx(4.0, abs=0.2)
        assert await visit.axe() == []
        await card.get_by_role("button", name="Add to My videos and follow").click()
        assert await visit.ends() == "done"
        await plays(visit)
        assert await visit.card.get_by_role("link", name="Download").is_visible()
        await visit.tab("My videos")
        await visit.page.locator(".mc-tile[data-job]").first.wait_for()
        assert stub.paid == 1


async def test_the_order_is_shown_as_code_with_the_key_as_a_placeholder(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await _made(visit, material, "A 'quoted' prompt")
        await visit.tab("As code")
        code = visit.page.locator(".mc-code")
        await visit.page.wait_for_function("document.querySelector('.mc-code').textContent.includes('curl')")
        assert "$EVOLINK_API_KEY" in await code.inner_text()
        await visit.page.get_by_role("button", name="Request (JSON)").click()
        body = json.loads(await code.inner_text())
        sent = {**stub.orders[0].body, "image_urls": body["image_urls"], "video_urls": body["video_urls"]}
        assert body == sent
        for name, words in (("Python", "EvoLink("), ("This app's API", "handle_file"), ("Task (JSON)", '"status"')):
            await visit.page.get_by_role("button", name=name).click()
            await visit.page.wait_for_function(
                "words => document.querySelector('.mc-code').textContent.includes(words)", arg=words
            )
            assert "sk-owner" not in await code.inner_text()
