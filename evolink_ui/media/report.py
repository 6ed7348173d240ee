"""What a check says: facts, problems (the vendor would refuse it) and warnings (it is only advised against)."""

import dataclasses
from dataclasses import asdict, dataclass
from typing import Any

from evolink_ui.catalog import Orientation


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to know before paying."""

    code: str
    """Stable, snake_case; translations hang on it."""
    field: str
    """"image" or "video": where to show it."""
    message: str
    """What is wrong, with the numbers, in plain English."""
    next_step: str
    """What to do about it."""
    fix: str | None = None
    """Name of the fix that mends it ("convert", "trim", "shrink", "enlarge", "pad", "upright"), if there is one."""
    values: dict[str, float | int | str] = dataclasses.field(default_factory=dict)
    """The numbers of the message by name, for translations."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """A picture as a person sees it (turned as its Exif entry says)."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    size_bytes: int
    format: str
    """"jpeg", "png" or the name of another format that was recognised ("webp", "heic", ...)."""
    brightness: float | None = None
    """Mean brightness 0-255; None where the pixels were not read."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """A video as a person sees it (rotated, with its sample aspect applied)."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    size_bytes: int
    format: str
    """"mp4", "mov" or the name of another container that was recognised ("webm", "avi", ...)."""
    duration_seconds: float
    """Length of the picture itself, by its frames; neither the sound's nor what the header claims."""
    fps: float
    """Mean frames per second."""
    has_audio: bool
    codec: str
    """FFmpeg's name of the picture's codec, for instance "h264"."""
    checked_seconds: float = 0.0
    """How much of the picture was decoded and looked at; long 4K clips are checked in part."""
    cuts_seconds: tuple[float, ...] = ()
    """Where a cut was seen, in seconds from the start."""
    brightness: float | None = None
    """Mean brightness 0-255; None where no frame was read."""
    stored_size: tuple[int, int] = (0, 0)
    """Width and height in pixels as coded, before rotation and sample aspect; zeros where they were not read."""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a check. `ok` means that the vendor has no reason to refuse the file; warnings don't change it."""

    ok: bool
    facts: ImageFacts | VideoFacts | None
    """None where the file could not be read far enough."""
    problems: list[Problem]
    warnings: list[Problem]
    poster_jpeg: bytes | None = None
    """A JPEG of the picture, or of the video's first frame; its long side at most 640 px."""
    fits: dict[Orientation, bool] = dataclasses.field(default_factory=dict)
    """Videos: whether the file would pass with the other orientation too."""

    def to_dict(self) -> dict[str, Any]:
        """All but the poster, as values that JSON knows."""
        return {
            "ok": self.ok,
            "facts": asdict(self.facts) if self.facts is not None else None,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
            "fits": dict(self.fits),
        }
