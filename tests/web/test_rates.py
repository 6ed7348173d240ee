"""How often and how much at once."""

import pytest

from evolink_ui.web import rates
from evolink_ui.web.rates import Allowance, Rates, Slots


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_is_there_at_once_then_comes_back_evenly() -> None:
    clock, minute = Clock(), Allowance(60, 60.0)
    taken = Rates(clock)
    assert [taken.take("a", minute) for _ in range(60)] == [0.0] * 60
    assert taken.take("a", minute) == pytest.approx(1.0)
    assert taken.take("a", minute) == pytest.approx(1.0), "a refusal costs nothing"
    clock.now += 1.0
    assert taken.take("a", minute) == 0.0
    assert taken.take("a", minute) > 0.0
    clock.now += 3600
    assert [taken.take("a", minute) for _ in range(60)] == [0.0] * 60
    assert taken.take("a", minute) > 0.0


def test_one_who_asks_too_much_costs_others_nothing() -> None:
    taken = Rates(Clock())
    for _ in range(1000):
        taken.take("flood", Allowance(10, 60.0))
    assert taken.take("other", Allowance(10, 60.0)) == 0.0


def test_more_than_the_whole_allowance_is_never_given_at_once() -> None:
    assert Rates(Clock()).take("a", Allowance(10, 60.0), cost=11) > 0


def test_a_debt_is_paid_off_with_time() -> None:
    clock, hour = Clock(), Allowance(10, 3600.0)
    taken = Rates(clock)
    taken.charge("a", hour, 20)
    assert taken.take("a", hour) == pytest.approx(3600 + 360)
    clock.now += 3600 + 361
    assert taken.take("a", hour) == 0.0


def test_memory_stays_bounded_and_newcomers_have_an_allowance_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_KEYS", 100)
    taken = Rates(Clock())
    assert [taken.take(f"stranger {n}", Allowance(5, 60.0)) for n in range(1000)] == [0.0] * 1000
    assert len(taken._full_at) == 100


def test_who_used_everything_up_is_not_forgotten_for_strangers_who_pour_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_KEYS", 100)
    taken, minute = Rates(Clock()), Allowance(5, 60.0)
    while not taken.take("flood", minute):
        pass
    for n in range(1000):
        taken.take(f"stranger {n}", minute)
    assert taken.take("flood", minute) > 0
    taken.charge("stranger 1000", minute, 1)
    assert len(taken._full_at) == 100


def test_slots_are_given_back() -> None:
    slots = Slots(2)
    assert [slots.enter("a") for _ in range(3)] == [True, True, False]
    assert slots.enter("b")
    slots.leave("a")
    assert slots.enter("a")
