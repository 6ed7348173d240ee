"""Whether orders can be taken: what an order needs is tried every few seconds; who asks gets the last answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from evolink_ui.background import BackgroundThread
from evolink_ui.metrics import FAILED_HEALTH_CHECKS

log = logging.getLogger("evolink_ui.jobs")

EVERY_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 3.0  # an order waits for several such answers; a slower one is no answer to a person
STALE_SECONDS: Final = 15.0  # three rounds: the probe itself hangs


@dataclass(slots=True)
class Check:
    """One thing that an order needs.

    Attributes:
        name: as `/readyz` shows it.
        run: tries it; raises where it doesn't work. Blocks.
        every_seconds: pause between two tries.
    """

    name: str
    run: Callable[[], object]
    every_seconds: float = EVERY_SECONDS
    due_at: float = 0.0
    problem: str = ""
    """Why it doesn't work, for the log; empty where it does."""


class HealthProbe:
    """Runs checks in a thread of its own from `start` to `close`.

    Args:
        checks: what to try, in this order.
        clock: seconds, never going backwards.
    """

    def __init__(self, *checks: Check, clock: Callable[[], float] = time.monotonic) -> None:
        self._checks, self._clock = checks, clock
        for check in checks:
            FAILED_HEALTH_CHECKS.labels(check.name)  # there from the start, as 0
        self._thread = BackgroundThread("health", self.look, every_seconds=EVERY_SECONDS)
        self._looked_at = clock()

    def start(self) -> None:
        """Try everything now and then again and again."""
        self._thread.start()

    def close(self) -> None:
        """End after the round under way."""
        self._thread.close()

    def look(self) -> None:
        """Run the checks that are due, once."""
        for check in self._checks:
            began = self._clock()
            if began < check.due_at:
                continue
            problem = ""
            try:
                check.run()
            except Exception as error:  # noqa: BLE001  whatever it was, no order can be taken
                problem = f"{type(error).__name__}: {error}"
            seconds = self._clock() - began
            if not problem and seconds > ANSWER_SECONDS:
                problem = f"no answer within {ANSWER_SECONDS:g} s"
            if problem:
                FAILED_HEALTH_CHECKS.labels(check.name).inc()
            if bool(problem) != bool(check.problem):
                log.log(logging.ERROR if problem else logging.WARNING, "%s: %s", check.name, problem or "works again")
            check.problem = problem
            check.due_at = began + check.every_seconds - EVERY_SECONDS / 2  # rounds come a little early or late
        self._looked_at = self._clock()

    def problems(self) -> list[str]:
        """Names of the checks that fail; `health` where the probe itself hangs. Empty: orders can be taken."""
        failing = [check.name for check in self._checks if check.problem]
        return failing or (["health"] if self._clock() - self._looked_at > STALE_SECONDS else [])
