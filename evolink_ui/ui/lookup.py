"""Look up any EvoLink task of the key by its id."""

from typing import Any

import gradio as gr

from evolink_ui.evolink import Task, failure_of
from evolink_ui.jobs import Jobs
from evolink_ui.ui.desk import Answer, answered
from evolink_ui.ui.parts import part
from evolink_ui.web.visitor import key_of


def lookup(jobs: Jobs) -> gr.HTML:
    """The field and the task that it found."""

    async def look(data: Any, request: gr.Request) -> Answer:
        task = await jobs.task(str(data.get("task_id") or ""), api_key=key_of(request))
        return {"task": shown(task)}

    return part(
        "lookup",
        "lookup.js",
        functions={"lookup": answered(look)},
    )


def shown(task: Task) -> Answer:
    """A task as the page shows it; what went wrong is said in our words, with whether it was charged."""
    failed = task.is_finished and task.status.strip().lower() != "completed"
    failure = failure_of(task) if failed else None
    results = [*task.results]
    for item in task.result_data:
        results += [url for url in (item.video_url, item.image_url, item.audio_url) if url]
    return {
        "id": task.id,
        "status": task.status.strip().lower(),
        "progress": task.progress,
        "model": task.model,
        "type": task.type,
        "created": task.created,
        "credits": task.usage.credits_used if task.usage.credits_used is not None else None,
        "results": [url for url in dict.fromkeys(results) if url.startswith(("https://", "http://"))],
        "error": failure
        and {
            "message": failure.message,
            "next_step": failure.next_step,
            "charged": failure.charged,
            "code": failure.code,
        },
    }
