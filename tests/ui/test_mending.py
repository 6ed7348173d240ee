"""Fix it: what was refused becomes acceptable, for its visitor alone, and can be called off."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

from PIL import Image

from evolink_ui.jobs import Jobs
from evolink_ui.media import FixCancelled
from evolink_ui.ui import mending
from evolink_ui.ui.mending import Part, Workshop, known_part
from tests.jobs.material import make_video
from tests.ui.conftest import Desktop, uploaded

MINUTE = 60.0


async def _finished(desktop: Desktop, mending_id: str, visitor: str = "v_anna") -> dict[str, Any]:
    async with asyncio.timeout(MINUTE):
        while "progress" in (state := await desktop.ask("mending", {"id": mending_id}, visitor)):
            assert 0 <= state["progress"] <= 1
            await asyncio.sleep(0.05)
    return state


async def test_a_picture_of_another_format_becomes_one_that_is_accepted(desktop: Desktop, tmp_path: Path) -> None:
    Image.new("RGB", (200, 240), "#3a6ea5").save(tmp_path / "small.webp")
    started = await desktop.ask("mend", {**uploaded(tmp_path / "small.webp"), "kind": "image"})
    state = await _finished(desktop, started["id"])
    assert state["changes"]
    assert (state["before"]["width"], state["before"]["format"]) == (200, "webp")
    judged = await desktop.ask("judge_image", {"path": state["file"]["path"]})
    assert judged["report"]["ok"]
    assert judged["report"]["facts"]["width"] == state["after"]["width"] >= 300


async def test_a_video_is_cut_for_its_orientation(desktop: Desktop, tmp_path: Path) -> None:
    long = make_video(tmp_path / "long.mp4", seconds=11, sound=False)
    started = await desktop.ask("mend", {**uploaded(long), "kind": "video", "character_orientation": "image"})
    state = await _finished(desktop, started["id"])
    assert state["after"]["duration_seconds"] <= 10.02


async def test_the_part_that_was_chosen_is_kept(desktop: Desktop, tmp_path: Path) -> None:
    long = make_video(tmp_path / "long.mp4", seconds=11, sound=False)
    asked = {**uploaded(long), "kind": "video", "character_orientation": "image"}
    started = await desktop.ask("mend", {**asked, "start": 2, "end": 6.5})
    state = await _finished(desktop, started["id"])
    assert "from 2 s to 6.5 s" in state["changes"][0]
    assert abs(state["after"]["duration_seconds"] - 4.5) < 0.1
    started = await desktop.ask("mend", {**asked, "start": 9.5, "end": 11})
    assert (await _finished(desktop, started["id"]))["error"]["code"] == "fix_part_too_short"
    assert known_part({"start": "2", "end": float("nan")}) == known_part({"start": True}) == Part()


async def test_what_cannot_be_mended_says_why(desktop: Desktop, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("Shopping: bread, milk.")
    started = await desktop.ask("mend", {**uploaded(tmp_path / "notes.png"), "kind": "image"})
    error = (await _finished(desktop, started["id"]))["error"]
    assert error["message"]
    assert error["next_step"]


async def test_a_mending_can_be_called_off_and_belongs_to_its_visitor(desktop: Desktop, tmp_path: Path) -> None:
    long = make_video(tmp_path / "long.mp4", seconds=30, width=1280, height=960, sound=False)
    started = await desktop.ask("mend", {**uploaded(long), "kind": "video"})
    assert (await desktop.ask("mending", started, "v_ben"))["error"]["code"] == "mending_gone"
    assert "error" in await desktop.ask("mend_stop", started, "v_ben")
    assert await desktop.ask("mend_stop", started) == {"stopped": True}
    assert await _finished(desktop, started["id"]) == {"stopped": True}


async def test_old_mendings_are_forgotten(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(mending, "KEEP", 1)
    workshop = Workshop()
    Image.new("RGB", (400, 400)).save(tmp_path / "fine.png")
    first = await workshop.start("image", tmp_path / "fine.png", "image", "v")
    ended = workshop._known[first["id"]].task
    assert ended is not None
    await asyncio.wait_for(ended, MINUTE)
    second = await workshop.start("image", tmp_path / "fine.png", "image", "v")
    assert first["id"] not in workshop._known
    task = workshop._known[second["id"]].task
    assert task is not None
    await asyncio.wait_for(task, MINUTE)
    assert (await workshop.look(second["id"], "v"))["changes"] == []


async def test_a_fix_ends_with_the_app_instead_of_holding_it_up(tmp_path: Path, monkeypatch: Any) -> None:
    """At the app's end the event loop cancels what runs on it, and then waits for the threads."""
    begun, ended = threading.Event(), threading.Event()

    def until_cancelled(*_: Any, cancel: threading.Event, **__: Any) -> Any:
        begun.set()
        assert cancel.wait(MINUTE)
        ended.set()
        raise FixCancelled

    monkeypatch.setattr(mending, "fix_image", until_cancelled)
    workshop = Workshop()
    started = await workshop.start("image", tmp_path / "fine.png", "image", "v")
    task = workshop._known[started["id"]].task
    assert task is not None
    assert await asyncio.to_thread(begun.wait, MINUTE)
    task.cancel()
    assert await asyncio.to_thread(ended.wait, MINUTE)


async def test_eight_visitors_who_fix_at_once_and_one_who_calls_forty_times_hold_nobody_up(
    desktop: Desktop, jobs: Jobs, tmp_path: Path, monkeypatch: Any
) -> None:
    """A fix that takes for ever takes its own place alone: the ledger answers, files are checked."""
    gate, begun = threading.Event(), threading.Event()

    def for_ever(*_: Any, cancel: threading.Event, **__: Any) -> Any:
        begun.set()
        while not gate.wait(0.02):
            if cancel.is_set():
                raise FixCancelled
        raise FixCancelled

    monkeypatch.setattr(mending, "fix_image", for_ever)
    Image.new("RGB", (400, 400)).save(tmp_path / "fine.png")
    asked = {**uploaded(tmp_path / "fine.png"), "kind": "image"}
    try:
        started = [(f"v_{n}", await desktop.ask("mend", asked, f"v_{n}")) for n in range(8)]
        many = [await desktop.ask("mend", asked, "v_many") for _ in range(40)]
        accepted = [answer for answer in many if "id" in answer]
        refused = [answer["error"] for answer in many if "error" in answer]
        assert (len(accepted), len(refused)) == (4, 36)
        assert {error["code"] for error in refused} == {"busy"}
        assert re.fullmatch(r"Try again in \d+ s\.", refused[0]["next_step"])
        async with asyncio.timeout(MINUTE):
            await asyncio.to_thread(begun.wait)
        places = [(await desktop.ask("mending", answer, visitor))["place"] for visitor, answer in started]
        assert places == [None, 1, 2, 3, 4, 5, 6, 7]
        assert (await desktop.ask("mending", accepted[0], "v_many"))["place"] == 8
        async with asyncio.timeout(MINUTE):
            assert (await jobs.health())["ok"]
            assert (await desktop.ask("judge_image", asked, "v_other"))["report"]["ok"]
        assert await desktop.ask("mend_stop", started[1][1], "v_1") == {"stopped": True}
        await asyncio.sleep(0)
        assert (await desktop.ask("mending", started[2][1], "v_2"))["place"] == 1
        assert await desktop.ask("mending", started[1][1], "v_1") == {"stopped": True}
    finally:
        gate.set()
    for visitor, answer in (*started, *(("v_many", answer) for answer in accepted)):
        assert await _finished(desktop, answer["id"], visitor) == {"stopped": True}
