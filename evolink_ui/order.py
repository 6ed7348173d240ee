"""What an order says, once: every field with its type, default, limits and an example of a right value.

The page's form, the end points, the ledger, the job's view, the wire, the snippets and the sandbox derive from it.
The two files of an order are not here: they travel beside it, and become `image_url` and `video_url` at the vendor.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from evolink_ui import catalog
from evolink_ui.catalog import DEFAULT_MODEL, ModelSpec, Orientation, Quality

ELEMENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
UNWRITABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
"""PostgreSQL stores no text with NUL, and UTF-8 knows no lone half of a pair."""
SHOWN_CHARS: Final = 40
"""Of a wrong value, in the sentence about it."""


class OrderError(ValueError):
    """A value that an order can't have.

    Attributes:
        field: name of the field at fault.
        code: stable name of the fault.
        message: what is wrong, with an example of a right value; one sentence.
        next_step: what to do about it.
    """

    def __init__(self, field: str, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        self.field, self.code, self.message, self.next_step = field, code, message, next_step


class MotionOrder(BaseModel):
    """One order of one video. Types are strict: a text is no boolean and a number no text.

    Raises:
        pydantic.ValidationError: from the constructor; `parse` says the same as an `OrderError`.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)

    prompt: str = Field(
        "",
        description=f"Scene and style, at most {catalog.MODELS[DEFAULT_MODEL].prompt_max_chars:,} characters.",
        examples=["On a rooftop at dusk"],
    )
    quality: Quality = Field("720p", description='Resolution of the video: "720p" or "1080p".', examples=["720p"])
    character_orientation: Orientation = Field(
        "image",
        description='Which of the two decides where the character faces: "image" (video up to 10 s) or "video".',
        examples=["image"],
    )
    keep_sound: bool = Field(True, description="Keep the sound of the motion video.", examples=[True])
    watermark: bool | None = Field(
        False, description="Let EvoLink mark the video; null leaves it to EvoLink's default.", examples=[False]
    )
    element_id: str = Field(
        "",
        description="An element made from a video at EvoLink; only facing as in the video.",
        examples=["123456789"],
    )
    image_url: str = Field(
        "", description="Public https address instead of a picture.", examples=["https://example.com/character.png"]
    )
    video_url: str = Field(
        "", description="Public https address instead of a video.", examples=["https://example.com/motion.mp4"]
    )
    model: str = Field(DEFAULT_MODEL, description="The vendor's name of the model.", examples=[DEFAULT_MODEL])

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> "MotionOrder":
        """The order of untrusted fields, such as those of a form or of a call; what is missing has its default.

        Raises:
            OrderError: the first field at fault.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise _explained(error.errors(include_url=False)[0]) from None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "MotionOrder":
        """The order of a ledger row, of this version or an older one. It was judged when it was written: not again.

        Versions that had one model only left the watermark out unless it was wanted. The body of such an order must
        stay the same byte for byte: the vendor may know its idempotency key already.
        """
        known = {name: stored[name] for name in cls.model_fields.keys() & stored.keys()}
        if "model" not in stored and known.get("watermark") is False:
            known["watermark"] = None
        return cls.model_construct(**known)

    @property
    def spec(self) -> ModelSpec:
        """The model's entry in the catalog; the default model's where this one is not offered any more."""
        return catalog.MODELS.get(self.model, catalog.MODELS[DEFAULT_MODEL])

    @model_validator(mode="after")
    def _fits_the_model(self) -> "MotionOrder":
        for name, value in self:
            if isinstance(value, str) and UNWRITABLE.search(value):
                message = f"{name} holds a character that is no text (NUL, or half of a pair)."
                raise _fault(name, f"{name}_unreadable", message, "Remove it.")
        for name, one_of in (
            ("model", tuple(catalog.MODELS)),
            ("quality", self.spec.qualities),
            ("character_orientation", self.spec.orientations),
        ):
            if getattr(self, name) not in one_of:
                raise _fault(name, f"{name}_unknown", *_choose(name, one_of, getattr(self, name)))
        most = self.spec.prompt_max_chars
        if len(self.prompt) > most:
            message = f"The prompt has {len(self.prompt):,} characters; {most:,} are allowed."
            raise _fault("prompt", "prompt_too_long", message, f"Shorten it by {len(self.prompt) - most:,}.")
        if self.element_id:
            self._check_element()
        return self

    def _check_element(self) -> None:
        allowed = self.spec.element_orientations
        if not allowed:
            message = f"{self.spec.title} takes no element."
            raise _fault("element_id", "element_not_taken", message, "Remove the element id.")
        if self.character_orientation not in allowed:
            raise _fault(
                "element_id",
                "element_needs_video_orientation",
                "An element works only when the character faces as in the video.",
                "Switch the orientation to “as in the video”, or remove the element id.",
            )
        if not ELEMENT_ID.fullmatch(self.element_id):
            raise _fault(
                "element_id",
                "element_id_malformed",
                f"{_shown(self.element_id).capitalize()} is not an element id; one looks like 123456789.",
                "Copy the id that EvoLink gave when the element was made.",
            )


LINKS: Final = ("image_url", "video_url")
"""Fields that say where a file is; the others say what to make of the files."""

OPTIONS: Final = tuple(name for name in MotionOrder.model_fields if name not in LINKS)
"""What a form lets people choose, and a job's view shows."""


def stored_option(stored: Mapping[str, Any], name: str) -> Any:
    """One of the `OPTIONS` of a ledger row as it was written; None where nothing is known, as of an adopted task."""
    if name == "model" and stored:
        return stored.get(name, DEFAULT_MODEL)
    return stored.get(name)


def _fault(field: str, code: str, message: str, next_step: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{message}", {"field": field, "message": message, "next_step": next_step})


def _explained(error: ErrorDetails) -> OrderError:
    """A pydantic error in our words."""
    context = error.get("ctx", {})
    if not error["loc"]:
        return OrderError(context["field"], error["type"], context["message"], context["next_step"])
    name, value = str(error["loc"][0]), error["input"]
    if error["type"] == "extra_forbidden":
        return OrderError(
            name[:SHOWN_CHARS],
            "field_unknown",
            f"An order has no field {json.dumps(name[:SHOWN_CHARS])}.",
            f"Use these: {', '.join(MotionOrder.model_fields)}.",
        )
    if error["type"] == "literal_error":
        choices = tuple(str(choice) for choice in get_args(MotionOrder.model_fields[name].annotation))
        return OrderError(name, f"{name}_unknown", *_choose(name, choices, value))
    example = json.dumps((MotionOrder.model_fields[name].examples or [""])[0])
    kind = "true or false" if error["type"].startswith("bool") else "text"
    message = f"{name} must be {kind}, for example {example}; you sent {_shown(value)}."
    return OrderError(name, f"{name}_wrong_type", message, f"Correct {name} and send the order again.")


def _choose(name: str, choices: tuple[str, ...], value: object) -> tuple[str, str]:
    known = " or ".join(json.dumps(choice) for choice in choices)
    return f"{name} must be {known}; you sent {_shown(value)}.", f"Choose {' or '.join(choices)}."


def _shown(value: object) -> str:
    """A wrong value, short, by the names that JSON has for its kinds."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN_CHARS else f"{value[:SHOWN_CHARS]}…"
        return f"the text {json.dumps(cut, ensure_ascii=not cut.isprintable())}"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a very long number"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list | tuple) else "an object" if isinstance(value, dict) else "something else"
