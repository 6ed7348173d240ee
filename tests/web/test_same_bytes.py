"""Many people upload the same file at the same time: nobody is refused for it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.stub import Stub, Timeline
from tests.web.process import app_process, clip, order, picture

VISITORS = 6
ORDERS_EACH = 3
KEY = "sk-owner-0123456789abcdef"


def test_the_same_bytes_from_many_visitors_at_once_are_ordered_for_each(tmp_path: Path) -> None:
    """Gradio keeps uploads by their bytes, and puts each further copy in the place of the one before."""
    image, video = picture(), clip()
    with Stub() as vendor:
        vendor.timeline = Timeline(seconds=0.2, video_seconds=4.0)
        environment = {
            "EVOLINK_API_KEY": KEY,
            "EVOLINK_BASE_URL": vendor.base_url,
            "EVOLINK_FILES_URL": vendor.files_url,
            "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
        }
        with app_process(tmp_path, **environment) as app:

            def visit(_: int) -> list[dict[str, Any]]:
                with app.visitor() as client:
                    return [order(client, image=image, video=video) for _ in range(ORDERS_EACH)]

            with ThreadPoolExecutor(VISITORS) as visitors:
                views = [view for seen in visitors.map(visit, range(VISITORS)) for view in seen]
    assert len({view["id"] for view in views}) == VISITORS * ORDERS_EACH
    assert all(view["error"] is None for view in views)
