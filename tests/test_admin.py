"""`evolink-ui admin` on a real ledger, and beside the running app: it says what is true, and never orders twice."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from evolink_ui.cli import cli
from evolink_ui.jobs.job import Fault, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.lock import SingleProcess
from evolink_ui.jobs.tables import changing, metadata, spend
from evolink_ui.jobs.tables import jobs as jobs_table
from evolink_ui.settings import load_settings
from tests.browser.app_process import AppProcess
from tests.jobs.material import make_image, make_video
from tests.jobs.test_ledger import add, database  # noqa: F401  pytest finds fixtures by their names here
from tests.jobs.test_spend import PRICE, claim, finish, hosted, order
from tests.stub import Stub, Timeline, drop

OWNERS_KEY = "sk-owner-0123456789abcdef"
LOST = Fault("outcome_unknown", "The answer was lost.\x1b[31m", "Look for it.", charged="unknown")
REFUSED = Fault("forbidden", "EvoLink refused to show the task.", "Check the key.", charged="unknown", retryable=True)


def admin(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    result = CliRunner().invoke(cli, ["admin", *arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def told(*arguments: str) -> Any:
    """What a program reads."""
    code, said = admin(*arguments, "--json")
    assert code == 0, said
    return json.loads(said)


@pytest.fixture
def ledger(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:  # noqa: F811
    """An empty ledger on SQLite and on PostgreSQL, and the settings of an app that works with it."""
    url = database.replace("sqlite://", f"sqlite:///{tmp_path}/ledger.sqlite") if database == "sqlite://" else database
    for name in [name for name in os.environ if name.startswith(("EVOLINK", "GRADIO"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVOLINK_API_KEY", OWNERS_KEY)
    monkeypatch.setenv("EVOLINK_UI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("EVOLINK_UI_DATABASE_URL", url)
    (tmp_path / "data").mkdir()
    ledger = Ledger(load_settings().sqlalchemy_url)
    with changing(ledger.engine) as connection:
        connection.execute(jobs_table.delete())
        connection.execute(spend.delete())
    yield ledger
    ledger.close()


def in_doubt(ledger: Ledger, name: str, **values: Any) -> None:
    claim(ledger, hosted(ledger, name, **values))
    ledger.move(name, State.UNKNOWN, fault=LOST)


def test_jobs_says_what_runs_and_why_something_failed(ledger: Ledger) -> None:
    order(ledger, "runs", visitor="user_anna")
    order(ledger, "stopped", visitor="user_ben")
    ledger.move("stopped", State.STOPPED, fault=REFUSED)
    code, said = admin("jobs")
    assert code == 0
    head, newest, other = said.splitlines()
    assert head.split()[:3] == ["JOB", "STATE", "MODE"]
    assert newest.startswith("stopped") and "user_ben" in newest
    assert "forbidden: EvoLink refused to show the task." in newest
    assert other.startswith("runs") and "task-unified-runs" in other and "32.7" in other
    assert [job["id"] for job in told("jobs", "--state", "active")] == ["runs"]
    assert [job["id"] for job in told("jobs", "--state", "stopped", "--state", "done")] == ["stopped"]
    assert len(told("jobs", "--limit", "1")) == 1


def test_show_has_all_of_a_job_but_its_key_and_its_prompt(ledger: Ledger) -> None:
    secrets: dict[str, Any] = {
        "own_key": True,
        "sealed_key": "sealed-key-text",
        "request": {"prompt": "a private dance"},
    }
    order(ledger, "a", visitor="user_anna", **secrets)
    ledger.move("a", State.STOPPED, fault=REFUSED)
    code, said = admin("show", "a")
    assert code == 0
    for part in ("task-unified-a", "error message:", "EvoLink refused to show the task.", "retry", "reserved 32.7"):
        assert part in said
    assert told("show", "a")["error"]["code"] == "forbidden"
    for shown in (said, json.dumps(told("show", "a")), json.dumps(told("jobs"))):
        assert "sealed-key-text" not in shown and "private dance" not in shown and OWNERS_KEY not in shown


def test_an_unknown_job_is_one_line_and_exit_code_1(ledger: Ledger) -> None:
    for command in ("show", "retry", "stop"):
        assert admin(command, "nobody") == (
            1,
            "There is no such job. Check the link; the job may have been deleted.\n",
        )


def test_retry_gives_a_stopped_job_a_new_run_and_orders_nothing(ledger: Ledger) -> None:
    order(ledger, "a")
    ledger.move("a", State.STOPPED, fault=REFUSED)
    code, said = admin("retry", "a")
    assert (code, said) == (0, "a: running\nThe app takes it up within seconds, or when it starts.\n")
    job = ledger.get("a")
    assert (job.state, job.run, job.task_id, job.fault) == (State.RUNNING, 2, "task-unified-a", None)
    code, said = admin("retry", "a")
    assert code == 1 and "is running, not stopped" in said
    assert ledger.get("a").run == 2


def test_retry_never_sends_an_order_in_doubt(ledger: Ledger) -> None:
    in_doubt(ledger, "a")
    code, said = admin("retry", "a")
    assert code == 1 and "Nobody knows yet whether EvoLink took this order." in said
    assert ledger.get("a").state is State.UNKNOWN


def test_retry_says_when_only_the_visitor_can_go_on(ledger: Ledger) -> None:
    order(ledger, "a", own_key=True)
    ledger.move("a", State.STOPPED, fault=REFUSED, sealed_key=None)
    code, said = admin("retry", "a")
    assert code == 1 and "entering the key again" in said
    assert ledger.get("a").state is State.STOPPED


def test_stop_holds_back_what_is_not_ordered_and_says_who_did_it(ledger: Ledger) -> None:
    add(ledger, "waits", mode="live")
    order(ledger, "ordered")
    assert admin("stop", "waits") == (0, "waits: stopped\n")
    assert admin("stop", "ordered") == (0, "ordered: stopped\n")
    waits, ordered = ledger.get("waits").fault, ledger.get("ordered").fault
    assert waits and ordered
    assert waits.charged == "no" and "Nothing was charged" in waits.message
    assert ordered.message.startswith("The owner of this app stopped following this order. EvoLink goes on")
    claim(ledger, hosted(ledger, "out"))
    code, said = admin("stop", "out")
    assert code == 1 and "not possible" in said, "a POST on its way can't be stopped"


def test_spend_shows_a_day_by_person(ledger: Ledger) -> None:
    order(ledger, "a", visitor="user_anna")
    order(ledger, "b", visitor="user_anna")
    order(ledger, "c", visitor="user_ben", own_key=True)
    order(ledger, "d", visitor="user_carl", mode="sandbox")
    finish(ledger, "a", used=30.0)
    ledger.delete("a")
    today = datetime.now(UTC).date().isoformat()
    found = told("spend")
    assert found["days"] == [
        {"day": today, "owners_key": pytest.approx(30.0 + PRICE), "visitors_keys": PRICE, "posts": 3}
    ]
    assert [(row["visitor"], row["posts"]) for row in found["people"]] == [("user_anna", 2), ("user_ben", 1)]
    code, said = admin("spend")
    assert code == 0 and "62.7" in said and "user_ben" in said and "user_carl" not in said
    assert told("spend", "--day", "2020-01-01")["days"] == []
    assert told("spend", "--day", today, "--days", "7")["since"] < today
    assert admin("spend", "--day", "yesterday")[0] == 2


def test_unknown_lists_orders_in_doubt_without_control_characters(ledger: Ledger) -> None:
    assert admin("unknown") == (0, "No order is in doubt.\n")
    in_doubt(ledger, "a", visitor="user_anna")
    in_doubt(ledger, "b", visitor="user_ben", own_key=True, sealed_key="sealed")
    code, said = admin("unknown")
    assert code == 0 and "\x1b" not in said
    assert "user_anna, your key" in said and "only the visitor can settle it" in said
    assert {job["id"]: job["candidates"] for job in told("unknown")} == {"a": [], "b": []}


def test_settling_needs_exactly_one_word_and_sending_again_a_yes(ledger: Ledger) -> None:
    in_doubt(ledger, "a")
    assert admin("unknown", "a")[0] == 1
    assert admin("unknown", "a", "--give-up", "--send-again")[0] == 1
    code, said = admin("unknown", "a", "--send-again", stdin="n\n")
    assert code == 1 and "you may pay twice" in said
    assert ledger.get("a").state is State.UNKNOWN
    key = ledger.get("a").idempotency_key
    assert told("unknown", "a", "--send-again", "--yes")["state"] == "queued"
    job = ledger.get("a")
    assert (job.idempotency_key, job.run, job.is_in_doubt) == (key, 2, True)
    assert admin("unknown", "a", "--send-again", "--yes")[0] == 1, "it is on its way already"
    assert ledger.get("a").run == 2


def test_giving_up_ends_the_job_and_keeps_what_it_may_have_cost(ledger: Ledger) -> None:
    in_doubt(ledger, "a")
    assert told("unknown", "a", "--give-up")["state"] == "failed"
    fault = ledger.get("a").fault
    assert fault and fault.message.startswith("The owner of this app gave this order up.")
    assert told("spend")["days"][0]["owners_key"] == PRICE


@pytest.mark.parametrize("how", [["--send-again", "--yes"], ["--give-up"], ["--task", "task-unified-1-x"]])
def test_what_a_visitors_own_key_pays_is_the_visitors_to_settle(ledger: Ledger, how: list[str]) -> None:
    in_doubt(ledger, "a", own_key=True, sealed_key="sealed")
    code, said = admin("unknown", "a", *how)
    assert code == 1 and "Only the visitor can settle it" in said
    assert ledger.get("a").state is State.UNKNOWN


def test_restored_marks_everything_that_may_still_be_ordered(ledger: Ledger) -> None:
    add(ledger, "waits", mode="live")
    hosted(ledger, "hosted")
    hosted(ledger, "stopped")
    ledger.move("stopped", State.STOPPED)
    order(ledger, "ordered")
    order(ledger, "followed")
    ledger.move("followed", State.STOPPED)
    assert told("restored") == {"marked": 3}
    marked = {job.id for job in ledger.latest([], limit=10) if job.must_verify}
    assert marked == {"waits", "hosted", "stopped"}
    assert told("retry", "stopped")["state"] == "queued"
    assert ledger.get("stopped").must_verify, "going on with it doesn't make it less dangerous"


def test_restored_refuses_while_another_process_works(ledger: Ledger) -> None:
    if ledger.engine.dialect.name == "postgresql":
        with changing(ledger.engine) as connection:
            connection.execute(text("insert into replicas (executor_id, beat_at) values ('a', now())"))
        code, said = admin("restored")
        with changing(ledger.engine) as connection:
            connection.execute(text("delete from replicas"))
    else:
        lock = SingleProcess(Path("data/lock").absolute(), "the data folder")
        lock.acquire()
        code, said = admin("restored")
        lock.release()
    assert code == 1 and said.count("\n") == 1
    assert admin("restored")[0] == 0


def test_without_a_ledger_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVOLINK_UI_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.delenv("EVOLINK_UI_DATABASE_URL", raising=False)
    code, said = admin("jobs")
    assert code == 1 and said.startswith("There is no database ") and said.count("\n") == 1
    assert not (tmp_path / "nothing").exists()
    monkeypatch.setenv("EVOLINK_UI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, said = admin("jobs")
    assert code == 1 and said.startswith("The database can't be opened") and said.count("\n") == 1


def test_a_wrong_setting_is_one_line_and_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_KEEP_DAYS", "never")
    code, said = admin("jobs")
    assert code == 2 and said.startswith("EVOLINK_UI_KEEP_DAYS: ") and said.count("\n") == 1


def test_an_older_database_is_left_to_the_app_to_bring_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVOLINK_UI_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("EVOLINK_UI_DATABASE_URL", raising=False)
    Ledger(load_settings().sqlalchemy_url).close()
    with sqlite3.connect(tmp_path / "evolink_ui.sqlite") as database:  # noqa: F811
        database.execute("update alembic_version set version_num = '0001'")
    code, said = admin("jobs")
    assert code == 1 and said.startswith("The database is from another version of this app.")
    with sqlite3.connect(tmp_path / "evolink_ui.sqlite") as database:
        assert database.execute("select version_num from alembic_version").fetchall() == [("0001",)]
    assert set(metadata.tables) >= {"jobs"}


# ---- beside the running app


class Beside:
    """The app with the stand-in EvoLink, and the command beside it."""

    def __init__(self, folder: Path, stub: Stub, **environment: str) -> None:
        self.folder, self.stub = folder, stub
        self.environment = {
            "EVOLINK_API_KEY": OWNERS_KEY,
            "EVOLINK_BASE_URL": stub.base_url,
            "EVOLINK_FILES_URL": stub.files_url,
            "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
            **environment,
        }
        self.app = AppProcess(folder / "data", **self.environment)
        self.client = httpx.Client(base_url=self.app.url, trust_env=False, timeout=30)
        self.client.get("/config").raise_for_status()

    def admin(self, *arguments: str) -> Any:
        """The command in a process of its own; gives what it printed as JSON."""
        environment = {**os.environ, "EVOLINK_UI_DATA_DIR": str(self.folder / "data"), **self.environment}
        done = subprocess.run(
            [sys.executable, "-m", "evolink_ui", "admin", *arguments, "--json"],
            cwd=Path(__file__).parent.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def order(self) -> str:
        files = [make_image(self.folder / "a.png"), make_video(self.folder / "a.mp4", seconds=4)]
        sent = [("files", (path.name, path.read_bytes())) for path in files]
        names = self.client.post("/gradio_api/upload", files=sent).raise_for_status().json()
        data = [{"path": name, "meta": {"_type": "gradio.FileData"}} for name in names]
        posted = self.client.post("/gradio_api/call/start", json={"data": data}).raise_for_status()
        said = self.client.get(f"/gradio_api/call/start/{posted.json()['event_id']}").text
        return str(json.loads(said.split("data: ")[1])[0]["id"])

    def until(self, job_id: str, reached: Callable[[dict[str, Any]], bool], seconds: float = 40.0) -> dict[str, Any]:
        give_up_at = time.monotonic() + seconds
        while not reached(job := self.client.get(f"/jobs/{job_id}").json()):
            assert time.monotonic() < give_up_at, job
            time.sleep(0.1)
        return dict(job)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    with Stub() as stub:
        stub.timeline = Timeline(seconds=3600.0, estimated_time=1.0, video_seconds=4.0)
        started = Beside(tmp_path, stub)
        yield started
        started.client.close()
        started.app.stop()


def test_the_running_app_takes_up_what_was_stopped_and_retried(beside: Beside) -> None:
    job_id = beside.order()
    beside.until(job_id, lambda job: job["state"] == "running")
    assert beside.admin("stop", job_id)["state"] == "stopped"
    beside.until(job_id, lambda job: job["state"] == "stopped")
    for placed in beside.stub.orders:
        placed.timeline = Timeline(seconds=0.0, video_seconds=4.0)
    assert beside.admin("retry", job_id)["state"] == "running"
    done = beside.until(job_id, lambda job: job["state"] not in ("running", "saving"))
    assert done["state"] == "done"
    assert beside.stub.paid == 1
    spent = beside.admin("spend")
    assert spent["days"][0]["posts"] == 1


def test_an_order_in_doubt_is_settled_beside_the_running_app(beside: Beside) -> None:
    beside.stub.offers_list = False  # or it would settle itself
    beside.stub.timeline = Timeline(seconds=0.0, video_seconds=4.0)
    beside.stub.fail("order", drop(after_work=True))
    job_id = beside.order()
    beside.until(job_id, lambda job: job["state"] == "unknown")
    (listed,) = beside.admin("unknown")
    assert listed["id"] == job_id
    task_id = beside.stub.orders[0].task_id
    assert beside.admin("unknown", job_id, "--task", task_id)["task_id"] == task_id
    assert beside.until(job_id, lambda job: job["state"] not in ("running", "saving"))["state"] == "done"
    assert beside.stub.paid == 1


def test_what_was_retried_while_the_app_was_down_goes_on_at_its_start(beside: Beside) -> None:
    job_id = beside.order()
    beside.until(job_id, lambda job: job["state"] == "running")
    beside.admin("stop", job_id)
    beside.app.stop()
    for placed in beside.stub.orders:
        placed.timeline = Timeline(seconds=0.0, video_seconds=4.0)
    assert beside.admin("retry", job_id)["state"] == "running"
    beside.app.start()
    assert beside.until(job_id, lambda job: job["state"] not in ("running", "saving"))["state"] == "done"
    assert beside.stub.paid == 1


def test_after_restored_no_order_that_was_placed_since_the_backup_goes_out_again(beside: Beside) -> None:
    beside.stub.timeline = Timeline(seconds=0.0, video_seconds=4.0)
    job_id = beside.order()
    beside.until(job_id, lambda job: job["state"] == "done")
    beside.app.stop()
    with sqlite3.connect(beside.folder / "data" / "evolink_ui.sqlite") as database:  # noqa: F811
        database.execute(
            "update jobs set state = 'queued', run = run + 1, task_id = null, ordered_at = null, finished_at = null, "
            "vendor_url = null, progress = null"
        )
        database.execute("delete from known_tasks")
        database.execute("delete from spend")
    assert beside.admin("restored") == {"marked": 1}
    beside.app.start()
    job = beside.until(job_id, lambda job: job["state"] == "done")
    assert (job["task_id"], beside.stub.paid) == (beside.stub.orders[0].task_id, 1)
    assert "-> unknown" in beside.app.log, "it was held back before it settled itself"
