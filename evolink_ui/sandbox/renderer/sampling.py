"""OpenCV's sampling with the types that it really takes and gives; its own stubs forbid `None` for a second map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def sample_field(field: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float64]:
    """Bilinear samples of a field of vectors at `where`; nothing outside it."""
    out = cv2.remap(  # type: ignore[call-overload]
        field, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(out, np.float64)
