"""The engine and the stand-in of the jobs' tests."""

from tests.jobs.conftest import image, launch, live, order, used_before, video  # noqa: F401  pytest finds fixtures by their names here
from tests.stub.plugin import clip, stub  # noqa: F401  the same
