"""Look up any EvoLink task of the key by its id, show what it made, and take it into My videos."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import gradio as gr

from evolink_ui.catalog import MODELS
from evolink_ui.evolink import Task, failure_of
from evolink_ui.executors import DISK
from evolink_ui.jobs import Jobs
from evolink_ui.jobs.quota import UNLIMITED, Quota
from evolink_ui.net import fetch
from evolink_ui.settings import Settings
from evolink_ui.ui.desk import Answer, Wrong, answered, judge_app_key, preview_address, receive, text_of
from evolink_ui.ui.parts import part
from evolink_ui.web.visitor import key_of, quota_of, visitor_of

RESULT_MAX_BYTES: Final = 200_000_000
"""A result that is shown on the page; 30 s in 1080p have some 50 MB."""
RESULT_SECONDS: Final = 120.0
RESULTS_AT_ONCE: Final = 2
"""Results that are fetched at the same time, of everybody."""
HEAD_BYTES: Final = 16


def lookup(settings: Settings, jobs: Jobs) -> gr.HTML:
    """The field and the task that it found."""

    places = asyncio.Semaphore(RESULTS_AT_ONCE)

    async def read(data: dict[str, Any], request: gr.Request) -> Task:
        judge_app_key(request, settings.mode)
        task_id = text_of(data, "task_id")
        return await jobs.task(task_id, visitor=visitor_of(request), api_key=key_of(request))

    async def look(data: Any, request: gr.Request) -> Answer:
        return {"task": shown(await read(data, request))}

    async def adopt(data: Any, request: gr.Request) -> Answer:
        judge_app_key(request, settings.mode)
        task_id = text_of(data, "task_id")
        quota_of(request).take(room_bytes=RESULT_MAX_BYTES)
        job = await jobs.adopt(task_id, visitor=visitor_of(request), api_key=key_of(request))
        return {"job": await jobs.show(job)}

    async def result(data: Any, request: gr.Request) -> Answer:
        # Only what a task of the key names is fetched, so that this is no way to any address.
        results, number = shown(await read(data, request))["results"], data.get("number")
        if not isinstance(number, int) or not 0 <= number < len(results):
            raise Wrong("result_missing")
        quota = quota_of(request)
        quota.take(room_bytes=RESULT_MAX_BYTES)
        async with places:
            return await bring(results[number], allow_private=settings.allow_private_urls, quota=quota)

    return part(
        "lookup",
        "lookup.js",
        functions={"lookup": answered(look), "adopt": answered(adopt), "result": answered(result)},
    )


def _in_sandbox(url: str) -> bool:
    try:
        return (urlsplit(url).hostname or "").endswith(".invalid")
    except ValueError:
        return False  # no address at all; opening it will tell


async def bring(url: str, *, allow_private: bool = False, quota: Quota = UNLIMITED) -> Answer:
    """Fetch a result to where uploads are kept: {kind, url}, kind being "video", "image" or "audio".

    Raises Refused where it can't be fetched, Wrong where it is nothing that a page can show.
    """
    with tempfile.TemporaryDirectory(prefix="result-") as folder:
        path = Path(folder) / "result"
        await fetch(
            url,
            path,
            max_bytes=RESULT_MAX_BYTES,
            timeout_seconds=RESULT_SECONDS,
            allow_private=allow_private,
            https_only=not allow_private,
            took=quota.took,
        )
        return await DISK.run(_received, path)


def _received(path: Path) -> Answer:
    kind, suffix = _kind_of(path)
    file = receive(path.rename(path.with_suffix(suffix)))
    return {"kind": kind, "url": preview_address(file["path"])}


def _kind_of(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head[4:8] == b"ftyp":
        sound = head[8:12] in (b"M4A ", b"M4B ")
        return ("audio", ".m4a") if sound else ("video", ".mp4")
    if head[:4] == b"RIFF":
        return ("audio", ".wav") if head[8:12] == b"WAVE" else ("image", ".webp")
    for start, kind, suffix in (
        (b"\x89PNG\r\n\x1a\n", "image", ".png"),
        (b"\xff\xd8\xff", "image", ".jpg"),
        (b"GIF8", "image", ".gif"),
        (b"\x1aE\xdf\xa3", "video", ".webm"),
        (b"ID3", "audio", ".mp3"),
        (b"\xff\xfb", "audio", ".mp3"),
        (b"\xff\xf3", "audio", ".mp3"),
        (b"OggS", "audio", ".ogg"),
        (b"fLaC", "audio", ".flac"),
    ):
        if head.startswith(start):
            return kind, suffix
    raise Wrong("result_unknown")


def shown(task: Task) -> Answer:
    """A task as the page shows it; what went wrong is said in our words, with whether it was charged."""
    failed = task.is_finished and task.status.strip().lower() != "completed"
    failure = failure_of(task) if failed else None
    named: list[str] = [*task.results]
    for item in task.result_data:
        named += [url for url in (item.video_url, item.image_url, item.audio_url) if url]
    results = [url for url in dict.fromkeys(named) if url.startswith(("https://", "http://"))]
    reachable = [url for url in results if not _in_sandbox(url)]
    return {
        "id": task.id,
        "status": task.status.strip().lower(),
        "progress": task.progress,
        "model": task.model,
        "type": task.type,
        "created": task.created,
        "credits": task.usage.credits_used if task.usage.credits_used is not None else None,
        "adoptable": task.model in MODELS,
        "results": reachable,
        "in_sandbox": len(reachable) < len(results),
        "error": failure
        and {
            "message": failure.message,
            "next_step": failure.next_step,
            "charged": failure.charged,
            "code": failure.code,
        },
    }
