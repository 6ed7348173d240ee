"""Both files of a job on their way: together, once, somewhere else when refused, and tidied up afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from evolink_ui.hosting import HostingError
from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.insist import insist
from evolink_ui.jobs.job import Fault
from evolink_ui.settings import Settings
from tests.jobs.conftest import until
from tests.stub import Stub, answer

from .conftest import Bucket, Clock, read

Ended = Callable[[str], Awaitable[Job]]
HOUR = 3600.0


@asynccontextmanager
async def store(answer_when: Callable[[int], bool]) -> AsyncIterator[dict[str, Any]]:
    """A store that swallows each upload whole and says yes as soon as `answer_when(uploads swallowed)`.

    Gives the settings that lead to it.
    """
    swallowed, changed = 0, asyncio.Condition()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal swallowed
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
            async with changed:
                swallowed += 1
                changed.notify_all()
                await changed.wait_for(lambda: answer_when(swallowed))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield {"hosting": "s3"} | Bucket(f"http://127.0.0.1:{port}", "b").settings()
    finally:
        server.close()


async def test_both_files_travel_at_the_same_time(docks: Any) -> None:
    async with store(lambda swallowed: swallowed == 2) as settings:
        dock = docks(**settings)
        dock.job("a")
        async with asyncio.timeout(10):
            job = await dock.ship("a")
    assert job.image_url
    assert job.video_url
    assert job.uploaded_bytes == job.total_bytes == len(dock.image) + len(dock.video)


async def test_a_job_that_is_stopped_stops_uploading(docks: Any) -> None:
    async with store(lambda _: False) as settings:
        dock = docks(**settings)
        dock.job("a")
        shipping = asyncio.create_task(dock.ship("a"))
        await asyncio.sleep(0.2)
        dock.ledger.move("a", State.STOPPED)
        async with asyncio.timeout(5):
            job = await shipping
    assert job.state is State.STOPPED
    assert job.image_url is None


async def test_a_refused_file_ends_the_other_upload_and_says_why(docks: Any, stub: Stub) -> None:
    dock = docks()
    dock.job("a")
    stub.fail("upload", answer(415, "unsupported"), times=2)
    with pytest.raises(HostingError, match="did not take the"):
        await dock.ship("a")


async def test_ten_characters_and_one_dance_upload_the_dance_once(docks: Any, stub: Stub) -> None:
    dock = docks()
    for number in range(10):
        dock.image = f"character {number}".encode()
        dock.job(f"job-{number}")
    shipped = await asyncio.gather(*(dock.ship(f"job-{number}") for number in range(10)))
    names = [file.name for file in stub.files.values()]
    assert (names.count("video.mp4"), names.count("image.png")) == (1, 10)
    assert len({job.video_url for job in shipped}) == 1
    assert len({job.image_url for job in shipped}) == 10
    assert all(job.uploaded_bytes == job.total_bytes for job in shipped)


async def test_when_the_one_upload_fails_the_waiting_job_sends_its_own(docks: Any, stub: Stub) -> None:
    dock = docks()
    dock.job("a", image_name=None)
    dock.job("b", image_name=None)
    stub.fail("upload", answer(415, "unsupported"))
    results = await asyncio.gather(dock.ship("a"), dock.ship("b"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["HostingError", "Job"]


async def test_an_address_that_died_while_the_job_lay_is_replaced_and_a_living_one_is_kept(
    docks: Any, stub: Stub
) -> None:
    dock = docks()
    dock.job("a")
    first = await dock.ship("a")
    dock.clock.now += 69 * HOUR
    assert (await dock.ship("a")).video_url == first.video_url
    dock.clock.now += 2 * HOUR
    again = await dock.ship("a")
    assert again.video_url != first.video_url
    assert len(stub.files) == 4


async def test_of_a_link_that_a_person_gave_our_copy_is_put_at_a_host(docks: Any, stub: Stub) -> None:
    dock = docks()
    link = "https://example.com/dance.mp4"
    dock.job("a", request={"video_url": link}, video_url=link)  # as versions before wrote it down
    job = await dock.ship("a")
    assert job.video_url.startswith(stub.files_url)
    assert sorted(file.name for file in stub.files.values()) == ["image.png", "video.mp4"]
    assert job.total_bytes == len(dock.image) + len(dock.video)


async def test_a_refused_video_is_found_at_the_store_by_the_next_job_without_asking_again(
    docks: Any, stub: Stub, bucket: Bucket
) -> None:
    dock = docks(**bucket.settings())
    for name in ("a", "b"):
        dock.job(name, image_name=None)
    stub.fail("upload", answer(415, "unsupported"))
    first, second = await dock.ship("a"), await dock.ship("b")
    assert first.video_url == second.video_url
    assert len(bucket.keys()) == 1
    assert sum(seen.place == "upload" for seen in stub.seen) == 1


async def test_this_apps_own_links_are_made_for_each_job_alone(docks: Any, stub: Stub) -> None:
    dock = docks(hosting="own", public_url="https://videos.example.com")
    for name in ("a", "b"):
        dock.job(name)
    first, second = await dock.ship("a"), await dock.ship("b")
    assert first.video_url == "https://videos.example.com/files/video-a.mp4"
    assert second.video_url == "https://videos.example.com/files/video-b.mp4"
    assert first.uploaded_bytes == first.total_bytes
    assert stub.seen == []


async def gone(dock: Any, stub: Stub, count: int) -> None:
    """Wait until so many of the vendor's copies are deleted."""
    give_up_at = time.monotonic() + 10
    while sum(file.deleted for file in stub.files.values()) < count:
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)


def finish(dock: Any, name: str, to: State, **values: Any) -> tuple[Job, Job]:
    """The job before and after its end."""
    dock.ledger.move(name, State.SUBMITTING)
    before = dock.ledger.move(name, State.RUNNING, task_id=f"task-{name}")
    if to is State.DONE:
        before = dock.ledger.move(name, State.SAVING)
    return before, dock.ledger.move(name, to, **values)


async def test_copies_are_deleted_when_the_last_job_that_uses_them_ends(docks: Any, stub: Stub) -> None:
    dock = docks(clean_up_uploads=True)
    dock.job("a")
    await dock.ship("a")
    dock.image = b"another character"
    dock.job("b")
    await dock.ship("b")
    dock.shipping.ended(*finish(dock, "a", State.DONE), dock.vendor)
    await gone(dock, stub, 1)
    assert [file.name for file in stub.files.values() if file.deleted] == ["image.png"]
    dock.shipping.ended(
        *finish(dock, "b", State.FAILED, fault=Fault("refused", "It failed.", "Try again.", "no")), dock.vendor
    )
    await gone(dock, stub, 3)


async def test_the_stores_copies_are_deleted_too(docks: Any, bucket: Bucket) -> None:
    dock = docks(clean_up_uploads=True, hosting="s3", **bucket.settings())
    dock.job("a")
    await dock.ship("a")
    assert len(await asyncio.to_thread(bucket.keys)) == 2
    dock.shipping.ended(*finish(dock, "a", State.DONE), dock.vendor)
    give_up_at = time.monotonic() + 10
    while await asyncio.to_thread(bucket.keys):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("wanted", "to", "charged"),
    [(False, State.DONE, None), (True, State.FAILED, "unknown"), (True, State.STOPPED, "yes")],
)
async def test_copies_stay_where_nobody_asked_or_evolink_may_still_come_for_them(
    docks: Any, stub: Stub, wanted: bool, to: State, charged: Any
) -> None:
    dock = docks(clean_up_uploads=wanted)
    dock.job("a")
    await dock.ship("a")
    fault = Fault("x", "It ended.", "Look.", charged) if charged else None
    dock.shipping.ended(*finish(dock, "a", to, fault=fault), dock.vendor)
    await asyncio.sleep(0.3)
    assert not any(file.deleted for file in stub.files.values())


async def test_a_copy_that_can_not_be_deleted_is_noted_and_harms_nothing(
    docks: Any, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    dock = docks(clean_up_uploads=True)
    dock.job("a")
    await dock.ship("a")
    stub.fail("delete", answer(403, "permission_denied"), times=2)
    dock.shipping.ended(*finish(dock, "a", State.DONE), dock.vendor)
    give_up_at = time.monotonic() + 10
    while "stays until it expires" not in caplog.text:
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)
    assert dock.ledger.get("a").state is State.DONE


async def test_a_whole_order_ends_well_although_the_vendor_takes_no_videos(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, bucket: Bucket, order: OrderInputs, video: Path
) -> None:
    jobs = launch(Settings.model_validate(live.model_dump() | bucket.settings() | {"clean_up_uploads": True}))
    stub.fail("upload", answer(415, "unsupported"))
    job = await jobs.start(order, visitor="anna")
    done = await until(jobs, job.id, lambda job: not job.is_active)
    assert done.state is State.DONE
    links = stub.orders[0].body["image_urls"] + stub.orders[0].body["video_urls"]
    assert sorted(link.startswith(bucket.endpoint) for link in links) == [False, True]
    view = jobs.view(done)
    assert view["uploaded_bytes"] == view["total_bytes"] > 0
    assert view["notice"].startswith("EvoLink's file storage did not take the ")
    assert view["notice"].endswith("; EvoLink fetches it from this app's own store.")
    await gone(jobs, stub, 1)


async def test_with_no_host_left_the_job_fails_free_of_charge_and_names_the_ways_out(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("upload", answer(415, "unsupported"), times=2)
    failed = await ended((await jobs.start(order, visitor="anna")).id)
    assert failed.state is State.FAILED
    assert failed.fault is not None
    assert (failed.fault.code, failed.fault.charged) == ("upload_refused", "no")
    assert "three ways out" in failed.fault.next_step
    assert stub.paid == 0


async def test_what_evolink_fetches_from_the_store_is_the_file_itself(docks: Any, bucket: Bucket) -> None:
    dock = docks(hosting="s3", **bucket.settings())
    dock.job("a")
    job = await dock.ship("a")
    answers = await asyncio.gather(read(job.image_url), read(job.video_url))
    assert [found.content for found in answers] == [dock.image, dock.video]
    assert [found.headers["content-type"] for found in answers] == ["image/png", "video/mp4"]


async def test_a_database_that_is_away_for_a_moment_does_not_end_a_job(docks: Any) -> None:
    dock = docks()
    dock.job("a")
    away, note = 2, dock.ledger.note

    def sometimes(*args: Any, **values: Any) -> bool:
        nonlocal away
        away -= 1
        if away >= 0:
            raise OperationalError("update", {}, Exception("the server closed the connection"))
        return bool(note(*args, **values))

    dock.ledger.note = sometimes
    assert (await dock.ship("a")).video_url
    assert away < 0


async def test_a_database_that_stays_away_is_given_up_after_ten_minutes() -> None:
    clock = Clock(0.0)

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    def gone() -> None:
        raise OperationalError("select", {}, Exception("refused"))

    with pytest.raises(OperationalError):
        await insist(gone, clock=clock, sleep=sleep)
    assert 600 <= clock.now < 610
