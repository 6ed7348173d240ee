"""Whether EvoLink refused an order because it could not read an input at the address that it was given."""

from __future__ import annotations

import re

from evolink_ui.evolink import EvoLinkError

SAYS_SO = frozenset({"image_processing_error", "resource_not_found", "file_not_found", "invalid_image_url"})
"""Codes for an input that can't be read; some of them also stand for a bad picture, which ours are not: they passed
the check, and are offered once more only from a new address."""

MAY_SAY_SO = frozenset({"invalid_parameters", "invalid_request", "invalid_parameter"})
"""Codes for anything about the request: here the words decide."""

_INPUT = re.compile(r"image|picture|video|file|url|link|media|resource", re.IGNORECASE)
_UNREAD = re.compile(
    r"fetch|download|retriev|reach|access|\bload|\bread|\bopen|not found|expired|no longer|404|403|410", re.IGNORECASE
)


def is_unreadable_input(error: EvoLinkError) -> bool:
    """Whether a refusal of an order, or the end of its task, says that an input could not be read.

    Args:
        error: from the POST (certainly refused) or from a failed task.
    """
    code = (error.vendor_code or "").lower()
    if code in SAYS_SO:
        return True
    words = error.vendor_message or ""
    return code in MAY_SAY_SO and bool(_INPUT.search(words) and _UNREAD.search(words))
