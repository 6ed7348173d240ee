"""Bounded JSON: a request's body is measured before a parser builds anything from it."""

import json
import math
import re
from typing import Any

from evolink_ui.net import Refused

NODES_MAX = 2_000
"""Values in one body. The widest call, a set of forty files, has some 300; a parser takes 0.2 µs a value, but what it
builds is then copied, checked and written into events some ten times."""

DEPTH_MAX = 16
"""Containers inside each other; a call of the page has five."""

# Strings are one token, so that what stands in them isn't counted. The possessive repetitions and the optional end
# keep the scan linear also where a string does not end.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def read_json(body: bytes) -> Any:
    """The value of a JSON body.

    Raises Refused: `not_json` (also a name that stands twice in an object, since two readers could disagree about it;
    NaN and Infinity; text that is not Unicode), `too_many_values` or `too_deep`. The limits are judged in one pass over
    the bytes that ends at the first value too many.
    """
    _measure(body)
    try:
        # As text: `json.loads` of bytes would guess other encodings, in which the scan above sees no brackets.
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite, strict=True
        )
    except (ValueError, RecursionError):
        raise _not_json() from None


def _measure(body: bytes) -> None:
    nodes, strings, depth = 1, 0, 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first == 0x22:  # a string; valid JSON has at most two a value
            strings += 1
        elif first in b"[{":
            nodes += 1
            depth += 1
        elif first == 0x2C:
            nodes += 1
        else:
            depth -= 1
        if depth < 0:
            raise _not_json()
        if nodes > NODES_MAX or strings > 2 * NODES_MAX:
            raise Refused(
                "too_many_values",
                f"The call holds more than {NODES_MAX:,} values. Nothing was done.",
                "Send fewer at once.",
            )
        if depth > DEPTH_MAX:
            raise Refused(
                "too_deep", f"The call is nested deeper than {DEPTH_MAX} levels. Nothing was done.", "Send it flat."
            )


def _not_json() -> Refused:
    return Refused("not_json", "The body is not JSON.", "Send the call as JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice")
    return values


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
