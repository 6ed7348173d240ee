"""My videos, Look up, As code and the end points for programs."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from evolink_ui.evolink import EvoLink, MotionControlRequest, Task
from evolink_ui.jobs import Jobs
from evolink_ui.jobs.job import State
from evolink_ui.order import MotionOrder
from evolink_ui.settings import Settings
from evolink_ui.ui.desk import Wrong
from evolink_ui.ui.lookup import bring, shown
from evolink_ui.ui.page import build_page, page_options
from evolink_ui.ui.snippets import as_curl, as_gradio_client, as_python, request_body
from tests.loopback import python_path
from tests.stub import Stub, Timeline
from tests.ui.conftest import Desktop, request_of, uploaded
from tests.ui.test_desk import Ended, form

FULL = MotionOrder(
    prompt="It's a 'quoted' \"dance\"\nwith lines",
    quality="1080p",
    character_orientation="video",
    keep_sound=False,
    watermark=True,
    element_id="123",
    image_url="https://example.org/a.png",
    video_url="https://example.org/b.mp4",
)


async def test_my_videos_are_a_visitors_own_in_pages_newest_first(
    desktop: Desktop, ended: Ended, image: Path, video: Path
) -> None:
    ids = []
    for number in range(3):
        view = (await desktop.ask("order", form(image, video, prompt=f"Number {number}")))["job"]
        ids.append(view["id"])
        await ended(view["id"])
    first = await desktop.ask("videos", {"limit": 2})
    rest = await desktop.ask("videos", {"limit": 2, "offset": 2})
    assert [view["id"] for view in first["jobs"] + rest["jobs"]] == ids[::-1]
    assert (first["more"], rest["more"]) == (True, False)
    found = await desktop.ask("videos", {"search": "number 1", "state": "done"})
    assert [view["id"] for view in found["jobs"]] == [ids[1]]
    assert (await desktop.ask("videos", {"state": "failed"}))["jobs"] == []
    assert (await desktop.ask("videos", {}, "v_ben"))["jobs"] == []


async def test_a_job_is_used_again_with_its_form_and_files_by_its_owner_only(
    desktop: Desktop, jobs: Jobs, ended: Ended, image: Path, video: Path
) -> None:
    view = (await desktop.ask("order", form(image, video, quality="1080p")))["job"]
    await ended(view["id"])
    again = await desktop.ask("reuse", {"id": view["id"]})
    assert again["request"]["quality"] == "1080p"
    repeated = {"again": True, **again["request"], "image": again["image"], "video": again["video"]}
    await ended((await desktop.ask("order", repeated))["job"]["id"])
    assert (await desktop.ask("reuse", {"id": view["id"]}, "v_ben"))["error"]["code"] == "job_not_found"
    jobs.image_path(await jobs.get(view["id"])).unlink()
    assert (await desktop.ask("reuse", {"id": view["id"]}))["image"] is None


async def test_a_link_is_used_again_as_a_link(desktop: Desktop, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = SimpleNamespace(visitor="v_anna", request={"image_url": "https://example.org/a.png", "video_url": ""})

    async def find(_job_id: str) -> Any:
        return job

    monkeypatch.setattr(jobs, "find", find)
    monkeypatch.setattr(jobs, "image_path", lambda _job: Path("/nowhere/a.png"))
    monkeypatch.setattr(jobs, "reference_path", lambda _job: Path("/nowhere/b.mp4"))
    again = await desktop.ask("reuse", {"id": "x"})
    assert (again["image"], again["video"]) == ({"url": "https://example.org/a.png"}, None)


async def test_a_task_is_looked_up_and_its_end_explained(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "content_policy_violation"})
    await ended((await desktop.ask("order", form(image, video)))["job"]["id"])
    task = (await desktop.ask("lookup", {"task_id": stub.orders[0].task_id}, owner=True))["task"]
    assert task["status"] == "failed"
    assert task["error"]["charged"] == "no"
    assert task["error"]["next_step"]
    assert "error" in await desktop.ask("lookup", {"task_id": "task-unified-1-none"}, owner=True)


async def test_a_task_that_was_ordered_elsewhere_is_taken_over_by_whoever_looked_it_up(
    desktop: Desktop, jobs: Jobs, stub: Stub, ended: Ended, clip: bytes
) -> None:
    stub.timeline = Timeline(seconds=0.0)
    async with EvoLink("sk-owner-key", base_url=stub.base_url, files_url=stub.files_url) as evolink:
        task = await evolink.create(MotionControlRequest(**request_body(FULL)))
    assert (await desktop.ask("lookup", {"task_id": task.id}, owner=True))["task"]["adoptable"]
    view = (await desktop.ask("adopt", {"task_id": task.id}, owner=True))["job"]
    assert (view["task_id"], view["poster_url"]) == (task.id, None)
    assert (await ended(view["id"])).state is State.DONE
    assert [found["id"] for found in (await desktop.ask("videos", {}))["jobs"]] == [view["id"]]
    assert (await desktop.ask("adopt", {"task_id": task.id}, owner=True))["job"]["id"] == view["id"]
    assert stub.paid == 1


async def test_with_the_owners_key_tasks_and_the_balance_are_for_the_owner(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    await ended((await desktop.ask("order", form(image, video)))["job"]["id"])
    task_id = stub.orders[0].task_id
    seen = len(stub.seen)
    for name in ("lookup", "adopt", "result"):
        assert (await desktop.ask(name, {"task_id": task_id, "number": 0}))["error"]["code"] == "owner_only"
    with pytest.raises(gr.Error, match="for its owner"):
        await desktop.functions["task"](task_id, request_of("v_anna"))
    assert (await desktop.ask("balance", {})) == {"remaining": None}
    assert len(stub.seen) == seen, "nothing was read with the owner's key"
    assert (await desktop.ask("balance", {}, owner=True))["remaining"] > 0
    assert (await desktop.ask("balance", {}, key="sk-anna-key"))["remaining"] > 0


async def test_a_task_of_a_known_job_answers_its_visitor_alone_whoever_knows_the_id(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    await ended((await desktop.ask("order", form(image, video), key="sk-shared-key"))["job"]["id"])
    task_id = stub.orders[0].task_id
    strangers: list[dict[str, Any]] = [
        {"key": "sk-shared-key"},
        {"owner": True},
        {"owner": True, "key": "sk-shared-key"},
    ]
    for who in strangers:
        for name in ("lookup", "adopt", "result"):
            refused = await desktop.ask(name, {"task_id": f" {task_id} ", "number": 0}, "v_ben", **who)
            missing = await desktop.ask(name, {"task_id": "task-unified-1-none", "number": 0}, "v_ben", **who)
            assert refused["error"]["code"] == missing["error"]["code"] == "task_not_found", (name, who)
        with pytest.raises(gr.Error, match="no such task"):
            await desktop.functions["task"](task_id, request_of("v_ben", **who))
    assert (await desktop.ask("lookup", {"task_id": task_id}, key="sk-shared-key"))["task"]["status"] == "completed"


PNG, WAV, MP3 = b"\x89PNG\r\n\x1a\n" + bytes(20), b"RIFF\x24\0\0\0WAVEfmt ", b"ID3\x04" + bytes(20)


@pytest.mark.parametrize(
    ("content", "kind"), [(None, "video"), (PNG, "image"), (WAV, "audio"), (MP3, "audio"), (b"<svg onload=x>", None)]
)
async def test_a_result_is_shown_as_what_it_is_and_only_what_a_page_can_show(
    live: Settings, stub: Stub, content: bytes | None, kind: str | None
) -> None:
    stub.result_bytes = content
    url = f"{stub.results_url}/results/task-unified-1/0.mp4"
    if kind is None:
        with pytest.raises(Wrong, match="isn't a video, picture or sound"):
            await bring(url, allow_private=True)
        return
    answer = await bring(url, allow_private=True)
    assert answer["kind"] == kind
    assert answer["url"].startswith("gradio_api/file=")


async def test_only_results_that_a_task_of_the_key_names_are_fetched(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    await ended((await desktop.ask("order", form(image, video)))["job"]["id"])
    task_id = stub.orders[0].task_id
    assert (await desktop.ask("result", {"task_id": task_id, "number": 0}, owner=True))["kind"] == "video"
    for number in (1, -1, None, "0", stub.results_url):
        refused = await desktop.ask("result", {"task_id": task_id, "number": number}, owner=True)
        assert refused["error"]["code"] == "result_missing"


def test_results_are_links_to_hosts_only() -> None:
    task = Task.from_wire(
        {
            "id": "task-unified-1",
            "status": "completed",
            "progress": 100,
            "results": ["https://example.org/a.png", "javascript:alert(1)"],
            "result_data": [{"audio_url": "https://example.org/b.mp3"}, {"video_url": "https://example.org/a.png"}],
        }
    )
    assert shown(task)["results"] == ["https://example.org/a.png", "https://example.org/b.mp3"]
    assert not shown(task)["adoptable"]


def test_links_of_the_sandbox_lead_nowhere_and_are_not_offered() -> None:
    results = ["https://sandbox.evolink.invalid/results/a.mp4", "https://[broken"]
    task = Task.from_wire({"id": "task-unified-1", "status": "completed", "results": results})
    assert (shown(task)["results"], shown(task)["in_sandbox"]) == (["https://[broken"], True)


async def test_as_code_shows_the_request_and_the_newest_task_without_the_key(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    view = (await desktop.ask("order", form(image, video)))["job"]
    await ended(view["id"])
    ask = {"form": form(image, video), "job_id": view["id"], "origin": "http://127.0.0.1:7860/"}
    texts = await desktop.ask("code", ask)
    assert json.loads(texts["task"])["id"] == stub.orders[0].task_id
    assert json.loads(texts["request"])["prompt"] == "A dance"
    assert "sk-owner" not in json.dumps(texts)
    assert (await desktop.ask("code", ask, "v_ben"))["task"] is None
    stub.keys = {"another"}
    assert (await desktop.ask("code", ask))["task"] is None


def test_the_curl_snippet_sends_exactly_the_request() -> None:
    words = shlex.split(as_curl(FULL, "https://api.evolink.ai").replace("\\\n", " "), comments=True)
    assert json.loads(words[words.index("-d") + 1]) == request_body(FULL)
    assert request_body(FULL)["model_params"]["element_list"] == [{"element_id": "123"}]


@pytest.mark.parametrize("order_", [FULL, MotionOrder()], ids=["full", "plain"])
def test_the_python_snippet_makes_the_video_as_it_stands(stub: Stub, tmp_path: Path, order_: MotionOrder) -> None:
    stub.timeline = Timeline(seconds=0.0)
    hosts = f"base_url={stub.base_url!r}, files_url={stub.files_url!r}"
    text = as_python(order_).replace('os.environ["EVOLINK_API_KEY"])', f'os.environ["EVOLINK_API_KEY"], {hosts})')
    (tmp_path / "snippet.py").write_text(text)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "snippet.py")],
        cwd=tmp_path,
        env={"EVOLINK_API_KEY": "sk-x", "PYTHONPATH": python_path(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert stub.orders[0].body == request_body(order_)
    assert (tmp_path / "result.mp4").stat().st_size > 0


def test_the_gradio_client_snippet_is_python_and_names_every_field() -> None:
    for order_ in (FULL, MotionOrder()):
        text = as_gradio_client(order_, "http://127.0.0.1:7860/")
        compile(text, "snippet", "exec")
        assert text.count("=") > 10


# ---- for programs ----------------------------------------------------------------------------------------------


async def test_programs_can_check_start_look_and_stop(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    call = desktop.functions
    files: dict[str, Any] = {"image": uploaded(image), "video": uploaded(video)}
    assert (await call["check"](request_of("v_anna"), **files))["video"]["ok"]
    assert await call["check"](request_of("v_anna")) == {}
    stub.timeline = Timeline(seconds=60.0)
    job = await call["start"](request_of("v_anna"), **files)
    assert (await call["status"](job["id"], request_of("v_ben")))["actions"] == []
    with pytest.raises(gr.Error, match="somebody else"):
        await call["stop"](job["id"], request_of("v_ben"))
    assert (await call["stop"](job["id"], request_of("v_anna")))["state"] == "stopped"
    with pytest.raises(gr.Error, match="not possible"):
        await call["stop"](job["id"], request_of("v_anna"))


async def test_programs_are_refused_in_plain_words(desktop: Desktop, image: Path) -> None:
    call = desktop.functions
    with pytest.raises(gr.Error, match="Add a video"):
        await call["start"](request_of("v_anna"), image=uploaded(image))
    with pytest.raises(gr.Error, match="upload"):
        await call["check"](request_of("v_anna"), image={"path": "/etc/passwd"})
    with pytest.raises(gr.Error, match="upload"):
        await call["start"](request_of("v_anna"), image={"path": "/etc/passwd"})
    with pytest.raises(gr.Error, match="no such job"):
        await call["status"]("nothing", request_of("v_anna"))
    with pytest.raises(gr.Error):
        await call["task"]("nonsense", request_of("v_anna"))


async def test_programs_can_look_up_a_task(
    desktop: Desktop, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    await ended((await desktop.ask("order", form(image, video)))["job"]["id"])
    task = await desktop.functions["task"](stub.orders[0].task_id, request_of("v_anna", "sk-anna-key"))
    assert task["status"] == "completed"


# ---- the page ----------------------------------------------------------------------------------------------------


def test_only_the_five_end_points_are_public(desktop: Desktop) -> None:
    public = {f.api_name for f in desktop.page.fns.values() if f.api_visibility == "public"}
    assert public == {"check", "start", "status", "stop", "task"}


def test_the_page_names_no_other_host_in_what_it_loads(desktop: Desktop) -> None:
    options = page_options()
    assert "http" not in options["head"]
    assert "url(" not in options["head"]
    assert "@import" not in str(options["theme"].to_dict())
    assert options["theme"]._stylesheets == []


@pytest.mark.parametrize("installed", [True, False])
async def test_examples_are_offered_where_the_sandbox_that_draws_them_is_installed(
    live: Settings, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr("evolink_ui.extras.find_spec", lambda name: installed or name != "cv2" or None)
    components = build_page(live, jobs).get_config_file()["components"]
    (form_props,) = [part["props"]["props"] for part in components if part["props"].get("elem_id") == "mc-form"]
    assert form_props["examples"] is installed
