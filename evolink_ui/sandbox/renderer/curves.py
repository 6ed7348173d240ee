"""Small numerics shared by the two paths: curves over time and soft bounds. Arrays are float64 unless said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def smooth(curve: Floats, sigma_frames: float) -> Floats:
    """Gaussian smoothing along axis 0 without lag; straight lines keep their slope up to the ends."""
    if sigma_frames <= 0 or len(curve) < 2:
        return curve
    reach = max(1, round(3 * sigma_frames))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    kernel /= kernel.sum()
    flat = curve.reshape(len(curve), -1)
    width = min(reach, len(flat) - 1)
    # Mirrored through the end point, so that the first frame isn't dragged towards the second.
    before, after = 2 * flat[:1] - flat[width:0:-1], 2 * flat[-1:] - flat[-2 : -2 - width : -1]
    fill = [(reach - width, reach - width), (0, 0)]
    padded = np.pad(np.vstack([before, flat, after]), fill, mode="edge")
    out = np.zeros_like(flat)
    for i, weight in enumerate(kernel):
        out += weight * padded[i : i + len(flat)]
    return out.reshape(curve.shape)


def soft_limit(value: Floats, limit: Floats | float, knee: float = 0.8) -> Floats:
    """`value` untouched up to `knee` of `limit` (> 0), then levelling off so that it never exceeds `limit`."""
    relative = np.abs(value) / limit
    over = knee + (1 - knee) * np.tanh((relative - knee) / (1 - knee))
    return np.sign(value) * limit * np.where(relative < knee, relative, over)


def smoothstep(value: Floats) -> Floats:
    """0 below 0, 1 above 1, an S between."""
    clipped = np.clip(value, 0.0, 1.0)
    return clipped * clipped * (3 - 2 * clipped)


def fill_gaps(at: NDArray[np.intp], values: Floats, count: int) -> Floats:
    """Values known at the frames `at`, (len(at), ...), for all `count` frames: (count, ...), linear between."""
    flat = values.reshape(len(at), -1)
    every = np.arange(count)
    return np.stack([np.interp(every, at, column) for column in flat.T], axis=1).reshape(count, *values.shape[1:])
