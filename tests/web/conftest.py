"""One running site for the tests that change no settings."""

from collections.abc import Iterator

import pytest

from tests.web.site import Site, site


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with generous limits; tests bring their own visitors and jobs."""
    with site(tmp_path_factory.mktemp("site"), requests_per_minute=100_000, uploads_per_hour=100_000) as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gradio runs in this process here, and uses what pandas has announced to drop."""
    for item in items:
        if "tests/web" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"))
