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


def fill_gaps(at: NDArray[np.intp], values: Floats, count: int, longest: float = np.inf) -> Floats:
    """Values known at the frames `at`, (len(at), ...), for all `count` frames: (count, ...), on a smooth curve.

    Before the first and after the last known frame the value stays; gaps longer than `longest` are straight.
    """
    flat, every = values.reshape(len(at), -1), np.arange(count)
    straight = np.stack([np.interp(every, at, column) for column in flat.T], axis=1)
    if len(at) > 2:
        # Cubic Hermite pieces between each two known frames, with the slopes of the parabola through three.
        slope = np.gradient(flat, at, axis=0)
        piece = np.clip(np.searchsorted(at, every, side="right") - 1, 0, len(at) - 2)
        long = (at[piece + 1] - at[piece]).astype(np.float64)
        share = np.clip((every - at[piece]) / long, 0, 1)
        curved = (share > 0) & (share < 1) & (long <= longest)
        t, long = share[curved, None], long[curved, None]
        bend = t * (1 - t) ** 2 * slope[piece[curved]] - t**2 * (1 - t) * slope[piece[curved] + 1]
        rise = flat[piece[curved] + 1] - flat[piece[curved]]
        straight[curved] = flat[piece[curved]] + t**2 * (3 - 2 * t) * rise + long * bend
    return straight.reshape(count, *values.shape[1:])
