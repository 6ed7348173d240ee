"""Is this file good enough to pay for? Facts, problems and warnings of one picture or one video, and mending them.

Importing this package loads no decoder: they live in child processes with limits.
"""

from evolink_ui.catalog import Orientation
from evolink_ui.media import second_reader
from evolink_ui.media.check import check_image, check_video
from evolink_ui.media.child import POOL
from evolink_ui.media.decodable import decode_rare_formats, may_decode
from evolink_ui.media.fix import FixCancelled, Fixed, FixFailed, fix_image, fix_video
from evolink_ui.media.report import ImageFacts, Problem, Report, VideoFacts
from evolink_ui.media.rules import compare

warm_up = POOL.warm_up
"""Start one child ahead of the first check; some 0.3 s, so call it in a thread. Never fails."""


def close() -> None:
    """End the children now; happens by itself when the process ends."""
    POOL.close()
    second_reader.close()


__all__ = [
    "FixCancelled",
    "FixFailed",
    "Fixed",
    "ImageFacts",
    "Orientation",
    "Problem",
    "Report",
    "VideoFacts",
    "check_image",
    "check_video",
    "close",
    "compare",
    "decode_rare_formats",
    "fix_image",
    "fix_video",
    "may_decode",
    "warm_up",
]
