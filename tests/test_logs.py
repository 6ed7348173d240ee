"""The log: one line a record, with the ids of what is done, and never a secret."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evolink_ui import logs
from evolink_ui.settings import SettingsError, load_settings
from tests.browser.app_process import AppProcess
from tests.jobs.material import make_image, make_video
from tests.stub import Stub, Timeline

SECRET = "a-secret-of-43-characters-q8Zr5tW2xL9mK4vB7nC"
OWNERS_KEY = "sk-owner-0123456789abcdef"
VISITORS_KEY = "sk-visitor-fedcba9876543210"
WRITE = f"""
import asyncio, logging, sys, warnings
from evolink_ui import logs
logs.configure(sys.argv[1], sys.argv[2], [{SECRET!r}, "abc"])
log = logging.getLogger("evolink_ui.jobs")

async def one(number):
    logs.bind_only(job_id=f"job-{{number}}")
    await asyncio.sleep(0.01)
    log.info("step of %s", number)
    logs.bind(task_id=f"task-{{number}}")
    await asyncio.sleep(0.01)
    log.info("another of %s", number, extra={{"job_id": "own"}})

async def both():
    await asyncio.gather(one(1), one(2))

asyncio.run(both())
log.debug("detail")
log.warning("two\\nlines, abc, {SECRET} and {VISITORS_KEY}")
warnings.warn("a warning")
logging.getLogger("httpcore").debug("authorization: Bearer x")
logging.getLogger("dbos").error("of the engine")
try:
    raise ValueError("{SECRET}")
except ValueError:
    log.exception("broken")
"""


def written(style: str, level: str) -> str:
    command = [sys.executable, "-c", WRITE, style, level]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr


def test_each_record_is_one_json_object_with_its_ids() -> None:
    lines = [json.loads(line) for line in written("json", "INFO").splitlines()]
    for number in ("1", "2"):
        (step,) = [line for line in lines if line["message"] == f"step of {number}"]
        assert (step["job_id"], "task_id" in step) == (f"job-{number}", False)
        (another,) = [line for line in lines if line["message"] == f"another of {number}"]
        assert (another["job_id"], another["task_id"]) == ("own", f"task-{number}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", lines[0]["time"])
    assert (lines[0]["level"], lines[0]["logger"]) == ("INFO", "evolink_ui.jobs")
    assert [line for line in lines if line["logger"] == "py.warnings"]
    assert len([line for line in lines if line["logger"] == "dbos"]) == 1
    (broken,) = [line for line in lines if line["message"] == "broken"]
    assert broken["exception"].startswith("Traceback") and "ValueError" in broken["exception"]


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_secret_is_written_at_any_level(style: str, level: str) -> None:
    text = written(style, level)
    assert SECRET not in text and VISITORS_KEY not in text and "authorization" not in text
    assert "broken" in text
    assert ("detail" in text) == (level == "debug")
    assert ("step of 1" in text) == (level in ("debug", "info"))
    if level != "error":
        assert "abc" in text, "a short word is no secret"


def test_a_thread_and_a_task_go_on_under_the_ids_of_what_began_them(caplog: pytest.LogCaptureFixture) -> None:
    from evolink_ui.executors import DISK

    found: list[str] = []

    async def outer() -> None:
        logs.bind_only(request_id="r1")
        await DISK.run(lambda: found.append(dict(logs._bound.get())["request_id"]))
        await asyncio.create_task(inner())

    async def inner() -> None:
        found.append(logs._bound.get()["request_id"])
        logs.bind_only(job_id="j1")
        found.append(logs._bound.get().get("request_id", "none"))

    asyncio.run(outer())
    assert found == ["r1", "r1", "none"]


def test_the_level_is_read_in_capitals_too_and_a_wrong_one_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_LOG_LEVEL", "WARNING")
    assert load_settings(_env_file=None).log_level == "warning"
    monkeypatch.setenv("EVOLINK_UI_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match=r"^EVOLINK_UI_LOG_LEVEL: .*'debug'.* Example: EVOLINK_UI_LOG_LEVEL=info$"):
        load_settings(_env_file=None)


def test_every_secret_of_the_settings_is_kept_out(tmp_path: Path) -> None:
    settings = load_settings(
        _env_file=None,
        data_dir=tmp_path,
        api_key=OWNERS_KEY,
        secret=SECRET,
        auth="anna:the-password-of-anna",
        database_url="postgresql://app:the-password-of-the-database@localhost/evolink",
        s3_secret_access_key="the-key-of-the-store",
        metrics_token=SECRET[::-1],
    )
    assert {
        *(OWNERS_KEY, SECRET, SECRET[::-1]),
        *("the-password-of-anna", "the-password-of-the-database", "the-key-of-the-store"),
    } <= set(settings.secret_texts)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    with Stub() as stub:
        stub.timeline = Timeline(seconds=0.0, video_seconds=4.0)
        started = AppProcess(
            tmp_path / "data",
            EVOLINK_API_KEY=OWNERS_KEY,
            EVOLINK_BASE_URL=stub.base_url,
            EVOLINK_FILES_URL=stub.files_url,
            EVOLINK_UI_ALLOW_PRIVATE_URLS="true",
            EVOLINK_UI_LOG_FORMAT="json",
            EVOLINK_UI_LOG_LEVEL="debug",
        )
        yield started
        started.stop()


def test_the_running_app_writes_json_in_which_an_order_can_be_followed(app: AppProcess, tmp_path: Path) -> None:
    job_id = ordered(app, make_image(tmp_path / "a.png"), make_video(tmp_path / "a.mp4", seconds=4))
    app.stop()
    lines = [line for line in app.log.splitlines() if not line.startswith(("Open ", "Owner, once: "))]
    records = [json.loads(line) for line in lines]
    mine = [record for record in records if record.get("job_id") == job_id]
    assert [record for record in mine if record.get("request_id")], "the request that brought it"
    tasks = {record["task_id"] for record in mine if "task_id" in record}
    assert len(tasks) == 1 and next(iter(tasks)).startswith("task-unified-")
    for record in records:
        if named := re.search(r"job=(\S+)", record["message"]):
            assert record["job_id"] == named[1]
        if (named := re.search(r"task=(\S+)", record["message"])) and named[1] != "None":
            assert record["task_id"] == named[1]
    assert OWNERS_KEY not in app.log and VISITORS_KEY not in app.log


def ordered(app: AppProcess, image: Path, video: Path) -> str:
    """Order with a visitor's key and wait for the end; gives the job's id."""
    with httpx.Client(base_url=app.url, trust_env=False, timeout=30, headers={"X-EvoLink-Key": VISITORS_KEY}) as client:
        client.get("/config").raise_for_status()
        files = [("files", (path.name, path.read_bytes())) for path in (image, video)]
        names = client.post("/gradio_api/upload", files=files).raise_for_status().json()
        data = [{"path": name, "meta": {"_type": "gradio.FileData"}} for name in names]
        event = client.post("/gradio_api/call/start", json={"data": data}).raise_for_status().json()["event_id"]
        said = client.get(f"/gradio_api/call/start/{event}").text
        job_id: str = json.loads(said.split("data: ")[1])[0]["id"]
        for _ in range(200):
            if client.get(f"/jobs/{job_id}").json()["state"] == "done":
                return job_id
            time.sleep(0.1)
    raise AssertionError(said)
