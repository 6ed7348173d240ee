"""Hostile requests against the real app: each has its expected refusal, and nothing leaks on the way."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.web.hostile import function_index, outcome
from tests.web.process import CANARY, AppProcess, upload
from tests.web.test_doors import CLOSED


@pytest.fixture(scope="module")
def app(hostile_app: AppProcess) -> AppProcess:
    """The app on its sandbox, as strangers meet it."""
    return hostile_app


@pytest.fixture(scope="module")
def client(app: AppProcess) -> Iterator[httpx.Client]:
    """A visitor with bad intentions."""
    with app.visitor() as visitor:
        yield visitor


# ---- files ------------------------------------------------------------------------------------------------------

PATHS = [
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/zero",
    "../../../../etc/passwd",
    ".env",
    "{folder}/.env",
    "{folder}/data",
    "{folder}/data/notes.txt",
    "{folder}/data/evolink_ui.sqlite",
    "{folder}/uploads",
    "{folder}/uploads/../.env",
    "file:///etc/passwd",
    "https://127.0.0.1/x.png",
    "http://169.254.169.254/latest/meta-data/",
    "data:text/plain;base64,YQ==",
]

META = {"_type": "gradio.FileData"}
FORMS: list[dict[str, Any]] = [{"meta": META}, {"orig_name": "x.svg"}, {"meta": META, "url": "https://example.com/x"}]


def entries(data: dict[str, Any], session: str) -> list[tuple[str, dict[str, Any]]]:
    """Every way in by which a file can be named."""
    good: None = None
    return [
        ("/gradio_api/call/check", {"data": [data, good, "image"]}),
        ("/gradio_api/call/check", {"data": [good, data, "video"]}),
        ("/gradio_api/call/start", {"data": [data, data, "", "720p", "image", True, False, "", "", ""]}),
        ("/gradio_api/call/v2/check", {"image": data}),
        ("/gradio_api/run/check", {"data": [data, good, "image"]}),
        ("/gradio_api/api/check", {"data": [good, data, "image"]}),
        ("/gradio_api/run/page_judge_image", {"data": [data]}),
        ("/gradio_api/run/page_judge_video", {"data": [data]}),
        ("/gradio_api/run/page_order", {"data": [{"image": data, "video": data, "quality": "720p"}]}),
        ("/gradio_api/queue/join", {"data": [data, good, "image"], "fn_index": "check", "session_hash": session}),
    ]


@pytest.mark.parametrize("way", range(10))
@pytest.mark.parametrize("path", PATHS)
def test_only_files_that_were_uploaded_here_are_opened(
    app: AppProcess, client: httpx.Client, path: str, way: int
) -> None:
    number = PATHS.index(path)
    data = {"path": path.format(folder=app.folder), **FORMS[(way + number) % len(FORMS)]}
    target, body = entries(data, f"session-{way}-{number}")[way]
    if body.get("fn_index") == "check":
        body["fn_index"] = function_index(client, "check")
    text = outcome(client, target, body)
    assert any(word in text for word in ("not a file that was uploaded", "No file was given", "error")), text
    assert CANARY not in text and "root:x" not in text and str(app.folder) not in text


@pytest.mark.parametrize("path", PATHS)
def test_gradios_own_file_route_gives_nothing_but_uploads(app: AppProcess, client: httpx.Client, path: str) -> None:
    answer = client.get(f"/gradio_api/file={path.format(folder=app.folder)}")
    assert answer.status_code in (400, 403, 404)


def test_an_uploaded_page_does_not_run(client: httpx.Client) -> None:
    for name in ("page.html", "image.svg", "script.js", "page.xhtml"):
        data = upload(
            client, name, b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
        )
        answer = client.get(f"/gradio_api/file={data['path']}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        "../../../../tmp/evil.png",
        "..\\..\\evil.png",
        "/etc/evil.png",
        "a\0b.png",
        "x" * 400 + ".png",
        "",
        ".env",
        "con.png",
    ],
)
def test_an_uploads_name_chooses_no_place(app: AppProcess, client: httpx.Client, name: str) -> None:
    answer = client.post("/gradio_api/upload", files={"files": (name, b"evil")})
    if answer.status_code == 200 and answer.json():
        assert re.fullmatch(r"[0-9a-f]{64}/[^/]+", answer.json()[0])
    assert (app.folder / ".env").read_text().strip().endswith(CANARY)


# ---- links ------------------------------------------------------------------------------------------------------

LINKS = [
    "http://example.com/a.png",
    "https://127.0.0.1:{port}/a.png",
    "https://localhost:{port}/a.png",
    "https://127.1:{port}/a.png",
    "https://2130706433:{port}/a.png",
    "https://0x7f000001:{port}/a.png",
    "https://017700000001:{port}/a.png",
    "https://[::1]:{port}/a.png",
    "https://[::ffff:127.0.0.1]:{port}/a.png",
    "https://0.0.0.0:{port}/a.png",
    "https://example.com@127.0.0.1:{port}/a.png",
    "https://127.0.0.1:{port}\\@example.com/a.png",
    "https://169.254.169.254/latest/meta-data/iam/",
    "https://[fd00:ec2::254]/latest/",
    "https://metadata.google.internal/",
    "https://10.0.0.1/a.png",
    "https://192.168.1.1/a.png",
    "https://172.16.0.1/a.png",
    "https://100.64.0.1/a.png",
    "https://[64:ff9b::7f00:1]/a.png",
    "https://[2002:7f00:1::]/a.png",
    "https://224.0.0.1/a.png",
    "https://example.com:22/",
    "https://example.com:25/",
    "ftp://example.com/a.png",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "javascript:alert(1)",
    "//127.0.0.1:{port}/a.png",
    "https://example.com/a.png\r\nX-Injected: 1",
    "https://" + "a" * 3000,
]


@pytest.fixture(scope="module")
def inner() -> Iterator[tuple[int, list[bytes]]]:
    """A service inside: its port, and whatever reached it."""
    reached: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    reached.append(b"a connection")

        thread = threading.Thread(target=listen)
        thread.start()
        yield listener.getsockname()[1], reached
        done.set()
        thread.join()


@pytest.mark.parametrize("field", ["image_url", "video_url"])
@pytest.mark.parametrize("link", LINKS)
def test_no_link_leads_inside(client: httpx.Client, inner: tuple[int, list[bytes]], link: str, field: str) -> None:
    port, reached = inner
    links = {
        "image_url": "https://10.0.0.1/i.png",
        "video_url": "https://10.0.0.1/v.mp4",
        field: link.format(port=port),
    }
    form = ["", "720p", "image", True, False, "", links["image_url"], links["video_url"]]
    text = outcome(client, "/gradio_api/call/start", {"data": [None, None, *form]})
    assert "link" in text.lower() and '"id"' not in text
    page = {"quality": "720p", "character_orientation": "image", **links}
    text = outcome(client, "/gradio_api/run/page_order", {"data": [page]})
    assert '"error"' in text and "Nothing was sent or charged" in text
    assert reached == []


# ---- doors, origins, hosts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p in CLOSED if p.startswith("/") and "\0" not in p])
def test_closed_doors_are_closed_on_the_wire(app: AppProcess, method: str, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(app.url.rsplit(":", 1)[1]), timeout=10)
    try:
        target = path.replace(" ", "%20").replace("\n", "%0a")
        connection.request(method, target, body=b"{}" if method in ("POST", "PUT", "PATCH") else None)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status in (400, 404)
    assert CANARY.encode() not in body and b"root:x" not in body


CHANGES = [
    "/gradio_api/upload",
    "/gradio_api/queue/join",
    "/gradio_api/call/start",
    "/gradio_api/call/v2/start",
    "/gradio_api/run/page_order",
    "/gradio_api/api/check",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/jobs/some-job/stop",
    "/jobs/some-job/delete",
    "/key",
    "/login",
]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "https://evil.hf.space"])
@pytest.mark.parametrize("path", CHANGES)
def test_another_sites_page_changes_nothing(client: httpx.Client, path: str, origin: str) -> None:
    content_type = ("text/plain", "application/json", "multipart/form-data; boundary=x")[len(path + origin) % 3]
    answer = client.post(path, headers={"Origin": origin, "Content-Type": content_type}, content=b"{}")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/config", "/gradio_api/info", "/jobs/none", "/gradio_api/queue/data?session_hash=x"])
def test_no_answer_can_be_read_across_sites(app: AppProcess, path: str) -> None:
    with httpx.stream("GET", app.url + path, headers={"Origin": "https://evil.example"}) as answer:
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"X-Gradio-Server": "https://evil.example"},
        {"Forwarded": "host=evil.example"},
        {"X-Forwarded-Prefix": "/evil.example"},
    ],
)
def test_nobody_makes_the_page_point_elsewhere(client: httpx.Client, headers: dict[str, str]) -> None:
    for path in ("/", "/config", "/gradio_api/info"):
        assert "evil.example" not in client.get(path, headers=headers).text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a b", ""])
def test_a_foreign_name_for_this_machine_is_not_answered(client: httpx.Client, host: str) -> None:
    answer = client.get("/config", headers={"Host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /../../../../etc/passwd HTTP/1.1",
        "GET /assets/..%2f..%2f..%2fetc/passwd HTTP/1.1",
        "GET /assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
        "GET /static/..%5c..%5cwindows HTTP/1.1",
        "GET /files/%2e%2e%2f.env HTTP/1.1",
        "GET /jobs/%00 HTTP/1.1",
        "GET /gradio_api/file=%2e%2e/.env HTTP/1.1",
        "GET /gradio_api/file=%2fetc%2fpasswd HTTP/1.1",
        "GET /gradio_api/file=/proc/self/environ HTTP/1.1",
        "GET http://169.254.169.254/latest HTTP/1.1",
        "GET //evil.example/%2e%2e HTTP/1.1",
        "GET /theme.css/../.env HTTP/1.1",
        "GET /gradio_api/file%3d/etc/passwd HTTP/1.1",
        "GET /gradio_api%2ffile=/etc/passwd HTTP/1.1",
        "GET /gradio_api//file=/etc/passwd HTTP/1.1",
        "GET /./gradio_api/file=/etc/passwd HTTP/1.1",
        "GET /gradio_api/file=..%252f..%252fetc%252fpasswd HTTP/1.1",
        "GET /gradio_api/file=//127.0.0.1/x HTTP/1.1",
        "GET /gradio_api/file=ht%74p://127.0.0.1/ HTTP/1.1",
        "GET /gradio_api/custom_component/x/server/y/../../z HTTP/1.1",
        "GET /gradio_api/upload_progress?upload_id=x HTTP/1.1",
        "GET /gradio_api/heartbeat/../../config HTTP/1.1",
        "GET /gradio_api/call/start/../../monitoring HTTP/1.1",
        "GET /gradio_api/call/start/__class__ HTTP/1.1",
        "GET /gradio_api/heartbeat/" + "x" * 500 + " HTTP/1.1",
        "GET /MONITORING/summary HTTP/1.1",
        "GET /;/monitoring/summary HTTP/1.1",
        "GET /healthz;x HTTP/1.1",
        "GET /healthz%0d%0aX-Injected:%201 HTTP/1.1",
        "GET /gradio_api/mcp/sse HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "TRACE / HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "FOO / HTTP/1.1",
        "GET /config?" + "x" * 9000 + " HTTP/1.1",
    ],
)
def test_raw_requests_find_no_way_around(app: AppProcess, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", int(app.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(f"{request_line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert int(answer.split(b" ", 2)[1]) in (400, 403, 404, 414, 421)
    assert CANARY.encode() not in answer and b"root:x" not in answer


@pytest.mark.parametrize(
    "head",
    [
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: \xb2\r\n\r\n{}",
        b"POST /key HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\0c\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused(app: AppProcess, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(app.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(head)
        assert b" 400 " in raw.recv(65536).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("target", "framing", "status"),
    [
        ("GET /livez", "Content-Length: 3\r\nTransfer-Encoding: chunked", 400),
        ("GET /jobs/x", "Transfer-Encoding: chunked\r\nContent-Length: 3", 400),
        ("GET /config", "Transfer-Encoding: chunked", 413),
        ("GET /livez", "Content-Length: 1000000000", 413),
        ("DELETE /key", "Content-Length: 1000000000", 413),
    ],
)
def test_nothing_hides_in_a_body_that_nobody_reads(app: AppProcess, target: str, framing: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", int(app.url.rsplit(":", 1)[1])), timeout=10) as raw:
        head = f"{target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"
        raw.sendall(head.encode() + b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert answer.split(b" ", 2)[1] == str(status).encode()
    assert answer.count(b"HTTP/1.1 ") == 1  # the connection ended; what was hidden has no answer


# ---- whose is it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["1", "../1", "' OR 1=1 --", "%", "a" * 22, "\u202e", "None", "__proto__"])
def test_a_guessed_job_is_404_for_everything(client: httpx.Client, job: str) -> None:
    target = f"/jobs/{httpx.QueryParams({'q': job})}".replace("q=", "")
    assert client.get(target).status_code == 404
    for action in ("stop", "delete", "attach", "send_again", "give_up", "follow_again", "edit", "__init__"):
        assert client.post(f"{target}/{action}", json={"task_id": "x"}).status_code == 404
    assert "no such job" in outcome(client, "/gradio_api/call/status", {"data": [job]})
    assert "no such job" in outcome(client, "/gradio_api/call/stop", {"data": [job]})


@pytest.mark.parametrize(
    "token", ["x", "a.b", "e30.e30", "cmVzdWx0Ojk5OTk5OTk5OTk5Omo.AAAAAAAAAAAAAAAAAAAAAA", "%00", "A" * 600]
)
def test_a_guessed_file_link_is_404(client: httpx.Client, token: str) -> None:
    for end in ("", ".mp4", ".jpg"):
        assert client.get(f"/files/{token}{end}").status_code == 404
    assert client.head(f"/files/{token}").status_code == 404


@pytest.mark.parametrize("token", ["x", "0" * 64, "%00", "..", "ü"])
def test_a_guessed_callback_is_404(client: httpx.Client, token: str) -> None:
    body = {"id": "task-1", "status": "completed", "results": ["https://169.254.169.254/"]}
    assert client.post(f"/callbacks/evolink/some-job/{token}", json=body).status_code == 404


def test_another_visitors_calls_answer_nobody_else(app: AppProcess, client: httpx.Client) -> None:
    function = function_index(client, "status")
    joined = {"data": ["x"], "fn_index": function, "session_hash": "a-session"}
    event = client.post("/gradio_api/queue/join", json=joined).json()["event_id"]
    called = client.post("/gradio_api/call/status", json={"data": ["x"]}).json()["event_id"]
    with app.visitor() as other:
        for path in ("queue/data?session_hash=a-session", "heartbeat/a-session", f"call/status/{called}"):
            assert other.get(f"/gradio_api/{path}").status_code == 404
        cancel = {"session_hash": "a-session", "fn_index": function, "event_id": event}
        for path, body in (("cancel", cancel), ("reset", {"event_id": event}), ("queue/join", joined)):
            assert other.post(f"/gradio_api/{path}", json=body).status_code == 404
    assert event in client.get("/gradio_api/queue/data?session_hash=a-session").text
    assert "no such job" in client.get(f"/gradio_api/call/status/{called}").text


def test_a_server_file_is_not_even_said_to_exist(app: AppProcess, client: httpx.Client) -> None:
    said = {
        client.get(f"/gradio_api/file={path}").text for path in ("/etc/passwd", "/etc/no-such-file", str(app.folder))
    }
    assert len(said) == 1


def test_clients_without_cookies_see_no_history_of_each_other(app: AppProcess) -> None:
    answer = httpx.post(f"{app.url}/gradio_api/run/page_videos", json={"data": [{}]})
    assert answer.json()["data"][0]["jobs"] == []


def test_after_all_that_the_app_still_works(client: httpx.Client) -> None:
    assert client.get("/healthz").json()["ok"] is True
    assert client.get("/").status_code == 200
    checked = client.post("/gradio_api/run/check", json={"data": [None, None, "image"]})
    assert json.loads(checked.text)["data"] == [{}]
