"""The same app for programs: what the page “Use via API” documents, run with gradio_client in both modes."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file  # type: ignore[import-untyped]  # ships no types
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]  # the same

from evolink_ui.evolink import MotionControlRequest
from evolink_ui.order import MotionOrder
from evolink_ui.ui.snippets import as_gradio_client
from tests.browser.app_process import AppProcess
from tests.browser.conftest import Visits
from tests.browser.material import Material
from tests.stub import Stub, Timeline

ENDED = ("done", "failed", "unknown", "stopped")


def _client(app: AppProcess, cookies: dict[str, str] | None = None) -> Client:
    return Client(app.url, verbose=False, analytics_enabled=False, httpx_kwargs={"cookies": cookies or {}})


def _reached(client: Client, job: dict[str, Any], states: tuple[str, ...]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while job["state"] not in states and time.monotonic() < deadline:
        time.sleep(0.5)
        job = client.predict(job["id"], api_name="/status")
    return job


def _ended(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    return _reached(client, job, ENDED)


async def test_start_and_status_make_a_video_in_the_sandbox(sandbox_app: AppProcess, material: Material) -> None:
    def walk() -> dict[str, Any]:
        client = _client(sandbox_app)
        job = client.predict(
            image=handle_file(material.picture), video=handle_file(material.video_3s), api_name="/start"
        )
        return _ended(client, job)

    job = await asyncio.to_thread(walk)
    assert job["state"] == "done"
    assert job["mode"] == "sandbox"
    assert job["result"]["seconds"] == pytest.approx(3.0, abs=0.2)


async def test_start_status_stop_and_task_at_the_vendor(
    live_app: AppProcess, owners_cookies: dict[str, str], stub: Stub, material: Material
) -> None:
    def walk() -> None:
        client = _client(live_app, owners_cookies)
        files = {"image": handle_file(material.picture), "video": handle_file(material.video_4s)}
        job = _ended(client, client.predict(**files, prompt="By a program", api_name="/start"))
        assert job["state"] == "done"
        task = client.predict(job["task_id"], api_name="/task")
        assert (task["id"], task["status"]) == (job["task_id"], "completed")
        stub.timeline = Timeline(seconds=30.0)
        job = _reached(client, client.predict(**files, api_name="/start"), ("running", *ENDED))
        assert client.predict(job["id"], api_name="/stop")["state"] == "stopped"

    await asyncio.to_thread(walk)


async def test_check_judges_both_files_and_refusals_name_the_next_step(
    live_app: AppProcess, owners_cookies: dict[str, str], stub: Stub, material: Material
) -> None:
    def walk() -> None:
        client = _client(live_app)
        answer = client.predict(
            image=handle_file(material.small_picture), video=handle_file(material.video_12s), api_name="/check"
        )
        assert [problem["code"] for problem in answer["image"]["problems"]] == ["image_too_small"]
        assert answer["video"]["fits"] == {"image": False, "video": True}
        with pytest.raises(AppError, match="Add a video"):
            client.predict(image=handle_file(material.picture), api_name="/start")
        with pytest.raises(
            AppError, match=r'must be "image" or "video"; you sent the text "sideways".*Choose image or video'
        ):
            client.predict(image=handle_file(material.picture), character_orientation="sideways", api_name="/check")
        with pytest.raises(AppError, match="own key are for its owner"):
            client.predict("task-unified-1-none", api_name="/task")
        with pytest.raises(AppError, match="knows no such task of this key") as unknown:
            _client(live_app, owners_cookies).predict("task-unified-1-none", api_name="/task")
        assert "Follow again" not in str(unknown.value)
        with pytest.raises(AppError, match="There is no such job"):
            client.predict("nothing", api_name="/status")

    await asyncio.to_thread(walk)
    assert stub.paid == 0


async def test_the_snippet_of_the_page_runs_as_it_stands(
    live_app: AppProcess, stub: Stub, material: Material, tmp_path: Path
) -> None:
    script = as_gradio_client(MotionOrder(prompt="As shown"), live_app.url)
    script = script.replace("character.png", str(material.picture)).replace("motion.mp4", str(material.video_4s))
    (tmp_path / "snippet.py").write_text(script)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "snippet.py"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert out.decode().splitlines()[-1].startswith("done"), err.decode()
    assert MotionControlRequest(**stub.orders[0].body).prompt == "As shown"


async def test_the_api_page_documents_exactly_the_five_end_points(sandbox_visit: Visits) -> None:
    # Gradio's page asks for its monitoring and its MCP server, doors that are closed here: two 404s that mean nothing.
    async with sandbox_visit(rough=True) as visit:
        await visit.page.get_by_role("button", name="Use via API").click()
        await visit.page.get_by_text("/check").first.wait_for()
        words = await visit.page.inner_text("body")
        for name in ("/check", "/start", "/status", "/stop", "/task"):
            assert name in words
        assert "page_order" not in words
        assert [fault for fault in visit.faults if "404" not in fault] == []
