"""The mark on every frame that says: this is the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

TEXT: Final = "SANDBOX PREVIEW"
WATERMARK: Final = "EvoLink UI"
"""Drawn in the other corner when the order asks for a watermark."""


@dataclass(frozen=True)
class Badge:
    """A small picture with its place in the frame, blended over it."""

    left: int
    top: int
    premultiplied: NDArray[np.uint16]
    """(height, width, 3), colour times alpha, 0 to 65025."""
    behind: NDArray[np.uint16]
    """(height, width, 1), 255 minus alpha."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in pixels: where the frame is not the picture's."""
        height, width = self.behind.shape[:2]
        return self.left, self.top, self.left + width, self.top + height

    def stamp(self, frame: NDArray[np.uint8]) -> None:
        """Blend the badge into a (height, width, 3) BGR frame, in place."""
        left, top, right, bottom = self.box
        under = frame[top:bottom, left:right]
        under[:] = ((under * self.behind + self.premultiplied) // 255).astype(np.uint8)


def make_badge(width: int, height: int) -> Badge:
    """The sandbox badge, bottom left, for frames of this size in pixels."""
    return _pill(TEXT, width, height, at_right=False)


def make_watermark(width: int, height: int) -> Badge:
    """The watermark, bottom right, for frames of this size in pixels."""
    return _pill(WATERMARK, width, height, at_right=True)


def _pill(text: str, width: int, height: int, *, at_right: bool) -> Badge:
    size_px = max(13, round(min(width, height) / 38))
    font = ImageFont.load_default(size_px)
    pad = round(size_px * 0.55)
    box = font.getbbox(text)
    pill_width, pill_height = round(box[2] - box[0]) + 3 * pad, round(size_px * 1.25) + pad
    canvas = Image.new("RGBA", (pill_width, pill_height))
    pen = ImageDraw.Draw(canvas)
    pen.rounded_rectangle((0, 0, pill_width - 1, pill_height - 1), pill_height / 2, fill=(24, 20, 38, 165))
    pen.text((pill_width / 2, pill_height / 2), text, font=font, fill=(255, 255, 255, 240), anchor="mm")
    rgba = np.asarray(canvas).astype(np.uint16)
    alpha = rgba[..., 3:]
    left = width - pill_width - size_px if at_right else size_px
    return Badge(left, height - pill_height - size_px, np.ascontiguousarray(rgba[..., 2::-1] * alpha), 255 - alpha)
