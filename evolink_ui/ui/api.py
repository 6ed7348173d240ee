"""The same app for programs: five named end points for gradio_client and curl, shown on the page “Use via API”."""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import gradio as gr
from gradio.events import api

from evolink_ui.jobs import Job, JobError, Jobs
from evolink_ui.jobs.job import Mode
from evolink_ui.net import Refused
from evolink_ui.order import MotionOrder
from evolink_ui.ui.desk import Answer, Wrong, inputs_of, judge_app_key, orientation_of, reference_of, text_of
from evolink_ui.ui.lookup import shown
from evolink_ui.ui.text import ENGLISH, say
from evolink_ui.web.received import received_file
from evolink_ui.web.routes import for_visitor
from evolink_ui.web.visitor import household_of, key_of, may, may_look, quota_of, visitor_of


def add_api(jobs: Jobs, *, private: bool, mode: Mode) -> None:
    """Add the end points to the Blocks under construction.

    Args:
        jobs: takes the orders.
        private: a job is its owner's alone (there are logins).
        mode: where orders without a visitor's key go.
    """

    async def check(
        request: gr.Request,
        image: gr.FileData | None = None,
        video: gr.FileData | None = None,
        character_orientation: str = "image",
    ) -> dict[str, Any]:
        """Judge a picture and a video by the vendor's limits. Nothing is ordered or charged.

        Args:
            image: The character's picture, JPG or PNG.
            video: The motion, MP4 or MOV, 3 to 30 s.
            character_orientation: "image" (video up to 10 s) or "video" (up to 30 s).

        Returns:
            For each file that was given: ok, facts, problems and warnings.
        """
        try:
            facing = orientation_of({"character_orientation": character_orientation})
            picture, motion = received_file(image), received_file(video)
        except (JobError, Refused, Wrong) as error:
            raise _error(error) from None
        answer: Answer = {}
        visitor = visitor_of(request)
        try:
            if picture is not None:
                answer["image"] = (await jobs.judge_image(picture, visitor=visitor)).to_dict()
            if motion is not None:
                report = await jobs.judge_video(motion, facing, visitor=visitor)
                differing = await jobs.read_again(motion, facing, visitor=visitor)
                answer["video"] = replace(report, warnings=[*report.warnings, *differing]).to_dict()
        except JobError as error:
            raise _error(error) from None
        return answer

    @with_order_fields
    async def start(
        request: gr.Request,
        image: gr.FileData | None = None,
        video: gr.FileData | None = None,
        *,
        client_reference: str = "",
        **fields: Any,
    ) -> dict[str, Any]:
        """Order one video. Costs credits, unless the app runs on its sandbox. Returns at once; look with /status.

        Values are strict: a wrong type is refused, and nothing is sent or charged.

        Args:
            image: The character's picture, JPG or PNG; or give image_url.
            video: The motion, MP4 or MOV; or give video_url.
            ORDER_FIELDS
            client_reference: Your own name for this order, such as "shop-order-4711". Sent again with the same order,
                it gives the job of the first time and orders nothing.

        Returns:
            The job: id, state, progress, task_id, credits, error, result and so on.
        """
        try:
            inputs = inputs_of({"image": image, "video": video, **fields})
            reference = reference_of(client_reference, request)
            job = await jobs.start(
                inputs,
                visitor=visitor_of(request),
                household=household_of(request),
                api_key=key_of(request),
                reference=reference,
                quota=quota_of(request),
            )
        except (JobError, Refused, Wrong) as error:
            raise _error(error) from None
        return await _show(job, request)

    async def status(job_id: str, request: gr.Request) -> dict[str, Any]:
        """How a job stands.

        Args:
            job_id: The id that /start gave.

        Returns:
            The job; result.url is the finished video, relative to this app's address.
        """
        return await _show(await _job(job_id, request), request)

    async def stop(job_id: str, request: gr.Request) -> dict[str, Any]:
        """Stop following a job. EvoLink goes on with an order that was placed: it can't be cancelled there.

        Args:
            job_id: The id that /start gave.

        Returns:
            The job.
        """
        job = await _job(job_id, request)
        if not may(visitor_of(request), job, "stop"):
            raise gr.Error(say("error.not_yours"), print_exception=False)
        try:
            return await _show(await jobs.stop(job.id), request)
        except JobError as error:
            raise _error(error) from None

    async def task(task_id: str, request: gr.Request) -> dict[str, Any]:
        """Look up any EvoLink task of your key (header X-EvoLink-Key). Costs nothing.

        Args:
            task_id: The task's id, task-unified-...

        Returns:
            The task: id, status, progress, model, results, error.
        """
        try:
            judge_app_key(request, mode)
            return shown(
                await jobs.task(
                    text_of({"task_id": task_id}, "task_id"), visitor=visitor_of(request), api_key=key_of(request)
                )
            )
        except JobError as error:
            raise _lookup_error(error) from None
        except Wrong as error:
            raise _error(error) from None

    async def _show(job: Job, request: gr.Request) -> dict[str, Any]:
        return for_visitor(await jobs.show(job), job, request, candidates=jobs.candidates)

    async def _job(job_id: str, request: gr.Request) -> Job:
        try:
            job = await jobs.find(text_of({"job_id": job_id}, "job_id"))
        except (JobError, Wrong) as error:
            raise _error(error) from None
        if job is None or not may_look(visitor_of(request), job, private=private):
            raise gr.Error(say("error.no_such_job"), print_exception=False)
        return job

    for function in (check, start, status, stop, task):
        api(function, api_name=function.__name__, concurrency_limit=None)


def with_order_fields(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Gives an end point each field of `MotionOrder` as a parameter of its own, in place of `**fields`.

    They stand after the function's own parameters and before its keyword-only ones. Their explanations take the place
    of the line ORDER_FIELDS in its docstring. Gradio reads the signature, the annotations and the docstring.
    """
    kinds = inspect.Parameter
    own = [known for known in inspect.signature(function).parameters.values() if known.kind is not kinds.VAR_KEYWORD]
    fields = [
        kinds(name, kinds.POSITIONAL_OR_KEYWORD, default=field.default, annotation=field.annotation)
        for name, field in MotionOrder.model_fields.items()
    ]
    last = [known.replace(kind=kinds.POSITIONAL_OR_KEYWORD) for known in own if known.kind is kinds.KEYWORD_ONLY]
    first = [known for known in own if known.kind is not kinds.KEYWORD_ONLY]
    result = function.__annotations__["return"]
    signature = inspect.Signature([*first, *fields, *last], return_annotation=result)

    @wraps(function)
    async def end_point(*args: Any, **named: Any) -> Any:
        return await function(**signature.bind(*args, **named).arguments)

    hints = {known.name: known.annotation for known in signature.parameters.values()}
    end_point.__annotations__ = {**hints, "return": result}
    end_point.__signature__ = signature  # type: ignore[attr-defined]  # PEP 362: inspect reads it
    explained = [f"{name}: {field.description}" for name, field in MotionOrder.model_fields.items()]
    end_point.__doc__ = re.sub(
        r"^( *)ORDER_FIELDS$",
        lambda line: "\n".join(line[1] + words for words in explained),
        inspect.getdoc(function) or "",
        flags=re.MULTILINE,
    )
    return end_point


def _lookup_error(error: JobError) -> gr.Error:
    # The error speaks as of an order that is followed; of a task that is merely looked up there is less to say.
    if f"lookup.error.{error.code}" not in ENGLISH:
        return _error(error)
    words = (say(f"lookup.{part}.{error.code}") for part in ("error", "next"))
    return gr.Error(" ".join(words), print_exception=False)


def _error(error: JobError | Refused | Wrong) -> gr.Error:
    return gr.Error(f"{error.message} {error.next_step}", print_exception=False)
