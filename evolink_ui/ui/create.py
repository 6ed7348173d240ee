"""The tab where a video is made: the form on one side, the live card of the newest job on the other."""

from typing import Any

import gradio as gr

from evolink_ui.catalog import DEFAULT_MODEL, MODELS
from evolink_ui.executors import DISK
from evolink_ui.extras import installed
from evolink_ui.jobs import Jobs
from evolink_ui.media import limits
from evolink_ui.order import OPTIONS, MotionOrder
from evolink_ui.settings import Settings
from evolink_ui.ui.desk import Desk, answered, given, orientation_of, prices, text_of
from evolink_ui.ui.history import used_again
from evolink_ui.ui.mending import Workshop, known_kind, known_part
from evolink_ui.ui.parts import part
from evolink_ui.web.visitor import quota_of, visitor_of

TOP_UP_URL = "https://evolink.ai/dashboard"
"""Where the vendor sells credits."""


def create_form(settings: Settings, jobs: Jobs, desk: Desk) -> gr.HTML:
    """The form. Its script keeps a draft in the browser, so that nothing typed is lost."""

    workshop = Workshop()

    async def judge_image(data: Any, request: gr.Request) -> dict[str, Any]:
        return await desk.judge_image(data, visitor_of(request))

    async def judge_video(data: Any, request: gr.Request) -> dict[str, Any]:
        return await desk.judge_video(data, visitor_of(request))

    async def read_video_again(data: Any, request: gr.Request) -> dict[str, Any]:
        return await desk.read_video_again(data, visitor_of(request))

    async def order(data: Any, request: gr.Request) -> dict[str, Any]:
        return await desk.order(data, request)

    async def example(data: Any, request: gr.Request) -> dict[str, Any]:
        quota_of(request).take(2)
        return await desk.example(text_of(data, "name"))

    async def examples(_data: Any, _request: gr.Request) -> dict[str, Any]:
        return await desk.example_pictures()

    async def balance(_data: Any, request: gr.Request) -> dict[str, Any]:
        return await desk.balance(request)

    async def reuse(data: Any, request: gr.Request) -> dict[str, Any]:
        quota_of(request).take(2)
        return await used_again(jobs, text_of(data, "id"), visitor_of(request))

    async def mend(data: Any, request: gr.Request) -> dict[str, Any]:
        path, quota = given(data), quota_of(request)
        size_bytes = (await DISK.run(path.stat)).st_size
        quota.take(room_bytes=size_bytes)
        quota.took(size_bytes)  # what is made of it has about as many
        return await workshop.start(known_kind(data), path, orientation_of(data), visitor_of(request), known_part(data))

    async def mending(data: Any, request: gr.Request) -> dict[str, Any]:
        return await workshop.look(text_of(data, "id"), visitor_of(request))

    async def mend_stop(data: Any, request: gr.Request) -> dict[str, Any]:
        return workshop.stop(text_of(data, "id"), visitor_of(request))

    return part(
        "form",
        *("send.js", "drop_look.js", "trim.js", "drop.js"),
        *("choices.js", "key_field.js", "examples.js", "create.js"),
        props={
            "mode": settings.mode,
            "topup_url": TOP_UP_URL,
            "limits": form_limits(settings),
            "rates": prices(1.0),
            "order": form_fields(),
            "examples": installed("sandbox"),  # which draws them
        },
        functions={
            "judge_image": answered(judge_image),
            "judge_video": answered(judge_video),
            "read_video_again": answered(read_video_again),
            "order": answered(order),
            "example": answered(example),
            "examples": answered(examples),
            "balance": answered(balance),
            "reuse": answered(reuse),
            "mend": answered(mend),
            "mending": answered(mending),
            "mend_stop": answered(mend_stop),
        },
    )  # fmt: skip


def form_fields() -> dict[str, Any]:
    """Each field of the form: its value before anything is chosen, and what there is to choose (null: anything)."""
    order = MotionOrder()
    choices = {
        "model": tuple(MODELS),
        "quality": order.spec.qualities,
        "character_orientation": order.spec.orientations,
    }
    return {name: {"default": getattr(order, name), "choices": choices.get(name)} for name in OPTIONS}


def form_limits(settings: Settings) -> dict[str, Any]:
    """The numbers by which the form judges a file before a byte of it is sent."""
    return {
        "keep_days": settings.keep_days,
        "prompt_max_chars": MODELS[DEFAULT_MODEL].prompt_max_chars,
        "image": {"max_bytes": limits.IMAGE_MAX_BYTES, "min_side_px": limits.IMAGE_MIN_SIDE_PX},
        "video": {
            "max_bytes": limits.VIDEO_MAX_BYTES,
            "min_side_px": limits.VIDEO_MIN_SIDE_PX,
            "min_seconds": limits.VIDEO_MIN_SECONDS,
            "max_seconds": limits.VIDEO_MAX_SECONDS,
            "image_orientation_max_seconds": limits.IMAGE_ORIENTATION_MAX_SECONDS,
            "tolerance_seconds": limits.DURATION_TOLERANCE_SECONDS,
        },
    }
