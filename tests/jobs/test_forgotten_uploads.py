"""EvoLink has forgotten a file that was uploaded for an earlier order: the address is not used for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest

from evolink_ui.evolink.errors import EvoLinkError
from evolink_ui.jobs import Job, Jobs, OrderInputs, State
from evolink_ui.jobs.unreadable import is_unreadable_input
from evolink_ui.settings import Settings
from tests.stub import Stub, Timeline, answer

from .conftest import until

Ended = Callable[[str], Awaitable[Job]]
OWN_KEY = "sk-visitor-0123456789"


def forget(stub: Stub) -> None:
    for stored in stub.files.values():
        stored.deleted = True


@pytest.mark.parametrize("when", ["at the order", "in the task"])
@pytest.mark.parametrize("api_key", [None, OWN_KEY])
async def test_files_that_evolink_forgot_are_uploaded_again_and_the_order_goes_out_once_more(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended, when: Literal["at the order", "in the task"], api_key: str
) -> None:
    stub.reads_inputs = when
    first = await ended((await jobs.start(order, visitor="anna", api_key=api_key)).id)
    assert (first.state, len(stub.files)) == (State.DONE, 2)
    forget(stub)
    second = await ended((await jobs.start(order, visitor="anna", api_key=api_key)).id)
    assert second.state is State.DONE
    assert "uploaded again" in (second.notice or "")
    assert len(stub.files) == 4
    third = await ended((await jobs.start(order, visitor="anna", api_key=api_key)).id)
    assert (third.state, third.notice, len(stub.files)) == (State.DONE, None, 4), "the new addresses are kept"
    succeeded = [sent for sent in stub.orders if sent.timeline.outcome == "completed"]
    assert len(succeeded) == 3
    posts = [seen.headers["idempotency-key"] for seen in stub.seen if seen.place == "order"]
    assert len(posts) == len(set(posts)) == 4


async def test_an_order_whose_fresh_uploads_can_not_be_read_fails_after_one_attempt(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    stub.fail("order", answer(400, "invalid_parameters", message="Failed to download image"), times=3)
    failed = await ended((await jobs.start(order, visitor="anna")).id)
    assert failed.state is State.FAILED
    assert stub.requests("order") == 1
    await ended((await jobs.start(order, visitor="anna")).id)
    assert len(stub.files) == 4, "the next order gets a new address"
    assert stub.paid == 0


async def test_an_order_that_fails_for_ever_is_offered_once_more_only(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    await ended((await jobs.start(order, visitor="anna")).id)
    stub.timeline = Timeline(seconds=0.0, outcome="failed", error={"code": "image_processing_error"})
    failed = await ended((await jobs.start(order, visitor="anna")).id)
    assert failed.state is State.FAILED
    assert failed.fault is not None
    assert failed.fault.charged == "no"
    assert stub.requests("order") == 3


async def test_a_failed_task_that_was_charged_is_not_ordered_again(
    jobs: Jobs, stub: Stub, order: OrderInputs, ended: Ended
) -> None:
    await ended((await jobs.start(order, visitor="anna")).id)
    stub.timeline = Timeline(seconds=60.0)
    stub.answer_look = lambda _: {
        "status": "failed", "error": {"code": "image_processing_error"}, "usage": {"credits_used": 32.7},
    }  # fmt: skip
    failed = await ended((await jobs.start(order, visitor="anna")).id)
    assert failed.state is State.FAILED
    assert stub.requests("order") == 2


async def test_the_refused_attempt_does_not_count_against_the_days_cap(
    live: Settings, launch: Callable[..., Jobs], stub: Stub, order: OrderInputs
) -> None:
    jobs = launch(live.model_copy(update={"daily_credits": 66.0}))  # two orders of 4 s are 65.4
    stub.reads_inputs = "in the task"
    for _ in range(2):
        job = await jobs.start(order, visitor="anna")
        assert (await until(jobs, job.id, lambda job: not job.is_active)).state is State.DONE
        forget(stub)
    third = await jobs.start(order, visitor="anna")
    refused = await until(jobs, third.id, lambda job: not job.is_active)
    assert refused.fault is not None
    assert refused.fault.code == "daily_credits_used_up"


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("image_processing_error", None, True),
        ("resource_not_found", "", True),
        ("invalid_parameters", "Failed to download image_urls[0]", True),
        ("invalid_request", "video_urls[0]: the URL could not be accessed (404)", True),
        ("invalid_request", "quality must be 720p or 1080p", False),
        ("invalid_parameters", "image is too small", False),
        ("content_policy_violation", "The image could not be loaded", False),
        ("generation_timeout", "reading the video took too long", False),
        (None, "download failed", False),
    ],
)
def test_only_refusals_that_say_so_are_taken_for_an_unreadable_file(
    code: str | None, words: str | None, expected: bool
) -> None:
    assert is_unreadable_input(EvoLinkError("x", vendor_code=code, vendor_message=words)) is expected
