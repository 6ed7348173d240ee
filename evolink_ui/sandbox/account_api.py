"""The tasks of one key: its list, and many of them at once. Used by the vendor's own client, described nowhere.

GET  /v1/tasks?status=&type=&model=&page=&page_size=    newest first, without links
POST /v1/tasks/batch    {"task_ids": [1 to 50]}; ids that are unknown, or another key's, are absent from the answer
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from evolink_ui.executors import SANDBOX

from . import bodies, errors, orders, wire
from .errors import ApiError
from .keys import account_of
from .options import Options
from .tasks import Tasks

BATCH_MAX_TASKS = 50  # the vendor's own client
PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAX = 100
PAGE_MAX = 10**6


@dataclass(frozen=True, slots=True)
class AccountApi:
    """Handlers; each raises SandboxError for an answer that is an error."""

    tasks: Tasks
    options: Options

    async def list_tasks(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "list")
        page = _whole_number(request, "page", 1, PAGE_MAX)
        page_size = min(_whole_number(request, "page_size", PAGE_SIZE_DEFAULT, PAGE_MAX), PAGE_SIZE_MAX)
        kind, status, model = (request.query_params.get(name) or None for name in ("type", "status", "model"))
        if kind not in (None, wire.KIND):
            return JSONResponse({"data": [], "total": 0, "page": page, "page_size": page_size})
        found, total = await SANDBOX.run(self.tasks.page, account, page, page_size, status=status, model=model)
        lines = [wire.summary(task) for task in found]
        return JSONResponse({"data": lines, "total": total, "page": page, "page_size": page_size})

    async def batch(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "batch")
        refusal = errors.too_large(orders.BODY_MAX_BYTES)
        asked = orders.parse(await bodies.whole(request, orders.BODY_MAX_BYTES, refusal)).get("task_ids")
        if not isinstance(asked, list) or not 0 < len(asked) <= BATCH_MAX_TASKS:
            raise _wrong("task_ids", f"task_ids must hold 1 to {BATCH_MAX_TASKS} ids.")
        if not all(isinstance(task_id, str) for task_id in asked):
            raise _wrong("task_ids", "task_ids must hold texts.")
        found = await SANDBOX.run(self.tasks.find_many, account, list(dict.fromkeys(asked)))
        return JSONResponse({"data": [wire.task_body(task, self.options.base_url) for task in found]})


def _whole_number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= most:
        raise _wrong(name, f"{name} must be a whole number from 1 to {most}.")
    return int(text)


def _wrong(name: str, message: str) -> ApiError:
    return ApiError(400, "invalid_request", message, "invalid_request_error", param=name)
