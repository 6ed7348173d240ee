"""What an order costs, by the vendor's list price (which may change; the bill of a finished task is what counts)."""

import math
from typing import Final

CREDITS_PER_SECOND: Final = {"720p": 8.1648, "1080p": 10.884}
"""List price of kling-v3-motion-control per second of output."""

CREDITS_PER_USD: Final = 68.0


def billed_seconds(duration_seconds: float) -> int:
    """Output seconds as billed: rounded to the nearest integer, halves up; 0 for lengths that make no sense."""
    if not math.isfinite(duration_seconds) or duration_seconds <= 0:
        return 0
    return math.floor(duration_seconds + 0.5)


def credits_for(duration_seconds: float, quality: str) -> float:
    """Estimated credits of one order.

    duration_seconds: length of the reference video, which is the length of the result. quality: "720p" or "1080p".
    Raises ValueError for another quality.
    """
    if quality not in CREDITS_PER_SECOND:
        raise ValueError("quality must be 720p or 1080p")
    return round(billed_seconds(duration_seconds) * CREDITS_PER_SECOND[quality], 4)


def usd_for(credits_amount: float) -> float:
    """US dollars for an amount of credits (68 credits = 1 USD)."""
    return round(credits_amount / CREDITS_PER_USD, 4)
