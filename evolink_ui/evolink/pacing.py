"""When to look at a running task next. Pure arithmetic: no clock, no chance, no I/O.

A look costs the vendor a request, a late look costs the person a wait. For a task whose length T has density f and
survival S, looks spaced by r(t) per second cost E[looks] = ∫ r·S dt and delay the news by E[delay] = ∫ f/(2r) dt. Their
product is smallest where r is in proportion to the square root of the hazard f/S: rare looks while hardly any task can
be done, dense ones where most of them end. So the next look is where ∫ sqrt(hazard) dt, counted from this look, reaches
sqrt(2 * LOOK_COST_SECONDS). `python -m benchmarks.pacing` prints how near that comes to the bound.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOOK_COST_SECONDS = 0.112
"""Seconds of delay that one look is worth: gives 24 looks to a task of 180 s, one less than the vendor's own client
takes with its fixed 8 s, at 0.6 of its delay."""

LONGEST_LOOK_SECONDS = 60.0
"""Longest time between two looks: a person who watches hears something every minute."""

DEFAULT_ESTIMATE_SECONDS = 180.0
"""Expected length where the vendor names none; the middle of what motion control takes."""

SHORTEST_ESTIMATE_SECONDS, LONGEST_ESTIMATE_SECONDS = 1.0, 3600.0
"""Estimates outside are taken as these: no task is shorter, and a wrong number must not stretch the first looks."""

SPREAD = 0.35
"""Standard deviation of ln(length / estimate) where the estimate is honest."""

WIDE_SPREAD, WIDE_SHARE = 0.7, 0.005
"""One task in two hundred is thought to have an estimate that is off by a factor of two or more. Hardly seen where
estimates are right; a task that is far overdue is looked at every 8 s for it, not every 5 s."""

BLIND_SPREAD = 0.8
"""The spread without any estimate."""

TRUST = 0.75
"""How far the end that progress points to is believed; the rest stays with the estimate."""

CLOCK_TRUST, CLOCK_TOLERANCE = 0.25, 0.06
"""Progress that points within 6 % at the announced estimate is likely to be nothing but a clock running to it."""

PROGRESS_STEP = 5
"""Fewest percent between two answers from which a speed is taken: answers are whole percents."""

SPEED_ERROR = 0.05
"""Relative error of a speed beyond the rounding: no machine works quite evenly."""

SMALLEST_SPREAD = 0.012
"""No prediction is believed to better than about 1 %: the last percents differ from the others."""

MOVING_SHARE = 0.15
"""While progress moves, a look comes at least once in this share of the estimate, so that the bar moves too."""


@dataclass(frozen=True, slots=True)
class Belief:
    """The thought that a task takes about `seconds`, lognormal with `spread`, held with `weight` (0 to 1)."""

    weight: float
    seconds: float
    spread: float

    def density_and_survival(self, age: float) -> tuple[float, float]:
        """Density (per second) of ending at `age` seconds, and the chance of lasting longer."""
        z = math.log(age / self.seconds) / self.spread
        density = math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * self.spread * age)
        return density, 0.5 * math.erfc(z / math.sqrt(2.0))


def hazard(beliefs: Sequence[Belief], age: float) -> float:
    """Chance per second that a task still running at `age` seconds ends now."""
    age = max(age, 1e-6)
    density = survival = 0.0
    for belief in beliefs:
        ends, lasts = belief.density_and_survival(age)
        density += belief.weight * ends
        survival += belief.weight * lasts
    if survival > 1e-12:
        return density / survival
    # So late that nothing is left to divide: the widest belief's own limit.
    widest = max(beliefs, key=lambda belief: belief.spread)
    return max(1.0, math.log(age / widest.seconds) / widest.spread) / (widest.spread * age)


def wait_seconds(beliefs: Sequence[Belief], age: float, *, floor: float, longest: float) -> float:
    """Seconds from a look at `age` until the next one: at least `floor`, otherwise at most `longest`.

    Steps through the hazard until its square root adds up to one look.
    """
    target = math.sqrt(2.0 * LOOK_COST_SECONDS)
    step = min(1.0, max(0.02, min(belief.seconds for belief in beliefs) / 180.0))
    at, area = age, 0.0
    while at - age < longest:
        rate = math.sqrt(hazard(beliefs, at + step / 2.0))
        if area + rate * step >= target:
            at += (target - area) / rate
            break
        area += rate * step
        at += step
    return max(floor, min(longest, at - age))


class Pacer:
    """Remembers what one task showed and says how long to wait. Ages are seconds since the task was created."""

    def __init__(self, estimate_seconds: float | None, floor_seconds: float) -> None:
        self._floor = floor_seconds
        self._announced = estimate_seconds is not None and math.isfinite(estimate_seconds) and estimate_seconds > 0
        estimate = estimate_seconds if self._announced and estimate_seconds else DEFAULT_ESTIMATE_SECONDS
        self._estimate = min(LONGEST_ESTIMATE_SECONDS, max(SHORTEST_ESTIMATE_SECONDS, estimate))
        self._moves: list[tuple[float, int]] = []
        """Age and percent whenever the percent had grown; the first one may stand still and is then moved along."""

    def note(self, age: float, progress: int | None) -> None:
        """Take in one answer's progress (percent)."""
        if progress is None:
            return
        if self._moves and progress < self._moves[-1][1]:
            self._moves.clear()
        if len(self._moves) == 1 and progress == self._moves[0][1]:
            self._moves.clear()
        if not self._moves or progress > self._moves[-1][1]:
            self._moves.append((age, progress))

    def predicted_seconds(self) -> tuple[float, float] | None:
        """Length that progress points to, and its spread; None where progress says nothing."""
        if len(self._moves) < 2:
            return None
        (from_age, from_percent), (to_age, to_percent) = self._moves[0], self._moves[-1]
        moved = to_percent - from_percent
        if moved < PROGRESS_STEP or to_percent >= 100 or to_age <= from_age:
            return None
        left = (100 - to_percent) * (to_age - from_age) / moved
        whole = max(SHORTEST_ESTIMATE_SECONDS, to_age + left)
        return whole, max(SMALLEST_SPREAD, left / whole * (1.0 / moved + SPEED_ERROR))

    def beliefs(self) -> list[Belief]:
        """What is believed of the task's length now; the weights add up to 1."""
        if self._announced:
            held = [(1.0 - WIDE_SHARE, self._estimate, SPREAD), (WIDE_SHARE, self._estimate, WIDE_SPREAD)]
        else:
            held = [(1.0, self._estimate, BLIND_SPREAD)]
        predicted = self.predicted_seconds()
        if predicted is None:
            return [Belief(*part) for part in held]
        whole, spread = predicted
        like_clock = self._announced and abs(whole / self._estimate - 1.0) < CLOCK_TOLERANCE
        trust = CLOCK_TRUST if like_clock else TRUST
        rest = [Belief(weight * (1.0 - trust), seconds, width) for weight, seconds, width in held]
        return [Belief(trust, whole, spread), *rest]

    def wait_seconds(self, age: float) -> float:
        """Seconds until the next look, from a look at `age`."""
        moving = bool(self._moves) and self._moves[-1][1] > 0
        longest = min(LONGEST_LOOK_SECONDS, MOVING_SHARE * self._estimate if moving else LONGEST_LOOK_SECONDS)
        return wait_seconds(self.beliefs(), max(0.0, age), floor=self._floor, longest=max(longest, self._floor))
