"""The reference picture at the size of the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from evolink_ui.catalog import Quality

from .errors import RenderError

SHORT_SIDE_PX: Final[dict[Quality, int]] = {"720p": 720, "1080p": 1080}
"""Pixels of the result's shorter side by quality."""

TRANSPARENT_SHARE: Final = 0.05
"""A picture counts as a cut-out when at least this share of it is see-through; less is a soft rim or an accident."""

STAGE_TOP: Final = (252, 246, 240)
STAGE_BOTTOM: Final = (226, 214, 204)
"""BGR of the plain backdrop that a cut-out is put on, brighter at the top."""


@dataclass(frozen=True)
class Picture:
    """What the renderer knows of the picture before it looks for a person."""

    bgr: NDArray[np.uint8]
    """(height, width, 3), even sides, already composed on the backdrop when it is a cut-out."""
    alpha: NDArray[np.float32] | None
    """(height, width), 0 to 1, of a cut-out; None for an opaque picture."""
    backdrop: NDArray[np.uint8] | None
    """(height, width, 3), what is behind a cut-out; None for an opaque picture."""
    foreground: NDArray[np.uint8]
    """(height, width, 3), the picture's own colours, also under its soft rim."""

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.bgr.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.bgr.shape[0])


def load_picture(path: Path, quality: Quality) -> Picture:
    """Read a JPEG or PNG and bring it to the result's size: its own aspect, short side 720 or 1080 px.

    Raises:
        RenderError: `image_processing_error` when it can't be decoded.
    """
    pixels = _decode(path)
    height, width = pixels.shape[:2]
    scale = SHORT_SIDE_PX[quality] / min(height, width)
    size = tuple(2 * round(side * scale / 2) for side in (width, height))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    if pixels.shape[2] == 4 and float((pixels[..., 3] < 128).mean()) >= TRANSPARENT_SHARE:
        return _compose(pixels, size, how)
    bgr = _u8(cv2.resize(np.ascontiguousarray(pixels[..., :3]), size, interpolation=how))
    return Picture(bgr, None, None, bgr)


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        with path.open("rb") as file:
            data = np.frombuffer(file.read(), np.uint8)
        # Only PNG keeps its alpha: for JPEG the unchanged mode would ignore the camera's orientation.
        is_png = data[:4].tobytes() == b"\x89PNG"
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED if is_png else cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise _unreadable() from error
    if pixels is None:
        raise _unreadable()
    if pixels.dtype == np.uint16:
        pixels = np.asarray(pixels // 257, np.uint8)
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return _u8(pixels)


def _unreadable() -> RenderError:
    return RenderError("image_processing_error", "The picture can't be read. Save it again as JPEG or PNG.")


def _compose(pixels: NDArray[np.uint8], size: tuple[int, ...], how: int) -> Picture:
    solid = pixels[..., 3:].astype(np.float32) / 255
    # Scaled with the colours premultiplied: what hides under full transparency must not leak into the rim.
    scaled = cv2.resize(np.concatenate([pixels[..., :3] * solid, solid], axis=2), size, interpolation=how)
    alpha = np.clip(scaled[..., 3:], 0, 1)
    own = np.clip(scaled[..., :3] / np.maximum(alpha, 1 / 255), 0, 255)
    height = size[1]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    stage = np.array(STAGE_TOP, np.float32) * (1 - down) + np.array(STAGE_BOTTOM, np.float32) * down
    backdrop = np.broadcast_to(stage, own.shape)
    bgr = own * alpha + backdrop * (1 - alpha)
    return Picture(_u8(bgr), np.ascontiguousarray(alpha[..., 0], np.float32), _u8(backdrop), _u8(own))


def _u8(pixels: NDArray[np.generic] | cv2.typing.MatLike) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels, np.uint8)
