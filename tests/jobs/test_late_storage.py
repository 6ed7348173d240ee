"""A data folder that is older than what happened: a Space's storage after a crash, or a restored backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from evolink_ui.file_system import storage_of
from evolink_ui.jobs import Job, Jobs, OrderInputs, State, doubt, doubts
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.spend import utc_day
from evolink_ui.jobs.sqlite_file import prepare
from evolink_ui.settings import Settings
from tests.stub import Stub, answer, drop, hang

from .conftest import KEY, in_state, until


@pytest.fixture
def late(live: Settings) -> Settings:
    return live.model_copy(update={"storage": "late"})


async def copied_before_the_order(
    settings: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> tuple[Jobs, Job]:
    """Start an order, copy the folder while the files travel, let it finish, and put the older copy back."""
    stub.fail("upload", hang(1.5))
    jobs = launch(settings)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.HOSTING))
    copy = settings.data_dir.with_name("copy")
    shutil.copytree(settings.data_dir, copy)
    await until(jobs, job.id, in_state(State.DONE))
    return jobs, job


def put_back(settings: Settings) -> None:
    shutil.rmtree(settings.data_dir)
    settings.data_dir.with_name("copy").rename(settings.data_dir)


@pytest.mark.parametrize("honours_key", [True, False])
async def test_an_older_copy_of_the_folder_orders_nothing_twice(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, honours_key: bool
) -> None:
    stub.honour_idempotency = honours_key
    first, job = await copied_before_the_order(late, launch, stub, order)
    elsewhere = launch(late.model_copy(update={"data_dir": late.data_dir.with_name("elsewhere")}))
    assert first is not elsewhere, "the first one is closed"
    put_back(late)
    again = launch(late)
    done = await until(again, job.id, lambda job: job.state in (State.UNKNOWN, State.DONE))
    done = await until(again, job.id, lambda job: job.state is State.DONE or job.doubt is not None)
    assert (stub.paid, stub.requests("order")) == (1, 1)
    if done.state is State.UNKNOWN:
        assert [found["task_id"] for found in again.candidates(done)] == [stub.orders[0].task_id]
        today = utc_day(done.created_at)
        spent = again._ledger.spend_book.by_day(today, today + timedelta(days=1))
        assert spent[today].owners_key == pytest.approx(done.credits_estimated), "counted as if it were paid"


async def test_an_older_copy_of_an_order_in_doubt_is_compared_before_it_is_sent_again(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.honour_idempotency = False
    monkeypatch.setattr(doubt, "LOOKS_AFTER_SECONDS", (600.0,))
    stub.fail("order", drop(after_work=False))
    jobs = launch(late)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.UNKNOWN))
    elsewhere = late.model_copy(update={"data_dir": late.data_dir.with_name("elsewhere")})
    launch(elsewhere)
    shutil.copytree(late.data_dir, late.data_dir.with_name("copy"))
    newer = launch(late)
    await newer.send_again(job.id)
    await until(newer, job.id, in_state(State.DONE))
    launch(elsewhere)
    put_back(late)
    again = launch(late)
    await again.send_again(job.id)
    unknown = await until(again, job.id, lambda job: job.state in (State.UNKNOWN, State.DONE))
    assert (unknown.state, stub.paid) == (State.UNKNOWN, 1)
    assert [found["task_id"] for found in again.candidates(unknown)] == [stub.orders[0].task_id]
    await again.send_again(job.id)
    await until(again, job.id, in_state(State.DONE))
    assert stub.paid == 2, "a person who was told may still have it sent"


async def test_an_order_that_never_went_out_goes_out_after_the_look(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.fail("upload", hang(1.5))
    jobs = launch(late)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.HOSTING))
    again = launch(late)
    done = await until(again, job.id, in_state(State.DONE))
    assert (stub.paid, done.must_verify) == (1, False)
    assert stub.requests("list") == 1


async def test_a_task_that_seems_to_be_of_later_keeps_an_order_back_too(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.fail("upload", hang(1.5))
    jobs = launch(late)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.HOSTING))
    stub.add_elsewhere(KEY, age_seconds=-900.0)  # the vendor's clock is a quarter of an hour ahead
    again = launch(late)
    await until(again, job.id, in_state(State.UNKNOWN))
    assert stub.paid == 0


async def test_where_the_list_cannot_be_read_for_long_the_order_does_not_go_out(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "VERIFY_SECONDS", 0.5)
    monkeypatch.setattr(doubts, "VERIFY_PAUSE_SECONDS", 0.1)
    stub.fail("upload", hang(1.5))
    stub.fail("list", answer(401, "unauthorized"), times=100)
    jobs = launch(late)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.HOSTING))
    again = launch(late)
    unknown = await until(again, job.id, in_state(State.UNKNOWN))
    assert unknown.fault is not None
    assert (unknown.fault.code, stub.paid) == ("may_be_placed", 0)
    await again.send_again(job.id)
    assert (await until(again, job.id, in_state(State.DONE))).id == job.id, "a person's word goes before"
    assert stub.paid == 1


async def test_on_an_ordinary_disk_an_order_goes_on_at_once(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.fail("upload", hang(1.5))
    jobs = launch(live)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.HOSTING))
    again = launch(live)
    await until(again, job.id, in_state(State.DONE))
    assert stub.requests("list") == 0


async def test_a_new_order_on_late_storage_waits_for_no_look(
    late: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.add_elsewhere(KEY)
    jobs = launch(late)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.DONE))
    assert stub.requests("list") == 0


def test_late_storage_keeps_each_database_in_one_file(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", late_storage=True)
    ledger.check_writing()
    prepare(tmp_path / "engine.sqlite", late_storage=True)
    assert {path.name for path in tmp_path.iterdir()} == {"ledger.sqlite", "engine.sqlite"}
    ledger.close()


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
40 22 0:50 / /data rw,nosuid,nodev,relatime - fuse.bucket bucket rw,user_id=0
41 22 0:51 / /mnt/my\\040disk rw - fuse.sshfs far rw
42 40 8:2 / /data/fast rw - ext4 /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/data", "late"),
        ("/data/evolink/jobs", "late"),
        ("/data/fast/jobs", "durable"),
        ("/mnt/my disk/x", "late"),
        ("/home/anna/data", "durable"),
    ],
)
def test_a_folder_is_known_by_its_mount(folder: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert storage_of(Path(folder), mounts=mounts) == kind
    assert storage_of(Path(folder), mounts=tmp_path / "none") == "durable"


def test_the_owner_may_say_what_the_storage_is(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path, storage="late").has_late_storage
    assert not Settings(data_dir=tmp_path, storage="durable").has_late_storage
    assert not Settings(data_dir=tmp_path).has_late_storage
