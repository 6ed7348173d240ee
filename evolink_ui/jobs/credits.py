"""Credits as the wire counts them, compared with our own estimate; and as people read them."""

from __future__ import annotations

import math

WIRE_SCALES = (1.0, 1 / 10_000)  # the documentation's example of 408240 is 40.824 credits in ten-thousandths


def credits_on_the_wire(wire: float | None, *estimated: float) -> float | None:
    """What the vendor's number means in credits: it is read in the scale that brings it nearest to an estimate.

    Args:
        wire: `credits_reserved` or `credits_used` as received, or None.
        estimated: our own estimates in credits, above 0; several where the quality of a task isn't known.

    Returns:
        Credits, or None where there is no number or nothing to compare it with.
    """
    possible = [one for one in estimated if one > 0]
    if wire is None or not 0 < wire < math.inf or not possible:
        return None
    readings = [wire * scale for scale in WIRE_SCALES]
    return min(readings, key=lambda reading: min(abs(math.log(reading / one)) for one in possible))


def as_text(amount: float) -> str:
    """An amount of credits in words for people: with one decimal where it has any, never less than it is."""
    return f"{math.ceil(round(10 * amount, 4)) / 10:g}" if amount < 1e5 else f"{math.ceil(amount)}"
