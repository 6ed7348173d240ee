"""The models that can be ordered: what each takes, what it makes and what it costs.

Every number of the vendor's has its home here. A further model is one more entry of `MODELS`, and its words.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Orientation = Literal["image", "video"]
"""Which of the two files decides where the character faces; every value that any model knows."""

Quality = Literal["720p", "1080p"]
"""Resolution of the result; every value that any model knows."""

CREDITS_PER_USD: Final = 68.0
"""Vendor's price page, 2026-11."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What the vendor takes as reference image (JPEG or PNG)."""

    max_bytes: int
    min_side_px: int
    max_aspect: float
    """Long side over short side."""


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What the vendor takes as reference video (MP4 or MOV)."""

    max_bytes: int
    min_seconds: float
    max_seconds: Mapping[Orientation, float]
    """By orientation; its keys are the orientations that the model knows."""
    min_side_px: int
    max_side_px: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model."""

    id: str
    """The vendor's name for it, as sent."""
    title: str
    """For people."""
    prompt_max_chars: int
    image: ImageLimits
    video: VideoLimits
    element_orientations: frozenset[Orientation]
    """Where an order may carry an element; empty for a model that takes none."""
    credits_per_second: Mapping[Quality, float]
    """List price per second of output; its keys are the qualities that the model makes."""
    price_source: str
    """Where the prices come from. They may change; the bill of a finished task is what counts."""

    @property
    def qualities(self) -> tuple[Quality, ...]:
        """The resolutions to choose from, the cheapest first."""
        return tuple(self.credits_per_second)

    @property
    def orientations(self) -> tuple[Orientation, ...]:
        """The orientations to choose from."""
        return tuple(self.video.max_seconds)

    def credits_for(self, duration_seconds: float, quality: str) -> float:
        """Estimated credits of one order.

        Args:
            duration_seconds: length of the reference video, which is the length of the result.
            quality: one of `qualities`.

        Raises:
            ValueError: another quality.
        """
        for known, rate in self.credits_per_second.items():
            if known == quality:
                return round(billed_seconds(duration_seconds) * rate, 4)
        raise ValueError(f"quality must be {' or '.join(self.qualities)}")


def billed_seconds(duration_seconds: float) -> int:
    """Output seconds as billed: rounded to the nearest integer, halves up; 0 for lengths that make no sense."""
    if not math.isfinite(duration_seconds) or duration_seconds <= 0:
        return 0
    return math.floor(duration_seconds + 0.5)


def usd_for(credits_amount: float) -> float:
    """US dollars for an amount of credits (68 credits = 1 USD)."""
    return round(credits_amount / CREDITS_PER_USD, 4)


KLING_V3_MOTION_CONTROL: Final = ModelSpec(
    id="kling-v3-motion-control",
    title="Kling-V3 Motion Control",
    prompt_max_chars=2500,
    image=ImageLimits(
        max_bytes=10_000_000,  # "10 MB": the smaller reading, so that it holds for both
        min_side_px=300,
        max_aspect=2.5,
    ),
    video=VideoLimits(
        max_bytes=100_000_000,  # "100 MB": the smaller reading
        min_seconds=3.0,
        max_seconds={"image": 10.0, "video": 30.0},
        min_side_px=340,
        max_side_px=3850,
    ),
    element_orientations=frozenset({"video"}),
    credits_per_second={"720p": 8.1648, "1080p": 10.884},
    price_source="EvoLink's price list of 2026-11: $0.120 and $0.160 a second",
)

MODELS: Final[Mapping[str, ModelSpec]] = {spec.id: spec for spec in (KLING_V3_MOTION_CONTROL,)}
"""What is offered, by the vendor's names."""

DEFAULT_MODEL: Final = KLING_V3_MOTION_CONTROL.id
"""What is ordered where no model is named, and what every order was before models could be named."""
