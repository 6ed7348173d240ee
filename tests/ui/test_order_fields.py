"""Each field of an order reaches every copy of it: form, end point, ledger, view, wire, sandbox and snippets.

A field that is added to `MotionOrder` alone makes these tests fail at each place where it was forgotten; that it has a
control on the page which works is shown in `tests/browser/test_order_fields.py`.
"""

import ast
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.utils import get_function_description

from evolink_ui import catalog
from evolink_ui.catalog import KLING_V3_MOTION_CONTROL, MODELS
from evolink_ui.evolink import MotionControlRequest
from evolink_ui.jobs import Jobs
from evolink_ui.order import LINKS, OPTIONS, MotionOrder
from evolink_ui.sandbox import orders as sandbox_orders
from evolink_ui.ui.create import form_fields
from evolink_ui.ui.snippets import as_curl, as_gradio_client, as_python
from tests.stub import Stub
from tests.ui.conftest import Desktop, request_of, uploaded
from tests.ui.test_desk import Ended, form

SECOND = replace(KLING_V3_MOTION_CONTROL, id="kling-second-motion-control")
FIELDS = tuple(MotionOrder.model_fields)


@pytest.fixture
def _two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second model, so that the model can be chosen at all."""
    monkeypatch.setattr(catalog, "MODELS", {**MODELS, SECOND.id: SECOND})


def other_value(name: str) -> Any:
    """A right value that is not the default."""
    default = MotionOrder.model_fields[name].default
    if name == "model":
        return SECOND.id
    if isinstance(default, bool):
        return not default
    choices = form_fields()[name]["choices"] if name in OPTIONS else None
    if choices:
        return next(choice for choice in choices if choice != default)
    return (MotionOrder.model_fields[name].examples or [None])[0]


def with_other(*names: str) -> MotionOrder:
    """An order with links, facing as in the video, whose named fields are not the defaults."""
    usual = {"image_url": "https://example.org/a.png", "video_url": "https://example.org/b.mp4"}
    others = {name: other_value(name) for name in names}
    if "element_id" in names:
        others["character_orientation"] = "video"
    order = MotionOrder.parse(usual | others)
    assert all(getattr(order, name) != MotionOrder.model_fields[name].default for name in names)
    return order


def wire(order: MotionOrder) -> dict[str, Any]:
    return MotionControlRequest.of(order).to_wire()


@pytest.mark.usefixtures("_two_models")
@pytest.mark.parametrize("name", FIELDS)
def test_each_field_reaches_the_wire_and_is_read_from_it(name: str) -> None:
    order = with_other(name)
    assert MotionControlRequest(**wire(order)).order() == order


@pytest.mark.usefixtures("_two_models")
@pytest.mark.parametrize("name", FIELDS)
def test_each_field_reaches_the_sandbox_and_its_memory(name: str) -> None:
    order = with_other(name)
    kept = sandbox_orders.Order.load(sandbox_orders.judge(wire(order)).dump())
    assert MotionOrder.model_construct(**{field: getattr(kept, field) for field in FIELDS}) == order


@pytest.mark.usefixtures("_two_models")
@pytest.mark.parametrize("name", FIELDS)
def test_each_field_reaches_every_snippet(name: str) -> None:
    order = with_other(name)
    curl = shlex.split(as_curl(order, "https://api.evolink.ai").replace("\\\n", " "), comments=True)
    assert json.loads(curl[curl.index("-d") + 1]) == wire(order)
    for text in (as_python(order), as_gradio_client(order, "http://127.0.0.1:7860/")):
        assert arguments_in(text)[name] == getattr(order, name)


def arguments_in(snippet: str) -> Mapping[str, Any]:
    """The named arguments of the call that makes the order."""
    calls = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Call)]
    call = max(calls, key=lambda node: len(node.keywords))
    return {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if str(word.arg) in FIELDS}


def test_the_form_starts_with_each_option_and_knows_its_choices() -> None:
    fields = form_fields()
    assert tuple(fields) == OPTIONS
    assert {name: known["default"] for name, known in fields.items()} == MotionOrder().model_dump(exclude={*LINKS})
    for name, known in fields.items():
        for choice in known["choices"] or ():
            MotionOrder.parse({name: choice})


def test_the_end_point_has_each_field_by_name_in_order_with_default_and_explanation(desktop: Desktop) -> None:
    described = desktop.page.get_api_info()["named_endpoints"]["/start"]["parameters"]
    assert [known["parameter_name"] for known in described] == ["image", "video", *FIELDS, "client_reference"]
    for known in described[2 : 2 + len(FIELDS)]:
        field = MotionOrder.model_fields[known["parameter_name"]]
        assert known["parameter_default"] == field.default
        assert known["parameter_has_default"]
    _, explained, _ = get_function_description(desktop.functions["start"])  # as Gradio reads it for its API page
    assert {*explained} - {"request"} == {"image", "video", *FIELDS, "client_reference"}
    for name in FIELDS:
        assert explained[name] == MotionOrder.model_fields[name].description


@pytest.mark.usefixtures("_two_models")
async def test_each_field_given_to_the_end_point_reaches_the_ledger_the_view_and_the_form_again(
    desktop: Desktop, jobs: Jobs, stub: Stub, ended: Ended, image: Path, video: Path
) -> None:
    first = await ended((await desktop.ask("order", form(image, video)))["job"]["id"])
    links = {"image_url": first.image_url, "video_url": first.video_url}
    for files, names in (
        ({"image": uploaded(image), "video": uploaded(video)}, [name for name in FIELDS if name not in LINKS]),
        (links, list(LINKS)),
    ):
        given = {name: other_value(name) for name in names if name not in LINKS} | files
        view = await desktop.functions["start"](request_of("v_anna"), **given)
        row = (await jobs.get(view["id"])).request
        wanted = MotionOrder.parse({name: value for name, value in given.items() if name in FIELDS})
        assert row == wanted.model_dump()
        assert all(row[name] != MotionOrder.model_fields[name].default for name in names)
        assert view["request"] == {name: row[name] for name in OPTIONS}
        again = await desktop.ask("reuse", {"id": view["id"]})
        assert again["request"] == view["request"]
        await ended(view["id"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("keep_sound", "false"), ("watermark", "true"), ("element_id", 123456789), ("prompt", ["a"]), ("quality", None)],
)
async def test_a_wrong_value_is_refused_by_page_and_end_point_and_nothing_is_stored_or_sent(
    desktop: Desktop, jobs: Jobs, stub: Stub, image: Path, video: Path, name: str, value: Any
) -> None:
    refused = (await desktop.ask("order", form(image, video, **{name: value})))["error"]
    assert refused["field"] == name
    assert refused["message"].startswith(f"{name} must be ")
    assert refused["message"].endswith(" Nothing was sent or charged.")
    with pytest.raises(gr.Error) as caught:
        await desktop.functions["start"](
            request_of("v_anna"), image=uploaded(image), video=uploaded(video), **{name: value}
        )
    assert caught.value.message == f"{refused['message']} {refused['next_step']}"
    assert stub.seen == []
    assert await jobs.history("v_anna") == []
