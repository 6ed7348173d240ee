"""How a task looks on the wire (GET /v1/tasks/{id}, and the body of a callback)."""

from __future__ import annotations

from typing import Any

from .tasks import Task


def result_url(task: Task, base_url: str) -> str:
    return f"{base_url}/results/{task.result_token}/{task.id}.mp4"


def task_body(task: Task, base_url: str) -> dict[str, Any]:
    """The task as the vendor would show it, with `usage` (the vendor's own client reads it there)."""
    usage: dict[str, Any] = {"billing_rule": "per_second", "credits_reserved": task.reserved, "user_group": "default"}
    task_info: dict[str, Any] = {"can_cancel": False}
    if task.note is not None:
        task_info["note"] = task.note
    body: dict[str, Any] = {
        "created": int(task.created),
        "id": task.id,
        "model": task.order.model,
        "object": "video.generation.task",
        "progress": task.progress,
        "status": task.status,
        "task_info": task_info,
        "type": "video",
        "usage": usage,
    }
    if task.is_finished:
        usage["credits_used"] = task.used
    if task.status == "completed":
        body["results"] = [result_url(task, base_url)]
    if task.status == "failed":
        body["error"] = {"code": task.error_code, "message": task.error_message, "type": "task_error"}
    return body
