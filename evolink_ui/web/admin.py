"""The owner's page and what it asks for. Whoever isn't the owner finds nothing here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from evolink_ui.background import late_threads
from evolink_ui.disk_space import FLOOR_BYTES
from evolink_ui.executors import DISK
from evolink_ui.jobs import JobError, Jobs
from evolink_ui.jobs.job import ACTIVE, State
from evolink_ui.jobs.operator import Operator
from evolink_ui.logs import bind
from evolink_ui.net import Refused
from evolink_ui.settings import Settings

from .json_body import read_json
from .refusals import NOT_FOUND
from .visitor import is_owner, visitor_of

TROUBLE_MAX: Final = 20
ID_MAX_CHARS: Final = 200
DISK_LOW: Final = 3 * FLOOR_BYTES
"""Free bytes below which the page points at the disk."""

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class AdminAssets:
    """The page as text: HTML, JavaScript and CSS."""

    page: str
    script: str
    style: str


class Admin:
    """The routes below `/admin`.

    Args:
        jobs: the app's.
        settings: for the daily cap and the data folder.
        assets: the page.
    """

    def __init__(self, jobs: Jobs, settings: Settings, assets: AdminAssets) -> None:
        self._jobs, self._operator, self._settings, self._assets = jobs, Operator(jobs), settings, assets

    def routes(self) -> list[Route]:
        """All for the owner alone."""
        return [
            Route("/admin", _owners(self._text("page", "text/html")), methods=["GET"]),
            Route("/admin/", _owners(self._without_slash), methods=["GET"]),
            Route("/admin/page.js", _owners(self._text("script", "text/javascript")), methods=["GET"]),
            Route("/admin/page.css", _owners(self._text("style", "text/css")), methods=["GET"]),
            Route("/admin/state", _owners(self.state), methods=["GET"]),
            Route("/admin/tasks", _owners(self.tasks), methods=["GET"]),
            Route("/admin/tasks/{task_id}", _owners(self.add), methods=["POST"]),
            Route("/admin/jobs/{job_id}/{action}", _owners(self.act), methods=["POST"]),
        ]

    def _text(self, name: str, media_type: str) -> Answer:
        content = getattr(self._assets, name)

        async def answer(_request: Request) -> Response:
            return Response(content, media_type=media_type)

        return answer

    async def _without_slash(self, _request: Request) -> Response:
        return RedirectResponse("../admin", 307)  # the page's own links are relative to the path without it

    async def state(self, _request: Request) -> Response:
        """Everything that the page shows, but for tasks that no job knows."""
        operator = self._operator
        figures, health, running, trouble, doubts, spending = await asyncio.gather(
            self._jobs.figures(),
            self._jobs.health(),
            operator.jobs(ACTIVE),
            operator.jobs({State.FAILED, State.STOPPED}, limit=TROUBLE_MAX),
            operator.in_doubt(),
            operator.today(),
        )
        disk = await DISK.run(shutil.disk_usage, Path(self._settings.data_dir))
        late = late_threads()
        return JSONResponse(
            {
                "working": sum(figures.by_state[state.value] for state in ACTIVE),
                "in_doubt": figures.by_state[State.UNKNOWN.value],
                "running": running,
                "trouble": trouble,
                "doubts": doubts,
                "spending": spending,
                "daily_credits": self._settings.daily_credits,
                "disk_free_bytes": disk.free,
                "disk_low": disk.free < DISK_LOW,
                "health": {
                    "ok": health["ok"] and not any(thread.vital for thread in late),
                    "problems": health["problems"],
                    "lag": health["follower_lag_seconds"],
                    "late": [thread.name for thread in late],
                },
            }
        )

    async def tasks(self, _request: Request) -> Response:
        """Tasks of the owner's key of the last 24 hours that no job here knows."""
        return JSONResponse({"tasks": await self._operator.unlisted_tasks() if self._settings.mode == "live" else []})

    async def add(self, request: Request) -> Response:
        """Follow such a task, as one of the owner's own."""
        task_id = request.path_params["task_id"][:ID_MAX_CHARS]
        return JSONResponse(await self._operator.adopt(task_id, visitor=visitor_of(request)))

    async def act(self, request: Request) -> Response:
        """One action on one job."""
        job_id, action = request.path_params["job_id"][:ID_MAX_CHARS], request.path_params["action"]
        plain = {
            "retry": self._operator.retry,
            "stop": self._operator.stop,
            "send_again": self._operator.send_again,
            "give_up": self._operator.give_up,
        }
        if action in plain:
            return JSONResponse(await plain[action](job_id))
        if action != "attach":
            return _nothing()
        task_id = await _task_id(request)
        bind(task_id=task_id)
        return JSONResponse(await self._operator.attach(job_id, task_id))


def _owners(answer: Answer) -> Answer:
    """For the owner alone; says in JSON what the jobs refuse."""

    async def answered(request: Request) -> Response:
        if not is_owner(request):
            return _nothing()
        bind(job_id=request.path_params.get("job_id"))
        try:
            return await answer(request)
        except JobError as error:
            return JSONResponse({"error": error.to_dict()}, error.status)

    return answered


async def _task_id(request: Request) -> str:
    try:
        values: Any = read_json(await request.body())
    except Refused:
        values = None
    task_id = values.get("task_id") if isinstance(values, dict) else None
    if not isinstance(task_id, str) or not task_id.strip():
        raise JobError("task_id_missing", "There is no task id.", "Copy it from EvoLink.", field="task_id")
    return task_id.strip()[:ID_MAX_CHARS]


def _nothing() -> JSONResponse:
    error = {"code": NOT_FOUND.code, "message": NOT_FOUND.message, "next_step": NOT_FOUND.next_step}
    return JSONResponse({"error": error}, NOT_FOUND.status)
