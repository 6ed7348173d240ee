"""Prometheus metrics that this process counts. `web/metrics.py` answers `GET /metrics` with them.

No label ever names a visitor, a key, a job or a task.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from evolink_ui.executors import CHECKS, EXPORTS, FIXES, SECOND_READINGS

REGISTRY: Final = CollectorRegistry()
"""Ours, so that no library adds metrics to what we answer."""

ProcessCollector(registry=REGISTRY)  # memory, processor time and open files, under Prometheus' own names

VENDOR_CALLS: Final = Counter(
    "evolink_ui_vendor_calls",
    "HTTP exchanges with EvoLink by place and outcome: the class of the status (2xx, 4xx, 429, 5xx), or "
    "not_connected, timed_out, broken, cancelled.",
    ["place", "outcome"],
    registry=REGISTRY,
)
FAILED_HEALTH_CHECKS: Final = Counter(
    "evolink_ui_failed_health_checks", "Health checks that failed, by check.", ["check"], registry=REGISTRY
)


def _histogram(name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"evolink_ui_{name}_seconds", f"{what}, in seconds.", buckets=buckets, registry=REGISTRY)


# Bounds of the buckets in seconds: from what a small file takes to what ends in a time-out.
CHECK_SECONDS: Final = _histogram("check", "Checks of one file", (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0))
SECOND_READING_SECONDS: Final = _histogram(
    "second_reading", "MoviePy's readings of one video", (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
)
FIX_SECONDS: Final = _histogram("fix", "Fixes of one file", (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0))
EXPORT_SECONDS: Final = _histogram("export", "Media made for the page", (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0))
RENDER_SECONDS: Final = _histogram(
    "render", "Renders of the sandbox", (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
)


def measure_executors() -> None:
    """Let the executors of files report how long each piece of work took, its waiting left out."""
    CHECKS.on_end = CHECK_SECONDS.observe
    SECOND_READINGS.on_end = SECOND_READING_SECONDS.observe
    FIXES.on_end = FIX_SECONDS.observe
    EXPORTS.on_end = EXPORT_SECONDS.observe
