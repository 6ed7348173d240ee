"""The stand-in as pytest fixtures. Import the names into a conftest or a test file to use them."""

from collections.abc import Iterator

import pytest

from tests.stub.clip import small_clip
from tests.stub.server import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A fresh stand-in EvoLink for one test."""
    with Stub() as running:
        yield running


@pytest.fixture(scope="session")
def clip() -> bytes:
    """A small real MP4, the stand-in's default result."""
    return small_clip()
