"""No test reaches beyond this machine, nor does any Python process that a test starts."""

import os
from collections.abc import Iterator

import pytest

from tests.loopback import GUARD
from tests.loopback.sitecustomize import attempts

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported, which asks its own host for news
os.environ["HF_HUB_OFFLINE"] = "1"  # nor does the hub's client report anything
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))


@pytest.fixture(autouse=True)
def _on_this_machine() -> Iterator[None]:
    """Fails a test that tried to leave, also where the refusal was swallowed on its way."""
    before = len(attempts)
    yield
    assert not attempts[before:], "a test may reach loopback only"
