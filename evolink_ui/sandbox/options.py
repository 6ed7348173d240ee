"""What can be set on a sandbox, with the reason for each default."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_BASE_URL = "https://sandbox.evolink.invalid"  # .invalid never resolves (RFC 2606): it can't leave the process
PLAY_CREDITS = 10_000_000.0  # some 120,000 tasks of ten seconds: a shared instance must not run dry by accident
RESULT_SECONDS = 24 * 3600.0  # the vendor's links to results live a day
FILE_SECONDS = 72 * 3600.0  # the vendor keeps uploads three days
TASK_SECONDS = 30 * 24 * 3600.0  # a task can be read for a month; the vendor names no end
MAX_FILES = 5_000  # per key; the vendor has such a quota, its size is not public
FILE_MAX_BYTES = 100_000_000  # largest upload, the vendor's limit for the largest kind (video)
CALLBACK_RETRY_SECONDS = (1.0, 2.0, 4.0)  # pauses before the three repeats, by the vendor's description
CALLBACK_TIMEOUT_SECONDS = 10.0  # one delivery, by the vendor's description
SILENCE_SECONDS = 60.0  # a renderer speaks every second; on a starved machine it may be slow, not this slow
RENDER_MAX_SECONDS = 30 * 60.0  # 30 s at 1080p takes about one minute; whatever takes thirty, hangs
FETCH_SECONDS = 60.0  # one given link, everything included

RENDER_COMMAND = (sys.executable, "-m", "evolink_ui.sandbox.renderer")


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that `create_sandbox` takes besides the folder.

    Attributes:
        base_url: scheme and host under which clients reach the app; links to files and results begin with it.
        max_renders: renders at once; further tasks stay `pending`.
        allow_private_urls: lets given links and callbacks reach loopback addresses, also over plain http.
        render_command: start of the command line of the renderer (see `rendering`).
        credits: play money that each key starts with.
        latency_seconds: pause before every answer of the API.
        fail_rate: share (0-1) of API requests and of tasks that fail on purpose (see `faults`).
        seed: makes the failures the same in every run.
        speed: below 1, tasks pretend to take 1/speed times as long as they do; a render can't be hurried.
        max_files: uploads that a key may have at a time.
        callback_retry_seconds: pauses before each repeat of a callback.
        silence_seconds: a renderer that says nothing for so long is ended, its task fails.
        clock: seconds since 1970, UTC.
    """

    base_url: str = DEFAULT_BASE_URL
    max_renders: int = 1
    allow_private_urls: bool = False
    render_command: tuple[str, ...] = RENDER_COMMAND
    credits: float = PLAY_CREDITS
    latency_seconds: float = 0.0
    fail_rate: float = 0.0
    seed: int | None = None
    speed: float = 1.0
    max_files: int = MAX_FILES
    callback_retry_seconds: tuple[float, ...] = CALLBACK_RETRY_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Raises ValueError for a setting that can't work."""
        if self.max_renders < 1:
            raise ValueError("max_renders must be at least 1")
        if not 0 <= self.fail_rate <= 1:
            raise ValueError("fail_rate is a share between 0 and 1")
        if not 0 < self.speed < math.inf:
            raise ValueError("speed must be a number above 0")
        if not 0 <= self.latency_seconds < math.inf:
            raise ValueError("latency_seconds must be a number, 0 or more")
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
