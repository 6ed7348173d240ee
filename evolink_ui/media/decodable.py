"""Which formats are decoded on this system: all behind a whole wall, otherwise only those that the vendor takes.

JPEG, PNG, MP4 and MOV are walked by our own bounded readers before a library sees them; the decoders of the others have
more faults in their past and are worth their risk only where a fault can reach nothing.
"""

from functools import cache
from typing import Final

from evolink_ui import confine
from evolink_ui.media.report import Problem
from evolink_ui.media.words import problem, spoken

COMMON: Final = frozenset({"jpeg", "png", "mp4", "mov"})

_chosen: bool | None = None


def decode_rare_formats(chosen: bool | None) -> None:
    """The owner's choice; None leaves it to what the system isolates."""
    global _chosen
    _chosen = chosen


def may_decode(format_name: str) -> bool:
    """Whether a file of this format may be given to a decoder here."""
    return format_name in COMMON or (_isolated() if _chosen is None else _chosen)


def not_decoded_here(field: str, format_name: str) -> Problem:
    """The problem of a file that `may_decode` refuses. field: "image" or "video"."""
    accepted = "JPG or PNG" if field == "image" else "MP4 or MOV"
    return problem("format_not_opened_here", field, format_name=spoken(format_name), accepted=accepted)


@cache
def _isolated() -> bool:
    return confine.support().keeps_secrets
