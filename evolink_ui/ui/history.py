"""My videos: a visitor's jobs as a grid, and taking an old order up again."""

import asyncio
from pathlib import Path
from typing import Any, Final

import gradio as gr

from evolink_ui.executors import DISK
from evolink_ui.jobs import Jobs
from evolink_ui.order import OPTIONS, stored_option
from evolink_ui.ui.desk import Answer, Wrong, answered, receive, text_of
from evolink_ui.ui.parts import part
from evolink_ui.web.visitor import is_guest, owns, visitor_of

PAGE_MAX: Final = 60
"""Jobs in one answer; a view has about 1 kB."""
OFFSET_MAX: Final = 1_000_000
"""Beyond it nobody has jobs, and databases have no such numbers."""
SEARCH_MAX_CHARS: Final = 200
STATES: Final = frozenset({"active", "done", "failed", "unknown", "stopped"})


def history(jobs: Jobs) -> gr.HTML:
    """The grid. It asks for a page of jobs at a time."""

    async def videos(data: Any, request: gr.Request) -> Answer:
        return await page_of(jobs, data, visitor_of(request))

    return part(
        "videos",
        "history.js",
        functions={"videos": answered(videos)},
    )


async def page_of(jobs: Jobs, data: dict[str, Any], visitor: str) -> Answer:
    """One page of a visitor's jobs: {jobs: [view], more}. data: {state, search, offset, limit}."""
    if is_guest(visitor):  # clients without cookies share one name: nothing is anybody's own
        return {"jobs": [], "more": False}
    state = text_of(data, "state")
    limit = max(1, min(PAGE_MAX, _whole(data.get("limit"), PAGE_MAX)))
    found = await jobs.history(
        visitor,
        state=state if state in STATES else None,
        search=text_of(data, "search")[:SEARCH_MAX_CHARS],
        limit=limit + 1,
        offset=max(0, _whole(data.get("offset"), 0)),
    )
    return {"jobs": [jobs.view(job) for job in found[:limit]], "more": len(found) > limit}


async def used_again(jobs: Jobs, job_id: str, visitor: str) -> Answer:
    """A job's form and its two files, received as if they had been uploaded: {request, image, video}.

    What was given as a link comes as {url}; a file that is gone is null. Raises Wrong for a job of somebody else.
    """
    job = await jobs.find(job_id)
    if job is None or not owns(visitor, job):
        raise Wrong("job_not_found")
    image, video = await asyncio.gather(
        _again(jobs, jobs.image_path(job), job.request.get("image_url")),
        _again(jobs, jobs.reference_path(job), job.request.get("video_url")),
    )
    return {"request": {name: stored_option(job.request, name) for name in OPTIONS}, "image": image, "video": video}


async def _again(jobs: Jobs, path: Path, link: str | None) -> dict[str, str] | None:
    if link:
        return {"url": link}
    try:
        return await DISK.run(receive, path) if await jobs.bring(path) else None
    except OSError:
        return None  # swept away, or never a file of ours; the form says what is missing


def _whole(value: object, otherwise: int) -> int:
    return min(value, OFFSET_MAX) if isinstance(value, int) and not isinstance(value, bool) else otherwise
