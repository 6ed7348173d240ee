"""The pure decisions: never negative, never below the floor, bounded, and growing where they should."""

import math
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_ui.evolink import policy
from evolink_ui.evolink.policy import Fault, Verdict, judge_order, judge_read, read_wait_seconds, retry_after_seconds

statuses = st.integers(100, 999)
codes = st.none() | st.sampled_from(["internal_error", "rate_limit_exceeded", "paid_outcome_unknown", "made_up"])
told = st.none() | st.floats(0, 1e9)
attempts = st.integers(-5, 10_000)


@given(statuses, codes, st.booleans(), st.booleans())
def test_an_order_is_repeated_after_an_answer_only_if_it_is_429(
    status: int, code: str | None, paced: bool, is_page: bool
) -> None:
    verdict = judge_order(status, code, paced=paced, is_foreign=is_page)
    assert verdict is not Verdict.REPEAT or status == 429
    if status >= 500 or status in (304, 406, 408, 425) or code == "paid_outcome_unknown":
        assert verdict is Verdict.UNKNOWN
    if status == 403 and is_page:
        assert verdict is Verdict.UNKNOWN


@given(statuses, codes, st.booleans(), st.booleans())
def test_an_order_whose_answer_names_a_task_is_never_free_and_never_repeated(
    status: int, code: str | None, paced: bool, is_page: bool
) -> None:
    verdict = judge_order(status, code, paced=paced, is_foreign=is_page, names_task=True)
    assert verdict in (Verdict.ACCEPT, Verdict.UNKNOWN)


@given(codes)
def test_an_order_without_an_answer_is_repeated_only_if_it_never_left(code: str | None) -> None:
    assert judge_order(None, code, fault=Fault.NEVER_SENT) is Verdict.REPEAT
    assert judge_order(None, code, fault=Fault.LOST) is Verdict.UNKNOWN
    assert judge_order(None, code, fault=Fault.TIMED_OUT) is Verdict.UNKNOWN
    assert judge_order(None, code) is Verdict.UNKNOWN
    assert judge_order(None, code, fault=Fault.UNTRUSTED) is Verdict.REFUSED


@given(statuses, st.booleans(), st.floats(0, 1e6))
def test_a_read_is_accepted_refused_or_repeated_and_never_unknown(status: int, usable: bool, seconds: float) -> None:
    verdict = judge_read(status, usable=usable, seconds_since_start=seconds)
    assert verdict is not Verdict.UNKNOWN
    assert (verdict is Verdict.ACCEPT) == (200 <= status < 300 and usable)
    if status >= 500 or status in (408, 429):
        assert verdict is Verdict.REPEAT
    if status in (400, 401, 402, 403):
        assert verdict is Verdict.REFUSED
    assert judge_read(None, usable=False) is Verdict.REPEAT
    assert judge_read(None, usable=False, fault=Fault.UNTRUSTED) is Verdict.REFUSED
    if status not in policy.REQUEST_STATUSES and not usable:
        assert judge_read(status, usable=usable, seconds_since_start=seconds, is_page=True) is Verdict.REPEAT


@given(attempts, told)
def test_the_pause_of_an_order_is_at_least_a_second_and_what_was_told(attempt: int, seconds: float | None) -> None:
    wait = policy.order_wait_seconds(attempt, seconds)
    assert wait >= policy.SHORTEST_WAIT_SECONDS
    assert math.isfinite(wait)
    if seconds is not None:
        assert wait >= seconds
    else:
        assert wait <= policy.LONGEST_WAIT_SECONDS
        assert wait <= policy.order_wait_seconds(attempt + 1, None)


@given(attempts, told, st.floats(0, 1), st.floats(0.05, 60))
def test_the_pause_of_a_read_stays_between_its_floor_and_a_minute(
    attempt: int, seconds: float | None, chance: float, floor: float
) -> None:
    wait = read_wait_seconds(attempt, seconds, chance, floor=floor)
    assert floor <= wait <= policy.LONGEST_WAIT_SECONDS
    if seconds is None:
        assert wait <= read_wait_seconds(attempt + 1, None, chance, floor=floor)
        assert wait <= max(floor, policy.backoff_seconds(attempt))


def test_the_first_pauses_are_2_4_8() -> None:
    assert [policy.backoff_seconds(n) for n in (1, 2, 3, 4, 5, 6, 7)] == [2, 4, 8, 16, 32, 60, 60]


@given(st.none() | st.text(max_size=40) | st.floats().map(str), st.none() | st.text(max_size=40), st.floats(0, 4e9))
def test_no_retry_after_is_ever_negative_or_endless(header: str | None, date: str | None, now: float) -> None:
    seconds = retry_after_seconds(header, date=date, now=now)
    assert seconds is None or (0 <= seconds < math.inf)


@given(st.integers(0, 10**6), st.integers(10**9, 2 * 10**9), st.integers(-(10**6), 10**6))
def test_a_date_is_measured_by_the_servers_clock(seconds: int, server_now: int, our_error: int) -> None:
    until = formatdate(server_now + seconds, usegmt=True)
    now = server_now + our_error
    assert retry_after_seconds(until, date=formatdate(server_now, usegmt=True), now=now) == seconds
    assert retry_after_seconds(until, date=None, now=now) == max(0, seconds - our_error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:10 GMT", 10),
        ("Wednesday, 21-Oct-26 07:28:10 GMT", 10),
        ("Wed Oct 21 07:28:10 2026", 10),
        ("Wed, 21 Oct 2026 09:28:10 +0200", 10),
        ("Wed, 21 Oct 1998 07:28:10 GMT", 0),
        ("120.5", 120.5),
        ("7, 7", None),
    ],
)
def test_every_form_of_a_date_means_the_same_wherever_we_are(
    header: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert retry_after_seconds(header, date="Wed, 21 Oct 2026 07:28:00 GMT", now=0) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("header", ["soon", "-3", "inf", "nan", "Wed, 99 Foo 2026 99:99:99 GMT", "", None])
def test_a_retry_after_that_makes_no_sense_counts_as_none(header: str | None) -> None:
    assert retry_after_seconds(header, date="also nonsense", now=1e9) is None
