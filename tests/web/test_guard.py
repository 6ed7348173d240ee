"""The guard by itself, over real sockets, in front of an application that does what the tests tell it."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from evolink_ui.net import Refused
from evolink_ui.web import doors, limits, streams
from evolink_ui.web.doors import Doors
from evolink_ui.web.guard import Guard
from evolink_ui.web.headers import HeaderSets
from evolink_ui.web.limits import AT_ONCE, Limits, Meter
from evolink_ui.web.origin import Origins, behind_proxies
from evolink_ui.web.rates import Allowance
from evolink_ui.web.refusals import Stop
from evolink_ui.web.visitor import CALLER, Cookies
from tests.web.site import serving

SECRET = b"a secret of the tests"


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, then does what the query says."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    what = scope["query_string"].decode() or dict(scope["headers"]).get(b"x-what", b"").decode()
    size = 0
    try:
        while scope["method"] == "POST":
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
    except Exception:
        if what != "swallow":
            raise
    if what == "raise":
        raise RuntimeError("the password is in /srv/app/.env")
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    body = json.dumps(
        {
            "headers": [[name.decode(), value.decode("latin-1")] for name, value in headers],
            "client": scope["client"],
            "scheme": scope["scheme"],
            "path": scope["path"],
            "visitor": scope[CALLER].visitor,
            "size": size,
        }
    ).encode()
    status = int(what) if what.isdecimal() else 200
    if what == "files":
        body = json.dumps(["/tmp/a/1", "/tmp/a/2", "/tmp/a/3"], separators=(",", ":")).encode()  # noqa: S108
    if what == "event":
        body = b'{"event_id":"0123abcd"}'
    if what == "echo":  # as Gradio's ranged answers do
        await send({"type": "http.response.start", "status": 206, "headers": headers})
    else:
        extra = [(b"Server", b"x"), (b"access-control-allow-origin", b"*"), (b"Content-Type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": extra})
    if what == "half":
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("broke")
    if what == "hold":
        await send({"type": "http.response.body", "body": b"held", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.body", "body": body})


@contextmanager
def guarded(
    *,
    requests: float = 10_000,
    uploads: float = 10_000,
    embedded: bool = False,
    root_path: str = "",
    free_bytes: Callable[[], int] | None = None,
    login: Callable[[Any], str | None] | None = None,
    proxies: tuple[str, ...] = (),
    judge_call: Callable[[bytes], None] = lambda body: None,
    entrance: str = "",
    clock: Callable[[], float] = time.monotonic,
    own_addresses: tuple[str, ...] = (),
) -> Iterator[httpx.Client]:
    app = Guard(
        inner,
        cookies=Cookies.create(SECRET, embedded=embedded),
        doors=Doors(["history"], sign_in=True),
        headers=HeaderSets(embedded=embedded, https=True),
        origins=Origins(on_space=embedded, own_addresses=own_addresses),
        meter=Meter(Limits(Allowance(requests, 60.0), Allowance(uploads, 3600.0)), free_bytes=free_bytes, clock=clock),
        login=login,
        is_private=login is not None,
        entrance=entrance,
        judge_call=judge_call,
        root_path=root_path,
    )
    outer = behind_proxies(app, [ip_network(proxy) for proxy in proxies], on_space=embedded)
    with serving(lambda: outer) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A guard whose allowances these tests don't reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "LOGINS_PER_MINUTE", 10_000)
        with guarded() as opened:
            yield opened


def test_a_first_answer_makes_a_visitor_and_the_next_request_is_that_visitors() -> None:
    with guarded() as fresh:
        first = fresh.get("/config")
        assert first.json()["visitor"].startswith("guest_")
        line = first.headers["set-cookie"]
        assert line.startswith("evolink_visitor=") and "HttpOnly" in line and "SameSite=Lax" in line
        second, third = fresh.get("/"), fresh.post("/gradio_api/call/x")
        assert second.json()["visitor"] == third.json()["visitor"]
        assert second.json()["visitor"].startswith("v_")
        assert "set-cookie" not in second.headers


@pytest.mark.parametrize("value", ["", "x", "a.b", "MTox.AAAA", "é", '"quoted"', "a" * 3000])
def test_a_cookie_that_is_not_ours_is_a_guests(client: httpx.Client, value: str) -> None:
    headers = [(b"Cookie", b"evolink_visitor=" + value.encode())]
    answer = client.get("/config", headers=headers)
    assert answer.json()["visitor"].startswith("guest_")
    assert "set-cookie" in answer.headers
    client.cookies.clear()


def test_over_https_a_neighbour_below_the_same_domain_plants_no_cookie() -> None:
    """Else its victim would work as the planter's visitor, who then sees everything in History."""
    with guarded(proxies=("127.0.0.1/32",)) as client:
        https = {"X-Forwarded-Proto": "https"}
        line = client.get("/config", headers=https).headers["set-cookie"]
        assert line.startswith("__Host-evolink_visitor=") and "Path=/;" in line and "Domain" not in line
        mine = line.split(";")[0]
        planted = Cookies.create(SECRET, embedded=False).visitor_header("v_planter", https=False).split(";")[0]
        seen = client.get("/jobs/a", headers={**https, "Cookie": f"{planted}; {mine}"}).json()
        assert seen["visitor"].startswith("v_") and seen["visitor"] != "v_planter"
        assert client.get("/jobs/a", headers={**https, "Cookie": planted}).json()["visitor"].startswith("guest_")
        sealed = {**https, "Cookie": f"{mine}; __Host-evolink_key=sealed; b=2"}
        assert "sealed" not in client.get("/jobs/a", headers=sealed).text


def test_visitors_of_one_address_together_hold_a_bounded_number_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AT_ONCE_PER_ADDRESS", 3)
    with guarded() as client, contextlib.ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port or 0)
        for number in range(3):
            cookie = Cookies.create(SECRET, embedded=False).visitor_header(f"v_{number}", https=False).split(";")[0]
            held = stack.enter_context(socket.create_connection(address, timeout=10))
            request = (
                f"GET /gradio_api/heartbeat/a{number}?hold HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
            )
            held.sendall(request.encode())
            assert held.recv(4096).startswith(b"HTTP/1.1 200")
        assert client.get("/jobs/a").status_code == 429
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/assets/index.js", "/static/x.png", "/files/abc", "/healthz"])
def test_what_programs_fetch_and_caches_keep_carries_no_cookie(client: httpx.Client, path: str) -> None:
    client.cookies.clear()
    assert "set-cookie" not in client.get(path).headers


@pytest.mark.parametrize("path", ["/", "/config", "/jobs/a", "/gradio_api/info", "/history", "/nothing", "/healthz"])
def test_every_answer_carries_the_headers_that_tie_browsers_down(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "default-src" in headers["content-security-policy"]
    assert "camera=()" in headers["permissions-policy"]
    assert headers["strict-transport-security"].startswith("max-age=")
    assert "server" not in headers and "access-control-allow-origin" not in headers
    assert headers.get_list("content-type") == ["application/json"]


def test_on_a_space_the_platform_may_frame_the_page_and_nobody_else() -> None:
    with guarded(embedded=True) as space:
        answer = space.get("/config", headers={"X-Forwarded-For": "203.0.113.9, 10.0.0.9"})
    assert "x-frame-options" not in answer.headers
    assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]
    assert "SameSite=None; Secure; Partitioned" in answer.headers["set-cookie"]
    assert answer.json()["client"][0] == "203.0.113.9"


def test_what_strangers_could_make_gradio_believe_does_not_reach_it(client: httpx.Client) -> None:
    lies = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Gradio-Server": "https://evil.example",
        "Forwarded": "for=1.1.1.1",
        "X-EvoLink-Key": "sk-marked",
        "Cookie": "a=1; evolink_key=sealed; b=2",
    }
    answer = client.get("/config", headers=lies)
    text = answer.text
    assert "evil.example" not in text and "10.0.0.1" not in text and "1.1.1.1" not in text
    assert "marked" not in text and "sealed" not in text
    assert answer.json()["scheme"] == "http" and answer.json()["client"][0] == "127.0.0.1"
    assert "a=1; b=2" in text
    client.cookies.clear()


def test_behind_a_trusted_proxy_the_visitors_own_address_and_name_count() -> None:
    with guarded(proxies=("127.0.0.1/32",), requests=3) as proxied:
        headers = {"Host": "videos.example.com", "X-Forwarded-Proto": "https"}
        for caller in ("203.0.113.1", "203.0.113.2"):
            codes = [
                proxied.get("/jobs/a", headers={**headers, "X-Forwarded-For": caller, "Cookie": ""}).status_code
                for _ in range(4)
            ]
            assert codes == [200, 200, 200, 429]
        seen = proxied.get("/jobs/a", headers={**headers, "X-Forwarded-For": "203.0.113.3", "Cookie": ""}).json()
        assert ["host", "videos.example.com"] in seen["headers"]
        assert (seen["scheme"], seen["client"][0]) == ("https", "203.0.113.3")


def test_of_two_lines_of_forwarded_for_the_one_that_the_proxy_added_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """HAProxy's `option forwardfor` adds a line of its own below the client's."""
    monkeypatch.setattr(limits, "PATIENT_REFUSALS_PER_MINUTE", 1000)
    monkeypatch.setattr(limits, "LOGINS_PER_MINUTE", 10)  # the module's client has raised it
    with guarded(proxies=("127.0.0.1/32",), clock=lambda: 1.0) as proxied:
        codes = []
        for number in range(100):
            lines = [("X-Forwarded-For", f"198.51.100.{number}"), ("X-Forwarded-For", "203.0.113.9")]
            codes.append(proxied.post("/login", headers=lines).status_code)
            proxied.cookies.clear()
        assert codes == [200] * 10 + [429] * 90
        lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.10")]
        assert proxied.post("/login", headers=lines).status_code == 200, "another visitor has attempts of its own"


def test_what_is_no_address_shares_one_allowance() -> None:
    with guarded(proxies=("127.0.0.1/32",), requests=3, clock=lambda: 1.0) as proxied:
        codes = [
            proxied.get("/jobs/a", headers={"X-Forwarded-For": name, "Cookie": ""}).status_code
            for name in ("unknown", "<script>", "x" * 3000, "1.2.3.4.5")
        ]
        assert codes == [200, 200, 200, 429]


@pytest.mark.parametrize("proxies", [(), ("127.0.0.1/32",)])
def test_with_a_public_address_no_other_name_is_answered_whoever_asks(proxies: tuple[str, ...]) -> None:
    with guarded(own_addresses=("https://videos.example.com",), proxies=proxies) as client:
        lan = {"X-Forwarded-For": "192.168.1.7"}
        for name in ("rebound.evil.example", "videos.example.com.evil.example", "app", ""):
            answer = client.get("/config", headers={**lan, "Host": name})
            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host"), name
        lie = {**lan, "Host": "rebound.evil.example", "X-Forwarded-Host": "videos.example.com"}
        assert client.get("/config", headers=lie).status_code == 421
        for name in ("videos.example.com", "VIDEOS.example.com:443", "192.168.1.5:7860", "[fd00::5]:7860", "localhost"):
            assert client.get("/config", headers={**lan, "Host": name}).status_code == 200, name
        assert client.get("/healthz", headers={**lan, "Host": "app-1:7860"}).status_code == 200


def test_ranged_answers_of_gradio_do_not_give_the_visitors_cookie_away(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolink_ui.web.guard.received_file", lambda _path: None)
    headers = {"Range": "bytes=0-1", "Cookie": "evolink_visitor=abc", "Authorization": "Bearer x", "X-Other": "y"}
    answer = client.get("/gradio_api/file=/tmp/x?echo", headers=headers)
    assert answer.status_code == 206
    told = set(answer.headers)
    assert not told & {"cookie", "authorization", "x-other", "host", "user-agent", "range"}
    assert "sandbox" in answer.headers["content-security-policy"]
    client.cookies.clear()


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        (None, None, 200),
        (None, "same-origin", 200),
        (None, "none", 200),
        ("own", "same-origin", 200),
        (None, "cross-site", 403),
        (None, "same-site", 403),
        ("null", None, 403),
        ("https://evil.example", "cross-site", 403),
        ("http://127.0.0.1", "same-site", 403),
        ("file://", None, 403),
        ("", None, 403),
    ],
)
@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/call/start", "/jobs/a/stop", "/key", "/login"]
)
def test_another_sites_page_changes_nothing(
    client: httpx.Client, path: str, origin: str | None, site: str | None, status: int
) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    if origin is not None:
        headers["Origin"] = str(client.base_url).rstrip("/") if origin == "own" else origin
    answer = client.post(path, headers=headers, content=b"")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "foreign_origin"
        assert "access-control-allow-origin" not in answer.headers


def test_a_link_on_another_site_logs_nobody_out(client: httpx.Client) -> None:
    assert client.get("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_preflight_from_elsewhere_gets_no_permission(client: httpx.Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/gradio_api/queue/join", headers=headers)
    assert answer.status_code == 404
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_name_that_was_pointed_at_this_machine_is_not_answered(client: httpx.Client) -> None:
    answer = client.get("/config", headers={"Host": "rebound.evil.example:7860"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")


def test_one_visitors_flood_is_cut_and_another_visitor_notices_nothing() -> None:
    with guarded(requests=20, clock=lambda: 1.0) as one, httpx.Client(base_url=one.base_url) as other:
        one.get("/jobs/a")
        other.get("/jobs/a")
        codes = [one.get("/jobs/a").status_code for _ in range(30)]
        assert codes == [200] * 20 + [429] * 10
        refused = one.get("/jobs/a")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["next_step"]
        assert [other.get("/jobs/a").status_code for _ in range(5)] == [200] * 5
        assert one.get("/healthz").status_code == 200


def test_what_costs_more_counts_more() -> None:
    with guarded(requests=20, clock=lambda: 1.0) as client:
        client.get("/jobs/a")
        for path, times in (("/config", 2), ("/assets/x.js", 50), ("/jobs/a", 5)):
            assert [client.get(path).status_code for _ in range(times)] == [200] * times
        assert client.get("/jobs/a").status_code == 429


def test_who_goes_on_after_many_refusals_waits_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENT_REFUSALS_PER_MINUTE", 5)
    with guarded(requests=5, clock=lambda: 1.0) as one, httpx.Client(base_url=one.base_url) as other:
        one.get("/jobs/a")
        other.get("/jobs/a")
        took = []
        for _ in range(5 + limits.PATIENT_REFUSALS_PER_MINUTE + 2):
            started = time.monotonic()
            one.get("/jobs/a")
            took.append(time.monotonic() - started)
        assert max(took[:-2]) < limits.PAUSE_SECONDS <= min(took[-2:])
        started = time.monotonic()
        assert other.get("/jobs/a").status_code == 200
        assert time.monotonic() - started < limits.PAUSE_SECONDS


def test_throwing_the_cookie_away_gains_nothing() -> None:
    with guarded(requests=20, clock=lambda: 1.0) as client:
        codes = []
        for _ in range(30):
            client.cookies.clear()
            codes.append(client.get("/jobs/a").status_code)
    assert codes == [200] * 20 + [429] * 10


def test_many_visitors_of_one_address_share_a_larger_allowance() -> None:
    with guarded(requests=10, clock=lambda: 1.0) as client:
        codes = []
        cookies = Cookies.create(SECRET, embedded=False)
        for number in range(30):
            line = cookies.visitor_header(f"v_{number}", https=False).split(";")[0]
            codes += [client.get("/jobs/a", headers={"Cookie": line}).status_code for _ in range(5)]
    assert codes == [200] * 100 + [429] * 50


def test_an_old_cookie_is_written_anew_for_the_same_visitor(client: httpx.Client) -> None:
    old = Cookies.create(SECRET, embedded=False, clock=lambda: time.time() - 40 * 86400)
    line = old.visitor_header("v_old", https=False).split(";")[0]
    answer = client.get("/config", headers={"Cookie": line})
    assert answer.json()["visitor"] == "v_old"
    value = answer.headers["set-cookie"].split(";")[0].partition("=")[2]
    assert Cookies.create(SECRET, embedded=False).read_visitor(value) == ("v_old", False)
    client.cookies.clear()


def test_files_of_an_hour_are_counted_each_even_when_they_come_together() -> None:
    with guarded(uploads=6) as client:
        client.get("/config")
        codes = [
            client.post("/gradio_api/upload", headers={"X-What": "files"}, content=b"x").status_code for _ in range(4)
        ]
    assert codes == [200, 200, 429, 429], "three files a request, six an hour"


def test_bytes_of_an_hour_are_counted_whether_announced_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BYTES_PER_UPLOAD", 1000)
    with guarded(uploads=10) as client:
        client.get("/config")
        assert client.post("/gradio_api/upload", content=b"x" * 6000).status_code == 200
        assert client.post("/gradio_api/upload", content=b"x" * 6000).status_code == 429
        streamed = client.post("/gradio_api/upload", content=iter([b"x" * 3000, b"y" * 3000]))
        assert streamed.status_code == 429


def test_uploads_stop_before_the_disk_is_full() -> None:
    with guarded(free_bytes=lambda: 1000) as client:
        assert client.post("/gradio_api/upload", content=b"x" * 900).status_code == 200
        answer = client.post("/gradio_api/upload", content=b"x" * 1100)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full")


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/gradio_api/queue/join", doors.CALL_MAX_BYTES),
        ("/gradio_api/call/start", doors.CALL_MAX_BYTES),
        ("/gradio_api/run/start", doors.CALL_MAX_BYTES),
        ("/gradio_api/cancel", doors.CALL_MAX_BYTES),
        ("/login", doors.FORM_MAX_BYTES),
        ("/key", doors.FORM_MAX_BYTES),
        ("/jobs/a/attach", doors.FORM_MAX_BYTES),
        ("/callbacks/evolink/a/b", doors.CALLBACK_MAX_BYTES),
    ],
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_its_doors_limit_is_refused_announced_or_not(
    client: httpx.Client, path: str, limit: int, announced: bool
) -> None:
    code = "call_too_large" if path.startswith("/gradio_api/") and "upload" not in path else "too_large"
    for query in ("", "?swallow"):  # also where the application swallows the interruption and answers by itself
        body: Any = b"x" * (limit + 1) if announced else iter([b"x" * limit, b"y"])
        answer = client.post(path + query, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, code)
    fits: Any = b"x" * limit if announced else iter([b"x" * limit])
    assert client.post(path, content=fits).json()["size"] == limit


def test_a_call_is_judged_whole_and_passed_on_as_it_was() -> None:
    judged: list[bytes] = []

    def judge(body: bytes) -> None:
        judged.append(body)
        if b"passwd" in body:
            raise Refused("file_not_received", "This is not a file that was uploaded here.", "Upload it.")

    with guarded(judge_call=judge) as client:
        parts = [b"x" * 30_000, b"y" * 30_000, b"z"]
        assert client.post("/gradio_api/call/start", content=iter(parts)).json()["size"] == 60_001
        assert judged == [b"".join(parts)]
        for path in ("call/start", "call/v2/start", "run/start", "api/start", "queue/join"):
            answer = client.post(f"/gradio_api/{path}", content=iter([b"pass", b"wd"]))
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "file_not_received")
        with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as raw:
            raw.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
        assert client.post("/gradio_api/queue/join", content=b"whole").status_code == 200
        assert judged[-1] == b"whole" and b"half" not in judged


@pytest.mark.parametrize("path", ["/key", "/gradio_api/upload", "/gradio_api/call/start", "/jobs/a/stop"])
def test_a_request_that_says_its_length_in_two_ways_is_refused_and_nothing_after_it_is_read(
    client: httpx.Client, path: str
) -> None:
    """A proxy in front could take the rest for another visitor's request."""
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as raw:
        raw.sendall(head.encode() + b"0\r\n\r\n" + smuggled)
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1 and b"two_lengths" in answer


def test_a_session_and_an_event_answer_whom_they_belong_to() -> None:
    judged = lambda body: json.loads(body or b"{}")  # noqa: E731
    with guarded(judge_call=judged) as one, httpx.Client(base_url=one.base_url) as other:
        for client in (one, other):
            client.get("/config")
        joined = {"session_hash": "of-one", "data": []}
        assert one.post("/gradio_api/queue/join", json=joined).status_code == 200
        event = {"event_id": "0123abcd"}
        assert one.post("/gradio_api/call/start", headers={"X-What": "event"}).json() == event
        streams = [
            "/gradio_api/queue/data?session_hash=of-one",
            "/gradio_api/heartbeat/of-one",
            "/gradio_api/call/start/0123abcd",
            "/gradio_api/call/v2/start/0123abcd",
        ]
        calls = [("queue/join", joined), ("cancel", {**joined, **event}), ("cancel", event), ("reset", event)]
        for client, status in ((one, 200), (other, 404)):
            assert [client.get(path).status_code for path in streams] == [status] * len(streams)
            assert [client.post(f"/gradio_api/{path}", json=body).status_code for path, body in calls] == [status] * 4
        for unknown in ("nobodys", "x" * 500, "..", "__class__"):
            assert one.get(f"/gradio_api/call/start/{unknown}").status_code == 404
        assert one.get("/gradio_api/heartbeat/" + "x" * 500).status_code == 404
        assert one.post("/gradio_api/queue/join", json=[1]).status_code == 200  # Gradio's to refuse


def test_who_is_given_a_cookie_by_the_first_answer_goes_on_with_what_was_begun_before() -> None:
    with guarded() as client:
        client.post("/gradio_api/call/start", headers={"X-What": "event"})
        assert "evolink_visitor" in client.cookies
        assert client.get("/gradio_api/call/start/0123abcd").status_code == 200


def test_what_is_remembered_of_streams_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_NAMES", 3)
    remembered = streams.Streams()
    for number in range(10):
        remembered.hear(b'{"event_id":"%d"}' % number, ("v_1", "192.0.2.1"))
    remembered.judge_path("GET", "/gradio_api/call/x/9", b"", ("v_1", "192.0.2.1"))
    with pytest.raises(Stop):
        remembered.judge_path("GET", "/gradio_api/call/x/1", b"", ("v_1", "192.0.2.1"))


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as raw:
        raw.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = doors.Door("api", 1000, body_seconds=0.2, is_call=True)
    monkeypatch.setitem(doors._POST_EXACT, "/gradio_api/queue/join", slow)
    with guarded() as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as raw:
            raw.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nx")
            started = time.monotonic()
            assert raw.recv(4096).startswith(b"HTTP/1.1 408")
            assert time.monotonic() - started < 5
        assert client.get("/healthz").status_code == 200


def test_a_caller_who_leaves_in_the_middle_is_no_error(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    async def leaves(scope: Any, receive: Any, send: Any) -> None:
        raise ClientDisconnect

    app = Guard(
        leaves,
        cookies=Cookies.create(SECRET, embedded=False),
        doors=Doors(),
        headers=HeaderSets(embedded=False, https=False),
        origins=Origins(on_space=False, own_addresses=[]),
        meter=Meter(Limits(Allowance(100, 60.0), Allowance(100, 60.0))),
    )
    with caplog.at_level(logging.ERROR, "evolink_ui"), serving(lambda: app, lifespan="off") as url:
        assert httpx.get(f"{url}/config").status_code == 500  # the server's own word where nothing was answered
    assert not caplog.records or all(record.name != "evolink_ui.web.guard" for record in caplog.records)


@pytest.mark.parametrize("query", ["raise", "500", "502", "503"])
def test_what_breaks_inside_is_told_in_general_words_and_logged_in_full(
    client: httpx.Client, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "evolink_ui"):
        answer = client.get(f"/jobs/a?{query}")
    assert answer.status_code == (500 if query == "raise" else int(query))
    assert answer.json()["error"]["code"] in ("server_error", "unavailable")
    assert "password" not in answer.text and "headers" not in answer.json()
    if query == "raise":
        assert "the password is in" in caplog.text


def test_an_answer_that_breaks_off_does_not_look_whole(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/jobs/a?half")


def test_answers_below_500_keep_their_words(client: httpx.Client) -> None:
    answer = client.get("/jobs/a?422")
    assert answer.status_code == 422 and "headers" in answer.json()


def test_one_visitor_holds_a_bounded_number_of_streams_and_gets_them_back() -> None:
    with guarded() as client:
        client.get("/config")
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        address = (client.base_url.host, client.base_url.port or 0)
        request = f"GET /gradio_api/heartbeat/a?hold HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
        held = [socket.create_connection(address, timeout=10) for _ in range(AT_ONCE)]
        try:
            for connection in held:
                connection.sendall(request)
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            assert client.get("/jobs/a").status_code == 429
            with httpx.Client(base_url=client.base_url) as other:
                assert other.get("/jobs/a").status_code == 200
        finally:
            for connection in held:
                connection.close()
        deadline = time.monotonic() + 10
        while client.get("/jobs/a").status_code != 200:
            assert time.monotonic() < deadline, "the slots were not given back"
            time.sleep(0.05)


def test_a_websocket_is_closed_at_once(client: httpx.Client) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = Guard(
        inner,
        cookies=Cookies.create(SECRET, embedded=False),
        doors=Doors(),
        headers=HeaderSets(embedded=False, https=False),
        origins=Origins(on_space=False, own_addresses=[]),
        meter=Meter(Limits(Allowance(1, 1.0), Allowance(1, 1.0))),
    )

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(app({"type": "websocket"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_under_a_root_path_the_prefix_may_come_along_or_not() -> None:
    with guarded(root_path="/dance") as client:
        assert client.get("/dance/jobs/a").json()["path"] == "/jobs/a"
        assert client.get("/jobs/a").json()["path"] == "/jobs/a"
        assert client.get("/dancer/jobs/a").status_code == 404


def test_a_target_without_end_is_refused(client: httpx.Client) -> None:
    assert client.get("/jobs/a", params={"q": "x" * 9000}).status_code == 414


def test_on_an_instance_with_logins_nothing_but_the_entrance_is_open() -> None:
    def login(cookies: Any) -> str | None:
        return "anna" if cookies.get("session") == "good" else None

    with guarded(login=login) as client:
        for path in (
            "/",
            "/config",
            "/theme.css",
            "/assets/x.js",
            "/healthz",
            "/files/t",
            "/gradio_api/startup-events",
        ):
            assert client.get(path).status_code == 200, path
        for path in ("/jobs/a", "/key", "/gradio_api/info", "/gradio_api/heartbeat/x", "/gradio_api/file=/tmp/x"):
            assert client.get(path).status_code == 401, path
        for path in ("/gradio_api/call/x", "/gradio_api/upload", "/gradio_api/cancel", "/jobs/a/stop"):
            assert client.post(path).status_code == 401, path
        good = client.get("/jobs/a", headers={"Cookie": "session=good"})
        assert good.json()["visitor"] == "user_anna"
        assert client.get("/jobs/a", headers={"Cookie": "session=bad"}).status_code == 401


def test_the_flood_limit_holds_under_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAUSE_SECONDS", 0.05)
    with guarded(requests=50) as client:
        client.get("/config")
        cookie = f"evolink_visitor={client.cookies['evolink_visitor']}"
        codes: list[int] = []

        def pour() -> None:
            with httpx.Client(base_url=client.base_url, headers={"Cookie": cookie}) as mine:
                codes.extend(mine.get("/jobs/a").status_code for _ in range(10))

        threads = [threading.Thread(target=pour) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 50 <= codes.count(200) <= 60
    assert len(codes) == 100
