"""One order from its two files to its video, against the stand-in, and everything that can come between."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evolink_ui.evolink import LocalFileProblem
from evolink_ui.jobs import Job, JobError, Jobs, OrderInputs, State, questions, work
from evolink_ui.jobs.faults import NO_ROOM_YET
from evolink_ui.media import Problem, Report
from evolink_ui.settings import Settings
from tests.stub import Fault, Stub, Timeline, answer, drop
from tests.stub.records import StoredFile

from .conftest import KEY, in_state, live_settings, until
from .material import changed, make_video

Ended = Callable[[str], Awaitable[Job]]


async def test_an_order_ends_with_its_video_on_our_disk(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, clip: bytes
) -> None:
    assert order.image
    assert order.video
    await asyncio.gather(jobs.judge_image(order.image), jobs.judge_video(order.video, "image"))  # as they arrive
    job = await jobs.start(order, visitor="anna")
    assert job.state is State.QUEUED, "nobody waits for uploads"
    done = await ended(job.id)
    assert done.state is State.DONE
    assert jobs.result_path(done).read_bytes() == clip
    assert stub.paid == 1
    view = await jobs.show(done)
    assert view["progress"] == 100
    assert view["actions"] == ["edit", "delete"]
    assert view["result"]["bytes"] == len(clip)
    assert view["uploaded_bytes"] == view["total_bytes"] > 0
    assert view["error"] is None


async def test_the_vendor_gets_what_was_asked_for(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    wanted = changed(
        order, character_orientation="video", quality="1080p", keep_sound=False, watermark=True, element_id="123456789"
    )
    await ended((await jobs.start(wanted, visitor="anna")).id)
    sent = stub.orders[0].body
    assert sent["model"] == "kling-v3-motion-control"
    assert sent["prompt"] == "A dance"
    assert sent["quality"] == "1080p"
    assert sent["model_params"] == {
        "character_orientation": "video",
        "keep_sound": False,
        "watermark_info": {"enabled": True},
        "element_list": [{"element_id": "123456789"}],
    }
    assert "callback_url" not in sent


async def test_the_same_files_are_uploaded_once(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    for _ in range(3):
        await ended((await jobs.start(order, visitor="anna")).id)
    assert len(stub.files) == 2
    assert stub.paid == 3


async def test_another_account_uploads_its_own_copy(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    await ended((await jobs.start(order, visitor="anna")).id)
    await ended((await jobs.start(order, visitor="ben", api_key="sk-visitor-0123456789")).id)
    assert len(stub.files) == 4


async def test_a_visitors_key_pays_and_is_wiped_at_the_end(
    jobs: Jobs, live: Settings, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    job = await jobs.start(order, visitor="anna", api_key="sk-visitor-0123456789")
    assert job.sealed_key
    assert "sk-visitor" not in job.sealed_key
    assert (await ended(job.id)).sealed_key is None
    posts = [seen for seen in stub.seen if seen.method == "POST"]
    assert all(seen.headers["authorization"] == "Bearer sk-visitor-0123456789" for seen in posts)
    for name in ("evolink_ui.sqlite", "engine.sqlite"):
        with sqlite3.connect(live.data_dir / name) as database:
            assert "sk-visitor" not in "\n".join(database.iterdump())


async def test_no_key_passes_the_environments_proxy_on_its_way_to_this_machine(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stub() as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url)
        jobs = launch(live)
        job = await jobs.start(order, visitor="anna", api_key="sk-visitor-0123456789")
        await until(jobs, job.id, in_state(State.DONE))
        assert proxy.seen == []
    assert stub.paid == 1


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (answer(401, "unauthorized"), "unauthorized", "key"),
        (answer(402, "insufficient_quota"), "insufficient_quota", "credits"),
        (answer(403, "model_access_denied"), "model_access_denied", ""),
        (answer(400, "invalid_request"), "invalid_request", ""),
    ],
)
async def test_a_refused_order_fails_in_plain_words_and_costs_nothing(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, fault: object, code: str, says: str
) -> None:
    stub.fail("order", fault)  # type: ignore[arg-type]
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.FAILED
    assert job.fault is not None
    assert (job.fault.code, job.fault.charged) == (code, "no")
    assert says in f"{job.fault.message} {job.fault.next_step}"
    assert KEY not in repr(job.fault)
    assert stub.paid == 0


async def test_an_unclear_answer_to_the_order_is_unknown_and_not_repeated(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.UNKNOWN
    assert job.fault is not None
    assert job.fault.charged == "unknown"
    await asyncio.sleep(0.5)
    assert stub.paid == 1
    assert jobs.view(job)["actions"] == ["attach", "send_again", "give_up"]


async def test_an_order_that_must_wait_can_be_stopped_and_costs_nothing(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    stub.fail("order", answer(429, "rate_limit_exceeded", retry_after=1), times=9)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, lambda job: job.state is State.HOSTING and len(stub.seen) > 2)
    stopped = await until(jobs, (await jobs.stop(job.id)).id, in_state(State.STOPPED))
    assert stopped.fault is not None
    assert stopped.fault.charged == "no"
    assert "tries again in 1 s" in (await jobs.show(stopped))["notice"]
    await asyncio.sleep(1.5)
    assert (await jobs.get(job.id)).state is State.STOPPED
    assert sum(seen.place == "order" for seen in stub.seen) == 1


async def test_sending_again_uses_the_same_key_and_finds_the_first_task(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    await jobs.send_again(job.id)
    done = await ended(job.id)
    assert done.state is State.DONE
    assert stub.paid == 1
    posts = [seen for seen in stub.seen if seen.path == "/v1/videos/generations"]
    assert {post.headers["idempotency-key"] for post in posts} == {job.idempotency_key}
    assert len(posts) == 2


@pytest.mark.parametrize("refusal", [answer(402, "insufficient_quota"), answer(409, "idempotency_conflict")])
async def test_an_order_in_doubt_stays_in_doubt_where_sending_it_again_is_refused(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, refusal: Fault
) -> None:
    stub.fail("order", drop(after_work=True), refusal)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    await jobs.send_again(job.id)
    refused = await ended(job.id)
    assert refused.fault is not None
    assert (refused.state, refused.fault.charged) == (State.UNKNOWN, "unknown")
    assert "first time" in refused.fault.message
    assert refused.ordered_at == job.ordered_at  # which a late callback is compared with
    await jobs.attach(job.id, stub.orders[0].task_id)
    assert (await ended(job.id)).state is State.DONE
    assert stub.paid == 1


async def test_an_order_in_doubt_stays_in_doubt_where_it_is_stopped_before_it_goes_out_again(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop(after_work=True), *[answer(429, "rate_limit_exceeded", retry_after=1)] * 9)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    await jobs.send_again(job.id)
    await until(jobs, job.id, lambda job: job.state is State.HOSTING and stub.requests("order") == 2)
    stopped = await jobs.stop(job.id)
    assert stopped.fault is not None
    assert (stopped.state, stopped.fault.charged) == (State.UNKNOWN, "unknown")
    await asyncio.sleep(1.5)
    assert stub.requests("order") == 2
    await jobs.attach(job.id, stub.orders[0].task_id)
    assert (await ended(job.id)).state is State.DONE


async def test_an_order_that_goes_out_while_it_is_stopped_is_not_said_to_cost_nothing(
    jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.timeline = Timeline(seconds=60.0)
    job = await jobs.start(order, visitor="anna")
    running = await until(jobs, job.id, in_state(State.RUNNING))

    async def a_moment_ago(job_id: str) -> Job:
        return replace(running, state=State.HOSTING, task_id=None, ordered_at=None)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "get", a_moment_ago)
        with pytest.raises(JobError, match="while the job is 'running'"):
            await jobs.stop(job.id)
    stopped = await jobs.stop(job.id)
    assert stopped.fault is not None
    assert stopped.fault.charged == "unknown"


async def test_a_task_found_in_the_dashboard_settles_the_doubt(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    stub.orders[0].timeline = Timeline(seconds=0.0)  # found unfinished, it would be looked at again half a minute later
    await jobs.attach(job.id, f"  {stub.orders[0].task_id} ")
    done = await ended(job.id)
    assert (done.state, done.task_id) == (State.DONE, stub.orders[0].task_id)
    assert stub.paid == 1


async def test_a_task_that_does_not_exist_or_belongs_to_another_job_is_not_attached(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    first = await ended((await jobs.start(order, visitor="anna")).id)
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    with pytest.raises(JobError) as caught:
        await jobs.attach(job.id, "task-unified-1-missing")
    assert caught.value.status == 404
    assert first.task_id
    with pytest.raises(JobError) as caught:
        await jobs.attach(job.id, first.task_id)
    assert caught.value.code == "task_belongs_to_another_job"
    assert (await jobs.get(job.id)).state is State.UNKNOWN


async def test_giving_up_ends_the_job_and_says_what_is_not_known(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop())
    job = await ended((await jobs.start(order, visitor="anna")).id)
    given_up = await jobs.give_up(job.id)
    assert given_up.state is State.FAILED
    assert given_up.fault is not None
    assert given_up.fault.charged == "unknown"


async def test_an_answer_that_names_another_jobs_task_is_a_doubt_and_not_a_dead_end(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    first = await ended((await jobs.start(order, visitor="anna")).id)
    stub.fail("order", answer(200, body={"id": first.task_id, "status": "pending"}))
    second = await ended((await jobs.start(order, visitor="anna")).id)
    assert second.state is State.UNKNOWN
    assert second.fault is not None
    assert (second.fault.code, second.fault.charged) == ("task_of_another_job", "unknown")


async def test_an_answer_that_comes_after_another_process_gave_up_hope_settles_the_doubt(
    jobs: Jobs, live: Settings, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop())
    job = await ended((await jobs.start(order, visitor="anna")).id)
    stub.timeline = Timeline(seconds=0.2, video_seconds=4.0)
    other = jobs._vendors.here().of_job(job)
    task = await other.create(jobs._work._request(job), idempotency_key=job.idempotency_key)
    await jobs._work._ordered(replace(job, state=State.SUBMITTING), task)  # as after a long sleep
    done = await until(jobs, job.id, in_state(State.DONE))
    assert done.task_id == task.id


async def test_a_failed_task_says_why_and_is_refunded(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    stub.timeline = Timeline(seconds=0.1, outcome="failed")
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.FAILED
    assert job.fault is not None
    assert job.fault.charged == "no"


async def test_a_refused_look_stops_the_following_and_following_again_finds_the_video(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("task", answer(403, "permission_denied"))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.STOPPED
    assert job.fault is not None
    assert job.fault.charged == "unknown"
    assert "The order itself is safe at EvoLink" in job.fault.message
    assert job.fault.next_step.count("ollow again") == 1
    assert "follow_again" in jobs.view(job)["actions"]
    await jobs.follow_again(job.id)
    done = await ended(job.id)
    assert done.state is State.DONE
    assert done.fault is None
    assert stub.paid == 1


async def test_stopping_ends_the_looks_and_following_again_goes_on(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.timeline = Timeline(seconds=60)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.RUNNING))
    stopped = await jobs.stop(job.id)
    assert stopped.state is State.STOPPED
    assert stopped.fault is not None
    assert stopped.fault.charged == "unknown"
    await asyncio.sleep(0.3)
    looks = len(stub.seen)
    await asyncio.sleep(2.5)
    assert len(stub.seen) == looks
    await jobs.follow_again(job.id)
    await until(jobs, job.id, lambda _: len(stub.seen) > looks)
    with pytest.raises(JobError):
        await jobs.delete(job.id)


async def test_who_comes_first_goes_first_also_within_a_second(jobs: Jobs, stub: Stub, order: OrderInputs) -> None:
    stub.timeline = Timeline(seconds=3600.0)
    held = [await jobs.start(order, visitor="anna") for _ in range(3)]  # as many as are worked on at once
    await asyncio.gather(*(until(jobs, job.id, in_state(State.RUNNING)) for job in held))
    waiting = []
    for _ in range(6):
        waiting.append(await jobs.start(order, visitor="anna"))
        await asyncio.sleep(0.11)
    for job in held:
        await jobs.stop(job.id)
    await asyncio.gather(*(until(jobs, job.id, in_state(State.RUNNING)) for job in waiting[:3]))
    assert [(await jobs.get(job.id)).state for job in waiting[3:]] == [State.QUEUED] * 3


async def test_stopping_before_the_order_orders_nothing(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"max_active_jobs_per_visitor": 1}))
    stub.timeline = Timeline(seconds=60)
    first = await jobs.start(order, visitor="anna")
    await until(jobs, first.id, in_state(State.RUNNING))
    second = await jobs.start(order, visitor="anna")
    third = await jobs.start(order, visitor="anna")
    assert [(await jobs.show(job))["place_in_line"] for job in (second, third)] == [1, 2]
    stopped = await jobs.stop(second.id)
    assert stopped.fault is not None
    assert stopped.fault.charged == "no"
    await jobs.stop(first.id)
    await until(jobs, third.id, in_state(State.RUNNING))
    assert stub.paid == 2
    assert (await jobs.get(second.id)).state is State.STOPPED


async def test_a_result_for_which_there_is_no_room_is_saved_as_soon_as_there_is(
    jobs: Jobs, stub: Stub, order: OrderInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> int:
        raise LocalFileProblem("No room.", charged="yes", retryable=True)

    monkeypatch.setattr("evolink_ui.evolink.EvoLink.download", full)
    job_id = (await jobs.start(order, visitor="anna")).id
    waiting = await until(jobs, job_id, lambda job: job.notice is not None)
    assert (waiting.state, waiting.notice) == (State.SAVING, NO_ROOM_YET)
    monkeypatch.undo()
    done = await until(jobs, job_id, in_state(State.DONE))
    assert done.notice is None


async def test_a_result_that_could_not_be_saved_while_its_link_lived_is_told(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("evolink_ui.evolink.EvoLink.download", full)
    monkeypatch.setattr(work, "RESULT_LIFE_SECONDS", -1.0)
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.state is State.STOPPED
    assert job.fault is not None
    assert (job.fault.code, job.fault.charged) == ("disk_trouble", "yes")
    assert jobs.view(job)["result"]["vendor_url"]
    monkeypatch.undo()
    await jobs.follow_again(job.id)
    assert (await ended(job.id)).state is State.DONE


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"prompt": "x" * 2501}, "prompt", "prompt_too_long"),
        ({"quality": "4k"}, "quality", "quality_unknown"),
        ({"character_orientation": "left"}, "character_orientation", "character_orientation_unknown"),
        ({"element_id": "123"}, "element_id", "element_needs_video_orientation"),
        ({"element_id": "<b>", "character_orientation": "video"}, "element_id", "element_id_malformed"),
        ({"image": None}, "image", "image_missing"),
        ({"video": None}, "video", "video_missing"),
        ({"video_url": "https://example.com/x.mp4"}, "video", "video_twice"),
    ],
)
async def test_a_form_that_cannot_be_ordered_names_its_field_and_sends_nothing(
    jobs: Jobs, stub: Stub, order: OrderInputs, change: dict[str, object], field: str, code: str
) -> None:
    with pytest.raises(JobError) as caught:
        await jobs.start(changed(order, **change), visitor="anna")
    assert (caught.value.field, caught.value.code) == (field, code)
    assert "Nothing was sent or charged." in caught.value.message
    assert caught.value.next_step
    assert stub.seen == []
    assert await jobs.history("anna") == []


async def test_a_file_that_the_vendor_would_refuse_is_refused_here(
    jobs: Jobs, stub: Stub, order: OrderInputs, live: Settings, tmp_path: Path
) -> None:
    long = make_video(tmp_path / "long.mp4", seconds=12)
    with pytest.raises(JobError) as caught:
        await jobs.start(changed(order, video=long), visitor="anna")
    assert caught.value.field == "video"
    with pytest.raises(JobError) as caught:
        await jobs.start(changed(order, image=long), visitor="anna")
    assert caught.value.field == "image"
    assert stub.seen == []
    assert not any((live.data_dir / "jobs").glob("*"))
    job = await jobs.start(changed(order, video=long, character_orientation="video"), visitor="anna")
    await until(jobs, job.id, lambda job: not job.is_active)


async def test_a_verdict_that_says_nothing_about_the_file_is_not_remembered(
    jobs: Jobs, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again.png"
    shutil.copyfile(image, again)
    asked: list[Path] = []

    def too_busy(path: Path) -> Report:
        asked.append(path)
        return Report(False, None, [Problem("check_busy", "image", "Busy.", "Try again.")], [])

    monkeypatch.setattr("evolink_ui.jobs.intake.check_image", too_busy)
    assert not (await jobs.judge_image(again)).ok
    monkeypatch.undo()
    assert (await jobs.judge_image(again)).ok
    assert len(asked) == 1


async def test_a_link_is_fetched_once_and_our_copy_of_its_bytes_goes_to_the_vendor(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    with pytest.raises(JobError) as caught:
        await jobs.start(changed(order, video=None, video_url="http://[::1"), visitor="anna")
    assert caught.value.field == "video"
    assert order.video is not None
    stub.result_bytes = order.video.read_bytes()
    link = f"{stub.results_url}/results/dance.mp4"
    done = await ended((await jobs.start(changed(order, video=None, video_url=link), visitor="anna")).id)
    assert done.state is State.DONE
    assert stub.orders[0].body["video_urls"] == [done.video_url] != [link]
    hosted = next(file for file in stub.files.values() if file.file_id in (done.video_url or ""))
    assert hosted.sha256 == hashlib.sha256(stub.result_bytes).hexdigest()
    assert sum(seen.path == "/results/dance.mp4" for seen in stub.seen) == 1
    assert jobs.reference_path(done).is_file()


async def test_a_link_that_no_host_takes_goes_out_itself_reserved_at_the_longest(
    live: Settings, stub: Stub, launch: Callable[..., Jobs], order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"hosting": "own"}))  # and EvoLink can't come to this machine
    files = await jobs.start(order, visitor="anna")
    assert (await until(jobs, files.id, lambda job: not job.is_active)).state is State.FAILED, "a file has no link"
    by_link = links_to(stub, order)
    done = await until(jobs, (await jobs.start(by_link, visitor="anna")).id, lambda job: not job.is_active)
    assert done.state is State.DONE
    sent = stub.orders[0].body
    assert (sent["image_urls"], sent["video_urls"]) == ([by_link.order.image_url], [by_link.order.video_url])
    assert done.credits_estimated == pytest.approx(10 * 8.1648), "the longest that facing the picture allows"
    assert "EvoLink fetches it from your own link" in (done.notice or "")
    assert "81.7 credits are reserved" in (done.notice or "")
    assert not [path for path in jobs.folder(done.id).iterdir() if path.name.startswith("again")]


@pytest.mark.parametrize("then", ["other bytes", "gone"])
async def test_a_link_that_changed_since_it_was_checked_is_not_ordered_with(
    live: Settings, stub: Stub, launch: Callable[..., Jobs], order: OrderInputs, then: str
) -> None:
    jobs = launch(live.model_copy(update={"hosting": "own", "max_active_jobs_per_visitor": 1}))
    by_link = links_to(stub, order)
    stub.timeline = Timeline(seconds=60)
    first = await jobs.start(by_link, visitor="anna")
    await until(jobs, first.id, in_state(State.RUNNING))
    second = await jobs.start(by_link, visitor="anna")
    if then == "gone":
        stub.fail("result", *[answer(404)] * 9)
    else:
        stub.result_bytes = (stub.result_bytes or b"") + b"and more"
    await jobs.stop(first.id)
    failed = await until(jobs, second.id, lambda job: not job.is_active)
    assert failed.state is State.FAILED
    assert failed.fault is not None
    assert failed.fault.charged == "no"
    assert failed.fault.code == ("link_changed" if then == "other bytes" else "link_not_found")
    assert stub.paid == 1


def links_to(stub: Stub, order: OrderInputs) -> OrderInputs:
    """The same order by links that the stand-in serves."""
    assert order.video is not None
    assert order.image is not None
    stub.result_bytes = order.video.read_bytes()
    stub.files["file_image"] = StoredFile("file_image", "a.png", 1, "", order.image.read_bytes())
    links = {"image_url": f"{stub.files_url}/files/file_image/a.png", "video_url": f"{stub.results_url}/results/a.mp4"}
    return changed(order, image=None, video=None, **links)


async def test_a_deleted_job_leaves_no_files(jobs: Jobs, order: OrderInputs, ended: Ended) -> None:
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert jobs.folder(job.id).is_dir()
    await jobs.delete(job.id)
    assert not jobs.folder(job.id).exists()
    assert await jobs.find(job.id) is None


async def test_the_days_budget_is_never_overdrawn_and_says_when_to_come_back(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"daily_credits": 70.0}))  # two orders of 4 s are 65.3 credits
    started = [await jobs.start(order, visitor=name) for name in ("anna", "ben", "cleo")]
    ends = [await until(jobs, job.id, lambda job: not job.is_active) for job in started]
    assert sorted(job.state for job in ends) == [State.DONE, State.DONE, State.FAILED]
    failed = next(job for job in ends if job.state is State.FAILED)
    assert failed.fault is not None
    assert (failed.fault.code, failed.fault.charged) == ("daily_credits_used_up", "no")
    assert stub.paid == 2
    own = await jobs.start(order, visitor="dora", api_key="sk-visitor-0123456789")
    assert (await until(jobs, own.id, lambda job: not job.is_active)).state is State.DONE


async def test_a_second_process_on_the_same_folder_is_told_so(jobs: Jobs, live: Settings) -> None:
    with pytest.raises(JobError, match="already works with the data folder"):
        Jobs(live).launch()


async def test_a_second_process_on_the_same_database_in_another_folder_is_told_so_too(
    live: Settings, launch: Callable[..., Jobs], tmp_path: Path
) -> None:
    elsewhere = {"database_url": f"sqlite:///{tmp_path / 'jobs.sqlite'}"}
    launch(live.model_copy(update=elsewhere))
    with pytest.raises(JobError, match="already works with the database") as caught:
        Jobs(live.model_copy(update=elsewhere | {"data_dir": tmp_path / "other"})).launch()
    assert "\n" not in f"{caught.value.message}{caught.value.next_step}"


async def test_a_database_that_is_not_there_at_the_start_is_one_clear_line(live: Settings) -> None:
    with pytest.raises(JobError, match="can't be opened") as caught:
        Jobs(live.model_copy(update={"database_url": "postgresql://nobody:marked@127.0.0.1:9/none"})).launch()
    assert "marked" not in f"{caught.value.message}{caught.value.next_step}"


async def test_each_step_of_a_job_is_one_line_of_the_log_with_its_job_and_task_and_no_key(
    jobs: Jobs, order: OrderInputs, ended: Ended, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "evolink_ui")
    done = await ended((await jobs.start(order, visitor="anna", api_key="sk-visitor-0123456789")).id)
    await until(jobs, done.id, lambda _: caplog.messages[-1].endswith("-> done"))
    steps = [line for line in caplog.messages if " -> " in line]
    states = ["queued", "hosting", "submitting", "running", "saving", "done"]
    assert [line.rsplit(" ", 1)[1] for line in steps] == states
    assert all(f"job={done.id} " in line for line in steps)
    assert f"task={done.task_id} " in steps[-1]
    for secret in (KEY, "sk-visitor", done.idempotency_key):
        assert secret not in caplog.text


async def test_what_was_unfinished_goes_on_after_a_restart(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.timeline = Timeline(seconds=3)
    first = launch(live)
    job = await first.start(order, visitor="anna")
    await until(first, job.id, in_state(State.RUNNING))
    second = launch(live)
    done = await until(second, job.id, lambda job: not job.is_active)
    assert done.state is State.DONE
    assert stub.paid == 1


async def test_a_job_that_lost_its_place_in_line_gets_one_at_the_next_sweep(
    jobs: Jobs, order: OrderInputs, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs._engine, "enqueue", lambda _job: None)  # as when the process ends at that moment
    job = await jobs.start(order, visitor="anna")
    monkeypatch.undo()
    await asyncio.sleep(0.5)
    assert (await jobs.get(job.id)).state is State.QUEUED
    await asyncio.to_thread(jobs._housekeeping.sweep)
    done = await ended(job.id)
    assert (done.state, done.run) == (State.DONE, 2)


async def test_a_visitors_key_under_a_lost_secret_stops_that_job_only(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    stub.timeline = Timeline(seconds=4)
    first = launch(live)
    theirs = await first.start(order, visitor="anna", api_key="sk-visitor-0123456789")
    ours = await first.start(order, visitor="ben")
    for job in (theirs, ours):
        await until(first, job.id, in_state(State.RUNNING))
    (live.data_dir / "secret").write_text("another secret altogether, long enough")
    second = launch(live_settings(stub, live.data_dir))
    stopped = await until(second, theirs.id, lambda job: not job.is_active)
    assert stopped.state is State.STOPPED
    assert stopped.fault is not None
    assert stopped.fault.code == "key_lost"
    await second.follow_again(theirs.id, api_key="sk-visitor-0123456789")
    for job in (theirs, ours):
        assert (await until(second, job.id, lambda job: not job.is_active)).state is State.DONE
    assert stub.paid == 2


async def test_a_callback_makes_the_follower_look_at_once(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.timeline = Timeline(seconds=60)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.RUNNING))
    assert not await jobs.callback(job.id, "wrong")
    stub.orders[0].timeline = Timeline(seconds=0.0)
    assert await jobs.callback(job.id, jobs._callbacks.token(job.id))
    started = time.monotonic()
    assert (await ended(job.id)).state is State.DONE
    assert time.monotonic() - started < 3


async def test_a_callback_settles_an_unknown_outcome_only_with_a_task_that_fits(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", drop(after_work=True))
    job = await ended((await jobs.start(order, visitor="anna")).id)
    token = jobs._callbacks.token(job.id)
    for hint in ({"id": "task-unified-1-none"}, {"id": 5}, ["x"], None):
        assert await jobs.callback(job.id, token, hint)
    created = stub.orders[0].created
    stub.orders[0].created = created - 3600
    assert await jobs.callback(job.id, token, {"id": stub.orders[0].task_id})
    await asyncio.sleep(0.5)
    assert (await jobs.get(job.id)).state is State.UNKNOWN
    stub.orders[0].created = created
    assert await jobs.callback(job.id, token, {"id": stub.orders[0].task_id})
    await until(jobs, job.id, in_state(State.DONE))
    assert await jobs.callback(job.id, token, {"id": stub.orders[0].task_id})
    assert stub.paid == 1


async def test_any_task_of_the_key_can_be_looked_up(jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended) -> None:
    job = await ended((await jobs.start(order, visitor="anna")).id)
    assert job.task_id
    assert (await jobs.task(job.task_id, visitor="anna")).status == "completed"
    with pytest.raises(JobError):
        await jobs.task("task-unified-1-none", visitor="anna")
    assert await jobs.credits() is not None


async def test_a_key_is_tried_by_one_look_at_its_credits(
    jobs: Jobs, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.credits_left = 12.5
    good = await jobs.try_key("sk-good")
    assert good is not None and good.remaining_credits == 12.5
    stub.keys = {"sk-good"}
    with pytest.raises(JobError, match="does not accept this API key"):
        await jobs.try_key("hello")
    stub.fail("credits", answer(403, "permission_denied"), answer(403, body="<html>blocked</html>"))
    with pytest.raises(JobError):
        await jobs.try_key("sk-good")
    monkeypatch.setattr(questions, "KEY_TRIAL_SECONDS", 0.3)
    assert await jobs.try_key("sk-good") is None, "a firewall's page says nothing about the key"
    with stub.closed("api"):
        assert await jobs.try_key("sk-good") is None
    assert stub.requests("order") == 0


async def test_stopping_an_order_that_runs_does_not_say_that_it_was_charged(
    jobs: Jobs, stub: Stub, order: OrderInputs
) -> None:
    stub.timeline = Timeline(seconds=60)
    job = await jobs.start(order, visitor="anna")
    await until(jobs, job.id, in_state(State.RUNNING))
    stopped = await jobs.stop(job.id)
    assert jobs.view(stopped)["error"]["charged"] == "unknown", "EvoLink refunds a task that fails"


async def test_a_job_whose_folder_is_gone_fails_without_an_order(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"max_active_jobs_per_visitor": 1}))
    stub.timeline = Timeline(seconds=60)
    first = await jobs.start(order, visitor="anna")
    await until(jobs, first.id, in_state(State.RUNNING))
    second = await jobs.start(order, visitor="anna")
    shutil.rmtree(jobs.folder(second.id))
    await jobs.stop(first.id)
    failed = await until(jobs, second.id, lambda job: not job.is_active)
    assert failed.state is State.FAILED
    assert failed.fault is not None
    assert failed.fault.charged == "no"
    assert stub.paid == 1
