"""Paid orders: sent once, with one key, carrying nothing that is not theirs."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from evolink_ui.evolink import (
    Element,
    EvoLink,
    EvoLinkError,
    IdempotencyConflict,
    ModelParams,
    MotionControlRequest,
    OutcomeUnknown,
    Unreachable,
    WatermarkInfo,
    new_idempotency_key,
)
from tests.evolink.conftest import KEY, QUICK, FakeTime
from tests.stub import Stub, answer, drop, hang


async def test_the_answer_to_an_order_carries_what_only_it_carries(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    task = await evolink.create(request_)
    assert task.status == "pending"
    assert not task.is_finished
    assert task.estimated_seconds == 1
    assert task.usage.credits_reserved == pytest.approx(40.824)
    assert task.task_info.video_duration == 5
    assert task.raw["usage"]["user_group"] == "default"


async def test_fields_that_were_left_out_are_not_sent(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    await evolink.create(request_)
    assert stub.orders[0].body == {
        "model": "kling-v3-motion-control",
        "image_urls": ["https://example.com/character.png"],
        "video_urls": ["https://example.com/dance.mp4"],
        "model_params": {"character_orientation": "image"},
        "prompt": "A dance",
    }


async def test_every_option_is_sent_by_the_vendors_names(evolink: EvoLink, stub: Stub) -> None:
    full = MotionControlRequest(
        image_urls=["https://example.com/a.png"],
        video_urls=["https://example.com/a.mp4"],
        quality="1080p",
        prompt="Tänzer \U0001f483",
        callback_url="https://example.com/called",
        model_params=ModelParams(
            character_orientation="video",
            keep_sound=False,
            watermark_info=WatermarkInfo(enabled=True),
            element_list=[Element(element_id="123")],
        ),
    )
    stub.send_callbacks = False
    await evolink.create(full)
    assert stub.orders[0].body["model_params"] == {
        "character_orientation": "video",
        "keep_sound": False,
        "watermark_info": {"enabled": True},
        "element_list": [{"element_id": "123"}],
    }
    assert stub.orders[0].body["prompt"] == "Tänzer \U0001f483"
    assert stub.orders[0].body["quality"] == "1080p"


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_urls": []},
        {"video_urls": ["https://a/1", "https://a/2"]},
        {"prompt": "x" * 2501},
        {"quality": "4k"},
        {"callback_url": "https://example.com/" + "x" * 2048},
        {"model": "kling-v1"},
        {"surprise": 1},
        {"model_params": {"character_orientation": "image", "element_list": [{"element_id": "1"}]}},
        {"model_params": {"character_orientation": "video", "element_list": [{"element_id": "1"}] * 2}},
    ],
    ids=lambda wrong: "".join(wrong)[:20] if isinstance(wrong, dict) else "",
)
def test_a_wrong_order_is_refused_before_it_is_sent(wrong: dict[str, object]) -> None:
    right = {
        "image_urls": ["https://a/1"],
        "video_urls": ["https://a/2"],
        "model_params": {"character_orientation": "video"},
    }
    MotionControlRequest.model_validate(right)
    with pytest.raises(ValidationError):
        MotionControlRequest.model_validate(right | wrong)


async def test_the_same_key_finds_the_first_task_instead_of_paying_a_second(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    key = new_idempotency_key()
    stub.fail("order", drop(after_work=True))
    with pytest.raises(OutcomeUnknown):
        await evolink.create(request_, idempotency_key=key)
    again = await evolink.create(request_, idempotency_key=key)
    assert again.replayed
    assert stub.paid == 1
    with pytest.raises(IdempotencyConflict):
        await evolink.create(request_.model_copy(update={"prompt": "Another"}), idempotency_key=key)


async def test_a_vendor_without_deduplication_would_charge_twice_so_nothing_is_repeated(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    stub.honour_idempotency = False
    stub.fail("order", drop(after_work=True))
    with pytest.raises(OutcomeUnknown):
        await evolink.create(request_)
    assert stub.paid == stub.requests("order") == 1


def test_minted_keys_are_the_vendors_kind_and_never_the_same() -> None:
    keys = {new_idempotency_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(16 <= len(key) <= 96 and key.replace("-", "").isalnum() for key in keys)


@pytest.mark.parametrize("key", ["short", "x" * 97, "sixteen chars ok?", "line\nbreak-in-the-key"])
async def test_a_malformed_key_is_refused_before_anything_is_sent(
    key: str, evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    with pytest.raises(ValueError, match="16 to 96"):
        await evolink.create(request_, idempotency_key=key)
    assert stub.seen == []


async def test_each_pause_of_an_order_is_announced_with_its_reason(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    heard: list[tuple[float, str, str]] = []
    stub.fail("order", answer(429, "rate_limit_exceeded", retry_after=3), answer(429))

    async def on_wait(seconds: float, error: EvoLinkError) -> None:
        heard.append((seconds, error.code, error.charged))

    await evolink.create(request_, on_wait=on_wait)
    assert heard == [(3, "rate_limit_exceeded", "no"), (4, "rate_limit_exceeded", "no")]


async def test_each_departure_of_an_order_can_be_written_down_or_forbidden_before(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    class Forbidden(Exception):
        pass

    departures = 0

    async def before_send() -> None:
        nonlocal departures
        departures += 1
        assert len(stub.seen) == departures - 1
        if departures == 3:
            raise Forbidden

    stub.fail("order", answer(429, "rate_limit_exceeded"), times=5)
    with pytest.raises(Forbidden):
        await evolink.create(request_, before_send=before_send)
    assert len(stub.seen) == 2


async def test_each_departure_is_announced_before_it_happens_and_each_pause_after_a_refusal(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    story: list[tuple[str, int]] = []

    async def before_send() -> None:
        story.append(("leaves", stub.requests("order")))

    async def on_wait(seconds: float, error: EvoLinkError) -> None:
        story.append(("waits", stub.requests("order")))

    stub.fail("order", answer(429), drop(after_work=True))
    with pytest.raises(OutcomeUnknown):
        await evolink.create(request_, before_send=before_send, on_wait=on_wait)
    assert story == [("leaves", 0), ("waits", 1), ("leaves", 1)]


async def test_an_order_that_cannot_be_written_down_does_not_leave(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    async def before_send() -> None:
        raise LookupError("another process has it")

    with pytest.raises(LookupError):
        await evolink.create(request_, before_send=before_send)
    assert stub.seen == []


async def test_an_order_that_is_never_delivered_is_given_up_after_ten_minutes_and_free(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, request_: MotionControlRequest
) -> None:
    with stub.closed("api"), pytest.raises(Unreachable) as caught:
        await evolink.create(request_)
    assert caught.value.code == "connect_failed"
    assert caught.value.charged == "no"
    assert 500 < sum(fake_time.pauses) <= 600


async def test_an_order_after_an_idle_time_does_not_die_with_the_old_connection(
    evolink: EvoLink, stub: Stub, request_: MotionControlRequest
) -> None:
    await evolink.credits()
    with stub.closed("api"):
        await asyncio.sleep(0.05)
    await evolink.create(request_)
    assert stub.paid == 1


async def test_nothing_that_a_shared_client_carries_travels_with_a_key(stub: Stub) -> None:
    stub.fail("credits", answer(500, headers={"set-cookie": "session=first-visitor; Path=/"}))
    shared = httpx.AsyncClient(
        headers={"X-Carried": "yes"}, cookies={"old": "cookie"}, auth=("user", "password"), follow_redirects=True
    )
    async with shared:
        for key in ("first-visitors-key", "second-visitors-key"):
            async with EvoLink(
                key,
                base_url=stub.base_url,
                files_url=stub.files_url,
                http=shared,
                timeouts=QUICK,
                sleep=FakeTime().sleep,
            ) as evolink:
                await evolink.credits()
        assert not shared.is_closed
    assert [seen.headers["authorization"] for seen in stub.seen] == [
        "Bearer first-visitors-key",
        "Bearer first-visitors-key",
        "Bearer second-visitors-key",
    ]
    assert "first-visitor;" not in json.dumps([seen.headers for seen in stub.seen])
    assert not any("cookie" in seen.headers or "x-carried" in seen.headers for seen in stub.seen)


async def test_a_cancelled_order_is_not_sent_again(stub: Stub, request_: MotionControlRequest) -> None:
    stub.fail("order", answer(429, retry_after=100))
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url) as evolink:
        waiting = asyncio.Event()

        async def on_wait(seconds: float, error: EvoLinkError) -> None:
            waiting.set()

        ordering = asyncio.create_task(evolink.create(request_, on_wait=on_wait))
        await asyncio.wait_for(waiting.wait(), 10)
        ordering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ordering
    assert stub.requests("order") == 1
    assert stub.paid == 0


async def test_a_cancelled_order_that_is_on_its_way_is_not_sent_again_and_harms_no_other(
    stub: Stub, request_: MotionControlRequest
) -> None:
    stub.fail("order", hang(20, after_work=True))
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url) as evolink:
        ordering = asyncio.create_task(evolink.create(request_))
        for _ in range(1000):
            if stub.paid:
                break
            await asyncio.sleep(0.01)
        ordering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ordering
        await evolink.credits()
    assert (stub.requests("order"), stub.paid) == (1, 1)


@pytest.mark.parametrize("used", [True, False])
async def test_a_closed_client_says_so_and_leaves_no_order_in_doubt(
    used: bool, stub: Stub, request_: MotionControlRequest, tmp_path: Path
) -> None:
    async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url) as evolink:
        if used:
            await evolink.credits()
            await evolink.download(f"{stub.results_url}/results/1.mp4", tmp_path / "1.mp4")
    sent = len(stub.seen)
    again = evolink.download(f"{stub.results_url}/results/2.mp4", tmp_path / "2.mp4")
    for deed in (evolink.create(request_), evolink.credits(), again):
        with pytest.raises(RuntimeError, match="closed; nothing was sent"):
            await deed
    assert (stub.paid, len(stub.seen)) == (0, sent)
    assert not list(tmp_path.glob("2*"))  # noqa: ASYNC240 - a test may wait for its disk
