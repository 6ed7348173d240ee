"""How a task looks on the wire: by itself (GET /v1/tasks/{id}, the body of a callback), and as a line of the list."""

from __future__ import annotations

from typing import Any

from .tasks import Task

KIND = "video"


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
        "type": KIND,
        "usage": usage,
    }
    if task.is_finished:
        usage["credits_used"] = task.used
    if task.status == "completed":
        body["results"] = [result_url(task, base_url)]
    if task.status == "failed":
        body["error"] = {"code": task.error_code, "message": task.error_message, "type": "task_error"}
    return body


def summary(task: Task) -> dict[str, Any]:
    """The task as a line of its key's list, without links."""
    has_result = task.status == "completed"
    return {
        "id": task.id,
        "model": task.order.model,
        "type": KIND,
        "status": task.status,
        "progress": task.progress,
        "created_at": int(task.created),
        "duration": task.video_seconds or 0,
        "has_results": has_result,
        "result_count": int(has_result),
        "has_error": task.status == "failed",
        "credits_used": task.used or 0,
    }
