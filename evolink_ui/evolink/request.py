"""What goes over the wire: one order, checked before it costs anything."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evolink_ui.catalog import DEFAULT_MODEL, Orientation, Quality
from evolink_ui.order import MotionOrder, OrderError

CALLBACK_URL_MAX_CHARS = 2048
"""Longest callback address, in characters (vendor's description of the order)."""

Address = Annotated[str, Field(min_length=1)]


class _Order(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=(), defer_build=True)


class WatermarkInfo(_Order):
    """The vendor's own watermark on the result."""

    enabled: bool


class Element(_Order):
    """A character that was registered with the vendor beforehand."""

    element_id: str = Field(min_length=1)


class ModelParams(_Order):
    """The options that only motion control has."""

    character_orientation: Orientation
    """Whose way of facing the camera the character keeps: the picture's, or the motion video's."""

    keep_sound: bool | None = None
    """Keep the motion video's sound; the vendor's default is yes."""

    watermark_info: WatermarkInfo | None = None
    """Left to the vendor's default when None; the vendor documents none."""

    element_list: list[Element] | None = Field(default=None, max_length=1)
    """At most one registered character; only with orientation `video`."""


class MotionControlRequest(_Order):
    """The JSON of one order of one video. Fields left at None are not sent, so that the vendor's defaults hold.

    Each `MotionOrder` has one (`of`), and each that can be ordered is one (`order`): what an order may say, and which
    of it goes together, is the order's to know.
    """

    model: str = DEFAULT_MODEL
    """The name of the model, part of the wire format."""

    image_urls: list[Address] = Field(min_length=1, max_length=1)
    """One public address of the character's picture."""

    video_urls: list[Address] = Field(min_length=1, max_length=1)
    """One public address of the motion video, 3 to 30 seconds long."""

    model_params: ModelParams
    """The options of motion control."""

    prompt: str | None = None
    """What else the video should show; may be left out."""

    quality: Quality | None = None
    """Resolution of the result; the vendor's default is 720p."""

    callback_url: str | None = Field(default=None, max_length=CALLBACK_URL_MAX_CHARS)
    """Public https address that the vendor calls once the task has ended."""

    @model_validator(mode="after")
    def _can_be_ordered(self) -> "MotionControlRequest":
        try:
            self.order()
        except OrderError as error:
            raise ValueError(f"{error.field}: {error}") from None
        return self

    @classmethod
    def of(
        cls, order: MotionOrder, *, image_url: str = "", video_url: str = "", callback_url: str | None = None
    ) -> "MotionControlRequest":
        """The request of an order.

        Args:
            order: what is wanted. Sound and watermark are sent as they are, on or off: the vendor documents no default
                for the watermark, so that "off" holds only if it is said. None leaves the watermark out.
            image_url, video_url: where the files are; the order's own links where they are empty.
            callback_url: see the field.

        Raises:
            pydantic.ValidationError: an address is missing or too long.
        """
        return cls(
            model=order.model,
            image_urls=[image_url or order.image_url],
            video_urls=[video_url or order.video_url],
            prompt=order.prompt or None,
            quality=order.quality,
            model_params=ModelParams(
                character_orientation=order.character_orientation,
                keep_sound=order.keep_sound,
                watermark_info=None if order.watermark is None else WatermarkInfo(enabled=order.watermark),
                element_list=[Element(element_id=order.element_id)] if order.element_id else None,
            ),
            callback_url=callback_url,
        )

    def order(self) -> MotionOrder:
        """The order that this is the request of; what was left out has the vendor's default.

        Raises:
            OrderError: the fields don't go together.
        """
        params = self.model_params
        elements = params.element_list or []
        said = {
            "prompt": self.prompt,
            "quality": self.quality,
            "character_orientation": params.character_orientation,
            "keep_sound": params.keep_sound,
            "element_id": elements[0].element_id if elements else None,
        }
        return MotionOrder.parse(
            {name: value for name, value in said.items() if value is not None}
            | {"model": self.model, "image_url": self.image_urls[0], "video_url": self.video_urls[0]}
            | {"watermark": params.watermark_info.enabled if params.watermark_info else None}
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON body of the order, without the fields that were left out."""
        return self.model_dump(mode="json", exclude_none=True)
