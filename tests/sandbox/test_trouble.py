"""When the machine under the sandbox makes trouble: every client still gets an answer, every task still ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

import evolink_ui.sandbox as package
from evolink_ui import media
from evolink_ui.sandbox import Sandbox, inputs
from evolink_ui.sandbox.callbacks import Callback, Callbacks
from evolink_ui.sandbox.orders import judge
from evolink_ui.sandbox.rendering import Render
from evolink_ui.sandbox.waiting import Closing, run_until

from .conftest import SandboxMaker, client_of, make_video, order, place, stand_in, uploaded_order, wait_for
from .receiver import Receiver


async def test_a_fault_of_the_sandbox_is_a_500_in_the_vendors_shape(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(sandbox) as client:
        await asyncio.to_thread(sandbox.close)  # its database is gone
        with caplog.at_level(logging.CRITICAL, "evolink_ui.sandbox.api"):
            answer = await client.get("/v1/credits")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")


async def test_a_client_that_goes_away_in_the_middle_of_an_upload_leaves_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    incoming = [
        {
            "type": "http.request",
            "body": b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n',
        },
        {"type": "http.request", "body": bytes(2_000_000)},
    ]
    sent = []

    async def receive() -> dict[str, object]:
        return {**incoming.pop(0), "more_body": True} if incoming else {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/files/upload/stream",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer k"), (b"content-type", b"multipart/form-data; boundary=B")],
    }
    await sandbox.app(scope, receive, send)
    assert list((tmp_path / "sandbox" / "files").iterdir()) == []


async def test_a_task_whose_folder_cannot_be_used_fails_and_costs_nothing(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = make_sandbox(render_command=stand_in(0.5))
    async with client_of(sandbox) as client:
        body = await uploaded_order(client, image, video)
        task = await place(client, body)
        await wait_for(client, task["id"], "processing")
        (tmp_path / "sandbox" / "results").rmdir()  # where the video should go
        with caplog.at_level(logging.CRITICAL, "evolink_ui.sandbox.scheduler"):
            failed = await wait_for(client, task["id"])
        assert failed["error"]["code"] == "service_error"
        assert str(tmp_path) not in failed["error"]["message"]
        assert (await client.get("/v1/credits")).json()["data"]["user"]["used_credits"] == 0


async def test_a_check_that_the_machine_was_too_busy_for_is_made_again(
    make_sandbox: SandboxMaker, image: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = media.check_video, []

    def busy_at_first(path: Path, orientation: media.Orientation = "image") -> media.Report:
        looks.append(path)
        if len(looks) > 1:
            return real(path, orientation)
        return media.Report(False, None, [media.Problem("check_busy", "video", "Too busy.", "Try again.")], [])

    monkeypatch.setattr(media, "check_video", busy_at_first)
    monkeypatch.setattr(inputs, "CHECK_AGAIN_SECONDS", (0.05, 0.05))
    async with client_of(make_sandbox()) as client:
        task = await place(client, await uploaded_order(client, image, video))
        assert (await wait_for(client, task["id"]))["status"] == "completed"
    assert len(looks) >= 2


async def test_a_renderer_that_does_not_end_after_its_last_word_is_ended(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolink_ui.sandbox.rendering.EXIT_SECONDS", 0.3)
    script = tmp_path / "lingering.py"
    script.write_text(
        "import os, time\nprint('{\"done\": {}}', flush=True)\nprint('[1]', flush=True)\nos.close(1)\ntime.sleep(60)\n"
    )
    async with client_of(make_sandbox(render_command=(sys.executable, str(script)))) as client:
        task = await place(client, await uploaded_order(client, image, video))
        assert (await wait_for(client, task["id"]))["error"]["code"] == "service_error"


async def test_closing_while_a_task_only_pretends_to_take_long_makes_it_wait_for_the_next_start(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    sandbox = make_sandbox(render_command=stand_in(0.1), speed=0.01)
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        await wait_for(client, task["id"], "processing")
        await asyncio.sleep(1.0)
    await asyncio.to_thread(sandbox.close)
    async with client_of(make_sandbox()) as client:
        assert (await wait_for(client, task["id"]))["status"] == "completed"


async def test_a_video_that_has_its_place_but_not_yet_its_tasks_word_is_not_swept_away(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    sandbox = make_sandbox(render_command=stand_in(30))
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        await wait_for(client, task["id"], "processing")
    results = tmp_path / "sandbox" / "results"
    (results / f"{task['id']}.mp4").write_bytes(b"new")
    (results / "task-unified-1-long-gone.mp4").write_bytes(b"old")
    await asyncio.to_thread(sandbox._scheduler._sweep)
    assert [path.stem for path in results.iterdir()] == [task["id"]]


async def test_where_files_cannot_be_linked_they_are_copied(
    client: httpx.AsyncClient, image: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*args: object) -> None:
        raise OSError("this file system has no links")

    monkeypatch.setattr(os, "link", no_links)
    task = await place(client, await uploaded_order(client, image, video))
    assert (await wait_for(client, task["id"]))["status"] == "completed"


async def test_a_task_whose_row_cannot_be_read_is_failed_and_all_others_go_on(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a version that wrote another body: one such row once ended the only scheduler for good."""
    sandbox = make_sandbox(render_command=stand_in(60.0))
    async with client_of(sandbox) as client:
        body = await uploaded_order(client, image, video)
        ids = [(await place(client, body))["id"] for _ in range(3)]
    await asyncio.to_thread(sandbox.close)
    with closing(sqlite3.connect(tmp_path / "sandbox" / "sandbox.sqlite3")) as db, db:
        rows = dict(db.execute("SELECT id, body FROM tasks").fetchall())
        less, more = json.loads(rows[ids[0]]), json.loads(rows[ids[1]])
        del less["image_url"]
        for task_id, changed in ((ids[0], less), (ids[1], {**more, "model_version": "a field of another version"})):
            db.execute("UPDATE tasks SET body = ? WHERE id = ?", (json.dumps(changed), task_id))
        db.execute("ALTER TABLE tasks ADD COLUMN priority TEXT")
        db.execute("ALTER TABLE tasks DROP COLUMN note")
    async with client_of(make_sandbox()) as client:
        ended = [await wait_for(client, task_id, "completed", "failed") for task_id in ids]
    assert [task["status"] for task in ended] == ["failed", "completed", "completed"]
    assert "Credits are returned" in ended[0]["error"]["message"]
    told = [record.getMessage() for record in caplog.records if "can't be read" in record.message]
    assert [line.partition(":")[0] for line in told] == [ids[0]]


async def test_an_upload_whose_bytes_vanished_fails_its_task(
    client: httpx.AsyncClient, image: Path, video: Path, tmp_path: Path
) -> None:
    body = await uploaded_order(client, image, video)
    for path in (tmp_path / "sandbox" / "files").iterdir():
        path.unlink()
    failed = await wait_for(client, (await place(client, body))["id"])
    assert failed["error"]["code"] == "invalid_parameters"
    assert "Upload it again" in failed["error"]["message"]


async def test_a_full_disk_stops_nothing_for_good(
    sandbox: Sandbox, image: Path, video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, failures = Callbacks.take, [1, 2]

    def fails_at_first(callbacks: Callbacks, room: int) -> list[Callback]:
        if failures:
            raise OSError(28, f"No space left on device {failures.pop()}")
        return real(callbacks, room)

    monkeypatch.setattr(Callbacks, "take", fails_at_first)
    with caplog.at_level(logging.CRITICAL, "evolink_ui.sandbox.scheduler"):
        async with client_of(sandbox) as client:
            task = await place(client, await uploaded_order(client, image, video))
            assert (await wait_for(client, task["id"]))["status"] == "completed"
    assert failures == []


@contextmanager
def unwritable(data_dir: Path, operation: str) -> Iterator[None]:
    """Every `operation` (as "UPDATE ON tasks") is refused by the database, as where its disk is full."""
    with sqlite3.connect(data_dir / "sandbox.sqlite3", isolation_level=None) as db:
        db.execute(f"CREATE TRIGGER full BEFORE {operation} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
        try:
            yield
        finally:
            db.execute("DROP TRIGGER full")
    db.close()


async def test_a_task_whose_end_could_not_be_written_down_is_made_again(
    make_sandbox: SandboxMaker, image: Path, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = make_sandbox(render_command=stand_in(0.6))
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        await wait_for(client, task["id"], "processing")
        with caplog.at_level(logging.CRITICAL, "evolink_ui.sandbox.scheduler"):
            with unwritable(sandbox.data_dir, "UPDATE ON tasks"):
                await asyncio.sleep(2.5)  # both its end and its failure fall into this time
                assert (await client.get(f"/v1/tasks/{task['id']}")).json()["status"] == "processing"
            assert (await wait_for(client, task["id"]))["status"] == "completed"
            with unwritable(sandbox.data_dir, "UPDATE ON tasks WHEN NEW.stage IN ('ready', 'over')"):
                unprepared = await place(client, await uploaded_order(client, image, video))
                await asyncio.sleep(2.0)
                assert (await client.get(f"/v1/tasks/{unprepared['id']}")).json()["status"] == "pending"
            assert (await wait_for(client, unprepared["id"]))["status"] == "completed"
        assert (await client.get("/v1/credits")).json()["data"]["user"]["used_credits"] == pytest.approx(6 * 8.1648)


async def test_a_callback_that_could_not_be_struck_off_is_not_sent_again_and_again(
    make_sandbox: SandboxMaker, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = make_sandbox(allow_private_urls=True)
    with caplog.at_level(logging.CRITICAL, "evolink_ui.sandbox.scheduler"):
        async with client_of(sandbox) as client:
            with unwritable(sandbox.data_dir, "DELETE ON callbacks"):
                task = await place(client, {**order(), "callback_url": f"{receiver.url}/done"})
                await wait_for(client, task["id"])
                await asyncio.sleep(3.0)  # three looks of the scheduler
    assert len(receiver.received) == 1


def test_a_renderer_is_gone_even_where_its_progress_cannot_be_told(tmp_path: Path, image: Path, video: Path) -> None:
    render = Render(stand_in(30), judge(order()), image, video, tmp_path)

    def full(_: float) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        render.run(full)
    assert render._process is not None
    assert render._process.returncode is not None


def test_work_on_a_loop_of_its_own_is_given_up_when_the_sandbox_closes() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Closing):
        run_until(stop, asyncio.sleep(60))
    assert run_until(threading.Event(), asyncio.sleep(0, "done")) == "done"


def test_the_package_names_what_it_has_and_nothing_else() -> None:
    assert package.Options().base_url.endswith(".invalid")
    with pytest.raises(AttributeError, match="nonsense"):
        package.nonsense  # noqa: B018 - looking it up is the test


async def test_a_long_clip_is_refused_in_the_picture_orientation_and_taken_in_the_other(
    client: httpx.AsyncClient, image: Path, tmp_path: Path
) -> None:
    clip = await asyncio.to_thread(make_video, tmp_path / "long.mp4", seconds=11.0, width=340, height=340, fps=5)
    body = await uploaded_order(client, image, clip)
    failed = await wait_for(client, (await place(client, body))["id"])
    assert failed["error"]["code"] == "invalid_parameters"
    other = {**body, "model_params": {"character_orientation": "video"}}
    task = await place(client, other)
    assert task["task_info"]["video_duration"] == 11
    assert (await wait_for(client, task["id"]))["status"] == "completed"
