"""What is spent is counted whatever becomes of the job, and no cap is ever passed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from evolink_ui.jobs import faults
from evolink_ui.jobs.credits import as_text
from evolink_ui.jobs.job import Fault, Job, JobError, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.spend import Caps
from evolink_ui.jobs.tables import changing, spend
from evolink_ui.jobs.tables import jobs as jobs_table

from .test_ledger import Clock, add, clock, database  # noqa: F401  pytest finds fixtures by their names here

PRICE = 32.7
REFUSED = Fault("insufficient_quota", "Not enough credits.", "Top up.", charged="no")
LOST = Fault("outcome_unknown", "The answer was lost.", "Look for it.", charged="unknown")
FIRST_DAY, SECOND_DAY = date(1970, 1, 1), date(1970, 1, 2)
DAY_SECONDS = 86_400.0


@pytest.fixture
def ledger(database: str, clock: Clock) -> Iterator[Ledger]:  # noqa: F811  the fixtures imported above
    ledger = Ledger(database, clock=clock)
    with changing(ledger.engine) as connection:
        connection.execute(jobs_table.delete())
        connection.execute(spend.delete())
    yield ledger
    ledger.close()


def hosted(ledger: Ledger, name: str, **values: Any) -> Job:
    """A job that may order now."""
    add(ledger, name, **{"mode": "live", "credits_estimated": PRICE, **values})
    return ledger.move(name, State.HOSTING)


def claim(ledger: Ledger, job: Job, in_all: float | None = None, of_one_household: float | None = None) -> Job:
    return ledger.claim(job, account="account", caps=Caps(in_all, of_one_household))


def order(ledger: Ledger, name: str, *, reserved: float | None = PRICE, **values: Any) -> Job:
    """A job whose order EvoLink took."""
    claim(ledger, hosted(ledger, name, **values))
    return ledger.move(name, State.RUNNING, task_id=f"task-unified-{name}", credits_reserved=reserved)


def finish(ledger: Ledger, name: str, *, used: float | None = PRICE) -> None:
    ledger.move(name, State.SAVING, credits_used=used)
    ledger.move(name, State.DONE)


def cost(ledger: Ledger, day: date = FIRST_DAY) -> float:
    """What the owner's key has spent on a day."""
    total = ledger.spend_book.by_day(day, day).get(day)
    return round(total.owners_key, 6) if total else 0.0


def kinds(ledger: Ledger, name: str = "a") -> list[tuple[int, str]]:
    query = select(spend.c.attempt, spend.c.kind).where(spend.c.job_id == name).order_by(spend.c.id)
    with ledger.engine.connect() as connection:
        return [(row.attempt, row.kind) for row in connection.execute(query)]


def test_deleting_jobs_does_not_make_the_cap_forget_what_they_cost(ledger: Ledger) -> None:
    order(ledger, "a")
    finish(ledger, "a")
    ledger.delete("a")
    assert cost(ledger) == PRICE
    with pytest.raises(JobError) as caught:
        claim(ledger, hosted(ledger, "b"), in_all=50.0)
    assert caught.value.code == "daily_credits_used_up"
    assert "32.7 are spent or reserved today, and this order needs 32.7" in str(caught.value)
    assert ledger.get("b").state is State.HOSTING
    assert kinds(ledger, "b") == []


def test_stopping_and_deleting_a_running_job_does_not_either(ledger: Ledger) -> None:
    order(ledger, "a")
    ledger.move("a", State.STOPPED)
    ledger.delete("a")
    with pytest.raises(JobError):
        claim(ledger, hosted(ledger, "b"), in_all=50.0)


def test_nor_does_handing_the_jobs_over_to_another_name(ledger: Ledger) -> None:
    order(ledger, "a", household="home_1")
    ledger.hand_over("anna", "user_anna")
    with pytest.raises(JobError):
        claim(ledger, hosted(ledger, "b", household="home_1"), of_one_household=50.0)


def test_an_order_that_is_given_back_does_not_count_while_it_waits(ledger: Ledger) -> None:
    """EvoLink said 429: it was not taken. Another order may have its credits meanwhile."""
    job = hosted(ledger, "a")
    claim(ledger, job, in_all=50.0)
    ledger.move("a", State.HOSTING, only_from={State.SUBMITTING}, ordered_at=None)
    assert cost(ledger) == 0.0
    claim(ledger, hosted(ledger, "b"), in_all=50.0)
    with pytest.raises(JobError):
        claim(ledger, job, in_all=50.0)
    claim(ledger, job, in_all=70.0)
    assert cost(ledger) == 2 * PRICE
    assert kinds(ledger) == [(1, "reserved"), (1, "refunded"), (2, "reserved")]


def test_a_clear_refusal_costs_nothing(ledger: Ledger) -> None:
    claim(ledger, hosted(ledger, "a"))
    ledger.move("a", State.FAILED, fault=REFUSED)
    assert cost(ledger) == 0.0


def test_an_order_of_unknown_outcome_stays_reserved_also_when_it_is_given_up(ledger: Ledger) -> None:
    claim(ledger, hosted(ledger, "a"))
    ledger.move("a", State.UNKNOWN, fault=LOST)
    assert cost(ledger) == PRICE
    ledger.move("a", State.FAILED, fault=faults.GIVEN_UP)
    ledger.delete("a")
    assert cost(ledger) == PRICE


def test_sending_again_reserves_a_second_time(ledger: Ledger, clock: Clock) -> None:  # noqa: F811
    """Both may have been taken, and both may be charged."""
    in_doubt(ledger, clock)
    clock.now += 1
    claim(ledger, again(ledger), in_all=70.0)
    assert cost(ledger) == 2 * PRICE
    ledger.move("a", State.RUNNING, task_id="task-unified-a", credits_reserved=PRICE)
    finish(ledger, "a", used=30.0)
    assert kinds(ledger) == [(1, "reserved"), (2, "reserved"), (2, "settled")]
    assert cost(ledger) == PRICE + 30.0


def test_sending_again_keeps_to_the_cap(ledger: Ledger, clock: Clock) -> None:  # noqa: F811
    in_doubt(ledger, clock)
    clock.now += 1
    with pytest.raises(JobError):
        claim(ledger, again(ledger), in_all=50.0)
    assert cost(ledger) == PRICE


def test_the_first_order_stays_in_doubt_where_the_second_is_refused(ledger: Ledger, clock: Clock) -> None:  # noqa: F811
    first = in_doubt(ledger, clock)
    clock.now += 1
    claim(ledger, again(ledger))
    ledger.move("a", State.UNKNOWN, fault=faults.still_in_doubt(REFUSED), ordered_at=first.ordered_at)
    assert kinds(ledger) == [(1, "reserved"), (2, "reserved"), (2, "refunded")]
    assert cost(ledger) == PRICE
    ledger.again("a", State.RUNNING, only_from={State.UNKNOWN}, task_id="task-unified-a")  # found in the dashboard
    finish(ledger, "a", used=30.0)
    assert kinds(ledger)[-1] == (1, "settled")
    assert cost(ledger) == 30.0


def test_an_order_in_doubt_that_fails_before_it_goes_out_again_is_still_counted(
    ledger: Ledger,
    clock: Clock,  # noqa: F811
) -> None:
    first = in_doubt(ledger, clock)
    again(ledger)
    ledger.move("a", State.UNKNOWN, fault=faults.still_in_doubt(REFUSED), ordered_at=first.ordered_at)
    assert cost(ledger) == PRICE


def test_a_task_that_fails_is_refunded_on_the_day_on_which_it_was_ordered(
    ledger: Ledger,
    clock: Clock,  # noqa: F811
) -> None:
    order(ledger, "a")
    order(ledger, "b")
    clock.now += DAY_SECONDS
    ledger.move("a", State.FAILED, fault=REFUSED)
    finish(ledger, "b", used=30.0)
    assert (cost(ledger, FIRST_DAY), cost(ledger, SECOND_DAY)) == (30.0, 0.0)
    claim(ledger, hosted(ledger, "c"), in_all=PRICE)  # a new day, and nothing of it is spent
    assert cost(ledger, SECOND_DAY) == PRICE


@pytest.mark.parametrize(("used", "counted"), [(30.0, 30.0), (41.0, 41.0), (None, PRICE)])
def test_what_was_charged_counts_in_the_end(ledger: Ledger, used: float | None, counted: float) -> None:
    order(ledger, "a")
    finish(ledger, "a", used=used)
    assert cost(ledger) == counted
    assert kinds(ledger) == [(1, "reserved"), (1, "settled")]


@pytest.mark.parametrize(("reserved", "counted"), [(245.0, 245.0), (3.0, PRICE), (None, PRICE)])
def test_the_larger_of_estimate_and_evolinks_own_number_counts(
    ledger: Ledger, reserved: float | None, counted: float
) -> None:
    order(ledger, "a", reserved=reserved)
    assert cost(ledger) == counted


def test_the_owner_is_told_of_prices_far_beyond_the_estimate(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    order(ledger, "a", reserved=2.9 * PRICE)
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]
    order(ledger, "b", reserved=245.0)
    (line,) = [line for line in caplog.records if line.levelno >= logging.WARNING]
    assert "job=b task=task-unified-b EvoLink reserved 245 credits where the price list gives 32.7" in line.message


def test_an_order_with_a_visitors_own_key_is_never_refused_for_the_owners_cap(ledger: Ledger) -> None:
    order(ledger, "a")
    claim(ledger, hosted(ledger, "b", own_key=True), in_all=1.0, of_one_household=1.0)
    assert ledger.get("b").state is State.SUBMITTING


def test_orders_with_a_visitors_own_key_take_nothing_from_the_owners_cap(ledger: Ledger) -> None:
    order(ledger, "a", own_key=True)
    claim(ledger, hosted(ledger, "b"), in_all=PRICE, of_one_household=PRICE)
    total = ledger.spend_book.by_day(FIRST_DAY, FIRST_DAY)[FIRST_DAY]
    assert (total.owners_key, total.visitors_keys, total.posts) == (PRICE, PRICE, 2)


def test_the_key_that_pays_at_the_time_of_the_order_counts(ledger: Ledger, clock: Clock) -> None:  # noqa: F811
    """The owner took the key away; a visitor goes on with another one, and what the first had cost stays counted."""
    in_doubt(ledger, clock)
    clock.now += 1
    job = ledger.again("a", State.QUEUED, only_from={State.UNKNOWN}, own_key=True, sealed_key="sealed")
    claim(ledger, ledger.move(job.id, State.HOSTING), in_all=PRICE)
    total = ledger.spend_book.by_day(FIRST_DAY, FIRST_DAY)[FIRST_DAY]
    assert (total.owners_key, total.visitors_keys) == (PRICE, PRICE)


def test_the_sandbox_spends_nothing(ledger: Ledger) -> None:
    order(ledger, "a", mode="sandbox")
    claim(ledger, hosted(ledger, "b", mode="sandbox"), in_all=1.0)
    assert cost(ledger) == 0.0
    assert kinds(ledger, "b") == [(1, "reserved")]
    claim(ledger, hosted(ledger, "c"), in_all=PRICE, of_one_household=PRICE)  # and takes nothing from the caps


def test_one_household_spends_no_more_than_its_share_and_leaves_others_theirs(ledger: Ledger) -> None:
    order(ledger, "a", visitor="v_1", household="home_1")
    with pytest.raises(JobError) as caught:  # a new cookie, the same address
        claim(ledger, hosted(ledger, "b", visitor="v_2", household="home_1"), in_all=500.0, of_one_household=60.0)
    assert caught.value.code == "visitor_daily_credits_used_up"
    assert str(caught.value).startswith("You may spend 60 credits a day here. 32.7 are spent or reserved today")
    claim(ledger, hosted(ledger, "c", visitor="v_3", household="home_2"), in_all=500.0, of_one_household=60.0)
    assert {name: total.owners_key for name, total in ledger.spend_book.by_household(FIRST_DAY, FIRST_DAY).items()} == {
        "home_1": PRICE,
        "home_2": PRICE,
    }
    assert set(ledger.spend_book.by_visitor(FIRST_DAY, FIRST_DAY)) == {"v_1", "v_3"}


def test_twenty_orders_at_once_on_two_replicas_keep_to_both_caps(database: str, ledger: Ledger, clock: Clock) -> None:  # noqa: F811
    """Room for five orders in all, and for two of each household."""
    other = Ledger(database, clock=clock)
    jobs = [hosted(ledger, f"job-{number}", household=f"home_{number % 4}") for number in range(20)]

    def try_to(numbered: tuple[int, Job]) -> bool:
        number, job = numbered
        try:
            claim(other if number % 2 else ledger, job, in_all=5.5 * PRICE, of_one_household=2.5 * PRICE)
        except JobError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(try_to, enumerate(jobs))) == 5
    other.close()
    assert cost(ledger) == round(5 * PRICE, 6)
    shares = ledger.spend_book.by_household(FIRST_DAY, FIRST_DAY).values()
    assert max(total.posts for total in shares) <= 2


@pytest.mark.parametrize(
    ("amount", "text"), [(65.3184, "65.4"), (65.3, "65.3"), (50.0, "50"), (0.01, "0.1"), (123_456.2, "123457")]
)
def test_people_never_read_less_than_an_amount_is(amount: float, text: str) -> None:
    assert as_text(amount) == text


class Vendor:
    """What EvoLink may have charged at most for the orders of one job, as somebody would reckon who saw everything."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:  # noqa: F811
        self.ledger, self.clock = ledger, clock
        self.job = hosted(ledger, "a")
        self.costs: list[float] = []

    def step(self, choice: int, amount: float) -> None:
        """One thing that may happen to the job where it stands."""
        self.clock.now += 1
        job, ledger = self.job, self.ledger
        match job.state, choice % 4:
            case State.HOSTING, 0:
                self.job = ledger.move("a", State.STOPPED) if not job.is_in_doubt else ledger.move("a", State.UNKNOWN)
            case State.HOSTING, _:
                self.before = job.ordered_at
                self.job = claim(ledger, job)
                self.costs.append(PRICE)
            case State.SUBMITTING, 0:
                self.job = ledger.move("a", State.HOSTING, ordered_at=self.before)
                self.costs.pop()
            case State.SUBMITTING, 1 if self.before is not None:
                fault = faults.still_in_doubt(REFUSED)
                self.job = ledger.move("a", State.UNKNOWN, fault=fault, ordered_at=self.before)
                self.costs.pop()
            case State.SUBMITTING, 1 | 2:
                self.job = ledger.move("a", State.UNKNOWN, fault=LOST)
            case State.SUBMITTING, _:
                self.costs[-1] = max(PRICE, amount)
                self.job = ledger.move("a", State.RUNNING, task_id="task-unified-a", credits_reserved=amount)
            case State.UNKNOWN, _:
                self.job = ledger.move(again(ledger).id, State.HOSTING)
            case State.STOPPED, _:
                to = State.RUNNING if job.task_id else State.QUEUED
                self.job = ledger.again("a", to, only_from={State.STOPPED})
            case State.QUEUED, _:
                self.job = ledger.move("a", State.HOSTING)
            case State.RUNNING, 0:
                self.job = ledger.move("a", State.STOPPED)
            case State.RUNNING, 1:
                self.costs.pop()
                self.job = ledger.move("a", State.FAILED, fault=REFUSED)
            case State.RUNNING, _:
                self.costs[-1] = amount
                self.job = ledger.move("a", State.SAVING, credits_used=amount)
            case State.SAVING, _:
                self.job = ledger.move("a", State.DONE)


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger's file without rows: to copy it takes a twentieth of the time that all migrations take."""
    path = tmp_path_factory.mktemp("empty") / "ledger.sqlite"
    Ledger(f"sqlite:///{path}").close()
    return path


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(1, 300)), max_size=25))
def test_whatever_happens_the_sum_is_what_may_be_charged_and_no_row_ever_changes(
    empty_file: Path, steps: list[tuple[int, float]]
) -> None:
    path = shutil.copy(empty_file, empty_file.with_name("example.sqlite"))
    ledger = Ledger(f"sqlite:///{path}", clock=(clock := Clock()))  # noqa: F811
    vendor = Vendor(ledger, clock)
    written: list[Any] = []
    for choice, amount in steps:
        vendor.step(choice, amount)
        assert cost(ledger) == pytest.approx(sum(vendor.costs), abs=1e-6)
        with ledger.engine.connect() as connection:
            rows = connection.execute(select(spend).order_by(spend.c.id)).all()
        assert rows[: len(written)] == written
        written = list(rows)
    ledger.close()


def in_doubt(ledger: Ledger, clock: Clock) -> Job:  # noqa: F811
    """A job whose order went out, and nobody knows what became of it."""
    claim(ledger, hosted(ledger, "a"))
    clock.now += 1
    return ledger.move("a", State.UNKNOWN, fault=LOST)


def again(ledger: Ledger) -> Job:
    """The same when it is to go out once more."""
    ledger.again("a", State.QUEUED, only_from={State.UNKNOWN})
    return ledger.move("a", State.HOSTING)
