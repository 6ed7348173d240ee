"""As code: the order on the Create tab as curl, Python, gradio_client and JSON, and the task of the newest job."""

from typing import Any

import gradio as gr

from evolink_ui.jobs import JobError, Jobs
from evolink_ui.jobs.intake import order_of
from evolink_ui.settings import Settings
from evolink_ui.ui.desk import Answer, answered, text_of
from evolink_ui.ui.parts import part
from evolink_ui.ui.snippets import as_curl, as_gradio_client, as_json, as_python, request_body
from evolink_ui.web.visitor import key_of, owns, visitor_of

ORIGIN_MAX_CHARS = 300


def as_code(settings: Settings, jobs: Jobs) -> gr.HTML:
    """The snippets. They are made on the server, which knows the request's exact shape."""

    async def code(data: Any, request: gr.Request) -> Answer:
        form = data.get("form") if isinstance(data.get("form"), dict) else {}
        order = order_of(form)
        return {
            "curl": as_curl(order, settings.base_url),
            "python": as_python(order),
            "gradio_client": as_gradio_client(order, text_of(data, "origin")[:ORIGIN_MAX_CHARS]),
            "request": as_json(request_body(order)),
            "task": await _task(text_of(data, "job_id"), request),
        }

    async def _task(job_id: str, request: gr.Request) -> str | None:
        job = await jobs.find(job_id) if job_id else None
        if job is None or job.task_id is None or not owns(visitor_of(request), job):
            return None
        try:
            task = await jobs.task(job.task_id, visitor=job.visitor, api_key=key_of(request))
        except JobError:
            return None  # a task that can't be read now is shown as none; Look up a task says why
        return as_json(task.raw)

    return part(
        "code",
        "as_code.js",
        functions={"code": answered(code)},
    )
