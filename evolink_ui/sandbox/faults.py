"""Failing on purpose, for people who test their own programs (`--fail-rate`, `--seed`).

Of the requests, a share is answered with 429 or 500. A 500 on an order comes before the task was made or after it, with
equal odds: telling the two apart is what a careful program has to get right. Of the tasks, the same share fails.
"""

from __future__ import annotations

import random
import threading
from typing import Literal, TypeVar

from .errors import Place

Fault = Literal["429", "500", "500 after"]

T = TypeVar("T")

REQUEST_FAULTS: tuple[Fault, ...] = ("429", "500", "500 after")
TASK_FAULTS = {
    "generation_failed_no_content": "The generation gave no video. Credits are returned; try again.",
    "service_error": "The service failed while generating. Credits are returned; try again.",
    "generation_timeout": "The generation took too long. Credits are returned; try again.",
    "resource_exhausted": "The service is at its limit. Credits are returned; try again later.",
}


class Faults:
    """Draws failures. Safe for any number of threads.

    With a seed, orders, reads of tasks and so on each have a row of draws of their own: the third order fails in every
    run or in none, however often its client has looked at the first two meanwhile.
    """

    def __init__(self, rate: float, seed: int | None) -> None:
        self._rate, self._seed = rate, seed
        self._rows: dict[str, random.Random] = {}
        self._lock = threading.Lock()

    def for_request(self, place: Place) -> Fault | None:
        """How the next request at this place fails, or None."""
        return self._draw(place, REQUEST_FAULTS)

    def for_task(self) -> str | None:
        """The error code with which the next task fails, or None."""
        return self._draw("outcome of a task", tuple(TASK_FAULTS))

    def _draw(self, row: str, faults: tuple[T, ...]) -> T | None:
        with self._lock:
            if row not in self._rows:
                seed = None if self._seed is None else f"{self._seed} {row}"
                self._rows[row] = random.Random(seed)  # noqa: S311 - play failures, nothing secret
            if self._rows[row].random() >= self._rate:
                return None
            return self._rows[row].choice(faults)
