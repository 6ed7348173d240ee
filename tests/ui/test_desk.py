"""What the page asks of the server: judged files, one order a press, nothing opened that was not uploaded."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from evolink_ui.jobs import Job, Jobs
from evolink_ui.ui.desk import receive
from evolink_ui.ui.text import ENGLISH
from tests.jobs.material import make_video
from tests.media import studio
from tests.stub import Stub, Timeline
from tests.ui.conftest import Desktop, request_of, upload_folder, uploaded

Ended = Callable[[str], Awaitable[Job]]


def form(image: Path, video: Path, **more: Any) -> dict[str, Any]:
    return {
        "prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": True,
        "watermark": False, "element_id": "", "image": uploaded(image), "video": uploaded(video), **more,
    }  # fmt: skip


async def test_a_judged_file_comes_with_facts_a_poster_and_prices(desktop: Desktop, image: Path, video: Path) -> None:
    picture = await desktop.ask("judge_image", uploaded(image))
    assert picture["report"]["ok"]
    assert picture["poster"].startswith("data:image/jpeg;base64,")
    motion = await desktop.ask("judge_video", {**uploaded(video), "character_orientation": "image"})
    assert motion["report"]["facts"]["duration_seconds"] == pytest.approx(4.0, abs=0.1)
    assert motion["prices"]["720p"] == {"credits": pytest.approx(32.6592), "usd": pytest.approx(0.4803)}


async def test_a_video_that_only_the_orientation_forbids_is_let_through_with_its_facts(
    desktop: Desktop, tmp_path: Path
) -> None:
    long = make_video(tmp_path / "long.mp4", seconds=12, sound=False)
    answer = await desktop.ask("judge_video", {**uploaded(long), "character_orientation": "image"})
    assert answer["report"]["ok"]
    assert answer["report"]["problems"] == []
    short = make_video(tmp_path / "short.mp4", seconds=2, sound=False)
    answer = await desktop.ask("judge_video", {**uploaded(short), "character_orientation": "image"})
    assert not answer["report"]["ok"]


async def test_an_order_becomes_a_job_of_its_visitor(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    view = (await desktop.ask("order", form(image, video, attempt="a")))["job"]
    assert view["state"] == "queued"
    assert (await ended(view["id"])).visitor == "v_anna"
    assert stub.paid == 1


async def test_the_same_press_twice_is_one_order_and_another_press_is_another(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    answers = await asyncio.gather(*(desktop.ask("order", form(image, video, attempt="same")) for _ in range(2)))
    first, second = (answer["job"] for answer in answers)
    assert first["id"] == second["id"]
    third = (await desktop.ask("order", form(image, video, attempt="other", again=True)))["job"]
    stranger = (await desktop.ask("order", form(image, video, attempt="same"), "v_ben"))["job"]
    assert len({first["id"], third["id"], stranger["id"]}) == 3
    for view in (first, third, stranger):
        await ended(view["id"])
    assert stub.paid == 3


async def test_an_order_is_refused_where_another_key_would_pay_than_the_page_said(
    desktop: Desktop, stub: Stub, image: Path, video: Path
) -> None:
    for said, key in ((False, "sk-anna-key"), (True, "")):
        refused = await desktop.ask("order", form(image, video, own_key=said), key=key)
        assert refused["error"]["code"] == "key_changed"
    assert stub.paid == 0
    assert await desktop.ask("videos", {}) == {"jobs": [], "more": False}


async def test_a_press_that_failed_can_be_repeated(desktop: Desktop, ended: Ended, image: Path, video: Path) -> None:
    bad = await desktop.ask("order", form(image, video, attempt="a", prompt="x" * 2501))
    assert (bad["error"]["code"], bad["error"]["field"]) == ("prompt_too_long", "prompt")
    good = await desktop.ask("order", form(image, video, attempt="a"))
    await ended(good["job"]["id"])


async def test_the_same_order_is_asked_about_while_it_runs_also_from_two_tabs_at_once(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    stub.timeline = Timeline(seconds=60.0)
    answers = await asyncio.gather(*(desktop.ask("order", form(image, video, attempt=tab)) for tab in "ab"))
    (view,) = (answer["job"] for answer in answers if "job" in answer)
    (error,) = (answer["error"] for answer in answers if "error" in answer)
    assert (error["code"], error["job_id"], error["is_running"]) == ("same_order_running", view["id"], True)
    assert error["credits"] == pytest.approx(32.6592)
    assert stub.paid <= 1
    again = (await desktop.ask("order", form(image, video, attempt="c", again=True)))["job"]
    assert again["id"] != view["id"]
    other = (await desktop.ask("order", form(image, video, prompt="Another dance")))["job"]
    stranger = (await desktop.ask("order", form(image, video), "v_ben"))["job"]
    for job in (view, again, other, stranger):
        assert "error" not in await desktop.ask("videos", {})
        for order in stub.orders:
            order.timeline = Timeline(seconds=0.0)
        await desktop.functions["stop"](job["id"], request_of("v_ben" if job is stranger else "v_anna"))


async def test_a_program_finds_its_order_by_its_own_reference_and_never_pays_twice(
    desktop: Desktop, stub: Stub, jobs: Jobs, ended: Ended, image: Path, video: Path
) -> None:
    start = desktop.functions["start"]
    files: dict[str, Any] = {"image": uploaded(image), "video": uploaded(video)}
    anna = request_of("v_anna")
    first, second = await asyncio.gather(*(start(anna, **files, client_reference="shop-1") for _ in range(2)))
    assert first["id"] == second["id"]
    await ended(first["id"])
    assert (await start(anna, **files, client_reference="shop-1"))["state"] == "done"
    with pytest.raises(gr.Error, match="other files or options"):
        await start(anna, **files, client_reference="shop-1", quality="1080p")
    for wrong in ("a b", "x" * 129, "press:1", 7, None):
        with pytest.raises(gr.Error, match="client_reference"):
            await start(anna, **files, client_reference=wrong)
    bens = await start(request_of("v_ben"), **files, client_reference="shop-1")
    keyed = [await start(request_of("guest_1", key), **files, client_reference="shop-1") for key in ("sk-a1", "sk-b2")]
    assert len({first["id"], bens["id"], *(job["id"] for job in keyed)}) == 4
    for job in (bens, *keyed):
        await ended(job["id"])
    await jobs.delete(first["id"])
    with pytest.raises(gr.Error, match="deleted here"):
        await start(anna, **files, client_reference="shop-1")
    assert stub.paid == 4


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../etc/passwd", "", "/proc/self/environ", "http://127.0.0.1/x.png", "\0", None, 7]
)
async def test_nothing_is_opened_that_was_not_uploaded(desktop: Desktop, image: Path, video: Path, path: Any) -> None:
    for name in ("judge_image", "judge_video"):
        assert "error" in await desktop.ask(name, {"path": path, "orig_name": "x.png"})
    refused = await desktop.ask("order", {**form(image, video), "image": {"path": path}})
    assert "error" in refused


@pytest.mark.parametrize("value", [None, [], "text", 3, {"image": []}, {"form": 1, "job_id": {}}])
async def test_nonsense_from_a_browser_is_answered_and_never_an_exception(desktop: Desktop, value: Any) -> None:
    for name in desktop.functions:
        if name.startswith("page_") and not name.startswith("page_example"):
            assert isinstance(await desktop.ask(name.removeprefix("page_"), value), dict)


async def test_the_balance_is_the_vendors_and_none_where_it_does_not_say(desktop: Desktop, stub: Stub) -> None:
    stub.credits_left = 12.5
    assert await desktop.ask("balance", {}, owner=True) == {"remaining": 12.5}
    stub.keys = {"another"}
    assert await desktop.ask("balance", {}, owner=True) == {"remaining": None}


async def test_examples_are_picked_by_small_pictures_and_received_as_uploads_that_are_kept_once(
    desktop: Desktop,
) -> None:
    pairs = (await desktop.ask("examples", {}))["pairs"]
    assert len(pairs) == 3
    assert all(pair["picture"].startswith("data:image/jpeg") and len(pair["picture"]) < 12_000 for pair in pairs)
    assert all(f"example.{pair['name']}" in ENGLISH for pair in pairs)
    files = [await desktop.ask("example", {"name": pair["name"]}) for pair in pairs]
    assert len({file["image"]["path"] for file in files}) == 3
    assert await desktop.ask("example", {}) == files[0]
    for file in files[0].values():
        assert (upload_folder() / file["path"]).is_file() and not Path(file["path"]).is_absolute()
    judged = await desktop.ask("judge_video", {"path": files[0]["video"]["path"]})
    assert judged["report"]["ok"]
    assert judged["report"]["warnings"] == []


def test_receiving_the_same_bytes_twice_keeps_one_file(image: Path) -> None:
    assert receive(image) == receive(image)
    assert len(list(upload_folder().iterdir())) == 1


async def test_what_a_second_reader_reads_otherwise_is_a_warning_that_comes_after_the_verdict(
    desktop: Desktop, video: Path, tmp_path: Path
) -> None:
    uneven = studio.film(tmp_path / "uneven.mp4", sound_seconds=8.0)
    for path, codes in ((video, []), (uneven, ["readers_differ"])):
        file = {**uploaded(path), "character_orientation": "image"}
        assert (await desktop.ask("judge_video", file))["report"]["ok"]
        for _ in range(10):  # the first reading is late while MoviePy is being loaded
            answer = await desktop.ask("read_video_again", file)
            if [warning["code"] for warning in answer["warnings"]] == codes:
                break
        assert [warning["code"] for warning in answer["warnings"]] == codes
