"""Failing on purpose, for people who test their own programs (`--fail-rate`, `--seed`).

Of the requests, a share is answered with 429 or 500. A 500 on an order comes before the task was made or after it, with
equal odds: telling the two apart is what a careful program has to get right. Of the tasks, the same share fails.
"""

from __future__ import annotations

import random
import threading
from typing import Literal

Fault = Literal["429", "500", "500 after"]

REQUEST_FAULTS: tuple[Fault, ...] = ("429", "500", "500 after")
TASK_FAULTS = {
    "generation_failed_no_content": "The generation gave no video. Credits are returned; try again.",
    "service_error": "The service failed while generating. Credits are returned; try again.",
    "generation_timeout": "The generation took too long. Credits are returned; try again.",
    "resource_exhausted": "The service is at its limit. Credits are returned; try again later.",
}


class Faults:
    """Draws failures. Safe for any number of threads; the same seed gives the same row of draws."""

    def __init__(self, rate: float, seed: int | None) -> None:
        self._rate = rate
        self._random = random.Random(seed)  # noqa: S311 - play failures, nothing secret
        self._lock = threading.Lock()

    def for_request(self) -> Fault | None:
        """How the next request fails, or None."""
        with self._lock:
            if self._rate == 0 or self._random.random() >= self._rate:
                return None
            return self._random.choice(REQUEST_FAULTS)

    def for_task(self) -> str | None:
        """The error code with which the next task fails, or None."""
        with self._lock:
            if self._rate == 0 or self._random.random() >= self._rate:
                return None
            return self._random.choice(sorted(TASK_FAULTS))
