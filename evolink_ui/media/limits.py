"""The numbers that decide, each named once: the vendor's rules first, our own bounds after them.

The vendor's stand in the catalog; a file that breaks one is refused there.
"""

from typing import Final

from evolink_ui.catalog import KLING_V3_MOTION_CONTROL

_IMAGE, _VIDEO = KLING_V3_MOTION_CONTROL.image, KLING_V3_MOTION_CONTROL.video
"""Every model that is offered takes the same files; a test says so."""

# ---- the vendor's rules ------------------------------------------------------------------------------------------

IMAGE_MAX_BYTES: Final = _IMAGE.max_bytes
IMAGE_MIN_SIDE_PX: Final = _IMAGE.min_side_px
IMAGE_MAX_ASPECT: Final = _IMAGE.max_aspect
"""Long side over short side: between 1:2.5 and 2.5:1."""

VIDEO_MAX_BYTES: Final = _VIDEO.max_bytes
VIDEO_MIN_SECONDS: Final = _VIDEO.min_seconds
VIDEO_MAX_SECONDS: Final = max(_VIDEO.max_seconds.values())
IMAGE_ORIENTATION_MAX_SECONDS: Final = _VIDEO.max_seconds["image"]
"""The longest video while the character faces as in the picture."""
VIDEO_MIN_SIDE_PX: Final = _VIDEO.min_side_px
VIDEO_MAX_SIDE_PX: Final = _VIDEO.max_side_px

# ---- how exactly we read them ------------------------------------------------------------------------------------

DURATION_TOLERANCE_SECONDS: Final = 0.02
"""300 frames at 29.97 fps, which every editor calls ten seconds, last 10.01 s."""


def at_most(seconds: float) -> float:
    """The longest film that still counts as one of `seconds`: 10.02 for 10, and 30.04 for 30 (900 frames at 29.97)."""
    return seconds * 1.001 + DURATION_TOLERANCE_SECONDS / 2


# ---- what is only advised against --------------------------------------------------------------------------------

HIGH_FPS: Final = 45.0
"""Above it, a clip is recorded for slow motion or play; the result does not have more than 30."""
DARK_LUMA: Final = 40.0
"""Mean brightness (0-255) under which limbs drown; ordinary indoor clips lie above 60."""

# ---- our own bounds: what a check may cost -----------------------------------------------------------------------

CHECK_SECONDS: Final = 1.8
"""A check answers within 2 s; the child that is not done by then is ended."""
BUSY_FACTOR: Final = 4.0
"""On a machine that gives a child little of its processors, a good file must not be refused for that: the clock then
goes by the processor time that the child had, and on the wall up to so many times further."""
SCAN_SECONDS: Final = 0.9
"""How long the frames of one video are looked at; the rest is reported as unchecked."""
THOROUGH_SECONDS: Final = 0.3
"""A video that takes longer to decode whole, by its first frames, is looked at without the frames no other needs."""
CHILD_ADDRESS_SPACE_BYTES: Final = 1_000_000_000
"""4K H.264 decodes within it on two threads (0.7 GB does not); a header that asks for more fails at once."""
CHILD_DATA_BYTES: Final = 490_000_000
"""Memory of its own that a checking child may have: with the libraries' code it stays under 512 MB."""
IMAGE_DECODE_MAX_PIXELS: Final = 64_000_000
"""Pictures up to it are decoded (a 50-megapixel phone's, for instance); 64 M x 4 bytes stay under 256 MB."""
PNG_DECODE_MAX_PIXELS: Final = 36_000_000
"""PNGs have no small scale to decode at: 63 million pixels take more than a second on a busy core."""
IMAGE_READ_MAX_BYTES: Final = 64_000_000
"""Larger picture files are refused by their size alone."""
VIDEO_DECODE_MAX_PIXELS: Final = 4096 * 4096
"""Larger frames break the vendor's rule anyway and cost a decoder hundreds of megabytes."""
POSTER_MAX_SIDE_PX: Final = 640
