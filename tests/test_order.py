"""What an order may say: strict values, the model's own limits, and orders of older versions."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evolink_ui import catalog
from evolink_ui.catalog import KLING_V3_MOTION_CONTROL, MODELS, Orientation, Quality
from evolink_ui.evolink import MotionControlRequest
from evolink_ui.order import MotionOrder, OrderError
from evolink_ui.sandbox.errors import ApiError
from evolink_ui.sandbox.orders import Order as SandboxOrder
from evolink_ui.sandbox.orders import judge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ANY_FIELDS = st.dictionaries(st.sampled_from([*MotionOrder.model_fields, "surprise"]), JSON)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"keep_sound": "false"}, 'keep_sound must be true or false, for example true; you sent the text "false".'),
        ({"watermark": "true"}, 'watermark must be true or false, for example false; you sent the text "true".'),
        ({"element_id": 123456789}, 'element_id must be text, for example "123456789"; you sent the number 123456789.'),
        ({"prompt": ["a"]}, 'prompt must be text, for example "On a rooftop at dusk"; you sent a list.'),
        ({"keep_sound": 1}, "keep_sound must be true or false, for example true; you sent the number 1."),
        ({"keep_sound": None}, "keep_sound must be true or false, for example true; you sent null."),
        ({"prompt": 10**5000}, 'prompt must be text, for example "On a rooftop at dusk"; you sent a very long number.'),
        ({"quality": ["720p"]}, 'quality must be "720p" or "1080p"; you sent a list.'),
        ({"quality": "4k"}, 'quality must be "720p" or "1080p"; you sent the text "4k".'),
        ({"model": "kling-v1"}, 'model must be "kling-v3-motion-control"; you sent the text "kling-v1".'),
        ({"keep_sounds": True}, 'An order has no field "keep_sounds".'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_field_and_a_right_value(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(OrderError) as caught:
        MotionOrder.parse(fields)
    assert (caught.value.field, caught.value.message) == (next(iter(fields)), says)
    assert caught.value.next_step
    with pytest.raises(ValidationError):
        MotionOrder(**fields)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_FIELDS)
def test_nothing_is_guessed(fields: dict[str, Any]) -> None:
    """A value is taken as it is, with its type, or refused at its field."""
    try:
        order = MotionOrder.parse(fields)
    except OrderError as error:
        assert error.field in fields
        assert len(error.message) < 200
        return
    for name, value in fields.items():
        assert getattr(order, name) == value and type(getattr(order, name)) is type(value)


@pytest.mark.parametrize("name", MotionOrder.model_fields)
def test_every_field_is_explained_and_its_example_is_right(name: str) -> None:
    field = MotionOrder.model_fields[name]
    assert field.description
    assert field.examples
    MotionOrder.parse({"character_orientation": "video", name: field.examples[0]})


@pytest.mark.parametrize("name", ["prompt", "element_id", "image_url", "model"])
@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_text_that_no_database_can_keep_is_refused(name: str, character: str) -> None:
    with pytest.raises(OrderError) as caught:
        MotionOrder.parse({name: f"a{character}"})
    assert (caught.value.field, caught.value.code) == (name, f"{name}_unreadable")
    caught.value.message.encode()


# ---- models ------------------------------------------------------------------------------------------------------


def test_every_model_chooses_among_the_values_that_the_types_name() -> None:
    assert {quality for spec in MODELS.values() for quality in spec.qualities} == {*get_args(Quality)}
    assert {facing for spec in MODELS.values() for facing in spec.orientations} == {*get_args(Orientation)}
    assert all(spec.price_source for spec in MODELS.values())


def test_every_model_takes_the_same_files_because_one_check_judges_them() -> None:
    assert len({(spec.image, repr(spec.video)) for spec in MODELS.values()}) == 1


def test_a_second_model_is_one_entry_with_its_own_choices_limits_and_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    second = replace(
        KLING_V3_MOTION_CONTROL,
        id="kling-v2.6-motion-control",
        title="Kling 2.6 Motion Control",
        prompt_max_chars=100,
        element_orientations=frozenset(),
        credits_per_second={"720p": 5.0},
    )
    monkeypatch.setattr(catalog, "MODELS", {**MODELS, second.id: second})
    order = MotionOrder.parse({"model": second.id})
    assert order.spec.credits_for(3.2, order.quality) == 15.0
    assert (
        MotionControlRequest.of(order, image_url="https://a/1", video_url="https://a/2").to_wire()["model"] == second.id
    )
    for fields, code in (
        ({"quality": "1080p"}, "quality_unknown"),
        ({"prompt": "x" * 101}, "prompt_too_long"),
        ({"element_id": "123", "character_orientation": "video"}, "element_not_taken"),
    ):
        MotionOrder.parse(fields)
        with pytest.raises(OrderError) as caught:
            MotionOrder.parse({**fields, "model": second.id})
        assert caught.value.code == code


# ---- orders of older versions ------------------------------------------------------------------------------------

OLD_ROW = {
    "prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": True, "watermark": False,
    "element_id": "", "image_url": "", "video_url": "",
}  # fmt: skip


def body_of(row: dict[str, Any]) -> dict[str, Any]:
    order = MotionOrder.from_stored(row)
    return MotionControlRequest.of(order, image_url="https://a/1.png", video_url="https://a/2.mp4").to_wire()


def test_an_order_of_an_older_version_keeps_its_body_for_the_vendor_may_know_its_key() -> None:
    """Another body under the same Idempotency-Key is a conflict, and its outcome then stays unknown."""
    assert body_of(OLD_ROW) == {
        "model": "kling-v3-motion-control",
        "image_urls": ["https://a/1.png"],
        "video_urls": ["https://a/2.mp4"],
        "model_params": {"character_orientation": "image", "keep_sound": True},
        "prompt": "A dance",
        "quality": "720p",
    }
    marked = {**OLD_ROW, "watermark": True, "element_id": "123", "character_orientation": "video", "keep_sound": False}
    assert body_of(marked)["model_params"] == {
        "character_orientation": "video",
        "keep_sound": False,
        "watermark_info": {"enabled": True},
        "element_list": [{"element_id": "123"}],
    }


def test_an_order_of_this_version_says_that_it_wants_no_watermark() -> None:
    """The vendor documents no default: what is not said may come out either way."""
    new = MotionOrder().model_dump()
    assert body_of(new)["model_params"]["watermark_info"] == {"enabled": False}
    assert "watermark_info" not in body_of({**new, "watermark": None})["model_params"]


@pytest.mark.parametrize("row", [{}, {"prompt": "x"}, {**OLD_ROW, "quality": "480p", "surprise": 1}])
def test_a_row_is_read_whatever_another_version_wrote(row: dict[str, Any]) -> None:
    order = MotionOrder.from_stored(row)
    assert order.prompt == row.get("prompt", "")
    assert order.spec is KLING_V3_MOTION_CONTROL


@pytest.mark.parametrize("name", MotionOrder.model_fields)
def test_what_is_written_is_read_again(name: str) -> None:
    field = MotionOrder.model_fields[name]
    order = MotionOrder.parse({"character_orientation": "video", name: (field.examples or [None])[0]})
    assert MotionOrder.from_stored(order.model_dump()) == order


def test_the_sandbox_reads_the_orders_of_an_older_version_and_says_where_it_cannot() -> None:
    old = {name: OLD_ROW[name] for name in ("prompt", "quality", "keep_sound", "watermark")}
    old |= {"image_url": "https://a/1", "video_url": "https://a/2", "orientation": "video", "callback_url": None}
    order = SandboxOrder.load(json.dumps(old))
    assert (order.character_orientation, order.keep_sound, order.callback_url) == ("video", True, None)
    assert SandboxOrder.load(order.dump()) == order
    with pytest.raises(KeyError):
        SandboxOrder.load("{}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"quality": 720}, "quality must be"),
        ({"model_params": {"character_orientation": "video", "keep_sound": "no"}}, "model_params.keep_sound must be"),
        ({"prompt": "x" * 2501}, "prompt: The prompt has 2,501 characters"),
        ({"video_urls": ["https://a/1", "https://a/2"]}, "video_urls must hold exactly one value"),
        ({"model_params": {}}, "model_params.character_orientation is missing"),
    ],
)
def test_the_sandbox_names_the_member_as_it_stands_in_the_body(body: dict[str, Any], says: str) -> None:
    right = {**body_of(OLD_ROW)}
    judge(right)
    with pytest.raises(ApiError) as caught:
        judge(right | body)
    assert caught.value.status == 400
    assert caught.value.message.startswith(says)
