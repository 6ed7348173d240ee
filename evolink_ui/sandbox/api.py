"""The sandbox's HTTP API: what EvoLink describes for kling-v3-motion-control, answered on this machine.

POST /v1/videos/generations        an order
GET  /v1/tasks/{task_id}           how it stands
GET  /v1/tasks, POST /v1/tasks/batch   the tasks of one key
GET  /v1/credits                   play money
POST /api/v1/files/upload/stream, …/base64, …/url; GET …/quota, …/list; DELETE …/{file_id}
GET  /files/…, /api/v1/files/download/{file_id}, /results/…      public links, with Range

Deviations from the vendor's two OpenAPI descriptions, all of them:
- POST may also answer 404 (no such path), 409 (`idempotency_conflict`) and 413 (the body is too large).
- GET of a task also carries `usage`.
- The tasks of one key are the vendor's own client's calls; see `account_api.py`.
- Callbacks may go to loopback addresses, also over plain http, where private URLs are allowed.
`task_info` is open by those descriptions; `task_info.note` says when no person was found in a picture.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from evolink_ui.executors import SANDBOX

from . import bodies, errors, orders, wire
from .account_api import AccountApi
from .callbacks import Callbacks
from .database import Database, RenderLicense
from .errors import Place, SandboxError
from .faults import Fault, Faults
from .files_api import FilesApi, served
from .inputs import Inputs
from .keys import account_of
from .options import DEFAULT_BASE_URL, Options
from .scheduler import Scheduler
from .speed import Speeds
from .storage import Storage
from .tasks import ID_PREFIX, Tasks

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

FILES = "/api/v1/files"
CLIENT_CLOSED_REQUEST = 499  # nobody reads it; servers log it so


class Sandbox:
    """A running sandbox.

    Attributes:
        app: the ASGI app; may be called from any number of event loops and threads at once.
        data_dir: everything that it keeps.
    """

    app: ASGIApp
    data_dir: Path

    def __init__(self, data_dir: Path, options: Options) -> None:
        data_dir = data_dir.absolute()  # children and threads must not depend on the current folder
        self.data_dir = data_dir
        results = data_dir / "results"
        results.mkdir(parents=True, exist_ok=True)
        self._database = Database(data_dir / "sandbox.sqlite3")
        speeds = Speeds(self._database, options)
        self._tasks = Tasks(self._database, speeds, options)
        storage = Storage(self._database, data_dir / "files", options)
        inputs = Inputs(storage, self._tasks, results, options)
        license_ = RenderLicense(data_dir / "renders.lock")
        callbacks = Callbacks(self._database, self._tasks, options)
        self._scheduler = Scheduler(self._tasks, speeds, storage, inputs, callbacks, license_, data_dir, options)
        files = FilesApi(storage, inputs, options)
        api = _TaskApi(self._tasks, inputs, results, self._scheduler, Faults(options.fail_rate, options.seed), options)
        self.app = _routes(api, AccountApi(self._tasks, options), files)
        self._scheduler.start()

    def report_renders(self, report: Callable[[float], object]) -> None:
        """Call `report` with the seconds that each finished render took, in a thread of the sandbox."""
        self._scheduler.on_render = report

    def close(self) -> None:
        """End all children within a second; unfinished tasks are rendered again at the next start."""
        self._scheduler.close()
        self._database.close()


def create_sandbox(
    data_dir: Path,
    *,
    base_url: str = DEFAULT_BASE_URL,
    max_renders: int = 1,
    allow_private_urls: bool = False,
    **options: Any,
) -> Sandbox:
    """Open (or make) the sandbox that lives in `data_dir`, and start its work.

    Args:
        data_dir: its folder; everything it keeps is in there.
        base_url: scheme and host of the links that it hands out.
        max_renders: renders at once.
        allow_private_urls: whether given links and callbacks may reach loopback addresses.
        options: the other fields of `Options`.

    Raises:
        ValueError: a setting that can't work.
        TypeError: an option that doesn't exist.
    """
    chosen = Options(
        base_url=base_url.rstrip("/"), max_renders=max_renders, allow_private_urls=allow_private_urls, **options
    )
    return Sandbox(data_dir, chosen)


@dataclasses.dataclass(frozen=True, slots=True)
class _TaskApi:
    """Handlers of /v1; each raises SandboxError for an answer that is an error."""

    tasks: Tasks
    inputs: Inputs
    results: Path
    scheduler: Scheduler
    faults: Faults
    options: Options

    async def create(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "order")
        refusal = errors.too_large(orders.BODY_MAX_BYTES)
        raw = await bodies.whole(request, orders.BODY_MAX_BYTES, refusal)
        if not _is_json(request.headers.get("content-type", "")):
            raise errors.invalid_request("Send the order as JSON, with Content-Type: application/json.")
        idempotency_key = request.headers.get("idempotency-key")
        if idempotency_key is not None and not orders.IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise errors.invalid_request("Idempotency-Key must have 16 to 96 characters of A-Z a-z 0-9 . _ -")
        body = orders.parse(raw)
        order = orders.judge(body, allow_private=self.options.allow_private_urls)

        def create() -> tuple[dict[str, Any], bool]:
            return self.tasks.create(
                account,
                order,
                orders.digest(body),
                idempotency_key=idempotency_key,
                video_seconds=self.inputs.announced_seconds(order),
                planned_error=self.faults.for_task(),
            )

        answer, replayed = await SANDBOX.run(create)
        self.scheduler.wake()
        return JSONResponse(answer, headers={"Idempotency-Replayed": "true"} if replayed else None)

    async def read(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "task")
        task_id = request.path_params["task_id"]
        if not task_id.startswith(ID_PREFIX):
            raise errors.invalid_task_id()
        task = await SANDBOX.run(self.tasks.find, task_id)
        if task is None:
            raise errors.task_not_found()
        if task.account != account.id:
            raise errors.permission_denied()
        return JSONResponse(wire.task_body(task, self.options.base_url))

    async def credits(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "credits")
        balance = await SANDBOX.run(self.tasks.balance, account)
        amounts = {"remaining_credits": balance.remaining, "used_credits": balance.used}
        data = {"token": {**amounts, "unlimited_credits": False}, "user": amounts}
        return JSONResponse({"success": True, "message": "", "data": data})

    async def result(self, request: Request) -> Response:
        task = await SANDBOX.run(self.tasks.with_result, request.path_params["token"])
        if task is None or request.path_params["name"] != f"{task.id}.mp4":
            raise errors.not_found()
        return await SANDBOX.run(served, self.results / f"{task.id}.mp4", "video/mp4")


def _routes(api: _TaskApi, account: AccountApi, files: FilesApi) -> Starlette:
    def vendor(path: str, handler: Handler, method: str, place: Place) -> Route:
        return Route(path, _answering(handler, place, api.options, api.faults), methods=[method])

    def public(path: str, handler: Handler) -> Route:
        return Route(path, _answering(handler, "link", api.options, None), methods=["GET"])

    return Starlette(
        routes=[
            vendor("/v1/videos/generations", api.create, "POST", "order"),
            vendor("/v1/tasks", account.list_tasks, "GET", "list"),
            vendor("/v1/tasks/batch", account.batch, "POST", "batch"),
            vendor("/v1/tasks/{task_id:path}", api.read, "GET", "task"),
            vendor("/v1/credits", api.credits, "GET", "credits"),
            vendor(f"{FILES}/upload/stream", files.upload_stream, "POST", "upload"),
            vendor(f"{FILES}/upload/base64", files.upload_base64, "POST", "upload"),
            vendor(f"{FILES}/upload/url", files.upload_url, "POST", "upload"),
            vendor(f"{FILES}/quota", files.quota, "GET", "files"),
            vendor(f"{FILES}/list", files.list_files, "GET", "files"),
            public(f"{FILES}/download/{{file_id}}", files.download),
            vendor(f"{FILES}/{{file_id:path}}", files.delete, "DELETE", "files"),
            public("/files/{file_id}/{name:path}", files.download),
            public("/results/{token}/{name}", api.result),
        ],
        exception_handlers={HTTPException: _no_such_path},
    )


def _answering(handler: Handler, place: Place, options: Options, faults: Faults | None) -> Handler:
    """`handler` with what every answer has: a request id, errors in the vendor's shape, faults on purpose."""

    async def answer(request: Request) -> Response:
        if options.latency_seconds:
            await asyncio.sleep(options.latency_seconds)
        fault = faults.for_request(place) if faults is not None else None
        response = await _settled(handler, request, place, fault)
        response.headers["X-Request-Id"] = uuid.uuid4().hex
        return response

    return answer


async def _settled(handler: Handler, request: Request, place: Place, fault: Fault | None) -> Response:
    try:
        if fault == "429":
            raise errors.rate_limited(place)
        if fault == "500":
            raise errors.internal_error(place)
        response = await handler(request)
        return errors.internal_error(place).response() if fault == "500 after" else response
    except SandboxError as error:
        return error.response()
    except bodies.Stalled:
        return errors.stalled(place).response()
    except ClientDisconnect:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    except Exception:
        log.exception("the sandbox failed to answer %s %s", request.method, request.url.path)
        return errors.internal_error(place).response()


async def _no_such_path(request: Request, error: Exception) -> Response:
    response = errors.not_found().response()  # a wrong method too: the vendor describes no 405
    response.headers["X-Request-Id"] = uuid.uuid4().hex
    return response


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
