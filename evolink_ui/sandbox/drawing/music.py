"""A small synthesised band: drum, hat, bass and a plucked tune. The same seed plays the same song."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 44_100
SCALE_HZ: Final = (261.63, 293.66, 329.63, 392.00, 440.00, 523.25)
"""Major pentatonic from C4: any order of these sounds friendly."""
BASS_HZ: Final = (65.41, 98.00, 110.00, 87.31)
"""Roots of C, G, A minor, F, a bar each."""

Sound = NDArray[np.float64]


def compose(path: Path, seconds: float, beats_per_minute: float, seed: int) -> None:
    """Write a mono 16-bit WAV of this length."""
    total = np.zeros(round(seconds * RATE_HZ))
    beat = 60 / beats_per_minute
    time = np.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    random = np.random.default_rng(seed)
    kick = np.sin(2 * np.pi * (48 * time + 1.1 * (1 - np.exp(-28 * time)))) * np.exp(-8 * time)
    hat = random.standard_normal(len(time)) * np.exp(-70 * time)
    clap = random.standard_normal(len(time)) * np.exp(-22 * time)
    for number in range(round(seconds / beat)):
        _add(total, number * beat, kick, 0.75)
        _add(total, (number + 0.5) * beat, hat, 0.10)
        if number % 2:
            _add(total, number * beat, clap, 0.16)
        root = BASS_HZ[number // 4 % len(BASS_HZ)]
        for half in (0.0, 0.5):
            _add(total, (number + half) * beat, np.sin(2 * np.pi * root * time) * np.exp(-5 * time), 0.34)
            if random.random() < 0.8:
                tone = SCALE_HZ[int(random.integers(len(SCALE_HZ)))]
                pluck = np.sin(2 * np.pi * tone * time) + 0.35 * np.sin(4 * np.pi * tone * time)
                _add(total, (number + half) * beat, pluck * np.exp(-6.5 * time), 0.17)
    fade = np.minimum(1.0, np.arange(len(total))[::-1] / (0.05 * RATE_HZ))
    pcm = np.round(total / np.abs(total).max() * 0.8 * fade * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm.tobytes())


def _add(total: Sound, at_seconds: float, sound: Sound, volume: float) -> None:
    start = round(at_seconds * RATE_HZ)
    piece = sound[: max(0, len(total) - start)]
    total[start : start + len(piece)] += volume * piece
