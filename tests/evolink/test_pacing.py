"""Pacing: near the bound where only the estimate is known, below it where progress tells more, never wild."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pacing import FINE_TASKS, PROGRESSES, blind, bound, fixed, lengths, mean_cost, ours, table
from evolink_ui.evolink.pacing import LONGEST_LOOK_SECONDS, Belief, Pacer, hazard

TASKS = 400

ages = st.floats(0, 1e5)
estimates = st.none() | st.floats(-10, 1e6) | st.just(math.nan) | st.just(math.inf)
floors = st.floats(0.05, 30)


def cost_of(name: str, estimate: float, factor: float = 1.0) -> float:
    return mean_cost([ours(estimate, length, PROGRESSES[name]) for length in lengths(estimate, factor, TASKS)])[2]


def blind_cost(estimate: float, factor: float = 1.0) -> float:
    return mean_cost(blind(estimate, lengths(estimate, factor, FINE_TASKS)))[2]


def fixed_cost(interval: float, estimate: float, factor: float = 1.0) -> float:
    return mean_cost([fixed(interval, length) for length in lengths(estimate, factor, TASKS)])[2]


@pytest.mark.parametrize(("estimate", "figure"), [(60.0, 18.3), (180.0, 54.9), (420.0, 128.1)])
def test_the_bound_is_the_known_one(estimate: float, figure: float) -> None:
    assert bound(estimate) == pytest.approx(figure, abs=0.1)


@pytest.mark.parametrize("estimate", [60.0, 120.0, 180.0, 420.0])
def test_without_progress_the_cost_is_within_eight_percent_of_the_bound(estimate: float) -> None:
    assert bound(estimate) <= blind_cost(estimate) < 1.08 * bound(estimate)


def test_a_task_of_180_seconds_costs_the_vendor_no_more_looks_than_its_own_client_makes() -> None:
    tasks = lengths(180, count=FINE_TASKS)
    late, looks, _ = mean_cost(blind(180, tasks))
    their_late, their_looks, _ = mean_cost([fixed(8, length) for length in tasks])
    assert 23 < looks < 25 < their_looks
    assert late < 0.62 * their_late


@pytest.mark.parametrize("progress", [None, 0])
def test_a_progress_that_says_nothing_changes_no_look(progress: int | None) -> None:
    tasks = lengths(60, count=20)
    alone = [ours(60, length, lambda *_: progress) for length in tasks]
    together = blind(60, tasks)
    assert [looks for _, looks in alone] == [looks for _, looks in together]
    assert [late for late, _ in alone] == pytest.approx([late for late, _ in together])


@pytest.mark.parametrize(("name", "share"), [
    ("ours, even progress", 0.3), ("ours, progress after a queue", 0.35), ("ours, progress slowing down", 0.95),
    ("ours, progress 10-50-90", 0.85),
])  # fmt: skip
def test_progress_brings_the_cost_below_the_bound(name: str, share: float) -> None:
    assert cost_of(name, 180.0) < share * bound(180.0)


def test_progress_that_is_only_a_clock_does_not_mislead() -> None:
    assert cost_of("ours, progress only a clock", 180.0) < 1.15 * bound(180.0)


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_wrong_estimate_costs_no_more_than_a_fixed_interval(factor: float) -> None:
    assert blind_cost(180.0, factor) < 1.05 * fixed_cost(8.0, 180.0, factor)
    assert cost_of("ours, even progress", 180.0, factor) < fixed_cost(8.0, 180.0, factor)


@given(estimates, floors, st.lists(st.tuples(ages, st.none() | st.integers(0, 100)), max_size=8), ages)
@settings(deadline=None)
def test_no_wait_is_below_the_floor_or_beyond_a_minute(
    estimate: float | None, floor: float, seen: list[tuple[float, int | None]], age: float
) -> None:
    pacer = Pacer(estimate, floor)
    for at, progress in seen:
        pacer.note(at, progress)
    wait = pacer.wait_seconds(age)
    assert floor <= wait <= LONGEST_LOOK_SECONDS
    assert sum(belief.weight for belief in pacer.beliefs()) == pytest.approx(1.0)


@given(st.floats(1, 2000), st.floats(1.05, 4))
@settings(deadline=None)
def test_a_longer_estimate_never_brings_the_first_look_forward(estimate: float, factor: float) -> None:
    sooner, later = Pacer(estimate, 0.1).wait_seconds(0), Pacer(estimate * factor, 0.1).wait_seconds(0)
    assert sooner <= later + 0.05


@given(st.floats(10, 1000))
@settings(deadline=None)
def test_looks_grow_denser_towards_the_expected_end(estimate: float) -> None:
    pacer = Pacer(estimate, 0.05)
    waits = [pacer.wait_seconds(estimate * share) for share in (0.3, 0.5, 0.7, 0.9)]
    assert waits == sorted(waits, reverse=True)


@given(st.floats(0, 1e7), st.floats(0.5, 5000), st.floats(0.01, 2))
def test_the_hazard_is_finite_and_never_negative(age: float, seconds: float, spread: float) -> None:
    value = hazard([Belief(0.9, seconds, spread), Belief(0.1, seconds, 0.7)], age)
    assert 0 <= value < math.inf


def test_even_progress_points_at_the_end() -> None:
    pacer = Pacer(180, 2)
    for age in (0.0, 60.0, 90.0):
        pacer.note(age, int(age / 3))
    predicted = pacer.predicted_seconds()
    assert predicted is not None
    assert predicted[0] == pytest.approx(300, rel=0.02)


def test_progress_that_fell_back_is_measured_anew() -> None:
    pacer = Pacer(180, 2)
    for age, progress in ((0.0, 0), (20.0, 60), (30.0, 10)):
        pacer.note(age, progress)
    assert pacer.predicted_seconds() is None
    pacer.note(40.0, 20)
    predicted = pacer.predicted_seconds()
    assert predicted is not None
    assert predicted[0] == pytest.approx(120)


def test_a_hundred_percent_that_is_not_done_points_nowhere() -> None:
    pacer = Pacer(180, 2)
    pacer.note(10, 50)
    pacer.note(20, 100)
    assert pacer.predicted_seconds() is None


def test_the_benchmark_prints_ours_beside_bound_and_fixed_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    table(60.0, 1.0, 20, 20)
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("bound", "ours, no progress", "fixed 0.5 s", "fixed 8.0 s"))
