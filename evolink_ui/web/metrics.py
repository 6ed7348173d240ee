"""`GET /metrics` for Prometheus: to programs on this machine, and to others with a token.

What a process counts and how late it is, each process says of itself; jobs and spending come from the database and are
the same at each of several processes.
"""

from __future__ import annotations

import asyncio
import hmac
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evolink_ui.background import late_threads
from evolink_ui.disk_space import FLOOR_BYTES
from evolink_ui.executors import DISK
from evolink_ui.jobs import JobError
from evolink_ui.jobs.figures import LedgerFigures
from evolink_ui.metrics import REGISTRY
from evolink_ui.settings import Settings

from .desk import Desk
from .refusals import NOT_FOUND
from .visitor import caller_of

BEARER: Final = "bearer "
PREFIX: Final = "evolink_ui_"


class Metrics:
    """The route.

    Args:
        jobs: gives the figures of the ledger.
        settings: token, data folder and daily cap.
    """

    def __init__(self, jobs: Desk, settings: Settings) -> None:
        self._jobs, self._settings = jobs, settings
        token = settings.metrics_token
        self._token = token.get_secret_value().encode() if token else b""

    def routes(self) -> list[Route]:
        """`/metrics`."""
        return [Route("/metrics", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """The metrics in Prometheus' text format. Who may not see them finds nothing here."""
        if not self._may_see(request):
            error = {"code": NOT_FOUND.code, "message": NOT_FOUND.message, "next_step": NOT_FOUND.next_step}
            return JSONResponse({"error": error}, NOT_FOUND.status)
        now = CollectorRegistry()
        now.register(_Now(await self._gauges()))
        content = await DISK.run(lambda: generate_latest(now) + generate_latest(REGISTRY))
        return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _may_see(self, request: Request) -> bool:
        caller = caller_of(request)
        if caller is not None and caller.is_this_machine:
            return True
        given = request.headers.get("authorization", "")
        if not self._token or not given.lower().startswith(BEARER):
            return False
        return hmac.compare_digest(given[len(BEARER) :].strip().encode(), self._token)

    async def _gauges(self) -> list[GaugeMetricFamily]:
        disk = await DISK.run(shutil.disk_usage, _existing(self._settings.data_dir))
        late = late_threads()
        gauges = [
            _gauge("disk_free_bytes", "Free bytes of the disk with the data folder.", disk.free),
            _gauge("disk_floor_bytes", "Free bytes below which no uploads and orders are taken.", FLOOR_BYTES),
            _gauge("late_threads", "Background threads without a finished round for too long.", len(late)),
        ]
        health, figures = await asyncio.gather(self._jobs.health(), self._jobs.figures(), return_exceptions=True)
        for found in (health, figures):
            if isinstance(found, BaseException) and not isinstance(found, JobError):
                raise found
        is_known = isinstance(health, dict)
        is_ready = is_known and bool(health["ok"]) and not any(thread.vital for thread in late)
        gauges.append(_gauge("ready", "1 where orders can be taken, as /readyz says, else 0.", is_ready))
        gauges.append(_gauge("database_answers", "1 where the database answered just now, else 0.", is_known))
        if isinstance(health, dict):
            lag = health.get("follower_lag_seconds", 0.0)
            gauges.append(_gauge("follower_lag_seconds", "How late the latest look at a task is.", lag))
        if isinstance(figures, LedgerFigures):
            gauges += self._of_ledger(figures)
        return gauges

    def _of_ledger(self, figures: LedgerFigures) -> Iterator[GaugeMetricFamily]:
        by_state = GaugeMetricFamily(f"{PREFIX}jobs", "Jobs by state.", labels=["state"])
        for state, number in figures.by_state.items():
            by_state.add_metric([state], number)
        yield by_state
        yield _gauge("queue_length", "Jobs that wait in line.", figures.by_state.get("queued", 0))
        yield _gauge(
            "stopped_paid_jobs",
            "Jobs that stopped by themselves although their order is placed at EvoLink.",
            figures.stopped_paid,
        )
        yield _gauge("orders_in_doubt", "Orders of unknown outcome that the owner's key pays.", figures.in_doubt)
        spent = GaugeMetricFamily(
            f"{PREFIX}spent_today_credits", "Spent or reserved on this UTC day, by whose key pays.", labels=["payer"]
        )
        spent.add_metric(["owner"], figures.today.owners_key)
        spent.add_metric(["visitors"], figures.today.visitors_keys)
        yield spent
        yield _gauge("orders_today", "Orders that went out on this UTC day.", figures.today.posts)
        if self._settings.daily_credits is not None:
            yield _gauge(
                "daily_cap_credits", "What the owner's key may spend in one UTC day.", self._settings.daily_credits
            )


class _Now(Collector):
    """Gauges that were just read."""

    def __init__(self, gauges: list[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Any]:
        yield from self._gauges


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", what, value=float(value))


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.absolute().parent)
