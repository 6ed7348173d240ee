"""What can't be ordered is refused at its field, before a byte is sent, with the next step; nothing typed is lost."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import TimeoutError as Late

from tests.browser.conftest import Visits
from tests.browser.material import Material
from tests.browser.visit import Visit, shorter
from tests.media import studio
from tests.stub import Stub

BeforeSending = list[tuple[str, Callable[[Material], Path], str]]
OBVIOUS: BeforeSending = [
    ("image", lambda material: material.wrong_type, "not a JPG or PNG"),
    ("image", lambda material: material.small_picture, "200 x 260"),
    ("video", lambda material: material.picture, "not an MP4 or MOV"),
    ("video", lambda material: material.empty, "empty"),
    ("video", lambda material: material.video_2s, "at least 3 s"),
    ("video", lambda material: material.video_31s, "at most 30 s"),
    ("video", lambda material: material.huge, "at most 100"),
]


async def test_an_obviously_bad_file_is_refused_at_its_field_before_a_byte_is_sent(
    live_visit: Visits, material: Material
) -> None:
    async with live_visit() as visit:
        for kind, path_of, words in OBVIOUS:
            await visit.page.set_input_files(f"#mc-{kind}-input", path_of(material))
            await visit.judged(kind)
            assert words in await visit.problem(kind), path_of(material).name
            assert await visit.page.get_attribute(f"#mc-{kind}-input", "aria-invalid") == "true"
            assert not await visit.may_go()
        assert shorter(visit.requests, "/upload") == []


async def test_what_only_the_server_can_tell_is_said_at_the_same_field(live_visit: Visits, material: Material) -> None:
    async with live_visit() as visit:
        await visit.choose(material.text_as_picture, material.cut_off_video)
        assert "not a picture" in await visit.problem("image")
        assert len(await visit.problem("video")) > 20
        assert not await visit.may_go()


async def test_facing_as_in_the_picture_refuses_more_than_ten_seconds_and_one_click_mends_it(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_12s)
        assert "at most 10 s" in await visit.problem("video")
        assert not await visit.may_go()
        await visit.zone("video").get_by_role("button", name="Face as in the video").click()
        assert await visit.zone("video").locator(".mc-note.bad").count() == 0
        assert "98.0 credits (about $1.45)" in await visit.go.inner_text()
        await visit.generate()
        assert await visit.ends() == "done"
        assert stub.orders[0].body["model_params"]["character_orientation"] == "video"


async def test_a_video_that_is_too_long_is_cut_in_one_click_and_the_original_can_be_taken_back(
    live_visit: Visits, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_12s)
        zone = visit.zone("video")
        await zone.get_by_role("button", name="Keep these 10.0 s").click()
        await zone.get_by_text("Fixed:").wait_for()
        assert "12.0 s" in await zone.locator(".mc-note.good").inner_text()  # what it was, beside what it is
        assert "10.0 s" in await zone.locator(".mc-facts").inner_text()
        await visit.can_go()
        await zone.get_by_role("button", name="Use the original").click()
        await zone.get_by_text("at most 10 s are accepted").wait_for()


async def test_the_part_to_keep_is_chosen_with_two_handles_by_keyboard(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_31s)
        zone = visit.zone("video")
        assert "at most 30 s" in await visit.problem("video")
        assert shorter(visit.requests, "/upload") == [visit.url + "gradio_api/upload"]  # the picture's
        start, end = (zone.get_by_role("slider", name=f"{name} of the part") for name in ("Start", "End"))
        for handle in (start, end):
            box = await handle.bounding_box()
            assert box is not None
            assert box["height"] >= 44
        assert await visit.axe() == []
        await end.focus()
        await visit.page.keyboard.press("End")
        assert await end.get_attribute("aria-valuetext") == "33.0 s"
        assert await start.get_attribute("aria-valuetext") == "23.0 s"  # never longer than what is accepted
        await start.focus()
        for _ in range(10):
            await visit.page.keyboard.press("ArrowRight")
        assert await start.get_attribute("aria-valuetext") == "24.0 s"
        assert "From 24.0 s to 33.0 s, of 33.0 s" in await zone.inner_text()
        await visit.page.wait_for_function(
            "Math.abs(document.querySelector('.mc-zone[data-kind=video] video').currentTime - 24) < 0.2"
        )
        await zone.get_by_role("button", name="Keep these 9.0 s").press("Enter")
        fixed = zone.locator(".mc-note.good")
        await fixed.get_by_text("from 24 s to 33 s").wait_for()
        assert "9.0 s" in await zone.locator(".mc-facts").inner_text()
        await zone.get_by_role("button", name="Trim").click()  # and once more, just because
        await zone.get_by_role("slider", name="End of the part").press("Home")
        await zone.get_by_role("button", name="Keep these 3.0 s").click()
        await fixed.get_by_text("from 0 s to 3 s").wait_for()
        await visit.generate()
        assert await visit.ends() == "done"
        assert stub.paid == 1


async def test_a_picture_of_another_format_is_fixed_in_one_click(
    live_visit: Visits, material: Material, tmp_path: Path
) -> None:
    webp = tmp_path / "character.webp"
    Image.new("RGB", (240, 300), "#3a6ea5").save(webp)
    async with live_visit() as visit:
        await visit.page.set_input_files("#mc-image-input", webp)
        assert "not a JPG or PNG" in await visit.problem("image")
        assert shorter(visit.requests, "/upload") == []
        await visit.zone("image").get_by_role("button", name="Fix it").click()
        await visit.zone("image").get_by_text("Fixed:").wait_for()
        assert await visit.zone("image").locator(".mc-note.bad").count() == 0


async def test_what_is_only_advised_against_is_mended_in_one_click_too(
    live_visit: Visits, material: Material, tmp_path: Path
) -> None:
    printed = tmp_path / "printed.jpg"
    Image.new("CMYK", (320, 400), (90, 40, 0, 20)).save(printed)
    async with live_visit() as visit:
        await visit.choose(printed)
        zone = visit.zone("image")
        await zone.locator(".mc-note.warn").get_by_role("button", name="Fix it").click()
        await zone.get_by_text("Fixed:").wait_for()
        assert await zone.locator(".mc-note.warn").count() == 0
        await zone.get_by_role("button", name="Use the original").click()
        await zone.locator(".mc-note.warn").wait_for()


async def test_a_video_that_simple_programs_read_otherwise_is_warned_about_before_anything_is_paid(
    live_visit: Visits, stub: Stub, material: Material, tmp_path: Path
) -> None:
    uneven = studio.film(tmp_path / "uneven.mp4", sound_seconds=8.0)
    async with live_visit() as visit:
        await visit.choose(material.picture, uneven)
        warning = visit.zone("video").locator(".mc-note.warn").filter(has_text="Simple programs read this video")
        for _ in range(5):  # the first reading may be late while MoviePy is being loaded
            try:
                await warning.wait_for(timeout=5000)
                break
            except Late:
                await visit.reload()
                await visit.judged("video")
        assert "long instead of 3.2 s" in await warning.inner_text()
        assert await visit.go.get_attribute("aria-disabled") == "false"


async def test_a_prompt_over_2500_characters_and_a_misplaced_element_say_so_at_their_fields(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.page.fill("#mc-prompt", "x" * 2501)
        assert "2,501 of 2,500" in await visit.page.inner_text("#mc-prompt-count")
        assert "1 characters too long" in await visit.page.inner_text("#mc-why")
        await visit.page.fill("#mc-prompt", "y" * 2500)
        assert await visit.may_go()
        await visit.page.get_by_text("More options").click()
        await visit.page.fill("#mc-element", "123456789")
        assert "facing as in the video" in await visit.page.inner_text("#mc-element-problem")
        assert not await visit.may_go()
        await visit.page.keyboard.press("Control+Enter")
        assert await visit.page.evaluate("document.activeElement.id") == "mc-element"
        assert stub.paid == 0
        await visit.page.get_by_text("As in the video", exact=True).click()
        await visit.generate()
        assert await visit.ends() == "done"
        assert stub.orders[0].body["model_params"]["element_list"] == [{"element_id": "123456789"}]


async def test_a_link_instead_of_a_file_is_fetched_and_ordered_with(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture)
        zone = visit.zone("video")
        await zone.get_by_text("Use a link instead").click()
        await visit.page.fill("#mc-video-link", "not a link")
        assert "not a link" in await visit.problem("video")
        await visit.page.fill("#mc-video-link", "https://nowhere.invalid/dance.mp4")
        assert "fetched and checked" in await zone.inner_text()
        await visit.go.click()
        await visit.page.locator(".mc-submit .mc-note.bad").wait_for()
        assert await visit.page.input_value("#mc-video-link") == "https://nowhere.invalid/dance.mp4"
        assert stub.paid == 0


async def _order(visit: Visit, material: Material) -> str:
    await visit.choose(material.picture, material.video_4s)
    await visit.page.fill("#mc-prompt", "Keep me")
    await visit.generate()
    return await visit.ends()


async def test_a_key_that_the_vendor_refuses_is_said_in_plain_words_and_the_form_keeps_its_content(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.keys = {"another key"}
    async with live_visit() as visit:
        assert await _order(visit, material) == "failed"
        words = await visit.card.inner_text()
        assert "key" in words
        assert "Nothing was charged" in words
        link = visit.card.get_by_role("link", name="evolink.ai/dashboard/keys")
        assert await link.get_attribute("href") == "https://evolink.ai/dashboard/keys"
        assert await visit.page.input_value("#mc-prompt") == "Keep me"
        assert await visit.may_go()
        stub.keys = None
        await visit.generate()
        assert await visit.ends() == "done"


async def test_too_few_credits_are_said_before_the_click_with_a_way_to_top_up(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.credits_left = 10.0
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.page.locator("#mc-why", has_text="Only 10 credits are left").wait_for()
        assert not await visit.may_go()
        assert "credits left" not in await visit.page.inner_text(".mc-below")  # said once
        assert await visit.page.get_by_role("link", name="Top up").get_attribute("href")
        await visit.go.hover()
        await asyncio.sleep(0.3)  # colours glide
        look = "getComputedStyle(document.querySelector('.mc-go'))"
        colours = await visit.page.evaluate(f"[{look}.color, {look}.backgroundColor]")
        await visit.page.mouse.move(0, 0)
        await asyncio.sleep(0.3)
        assert colours == await visit.page.evaluate(f"[{look}.color, {look}.backgroundColor]")  # still readable


async def test_a_vendor_that_cannot_be_reached_for_a_while_is_waited_for(
    live_visit: Visits, stub: Stub, material: Material, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh.png"  # not uploaded before, or the upload would be used again
    Image.new("RGB", (400, 500), "#3a6ea5").save(fresh)
    async with live_visit() as visit:
        await visit.choose(fresh, material.video_4s)
        with stub.closed("files"):
            await visit.generate()
            await visit.reaches("hosting")
            await asyncio.sleep(1.0)
            assert await visit.card.get_attribute("data-state") == "hosting"
        assert await visit.ends() == "done"
        with stub.closed("api"):  # both files are there already
            await visit.page.fill("#mc-prompt", "Another one")
            await visit.generate()
            await visit.card.get_by_text("EvoLink could not be reached. Nothing was ordered").wait_for()
            assert "Uploaded. Placing the order" in await visit.card.inner_text()
        assert await visit.ends() == "done"
        assert stub.paid == 2


async def test_a_file_can_be_replaced_and_removed(live_visit: Visits, material: Material) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.choose(image=material.other_picture)
        assert "480 \u00d7 480" in await visit.zone("image").inner_text()
        await visit.zone("image").get_by_role("button", name="Remove").click()
        assert "Add a picture" in await visit.page.inner_text("#mc-why")
        assert await visit.page.evaluate("document.activeElement.id") == "mc-image-input"


GIVE = """async ([files, way, where]) => {
    const data = new DataTransfer();
    for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
    const more = { bubbles: true, cancelable: true };
    const event = way === 'drop' ? new DragEvent('drop', { dataTransfer: data, ...more })
        : new ClipboardEvent('paste', { clipboardData: data, ...more });
    document.querySelector(where).dispatchEvent(event);
    return event.defaultPrevented;
}"""
"""Files come in as a browser hands them over; true where it is kept from showing them itself."""


async def test_files_can_be_dropped_and_pasted(live_visit: Visits, material: Material) -> None:
    async with live_visit() as visit:
        data = list(material.picture.read_bytes())
        for way, where in (("drop", ".mc-zone[data-kind=image]"), ("paste", "body")):
            assert await visit.page.evaluate(GIVE, [[[f"{way}ed.png", data]], way, where])
            await visit.zone("image").get_by_text(f"{way}ed.png").wait_for()
            await visit.judged("image")
            assert "540 \u00d7 720" in await visit.zone("image").inner_text()


@pytest.mark.parametrize("where", [".mc-zone[data-kind=image]", ".mc-header", "#mc-card"])
async def test_both_files_dropped_at_once_anywhere_on_the_page_find_their_zones(
    live_visit: Visits, material: Material, where: str
) -> None:
    async with live_visit() as visit:
        files = [[path.name, list(path.read_bytes())] for path in (material.video_3s, material.picture)]
        assert await visit.page.evaluate(GIVE, [files, "drop", where])
        await visit.can_go()
        assert material.picture.name in await visit.zone("image").inner_text()
        assert material.video_3s.name in await visit.zone("video").inner_text()


async def test_a_file_dropped_on_another_tab_lands_in_the_form_and_nonsense_is_refused_where_it_fell(
    live_visit: Visits, material: Material
) -> None:
    async with live_visit() as visit:
        await visit.tab("Look up")
        files = [[material.picture.name, list(material.picture.read_bytes())]]
        assert await visit.page.evaluate(GIVE, [files, "drop", ".mc-lookup"])
        await visit.judged("image")
        assert material.picture.name in await visit.zone("image").inner_text()
        assert await visit.page.evaluate(GIVE, [[["notes.txt", [1]]], "drop", ".mc-zone[data-kind=video]"])
        assert "“notes.txt” is not an MP4 or MOV" in await visit.problem("video")
        assert not await visit.page.evaluate(GIVE, [[], "drop", "#mc-prompt"])  # text may be dragged into the prompt


async def test_a_link_that_was_typed_survives_a_reload(live_visit: Visits) -> None:
    async with live_visit() as visit:
        await visit.zone("video").get_by_text("Use a link instead").click()
        await visit.page.fill("#mc-video-link", "https://example.org/dance.mp4")
        await visit.reload()
        assert await visit.page.input_value("#mc-video-link") == "https://example.org/dance.mp4"
