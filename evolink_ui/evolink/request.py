"""What goes over the wire: one order, checked before it costs anything."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PROMPT_MAX_CHARS = 2500
"""Longest prompt, in characters (vendor's description of the order)."""

CALLBACK_URL_MAX_CHARS = 2048
"""Longest callback address, in characters (vendor's description of the order)."""


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), defer_build=True)


class WatermarkInfo(_Order):
    """The vendor's own watermark on the result."""

    enabled: bool


class Element(_Order):
    """A character that was registered with the vendor beforehand."""

    element_id: str = Field(min_length=1)


class ModelParams(_Order):
    """The options that only motion control has."""

    character_orientation: Literal["image", "video"]
    """Whose way of facing the camera the character keeps: the picture's, or the motion video's."""

    keep_sound: bool | None = None
    """Keep the motion video's sound; the vendor's default is yes."""

    watermark_info: WatermarkInfo | None = None
    """Left to the vendor's default when None."""

    element_list: list[Element] | None = Field(default=None, max_length=1)
    """At most one registered character; only with orientation `video`."""

    @model_validator(mode="after")
    def _elements_need_video(self) -> "ModelParams":
        if self.element_list and self.character_orientation != "video":
            raise ValueError("an element can be used only with the orientation 'video'")
        return self


class MotionControlRequest(_Order):
    """One order of one video. Fields left at None are not sent, so that the vendor's defaults hold."""

    model: Literal["kling-v3-motion-control"] = "kling-v3-motion-control"
    """The name of the model, part of the wire format."""

    image_urls: list[str] = Field(min_length=1, max_length=1)
    """One public address of the character's picture."""

    video_urls: list[str] = Field(min_length=1, max_length=1)
    """One public address of the motion video, 3 to 30 seconds long."""

    model_params: ModelParams
    """The options of motion control."""

    prompt: str | None = Field(default=None, max_length=PROMPT_MAX_CHARS)
    """What else the video should show; may be left out."""

    quality: Literal["720p", "1080p"] | None = None
    """Resolution of the result; the vendor's default is 720p."""

    callback_url: str | None = Field(default=None, max_length=CALLBACK_URL_MAX_CHARS)
    """Public https address that the vendor calls once the task has ended."""

    def to_wire(self) -> dict[str, Any]:
        """The JSON body of the order, without the fields that were left out."""
        return self.model_dump(mode="json", exclude_none=True)
