"""A real Chromium, the real app as a process in both modes, small real files. Everything starts once a session."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from evolink_ui.web.owner import OWNER_COOKIE
from tests.browser.app_process import AppProcess
from tests.browser.material import Material, make_material
from tests.browser.visit import CHROMIUM, CHROMIUM_ARGUMENTS, Browsers, Visit
from tests.stub import Stub, Timeline

OWNER_KEY = "sk-owner-0123456789abcdef"
Visits = Callable[..., Visit]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the browser and all its tests."""
    for item in items:
        if "tests/browser" in item.path.as_posix() and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Pictures and videos, good and bad."""
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="session")
def sandbox_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The app without a key."""
    app = AppProcess(tmp_path_factory.mktemp("sandbox") / "data")
    yield app
    app.stop()


@pytest.fixture(scope="session")
def vendor() -> Iterator[Stub]:
    """The stand-in EvoLink of the live app, for the whole session."""
    with Stub() as stub:
        yield stub


@pytest.fixture
def stub(vendor: Stub) -> Iterator[Stub]:
    """The same, as good as new for each test."""
    vendor.reset()
    vendor.set(timeline=Timeline(seconds=0.0, video_seconds=4.0), credits_left=1000.0, keys=None)
    yield vendor
    vendor.reset()


@pytest.fixture(scope="session")
def live_app(tmp_path_factory: pytest.TempPathFactory, vendor: Stub) -> Iterator[AppProcess]:
    """The app with a key, its vendor being the stand-in."""
    app = AppProcess(
        tmp_path_factory.mktemp("live") / "data",
        EVOLINK_API_KEY=OWNER_KEY,
        EVOLINK_BASE_URL=vendor.base_url,
        EVOLINK_FILES_URL=vendor.files_url,
        EVOLINK_UI_ALLOW_PRIVATE_URLS="true",
    )
    yield app
    app.stop()


@pytest.fixture(scope="session")
def owners_cookies(live_app: AppProcess) -> dict[str, str]:
    """Of the browser in which the live app's owner opened the printed link."""
    return {name: value for name, value in live_app.owners_cookies().items() if name == OWNER_COOKIE}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    """One Chromium for all tests."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield Browsers(chromium)
        await chromium.close()


@pytest.fixture
def sandbox_visit(browsers: Browsers, sandbox_app: AppProcess) -> Visits:
    """Opens the page of the app without a key: `async with sandbox_visit(size=PHONE) as visit:`."""

    def visit(**options: Any) -> Visit:
        return Visit(browsers, sandbox_app.url, **options)

    return visit


@pytest.fixture
def live_visit(browsers: Browsers, live_app: AppProcess, owners_cookies: dict[str, str], stub: Stub) -> Visits:
    """Opens the page of the app with a key: as its owner, or as a stranger with `owner=False`."""

    def visit(*, owner: bool = True, **options: Any) -> Visit:
        return Visit(browsers, live_app.url, cookies=owners_cookies if owner else {}, **options)

    return visit


HELD = Timeline(seconds=3600.0, estimated_time=1.0, video_seconds=4.0)
"""A task that runs until `release`; its estimate makes the app look every two seconds."""


def release(stub: Stub) -> None:
    """Let every task end well at its next look."""
    stub.timeline = replace(stub.timeline, seconds=0.0)
    for order in stub.orders:
        order.timeline = replace(order.timeline, seconds=0.0)
