"""The page's functions on a real engine, with the stand-in EvoLink over real sockets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.utils import get_upload_folder
from starlette.requests import Request

from evolink_ui.jobs import Jobs
from evolink_ui.settings import Settings
from evolink_ui.ui.desk import receive
from evolink_ui.ui.page import build_page
from evolink_ui.web.visitor import CALLER, Caller, Cookies
from tests.jobs.conftest import ended, image, jobs, launch, live, order, used_before, video
from tests.stub.plugin import clip, stub

__all__ = ["clip", "ended", "image", "jobs", "launch", "live", "order", "stub", "used_before", "video"]

Function = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gradio runs in this process here, and uses what pandas has announced to drop."""
    for item in items:
        if "tests/ui" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"))


@pytest.fixture(autouse=True)
def _uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "received"))


@dataclass(frozen=True)
class Desktop:
    """What a browser can ask: the page's functions by their names, and a request of a visitor."""

    page: gr.Blocks
    functions: dict[str, Function]

    async def ask(self, name: str, value: Any, visitor: str = "v_anna", **more: Any) -> dict[str, Any]:
        """Call one of the page's own functions as `kit.ask` does."""
        answer: dict[str, Any] = await self.functions[f"page_{name}"](value, request_of(visitor, **more))
        return answer


@pytest.fixture
async def desktop(live: Settings, jobs: Jobs) -> Desktop:
    """The real page on a running engine; built on a running loop, or Gradio would make loops and leave them open."""
    page = build_page(live, jobs)
    functions = {str(function.api_name): function.fn for function in page.fns.values() if function.fn}
    return Desktop(page, functions)


def request_of(visitor: str, key: str = "", *, owner: bool = False) -> Any:
    """A request as it looks behind the guard."""
    cookies = Cookies.create(b"secret of the tests", embedded=False)
    caller = Caller(visitor, "127.0.0.1", False, None, cookies, key, "", is_owner=owner)
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [], CALLER: caller})


def uploaded(path: Path) -> dict[str, str]:
    """A file as the browser names it once it was uploaded."""
    return {"path": receive(path)["path"], "orig_name": path.name}


def upload_folder() -> Path:
    """Where Gradio keeps uploads."""
    return Path(get_upload_folder())
