"""How late and how often: our pacing, the bound of any schedule, and fixed intervals, side by side.

    python -m benchmarks.pacing

Tasks last estimate x lognormal(0.35), or 0.3 and 3 times that where the estimate is wrong. `late` is the mean time in
seconds from a task's end to the look that sees it, `looks` the mean number of reads (the first at once and the last one
included), `cost` their product. The bound is (∫ sqrt(f S) dt)² / 2: no schedule that knows only the estimate costs
less. The rows named after a progress follow the same tasks where the vendor also tells a progress of that shape.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean

from evolink_ui.evolink.pacing import SPREAD, Pacer

TASKS = 400
"""Quantiles of the lengths: even ones instead of random ones, so that every run prints the same."""

FINE_TASKS = 20_000
"""Where nothing but the length tells one task from another, so many are no trouble, and even the third digit counts."""

FLOOR_SECONDS = 2.0
FIXED_SECONDS = (0.5, 1.0, 5.0, 6.0, 8.0)

Progress = Callable[[float, float, float], int | None]
"""Percent at an age, for a task of some length and estimate (seconds)."""


def _steps(age: float, length: float, estimate: float) -> int:
    share = age / length
    return 0 if share < 0.1 else 10 if share < 0.4 else 50 if share < 0.8 else 90


PROGRESSES: dict[str, Progress] = {
    "ours, even progress": lambda age, length, estimate: int(min(99, 100 * age / length)),
    "ours, progress after a queue": lambda age, length, estimate: int(max(0, 125 * age / length - 25)),
    "ours, progress slowing down": lambda age, length, estimate: int(99 * (1 - max(0.0, 1 - age / length) ** 1.7)),
    "ours, progress 10-50-90": _steps,
    "ours, progress only a clock": lambda age, length, estimate: int(min(95, 100 * age / estimate)),
}


def lengths(estimate: float, factor: float = 1.0, count: int = TASKS) -> list[float]:
    """Lengths in seconds: the even quantiles of factor x estimate x lognormal(0.35)."""
    normal = NormalDist()
    return [factor * estimate * math.exp(SPREAD * normal.inv_cdf((i + 0.5) / count)) for i in range(count)]


def bound(estimate: float, factor: float = 1.0) -> float:
    """(∫ sqrt(f S) dt)² / 2 in seconds, integrated over z = ln(t / median) / 0.35."""
    total, step = 0.0, 0.001
    for i in range(-8000, 8000):
        z = (i + 0.5) * step
        length = factor * estimate * math.exp(SPREAD * z)
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / (SPREAD * length)
        total += math.sqrt(density * 0.5 * math.erfc(z / math.sqrt(2))) * SPREAD * length * step
    return total * total / 2


def ours(estimate: float, length: float, progress: Progress, floor: float = FLOOR_SECONDS) -> tuple[float, int]:
    """Seconds late and looks for one task."""
    pacer, age, looks = Pacer(estimate, floor), 0.0, 1
    while age < length:
        pacer.note(age, progress(age, length, estimate))
        age += pacer.wait_seconds(age)
        looks += 1
    return age - length, looks


def blind(estimate: float, tasks: Sequence[float], floor: float = FLOOR_SECONDS) -> list[tuple[float, int]]:
    """The same for many tasks without any progress: all are looked at at the same ages."""
    pacer, ages = Pacer(estimate, floor), [0.0]
    while ages[-1] < max(tasks):
        ages.append(ages[-1] + pacer.wait_seconds(ages[-1]))
    looks = [bisect_left(ages, length) for length in tasks]
    return [(ages[at] - length, at + 1) for at, length in zip(looks, tasks, strict=True)]


def fixed(interval: float, length: float) -> tuple[float, int]:
    """The same for looks at 0, interval, 2 x interval ... seconds."""
    steps = math.ceil(length / interval)
    return steps * interval - length, steps + 1


def mean_cost(pairs: Sequence[tuple[float, int]]) -> tuple[float, float, float]:
    """Mean seconds late, mean looks, and their product."""
    late, looks = fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
    return late, looks, late * looks


def table(estimate: float, factor: float, count: int = TASKS, fine_count: int = FINE_TASKS) -> None:
    """Print every way of pacing for tasks of factor x estimate."""
    tasks, fine, least = (
        lengths(estimate, factor, count),
        lengths(estimate, factor, fine_count),
        bound(estimate, factor),
    )
    rows = {"ours, no progress": blind(estimate, fine)}
    rows |= {name: [ours(estimate, length, shape) for length in tasks] for name, shape in PROGRESSES.items()}
    rows |= {f"fixed {interval} s": [fixed(interval, length) for length in fine] for interval in FIXED_SECONDS}
    word = "right" if factor == 1.0 else f"wrong: the tasks take {factor} x as long"
    print(f"\nestimate {estimate:.0f} s, {word}")
    print(f"  {'':30} {'late s':>8} {'looks':>8} {'cost':>8} {'of bound':>9}")
    print(f"  {'bound (right estimate known)':30} {'':>8} {'':>8} {least:8.1f} {1:9.3f}")
    for name, pairs in rows.items():
        late, looks, cost = mean_cost(pairs)
        print(f"  {name:30} {late:8.2f} {looks:8.1f} {cost:8.1f} {cost / least:9.3f}")


def main() -> None:
    """Print the tables."""
    for estimate, factor in ((180.0, 1.0), (60.0, 1.0), (420.0, 1.0), (180.0, 0.3), (180.0, 3.0)):
        table(estimate, factor)


if __name__ == "__main__":
    main()
