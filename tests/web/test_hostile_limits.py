"""Attempts of one stranger to get more than their share, or to look like somebody else, against the real app."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.hostile import function_index
from tests.web.process import AppProcess, app_process, picture, upload


@pytest.fixture(scope="module")
def app(hostile_app: AppProcess) -> AppProcess:
    """The app on its sandbox, as strangers meet it."""
    return hostile_app


@pytest.fixture(scope="module")
def client(app: AppProcess) -> Iterator[httpx.Client]:
    """A visitor with bad intentions."""
    with app.visitor() as visitor:
        yield visitor


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The app with logins behind a proxy on this machine, and few files for each visitor."""
    settings = {
        "EVOLINK_UI_AUTH": "anna:a-long-password-of-anna",
        "EVOLINK_UI_TRUSTED_PROXIES": "127.0.0.1",
        "EVOLINK_UI_PUBLIC_URL": "https://videos.example.com",
    }
    with app_process(tmp_path_factory.mktemp("proxied"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def stingy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """The app whose visitors may have four files an hour."""
    with app_process(tmp_path_factory.mktemp("stingy"), EVOLINK_UI_UPLOADS_PER_HOUR="4") as running:
        yield running


# ---- whose address ----------------------------------------------------------------------------------------------


def test_log_ins_with_a_new_address_each_are_counted_as_one_address(proxied: AppProcess) -> None:
    """HAProxy adds its line below the client's; a first line that counted let a hundred of a hundred through."""
    codes = Counter[int]()
    form = {"username": "anna", "password": "guess"}
    with proxied.client() as client:
        for number in range(40):
            lines = [
                ("Host", "videos.example.com"),
                ("X-Forwarded-For", f"198.51.100.{number}"),
                ("X-Forwarded-For", "203.0.113.9"),
            ]
            codes[client.post("/login", data=form, headers=lines).status_code] += 1
            client.cookies.clear()
    # Ten at once; each six seconds that the test takes give one back.
    assert 10 <= sum(count for code, count in codes.items() if code != 429) <= 16


@pytest.mark.parametrize("name", ["rebound.evil.example", "videos.example.com.evil.example", "app-1:7860", ""])
def test_behind_the_proxy_no_foreign_name_is_answered(proxied: AppProcess, name: str) -> None:
    headers = {"Host": name, "X-Forwarded-For": "192.168.1.7", "X-Forwarded-Host": "videos.example.com"}
    with proxied.client() as client:
        assert client.get("/config", headers=headers).status_code in (400, 421)
        assert client.get("/healthz", headers=headers).status_code in (200, 400), "a probe may name the container"


@pytest.mark.parametrize(
    "lines",
    [
        "Origin: https://evil.example\r\nOrigin: {own}",
        "Origin: {own}.evil.example",
        "Origin: {own}@evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin",
    ],
)
def test_no_way_of_writing_an_origin_lets_another_site_change_something(app: AppProcess, lines: str) -> None:
    port = int(app.url.rsplit(":", 1)[1])
    head = (
        f"POST /key HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 2\r\n{lines.format(own=app.url)}\r\n\r\n{{}}"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(head.encode())
        assert raw.recv(4096).split(b" ")[1] in (b"400", b"403")


# ---- names of uploads -------------------------------------------------------------------------------------------

SHA = "0" * 64
NAMES = [
    "../.env",
    "../data/notes.txt",
    f"{SHA}/../../.env",
    f"{SHA}/../../data/notes.txt",
    "./../.env",
    ".",
    "..",
    "",
    f"{SHA}",
    f"{SHA}/",
    "~/.env",
    "%2e%2e/.env",
    "..%2f.env",
    f"{SHA}/..%2f..%2f.env",
    "\\..\\.env",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_short_name_leads_nowhere_but_to_an_upload(client: httpx.Client, name: str) -> None:
    assert client.get(f"/gradio_api/file={name}").status_code in (400, 404)
    form = {"data": [{"path": name, "meta": {"_type": "gradio.FileData"}}, None, "image"]}
    answer = client.post("/gradio_api/run/check", json=form)
    assert "facts" not in answer.text and "canary" not in answer.text
    page = client.post("/gradio_api/run/page_judge_image", json={"data": [{"path": name}]})
    assert page.json()["data"][0]["error"]["code"] in ("file_not_received", "file_gone")


def test_no_answer_about_an_upload_tells_where_it_lies(app: AppProcess, client: httpx.Client) -> None:
    file = upload(client, 'a "b", c.png', picture())
    assert not file["path"].startswith("/") and file["path"].count("/") == 1
    judged = client.post("/gradio_api/run/page_judge_image", json={"data": [file]})
    checked = client.post("/gradio_api/run/check", json={"data": [file, None, "image"]})
    bad = client.post("/gradio_api/run/check", json={"data": [{**file, "path": file["path"] + "x"}, None, "image"]})
    shown = client.get("/" + judged.json()["data"][0]["preview_url"])
    assert shown.content == picture_of(file, app)
    for answer in (judged, checked, bad, shown, client.get("/config"), client.get("/gradio_api/info")):
        assert str(app.folder) not in answer.text and "/root" not in answer.text


def picture_of(file: dict[str, str], app: AppProcess) -> bytes:
    found = [path for path in app.folder.rglob("*.png") if path.parent.name == file["path"].partition("/")[0]]
    return found[0].read_bytes()


# ---- shares -----------------------------------------------------------------------------------------------------


def test_twenty_requests_at_once_get_no_more_files_than_one_after_the_other(stingy: AppProcess) -> None:
    with stingy.visitor() as client, ThreadPoolExecutor(20) as people:
        send = lambda n: client.post("/gradio_api/upload", files={"files": ("x.png", b"x%d" % n)}).status_code  # noqa: E731
        codes = Counter(people.map(send, range(20)))
    assert codes == {200: 4, 429: 16}


def test_a_hundred_files_in_one_upload_are_a_hundred_files(stingy: AppProcess) -> None:
    with stingy.visitor() as client:
        many = [("files", (f"{number}.png", b"x%d" % number)) for number in range(100)]
        assert client.post("/gradio_api/upload", files=many).status_code == 200
        for _ in range(3):
            assert client.post("/gradio_api/upload", files={"files": ("y.png", b"y")}).status_code == 429


def test_the_pages_own_functions_leave_no_more_unread_answers_than_the_public_ones(
    app: AppProcess, client: httpx.Client
) -> None:
    """Their answers hold pictures; they are called without a queue, but nobody has to."""
    with app.visitor() as visitor:
        function = function_index(visitor, "page_examples")
        bodies = [{"data": [{}], "fn_index": function, "session_hash": f"s{number}"} for number in range(45)]
        codes = Counter(visitor.post("/gradio_api/queue/join", json=body).status_code for body in bodies)
    assert codes[200] <= 33 and codes[200] + codes[429] + codes[400] + codes[404] + codes[422] == 45


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_another_encoding_carries_no_call_past_the_guard(client: httpx.Client, encoding: str) -> None:
    body = json.dumps({"data": [{"path": "/etc/passwd", "meta": {}}, None, "image"]}).encode(encoding)
    headers = {"Content-Type": f"application/json; charset={encoding}"}
    answer = client.post("/gradio_api/run/check", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")
