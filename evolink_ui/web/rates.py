"""How often somebody may do something: one number per key (GCRA), no lists, bounded memory. For one event loop."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

MAX_KEYS = 100_000
"""About 20 MB; beyond it, whoever has the least to pay back is forgotten, so that newcomers never pay for others."""

CANDIDATES = 8
"""Of the keys that were written longest ago, looked at to forget one: few enough to cost 2 µs a request."""

SWEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """`amount` at once, refilled evenly over `seconds`."""

    amount: float
    seconds: float

    def times(self, factor: float) -> "Allowance":
        """The same pace for `factor` people together."""
        return Allowance(self.amount * factor, self.seconds)


class Rates:
    """Counts what was taken from each allowance. Time is in seconds of a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._sweep_at = 0.0

    def take(self, key: str, allowance: Allowance, cost: float = 1.0) -> float:
        """Take `cost`. Returns 0.0 where it was there, else the seconds until it will be; then nothing was taken."""
        now = self._clock()
        if now >= self._sweep_at:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
            self._sweep_at = now + SWEEP_SECONDS
        full_at = max(self._full_at.get(key, now), now) + cost * allowance.seconds / allowance.amount
        wait_seconds = full_at - now - allowance.seconds
        if wait_seconds > 1e-9:
            return wait_seconds
        self._write(key, full_at)
        return 0.0

    def charge(self, key: str, allowance: Allowance, cost: float) -> None:
        """Take what is already spent, even into debt (an upload's size is known only afterwards)."""
        now = self._clock()
        self._write(key, max(self._full_at.get(key, now), now) + cost * allowance.seconds / allowance.amount)

    def _write(self, key: str, full_at: float) -> None:
        if len(self._full_at) >= MAX_KEYS and key not in self._full_at:
            oldest = [(self._full_at.pop(name), name) for name in list(islice(self._full_at, CANDIDATES))]
            oldest.sort()
            self._full_at.update((name, at) for at, name in oldest[1:])  # these wait for their next turn at the end
        self._full_at[key] = full_at


class Slots:
    """How much somebody does at the same time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()

    def enter(self, key: str) -> bool:
        """Take a slot if one is free; every success needs a `leave`."""
        if self._taken[key] >= self._limit:
            return False
        self._taken[key] += 1
        return True

    def leave(self, key: str) -> None:
        """Give the slot back."""
        self._taken[key] -= 1
        if self._taken[key] <= 0:
            del self._taken[key]
