"""What the page's scripts may ask of the server: judge a file, place an order, an example, the balance.

Every function takes one JSON value from a browser, which is believed in nothing, and answers a JSON object; what is
wrong comes back as `{"error": {"code", "message", "next_step"}}`, never as an exception.
"""

import asyncio
import base64
import hashlib
import io
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from evolink_ui.catalog import KLING_V3_MOTION_CONTROL, ModelSpec, Orientation, usd_for
from evolink_ui.evolink import EvoLinkError
from evolink_ui.executors import DISK, EXPORTS
from evolink_ui.jobs import JobError, Jobs, OrderInputs
from evolink_ui.jobs.intake import order_of
from evolink_ui.jobs.job import Mode
from evolink_ui.jobs.same_order import check_reference
from evolink_ui.media import Report
from evolink_ui.net import Refused
from evolink_ui.sandbox.examples import ExamplePair
from evolink_ui.ui.text import say
from evolink_ui.web.received import public_name, received_file
from evolink_ui.web.visitor import household_of, is_guest, key_of, may_use_app_key, quota_of, visitor_of

TOO_LONG_FACING_IMAGE: Final = "video_too_long_for_image_orientation"
PRESS: Final = "press:"
"""Before the name of a press; no program's reference has a colon."""
ATTEMPT_MAX_CHARS: Final = 64
TEXT_MAX_CHARS: Final = 512
"""Of an id, a name or a search."""
THUMBNAIL_PX: Final = (144, 192)
"""Of an example; shown at half of that, for screens with two dots a pixel."""
BEHIND_CUT_OUTS: Final = "#e3f1ee"

Answer = dict[str, Any]
Handler = Callable[[Any, gr.Request], Awaitable[Answer]]


class Wrong(Exception):
    """What a browser asked for can't be done; `code` has its words in `ui/text.py`, `values` fill their gaps."""

    def __init__(self, code: str, **values: object) -> None:
        self.code, self.message = code, say(f"error.{code}", **values)
        self.next_step = say(f"next.{code}", **values)
        super().__init__(self.message)


def answered(handler: Handler) -> Handler:
    """Turns what a handler raises for a person into an answer; anything else stays an error of ours."""

    @wraps(handler)
    async def answer(data: Any, request: gr.Request) -> Answer:
        try:
            return await handler(data if isinstance(data, dict) else {}, request)
        except JobError as error:
            return {"error": error.to_dict()}
        except (Wrong, Refused, EvoLinkError) as error:
            return {"error": {"code": error.code, "message": error.message, "next_step": error.next_step}}

    return answer


class Desk:
    """The functions of one page.

    Args:
        jobs: takes the orders.
        examples: gives the folder's example pairs, building them when missing.
        mode: where orders without a visitor's key go.
    """

    def __init__(self, jobs: Jobs, examples: Callable[[], list[ExamplePair]], mode: Mode) -> None:
        self._jobs, self._mode = jobs, mode
        self._examples = examples

    async def judge_image(self, data: Mapping[str, Any], visitor: str) -> Answer:
        """What is known about a picture that was just uploaded: {file, report, poster, preview_url}."""
        path = given(data)
        return _judgement(path, await self._jobs.judge_image(path, visitor=visitor))

    async def judge_video(self, data: Mapping[str, Any], visitor: str) -> Answer:
        """What is known about a video that was just uploaded: {file, report, poster, preview_url, prices}.

        A video that is too long for the orientation of the form only is let through: the form says so by itself, and
        takes it back as soon as the orientation is changed.
        """
        path = given(data)
        report = await self._jobs.judge_video(path, orientation_of(data), visitor=visitor)
        serious = [problem for problem in report.problems if problem.code != TOO_LONG_FACING_IMAGE]
        answer = _judgement(path, replace(report, ok=not serious and report.facts is not None, problems=serious))
        seconds = getattr(report.facts, "duration_seconds", None)
        answer["prices"] = prices(seconds) if seconds else None
        return answer

    async def read_video_again(self, data: Mapping[str, Any], visitor: str) -> Answer:
        """What a second reader says otherwise of a video that passed: {warnings}. Takes 2 s at most."""
        warnings = await self._jobs.read_again(given(data), orientation_of(data), visitor=visitor)
        return {"warnings": [asdict(warning) for warning in warnings]}

    async def order(self, form: Mapping[str, Any], request: gr.Request) -> Answer:
        """Place the order of a form: {job}, the new job's view.

        `attempt` names the press of Generate: a browser whose connection broke can't know whether its order arrived,
        and sends the same attempt again. `again` confirms that the same order is wanted once more.
        """
        attempt = str(form.get("attempt") or "")[:ATTEMPT_MAX_CHARS]

        if form.get("own_key") in (True, False) and form["own_key"] is not (key_of(request) is not None):
            raise Wrong("key_changed")  # what the page said about money was not true any more

        job = await self._jobs.start(
            inputs_of(form),
            visitor=visitor_of(request),
            household=household_of(request),
            api_key=key_of(request),
            reference=_named(f"{PRESS}{attempt}", request) if attempt else None,
            ask_first=form.get("again") is not True,
            quota=quota_of(request),
        )
        return {"job": await self._jobs.show(job)}

    async def example(self, name: str = "") -> Answer:
        """An example pair, received as if it had been uploaded: {image, video}, each {path, name}.

        name: one of `example_pictures`; the first pair where it is none of them.
        """
        pairs = await EXPORTS.run(self._examples)
        pair = next((pair for pair in pairs if pair.name == name), pairs[0])
        image, video = await asyncio.gather(*(DISK.run(receive, file) for file in (pair.image, pair.video)))
        return {"image": image, "video": video}

    async def example_pictures(self) -> Answer:
        """What there is to try: {pairs}, each {name, picture}; the picture as a small JPEG in a data address."""
        return {"pairs": await EXPORTS.run(lambda: [_thumbnail(pair) for pair in self._examples()])}

    async def balance(self, request: gr.Request) -> Answer:
        """Credits that may still be spent, or null where nobody says; the owner's are for the owner alone."""
        if not may_use_app_key(request, self._mode):
            return {"remaining": None}
        credits_left = await self._jobs.credits(api_key=key_of(request))
        return {"remaining": credits_left.remaining_credits if credits_left is not None else None}


def inputs_of(form: Mapping[str, Any]) -> OrderInputs:
    """The same with its files, which are only those that this server received.

    Raises:
        Rejected: the first field at fault.
        Refused: a file that was not uploaded here.
    """
    return OrderInputs(order_of(form), image=received_file(form.get("image")), video=received_file(form.get("video")))


def reference_of(client_reference: object, request: gr.Request) -> str | None:
    """The name that a program gave to its order, or None. Raises JobError where it can't be one."""
    if not isinstance(client_reference, str):
        raise Wrong("wrong_type", field="client_reference")
    check_reference(client_reference)
    return _named(client_reference, request) if client_reference else None


def _named(reference: str, request: gr.Request) -> str:
    """Clients without cookies share their address's name; where they bring keys, those keep their orders apart."""
    key = key_of(request)
    if not key or not is_guest(visitor_of(request)):
        return reference
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}:{reference}"


def prices(seconds: float, model: ModelSpec = KLING_V3_MOTION_CONTROL) -> dict[str, dict[str, float]]:
    """Estimated prices of a video by quality: {credits, usd}. seconds: the reference video's length."""
    amounts = {quality: model.credits_for(seconds, quality) for quality in model.qualities}
    return {quality: {"credits": amount, "usd": usd_for(amount)} for quality, amount in amounts.items()}


def receive(source: Path) -> dict[str, str]:
    """Put a file of ours where uploads are kept, as Gradio would: {path, name}. The same bytes are kept once."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = Path(get_upload_folder()) / digest
    target = folder / source.name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{source.name}.{os.getpid()}.part"
        shutil.copyfile(source, part)
        part.replace(target)
    return {"path": public_name(target), "name": source.name}


def judge_app_key(request: gr.Request, mode: Mode) -> None:
    """Raises Wrong where a request would look at tasks with the owner's key and isn't the owner's."""
    if not may_use_app_key(request, mode):
        raise Wrong("owner_only")


def preview_address(path: str) -> str:
    """Where a browser finds a file that this server received, relative to the app's root."""
    return f"gradio_api/file={quote(path)}"


def _thumbnail(pair: ExamplePair) -> dict[str, str]:
    with Image.open(pair.image) as picture:
        small = picture.convert("RGBA")
    small.thumbnail(THUMBNAIL_PX)
    small = Image.alpha_composite(Image.new("RGBA", small.size, BEHIND_CUT_OUTS), small).convert("RGB")
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=80)
    return {"name": pair.name, "picture": _data_address(packed.getvalue())}


def _data_address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _judgement(path: Path, report: Report) -> Answer:
    poster = report.poster_jpeg
    return {
        "file": {"path": public_name(path)},
        "report": report.to_dict(),
        "poster": _data_address(poster) if poster else None,
        "preview_url": preview_address(public_name(path)),
    }


def given(data: Mapping[str, Any]) -> Path:
    """The uploaded file that a browser names. Raises Wrong where there is none, Refused where it is none of ours."""
    path = received_file(data)
    if path is None:
        raise Wrong("file_gone")
    return path


def orientation_of(data: Mapping[str, Any]) -> Orientation:
    """Which way the character faces, by a form; the default where it doesn't say. Raises Rejected."""
    name = "character_orientation"
    return order_of({name: data[name]} if name in data else {}).character_orientation


def text_of(data: Mapping[str, Any], name: str) -> str:
    """A text that a browser or a program sent, bounded; empty where it sent none.

    Raises Wrong, naming the field, for any other type: a list in place of an id would reach the database.
    """
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Wrong("wrong_type", field=name)
    return value[:TEXT_MAX_CHARS]
