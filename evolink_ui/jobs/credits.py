"""Credits as the wire counts them, compared with our own estimate."""

from __future__ import annotations

import logging

log = logging.getLogger("evolink_ui.jobs")

WIRE_SCALES = (1.0, 1 / 10_000)  # the documentation's example of 408240 is 40.824 credits in ten-thousandths
TOLERANCE = 0.3  # a number fits when it is within 30 % of what the price list gives


def credits_on_the_wire(wire: float | None, *estimated: float) -> float | None:
    """What the vendor's number means in credits.

    Args:
        wire: `credits_reserved` or `credits_used` as received, or None.
        estimated: our own estimates in credits; several where the quality of a task isn't known.

    Returns:
        Credits, or None where no known scale brings the number near the estimate: such a number is not used.
    """
    if wire is None or wire <= 0:
        return None
    for scale in WIRE_SCALES:
        if any(abs(wire * scale - one) <= TOLERANCE * one for one in estimated):
            return wire * scale
    log.warning("a credits number of the vendor fits no known scale: %s, estimated %s", wire, estimated)
    return None
