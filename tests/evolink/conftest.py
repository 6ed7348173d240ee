"""What the client's tests share: a stand-in EvoLink, time that passes only by sleeping, and a client on both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from evolink_ui.evolink import EvoLink, ModelParams, MotionControlRequest, Timeouts
from tests.stub import Stub
from tests.stub.plugin import clip, stub

__all__ = ["clip", "stub"]

PICTURE_BYTES = 10_248
KEY = "sk-test-0123456789abcdef"


class FakeTime:
    """A clock that only sleeping moves; remembers every pause."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.pauses: list[float] = []
        self.before_pause: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.before_pause()
        self.pauses.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def request_() -> MotionControlRequest:
    """An order that the stand-in accepts."""
    return MotionControlRequest(
        image_urls=["https://example.com/character.png"],
        video_urls=["https://example.com/dance.mp4"],
        prompt="A dance",
        model_params=ModelParams(character_orientation="image"),
    )


QUICK = Timeouts(connect=8.0, pool=8.0, read=8.0, order_read=8.0, write=8.0, exchange=20.0, upload=20.0, download=20.0)
"""Long enough for a busy machine, short enough to end a test that hangs."""

SHORT = Timeouts(connect=0.5, pool=0.5, read=0.5, order_read=0.5, write=8.0, exchange=20.0, upload=20.0, download=20.0)
"""For tests in which a wait does run out."""


@pytest.fixture
async def evolink(stub: Stub, fake_time: FakeTime) -> AsyncIterator[EvoLink]:
    """A client of the stand-in whose pauses take no time."""
    async with EvoLink(
        KEY,
        base_url=stub.base_url,
        files_url=stub.files_url,
        timeouts=QUICK,
        clock=fake_time.clock,
        sleep=fake_time.sleep,
        random=lambda: 0.5,
    ) as client:
        yield client


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A small local file to upload."""
    path = tmp_path / "character.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    return path
