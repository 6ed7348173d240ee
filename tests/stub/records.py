"""What the stand-in writes down."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Timeline:
    """How a task goes, from its creation on."""

    seconds: float = 0.2
    """Until it ends."""

    estimated_time: float | Literal["true"] | None = "true"
    """What the answer to the order announces, in seconds: by default the truth; None leaves it out."""

    progress: Literal["linear", "missing", "zero"] = "linear"
    """What the reads say about it."""

    outcome: str = "completed"
    """The status at the end."""

    error: dict[str, Any] | None = None
    """The error object of a failed task."""

    results: list[str] | None = None
    """The links at the end; None: one link to `Stub.result_bytes`."""

    video_seconds: float = 5.0
    """Length that is announced and charged."""


@dataclass(slots=True)
class Order:
    """One task that was created, and paid."""

    task_id: str
    key: str | None
    api_key: str
    body: dict[str, Any]
    timeline: Timeline
    created: float
    started: float = field(default_factory=time.monotonic)
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived, whatever became of it."""

    place: str
    host: str
    method: str
    path: str
    headers: dict[str, str]
    at: float
    """Seconds, monotonic."""


@dataclass(slots=True)
class StoredFile:
    """One uploaded file."""

    file_id: str
    name: str
    size: int
    sha256: str
    content: bytes | None
    deleted: bool = False
