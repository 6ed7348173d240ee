"""From an order to its video, or to the reason why there is none."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolink_ui.sandbox import Sandbox, create_sandbox
from evolink_ui.sandbox.database import Database
from evolink_ui.sandbox.options import Options
from evolink_ui.sandbox.speed import Speeds

from .conftest import (
    BASE_URL,
    SandboxMaker,
    client_of,
    contents,
    make_video,
    order,
    place,
    stand_in,
    upload,
    uploaded_order,
    wait_for,
)
from .receiver import Receiver


async def test_an_order_becomes_a_video_that_can_be_downloaded_in_parts(
    client: httpx.AsyncClient, image: Path, video: Path
) -> None:
    created = await place(client, await uploaded_order(client, image, video))
    assert created["status"] == "pending"
    assert created["task_info"]["video_duration"] == 3
    done = await wait_for(client, created["id"])
    assert (done["status"], done["progress"]) == ("completed", 100)
    [url] = done["results"]
    whole = await client.get(url, headers={"Authorization": ""})
    assert whole.content == contents(video)  # what the stand-in renderer makes
    assert whole.headers["content-type"] == "video/mp4"
    part = await client.get(url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    beyond = await client.get(url, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    assert (await client.get(url.replace("task-", "other-"))).status_code == 404


async def test_progress_is_the_renderers_own_and_never_goes_back(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(render_command=stand_in(1.0))) as client:
        task = await place(client, await uploaded_order(client, image, video))
        seen: list[int] = []
        while (now := (await client.get(f"/v1/tasks/{task['id']}")).json())["status"] != "completed":
            seen.append(now["progress"])
            await asyncio.sleep(0.02)
    assert seen == sorted(seen)
    assert len(set(seen)) >= 8
    assert max(seen) < 100


async def test_the_renderer_is_told_what_was_ordered_and_nothing_of_our_secrets(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", "a-secret")
    note = tmp_path / "called.json"
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import json, os, shutil, sys\n"
        f"json.dump([sys.argv[1:], dict(os.environ)], open({str(note)!r}, 'w'))\n"
        "shutil.copyfile(sys.argv[2], sys.argv[3])\n"
        "print(json.dumps({'done': {'path': 'body', 'seconds': 3.0}}))\n"
    )
    async with client_of(make_sandbox(render_command=(sys.executable, str(spy)))) as client:
        body = await uploaded_order(client, image, video)
        params = {"character_orientation": "video", "keep_sound": False, "watermark_info": {"enabled": True}}
        await wait_for(client, (await place(client, {**body, "quality": "1080p", "model_params": params}))["id"])
        arguments, environment = json.loads(contents(note))
        assert arguments[3:] == ["--orientation", "video", "--quality", "1080p", "--no-sound", "--watermark"]
        assert Path(arguments[0]).suffix == ".png"
        assert "a-secret" not in json.dumps(environment)
        await wait_for(client, (await place(client, body))["id"])
        assert json.loads(contents(note))[0][3:] == ["--orientation", "image", "--quality", "720p"]


async def test_no_more_renders_run_at_once_than_allowed(make_sandbox: SandboxMaker, image: Path, video: Path) -> None:
    async with client_of(make_sandbox(render_command=stand_in(0.6), max_renders=2)) as client:
        body = await uploaded_order(client, image, video)
        ids = [(await place(client, body))["id"] for _ in range(5)]
        most, waited, before = 0, False, set[str]()
        while True:
            states = {task_id: (await client.get(f"/v1/tasks/{task_id}")).json()["status"] for task_id in ids}
            now = {task_id for task_id, status in states.items() if status == "processing"}
            together = len(before & now)  # between the two rounds of looks all of these were at work
            most, waited, before = max(most, together), waited or (together == 2 and "pending" in states.values()), now
            if set(states.values()) == {"completed"}:
                break
            await asyncio.sleep(0.03)
    assert most == 2
    assert waited


async def test_a_picture_without_a_person_is_moved_and_the_task_says_so(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(render_command=stand_in(0.1, "flow"))) as client:
        task = await place(client, await uploaded_order(client, image, video))
        done = await wait_for(client, task["id"])
    assert done["status"] == "completed"
    assert "No person was found" in done["task_info"]["note"]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("error", "image_processing_error"), ("odd-error", "unknown_error"), ("crash", "service_error")],
)
async def test_a_render_that_fails_is_a_failed_task_that_costs_nothing(
    make_sandbox: SandboxMaker, image: Path, video: Path, outcome: str, code: str
) -> None:
    async with client_of(make_sandbox(render_command=stand_in(0.2, outcome), credits=100)) as client:
        task = await place(client, await uploaded_order(client, image, video))
        reserved = (await client.get("/v1/credits")).json()["data"]["user"]
        failed = await wait_for(client, task["id"])
        balance = (await client.get("/v1/credits")).json()["data"]["user"]
    assert reserved["remaining_credits"] == pytest.approx(100 - 3 * 8.1648)
    assert (failed["status"], failed["error"]["code"]) == ("failed", code)
    assert failed["usage"]["credits_used"] == 0
    assert "results" not in failed
    assert balance == {"remaining_credits": 100, "used_credits": 0}


async def test_a_renderer_that_falls_silent_is_ended(make_sandbox: SandboxMaker, image: Path, video: Path) -> None:
    sandbox = make_sandbox(render_command=stand_in(0.1, "silent"), silence_seconds=0.5)
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        failed = await wait_for(client, task["id"])
    assert failed["error"]["code"] == "generation_timeout"


async def test_a_command_that_cannot_be_started_fails_the_task(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(render_command=("/nonexistent/renderer",))) as client:
        task = await place(client, await uploaded_order(client, image, video))
        failed = await wait_for(client, task["id"])
    assert failed["error"]["code"] == "service_error"
    assert "/nonexistent" not in json.dumps(failed)


async def test_a_finished_task_costs_its_seconds_and_a_penniless_key_is_refused(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(credits=30)) as client:
        body = await uploaded_order(client, image, video)
        task = await place(client, body)
        assert task["usage"]["credits_reserved"] == pytest.approx(3 * 8.1648)
        again = await client.post("/v1/videos/generations", json=body)
        assert (again.status_code, again.json()["error"]["code"]) == (402, "insufficient_quota")
        done = await wait_for(client, task["id"])
        assert done["usage"]["credits_used"] == pytest.approx(3 * 8.1648)
        balance = (await client.get("/v1/credits")).json()["data"]["token"]
    assert balance["used_credits"] == pytest.approx(3 * 8.1648)
    assert balance["remaining_credits"] == pytest.approx(30 - 3 * 8.1648)
    assert balance["unlimited_credits"] is False


async def test_broken_and_unfit_files_fail_the_task_and_say_which(
    client: httpx.AsyncClient, image: Path, video: Path, tmp_path: Path
) -> None:
    good_image, good_video = (await upload(client, image))["file_url"], (await upload(client, video))["file_url"]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(contents(video)[:3000])
    short = await asyncio.to_thread(make_video, tmp_path / "short.mp4", seconds=1.0)
    for body, named in (
        (order(good_image, (await upload(client, cut))["file_url"]), "video_urls"),
        (order(good_image, (await upload(client, short))["file_url"]), "video_urls"),
        (order(good_video, good_video), "image_urls"),
        (order(good_image, good_image), "video_urls"),
        (order(f"{BASE_URL}/files/file_none/a.png", good_video), "image_urls"),
        (order(good_image, f"{BASE_URL}/elsewhere"), "video_urls"),
        (order("https://127.0.0.1:1/a.png", good_video), "image_urls"),
    ):
        failed = await wait_for(client, (await place(client, body))["id"])
        assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_parameters")
        assert failed["error"]["message"].startswith(named)
        assert str(tmp_path) not in failed["error"]["message"]


async def test_given_links_are_fetched_and_results_may_be_used_again(
    make_sandbox: SandboxMaker, receiver: Receiver, image: Path, video: Path
) -> None:
    receiver.files = {"/a.png": contents(image), "/a.mp4": contents(video)}
    async with client_of(make_sandbox(allow_private_urls=True)) as client:
        task = await place(client, order(f"{receiver.url}/a.png", f"{receiver.url}/a.mp4"))
        assert "video_duration" not in task["task_info"]  # nothing is fetched before the answer
        assert task["usage"]["credits_reserved"] == pytest.approx(10 * 8.1648)
        done = await wait_for(client, task["id"])
        assert done["usage"]["credits_used"] == pytest.approx(3 * 8.1648)
        again = await place(client, order(f"{receiver.url}/a.png", done["results"][0]))
        assert (await wait_for(client, again["id"]))["status"] == "completed"


async def test_a_link_to_a_private_address_is_not_opened(
    client: httpx.AsyncClient, receiver: Receiver, video: Path
) -> None:
    receiver.files = {"/a.png": b"secret"}
    task = await place(client, order(f"{receiver.url}/a.png", (await upload(client, video))["file_url"]))
    failed = await wait_for(client, task["id"])
    assert "not on the public internet" in failed["error"]["message"]


async def test_the_estimate_follows_this_machines_measured_speed_also_after_a_restart(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    first = make_sandbox(render_command=stand_in(5.0), max_renders=2)
    async with client_of(first) as client:
        body = await uploaded_order(client, image, video)
        began = time.monotonic()
        guess = await place(client, body)
        queued = await place(client, body)
        assert queued["task_info"]["estimated_time"] > guess["task_info"]["estimated_time"]
        for task in (guess, queued):
            await wait_for(client, task["id"])
        most_seconds = time.monotonic() - began
    first.close()
    async with client_of(make_sandbox(render_command=stand_in(0.1))) as client:
        later = await place(client, body)
        assert guess["task_info"]["estimated_time"] == 4  # what is guessed before anything was measured
        assert 5 < later["task_info"]["estimated_time"] <= math.ceil(most_seconds)  # what was measured
        await wait_for(client, later["id"])


def test_a_long_clip_is_not_thought_to_start_as_slowly_as_it_is_long(tmp_path: Path) -> None:
    database = Database(tmp_path / "speeds.sqlite3")
    speeds = Speeds(database, Options())
    speeds.learn("720p", 3.0, start_seconds=2.5, drawing_seconds=1.5)
    assert speeds.estimate_seconds("720p", 30.0) == pytest.approx(2.5 + 15.0)
    speeds.learn("720p", 30.0, start_seconds=2.5, drawing_seconds=30.0)  # something else keeps the machine busy
    assert 2.5 + 15.0 < speeds.estimate_seconds("720p", 30.0) < 2.5 + 30.0
    database.close()


async def test_with_a_speed_below_one_a_task_takes_longer_than_it_needs(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(render_command=stand_in(0.2), speed=0.2)) as client:
        began = time.monotonic()
        task = await place(client, await uploaded_order(client, image, video))
        seen = set()
        while (now := (await client.get(f"/v1/tasks/{task['id']}")).json())["status"] != "completed":
            seen.add(now["progress"])
            await asyncio.sleep(0.05)
        took_seconds = time.monotonic() - began
    assert task["task_info"]["estimated_time"] >= 15
    assert took_seconds > 1.0
    assert len(seen) >= 5


def test_two_event_loops_in_two_threads_share_one_sandbox(sandbox: Sandbox, image: Path, video: Path) -> None:
    outcomes: list[dict[str, Any]] = []

    async def order_three() -> None:
        async with client_of(sandbox) as client:
            body = await uploaded_order(client, image, video)
            ids = [(await place(client, body))["id"] for _ in range(3)]
            outcomes.extend([await wait_for(client, task_id) for task_id in ids])

    threads = [threading.Thread(target=lambda: asyncio.run(order_three())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [task["status"] for task in outcomes] == ["completed"] * 6


async def test_closing_ends_a_render_within_a_second_and_the_next_start_makes_the_video(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "print('{\"progress\": 0.1}', flush=True)\n"
        "time.sleep(60)\n"
    )
    sandbox = make_sandbox(render_command=(sys.executable, str(stubborn)))
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        await wait_for(client, task["id"], "processing")
        while not pid_file.exists() or not contents(pid_file):  # noqa: ASYNC110 - a file has no event to wait for
            await asyncio.sleep(0.02)
    began = time.monotonic()
    await asyncio.to_thread(sandbox.close)
    assert time.monotonic() - began < 1.0
    with pytest.raises(ProcessLookupError):
        os.kill(int(contents(pid_file)), 0)
    async with client_of(make_sandbox()) as client:
        assert (await wait_for(client, task["id"]))["status"] == "completed"


async def test_closing_does_not_wait_for_a_slow_link(make_sandbox: SandboxMaker, video: Path, unanswering: str) -> None:
    sandbox = make_sandbox(allow_private_urls=True)
    async with client_of(sandbox) as client:
        task = await place(client, order(f"{unanswering}/a.png", (await upload(client, video))["file_url"]))
        await asyncio.sleep(0.3)
        assert (await client.get(f"/v1/tasks/{task['id']}")).json()["status"] == "pending"
    began = time.monotonic()
    await asyncio.to_thread(sandbox.close)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    "wrong", [{"max_renders": 0}, {"fail_rate": 1.5}, {"speed": 0}, {"latency_seconds": -1}, {"base_url": "sandbox"}]
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        create_sandbox(tmp_path, **wrong)
