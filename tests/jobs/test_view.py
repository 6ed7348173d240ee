"""What a job's public view says, and never says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_ui.jobs import faults
from evolink_ui.jobs.credits import credits_on_the_wire
from evolink_ui.jobs.expected import expected_seconds
from evolink_ui.jobs.job import Fault, Job, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.view import ACTIONS, eta_seconds, view

from .test_ledger import add

NOW = 2_000_000_000.0


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder: Path = tmp_path_factory.mktemp("view")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite'}", clock=lambda: NOW)
    job = add(ledger, sealed_key="sealed-marked")
    ledger.close()
    return job


def shown(job: Job, now: float = NOW) -> dict[str, Any]:
    return view(job, now=now, link=lambda job, kind: f"files/{kind}")


def test_the_view_tells_neither_keys_nor_whose_it_is(job: Job) -> None:
    text = str(shown(replace(job, idempotency_key="idem-marked", visitor="visitor-marked")))
    assert "marked" not in text


@pytest.mark.parametrize("fault", [faults.INTERRUPTED, faults.NO_RESULT, faults.GIVEN_UP])
def test_the_sandbox_never_claims_to_have_charged_anything(job: Job, fault: Fault) -> None:
    for mode, charged in (("live", fault.charged), ("sandbox", "no")):
        error = shown(replace(job, state=State.FAILED, mode=mode, fault=fault))["error"]  # type: ignore[arg-type]
        assert error["charged"] == charged


def test_who_stops_following_hears_where_the_order_goes_on_and_what_it_costs(job: Job) -> None:
    at_vendor = faults.stopped_by_owner(replace(job, mode="live", task_id="task-1"))
    assert "EvoLink goes on" in at_vendor.message and at_vendor.charged == "unknown"  # it refunds failures
    in_sandbox = faults.stopped_by_owner(replace(job, mode="sandbox", task_id="task-1"))
    assert "EvoLink" not in in_sandbox.message + in_sandbox.next_step and in_sandbox.charged == "no"
    before = faults.stopped_by_owner(replace(job, task_id=None))
    assert "before anything was ordered" in before.message and before.charged == "no"


@pytest.mark.parametrize("state", list(State))
def test_progress_is_100_only_when_the_video_is_here(job: Job, state: State) -> None:
    seen = shown(replace(job, state=state, progress=100))
    assert (seen["progress"] == 100) == (state is State.DONE)
    assert seen["actions"] == list(ACTIONS[state])


def test_unknown_progress_stays_unknown(job: Job) -> None:
    assert shown(replace(job, state=State.RUNNING))["progress"] is None


def test_the_clock_of_an_ended_job_stands_still(job: Job) -> None:
    ended = replace(job, state=State.DONE, finished_at=NOW + 42)
    assert shown(ended, NOW + 9999)["elapsed_seconds"] == 42
    assert shown(job, NOW + 9999)["elapsed_seconds"] == 9999


def test_the_sandboxs_inner_link_is_not_shown(job: Job) -> None:
    done = replace(job, state=State.DONE, vendor_url="https://x.example/v.mp4", vendor_expires_at=NOW)
    assert shown(done)["result"]["vendor_url"] is None
    assert shown(replace(done, mode="live"))["result"]["vendor_url"] == "https://x.example/v.mp4"


@given(
    progress=st.none() | st.integers(-5, 120),
    elapsed=st.floats(0, 1e6),
    estimate=st.none() | st.floats(1, 1e5),
)
def test_time_left_is_positive_and_shown_while_running_only(
    job: Job, progress: int | None, elapsed: float, estimate: float | None
) -> None:
    running = replace(job, state=State.RUNNING, progress=progress, estimated_seconds=estimate, ordered_at=NOW)
    left = eta_seconds(running, NOW + elapsed)
    assert (left is None) == (estimate is None and (progress or 0) < 10)
    assert left is None or 1 <= left < 1e8
    assert eta_seconds(replace(running, state=State.QUEUED), NOW) is None


def test_time_left_follows_progress_when_the_estimate_is_wrong(job: Job) -> None:
    late = replace(job, state=State.RUNNING, progress=50, estimated_seconds=60, ordered_at=NOW)
    assert eta_seconds(late, NOW + 300) == pytest.approx(150, abs=100)


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [(100.0, 150.0), (None, 75.0)],  # the estimates were too low by a half; a second of video took 7.5 s
)
def test_past_jobs_correct_the_vendors_estimate_and_stand_in_for_it(
    job: Job, tmp_path: Path, estimate: float | None, expected: float
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=lambda: NOW)
    for number, took in enumerate((30.0, 30.0, 900.0)):  # one was left alone for a while
        done: dict[str, Any] = {"state": State.DONE, "ordered_at": NOW - took, "finished_at": NOW}
        add(ledger, f"done-{number}", video_seconds=4.0, estimated_seconds=20.0, **done)
    add(ledger, "other", request={"quality": "1080p"}, state=State.DONE, finished_at=NOW)
    fresh = replace(job, state=State.RUNNING, video_seconds=10.0, estimated_seconds=estimate, ordered_at=NOW)
    expects = expected_seconds(fresh, ledger.done_lately(fresh, 20))
    ledger.close()
    assert expects == expected
    assert eta_seconds(replace(fresh, expected_seconds=expects), NOW) == expected
    assert expected_seconds(fresh, []) == estimate


@pytest.mark.parametrize(
    ("wire", "estimated", "credits"),
    [
        (40.824, 40.824, 40.824),
        (408_240, 40.824, 40.824),
        (52.0, 40.824, 52.0),
        (60.0, 40.824, 60.0),
        (245.0, 40.824, 245.0),
        (534_794, 40.824, 53.4794),
        (3.9, 40.824, 3.9),
        (0, 40.824, None),
        (None, 40.824, None),
    ],
)
def test_the_vendors_number_is_read_in_the_scale_that_is_nearest_to_the_estimate(
    wire: float | None,
    estimated: float,
    credits: float | None,  # noqa: A002  the domain's word
) -> None:
    found = credits_on_the_wire(wire, estimated)
    assert found == (None if credits is None else pytest.approx(credits))
