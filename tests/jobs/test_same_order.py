"""The same order again: by its content, and by the name that a page or program gave to it; on both databases."""

# ruff: noqa: F811  pytest finds fixtures by the names that are imported here

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evolink_ui.jobs import same_order
from evolink_ui.jobs.job import Job, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.same_order import ASK_AGAIN_SECONDS, KnownReference, ReferenceTaken, SameOrderRunning, digest_of

from .test_ledger import Clock, add, bring, clock, database, ledger  # noqa: F401


def place(ledger: Ledger, job_id: str, digest: str = "d", **how: Any) -> Job:
    values = {name: how.pop(name) for name in ("visitor",) if name in how}
    return add(ledger, job_id, place=partial(same_order.place, digest=digest, **how), **values)


@pytest.mark.parametrize("state", [State.QUEUED, State.HOSTING, State.SUBMITTING, State.RUNNING, State.UNKNOWN])
def test_an_order_that_runs_or_is_in_doubt_is_asked_about_however_old_it_is(
    ledger: Ledger,
    clock: Clock,
    state: State,
) -> None:
    bring(ledger, place(ledger, "a"), state)
    clock.now += 10 * ASK_AGAIN_SECONDS
    with pytest.raises(SameOrderRunning) as caught:
        place(ledger, "b", ask_first=True, credits_estimated=65.3)
    assert (caught.value.job_id, caught.value.credits, caught.value.status) == ("a", 65.3, 409)
    assert caught.value.to_dict()["state"] == state
    assert ("already running" in caught.value.message) == (state is not State.UNKNOWN), "it may run, or not exist"
    assert ledger.find("b") is None
    place(ledger, "c")
    place(ledger, "d", ask_first=True, visitor="ben")
    place(ledger, "e", "other", ask_first=True)


def test_an_order_that_is_done_is_asked_about_for_two_minutes(ledger: Ledger, clock: Clock) -> None:
    bring(ledger, place(ledger, "a"), State.DONE)
    clock.now += ASK_AGAIN_SECONDS - 1
    with pytest.raises(SameOrderRunning) as caught:
        place(ledger, "b", ask_first=True)
    assert not caught.value.is_running
    clock.now += 2
    place(ledger, "b", ask_first=True)


def test_an_order_that_failed_or_was_stopped_before_it_went_out_is_not_asked_about(ledger: Ledger) -> None:
    bring(ledger, place(ledger, "a"), State.FAILED)
    bring(ledger, place(ledger, "b"), State.STOPPED)
    place(ledger, "c", ask_first=True)


def test_of_many_presses_at_the_same_time_one_order_is_placed(ledger: Ledger) -> None:
    def press(number: int) -> str:
        try:
            return place(ledger, f"j{number}", ask_first=True).id
        except SameOrderRunning as same:
            return same.job_id

    with ThreadPoolExecutor(8) as tabs:
        assert len(set(tabs.map(press, range(24)))) == 1


def test_of_many_orders_under_one_reference_one_is_placed(ledger: Ledger) -> None:
    def send(number: int) -> str:
        try:
            return place(ledger, f"j{number}", reference="shop-1").id
        except KnownReference as known:
            return known.job_id

    with ThreadPoolExecutor(8) as programs:
        assert len(set(programs.map(send, range(24)))) == 1


def test_a_reference_outlives_its_job_and_goes_along_to_the_person_who_signed_in(ledger: Ledger) -> None:
    bring(ledger, place(ledger, "a", reference="r"), State.FAILED)
    place(ledger, "b", reference="s")
    place(ledger, "c", reference="s", visitor="user_anna")
    ledger.hand_over("anna", "user_anna")
    with pytest.raises(KnownReference):
        place(ledger, "d", reference="r", visitor="user_anna")
    with pytest.raises(KnownReference) as kept:
        place(ledger, "d", reference="s", visitor="user_anna")
    assert kept.value.job_id == "c", "the person's own comes first"
    ledger.delete("a")
    ledger.wipe_keys(ended_before=0.0)
    with pytest.raises(ReferenceTaken, match="deleted here"):
        place(ledger, "d", reference="r", visitor="user_anna")
    with pytest.raises(ReferenceTaken, match="other files or options"):
        place(ledger, "d", "another", reference="r", visitor="user_anna")


def test_an_order_that_was_taken_back_left_no_reference(ledger: Ledger) -> None:
    bring(ledger, place(ledger, "a", reference="r"), State.STOPPED)
    ledger.take_back("a")
    assert place(ledger, "b", reference="r").id == "b"


def test_orders_differ_by_every_field_and_every_byte_but_not_by_the_links_that_led_to_the_bytes(tmp_path: Path) -> None:
    image, video, other = (tmp_path / name for name in ("a.png", "a.mp4", "b.mp4"))
    for path in (image, video, other):
        path.write_text(path.name)
    base: dict[str, Any] = {"prompt": "A dance", "quality": "720p", "keep_sound": True, "image_url": ""}
    files = {"image": image, "video": video}
    digests = [
        digest_of("live", base, files),
        digest_of("sandbox", base, files),
        digest_of("live", base, {**files, "video": other}),
        *(digest_of("live", {**base, name: "x"}, files) for name in ("prompt", "quality", "keep_sound")),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of("live", {**base, "image_url": "https://example.com/a.png"}, files) == digests[0]
