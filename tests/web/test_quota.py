"""One allowance of files, whichever way they come: uploads, links, fixes, examples."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolink_ui.jobs import JobError
from evolink_ui.net import Refused, fetch
from evolink_ui.web.limits import BYTES_PER_UPLOAD, FileQuota, Limits, Meter
from evolink_ui.web.rates import Allowance
from tests.web.hostile import outcome
from tests.web.process import AppProcess, app_process, clip, picture, upload


class Links:
    """A web server of a stranger, on loopback: gives a picture and a video, and counts how often."""

    def __init__(self) -> None:
        files = {"/a.png": picture(), "/b.mp4": clip()}
        self.given = given = list[str]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given.append(self.path)
                body = files[self.path.partition("?")[0]]
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def links() -> Iterator[Links]:
    made = Links()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The app, whose visitors may have two files an hour."""
    folder = tmp_path_factory.mktemp("quota")
    with app_process(folder, EVOLINK_UI_UPLOADS_PER_HOUR="2", EVOLINK_UI_ALLOW_PRIVATE_URLS="true") as running:
        yield running


def order_by_link(client: httpx.Client, links: Links, number: int) -> dict[str, Any]:
    form = {
        "quality": "720p",
        "character_orientation": "image",
        "prompt": f"dance {number}",
        "image_url": f"{links.url}/a.png?{number}",
        "video_url": f"{links.url}/b.mp4?{number}",
    }
    answer: dict[str, Any] = client.post("/gradio_api/run/page_order", json={"data": [form]}).json()["data"][0]
    return answer


def used_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix in (".png", ".mp4"))


def test_orders_by_link_take_from_the_same_allowance_and_fill_no_disk(app: AppProcess, links: Links) -> None:
    """They filled 1.16 GB in 37 seconds, for a visitor with two uploads an hour."""
    links.given.clear()
    with app.visitor() as client:
        assert "job" in order_by_link(client, links, 0)
        before = used_bytes(app.folder)
        refused = [order_by_link(client, links, number)["error"] for number in range(1, 25)]
        assert {error["code"] for error in refused} == {"too_many_files"}
        assert "No order was placed" in refused[0]["message"] and "minute" in refused[0]["next_step"]
        assert {path.partition("?")[2] for path in links.given} == {"0"}, "what is refused is not fetched"
        assert used_bytes(app.folder) - before < 3_000_000, "the one order's own result at most"
        body = {"image_url": f"{links.url}/a.png", "video_url": f"{links.url}/b.mp4"}
        text = outcome(client, "/gradio_api/call/v2/start", body)
        assert "used up your files" in text and not [path for path in links.given if path.endswith((".png", ".mp4"))]


WAYS = ["upload", "example", "links", "mend", "reuse"]


@pytest.mark.parametrize("way", WAYS)
def test_whoever_used_it_up_by_one_way_has_nothing_left_by_another(app: AppProcess, links: Links, way: str) -> None:
    with app.visitor() as client:
        file = upload(client, "photo.png", picture())
        assert client.post("/gradio_api/upload", files={"files": ("b.png", b"b")}).status_code == 200

        def ask(name: str, data: dict[str, Any]) -> str:
            answer = client.post(f"/gradio_api/run/page_{name}", json={"data": [data]}).json()["data"][0]
            return str(answer.get("error", {}).get("code"))

        codes = {
            "upload": lambda: str(
                client.post("/gradio_api/upload", files={"files": ("c.png", b"c")}).json()["error"]["code"]
            ),
            "example": lambda: ask("example", {}),
            "links": lambda: str(order_by_link(client, links, 99)["error"]["code"]),
            "mend": lambda: ask("mend", {**file, "kind": "image", "character_orientation": "image"}),
            "reuse": lambda: ask("reuse", {"id": "some-job"}),
        }
        assert codes[way]() == "too_many_files"


def test_an_example_counts_as_its_two_files(app: AppProcess) -> None:
    with app.visitor() as client:
        answer = client.post("/gradio_api/run/page_example", json={"data": [{}]}).json()["data"][0]
        assert set(answer) == {"image", "video"}
        assert client.post("/gradio_api/upload", files={"files": ("c.png", b"c")}).status_code == 429


def quota(**more: Any) -> FileQuota:
    meter = Meter(Limits(Allowance(1000, 60.0), Allowance(4, 3600.0)), clock=lambda: 1.0, **more)
    return FileQuota(meter, "v_1", "192.0.2.1")


def refusal(act: Any) -> tuple[str, int]:
    with pytest.raises(JobError) as caught:
        act()
    return caught.value.code, caught.value.status


def test_bytes_that_are_known_only_afterwards_count_too() -> None:
    mine = quota()
    mine.take(room_bytes=100_000_000)
    mine.took(4 * BYTES_PER_UPLOAD + 1)
    assert refusal(mine.take) == ("too_many_files", 429)
    FileQuota(mine.meter, "v_2", "192.0.2.1").take()


def test_a_nearly_full_disk_takes_no_file_by_any_way() -> None:
    free = [50_000_000]
    mine = quota(free_bytes=lambda: free[0])
    assert refusal(lambda: mine.take(room_bytes=100_000_000)) == ("disk_full", 507)
    mine.take(room_bytes=10_000_000)


def test_one_address_has_ten_allowances_however_many_cookies_it_has() -> None:
    mine = quota()
    for number in range(40):
        FileQuota(mine.meter, f"v_{number}", "192.0.2.1").take()
    assert refusal(FileQuota(mine.meter, "v_new", "192.0.2.1").take) == ("too_many_files", 429)
    FileQuota(mine.meter, "v_new", "192.0.2.2").take()


@pytest.mark.parametrize("announced", [True, False])
def test_what_a_refused_link_brought_counts_in_bytes(tmp_path: Path, announced: bool) -> None:
    """A link that ends too late or never would else bring 100 MB for the price of one file."""
    body = b"x" * 300_000

    class TooLarge(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if announced:
                self.send_header("content-length", str(len(body) * 2))  # and breaks off
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
            pass

    counted: list[int] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TooLarge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(Refused):
                asyncio.run(
                    fetch(
                        f"http://127.0.0.1:{server.server_address[1]}/a.mp4",
                        tmp_path / "a.mp4",
                        max_bytes=1_000_000 if announced else 100_000,
                        timeout_seconds=20,
                        allow_private=True,
                        took=counted.append,
                    )
                )
        finally:
            server.shutdown()
            thread.join()
    assert len(counted) == 1 and 100_000 < counted[0] <= 300_000
    assert list(tmp_path.iterdir()) == []
