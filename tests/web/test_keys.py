"""Keys stay where they belong, and a hostile vendor stays harmless: orders end in every way with marked keys, then
everything that the app wrote or said is searched."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stub.faults import Fault, answer, drop, garbage
from tests.stub.records import Order, Timeline
from tests.stub.server import Stub
from tests.web.process import AppProcess, app_process, order, wait_for
from tests.web.site import call

OWNERS = "sk-owner-marked-7d1e5b0c93a24f68"
VISITORS = "sk-visitor-marked-1c8f4ae2760b49d5"
ENDED = ("done", "failed", "unknown", "stopped")
MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>${alert(1)}{{7*7}}"


def echo(key: str) -> str:
    """What vendors like to say about a key they refuse."""
    return f"Incorrect API key provided: {key}. {MARKUP}"


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, stub: Stub) -> Iterator[AppProcess]:
    """The app with the owner's marked key, ordering from the stand-in."""
    with app_process(
        tmp_path_factory.mktemp("keys"),
        EVOLINK_API_KEY=OWNERS,
        EVOLINK_BASE_URL=stub.base_url,
        EVOLINK_FILES_URL=stub.files_url,
        EVOLINK_UI_ALLOW_PRIVATE_URLS="true",
        EVOLINK_UI_MAX_ACTIVE_JOBS_PER_VISITOR="50",
        EVOLINK_UI_VENDOR_REQUESTS_PER_SECOND="100",
        EVOLINK_UI_HOSTING="evolink",
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(stub: Stub) -> None:
    """Each test starts with a vendor that does as it should, and is done at the first look: the next is 2 s later."""
    stub.seen.clear()
    stub.faults.clear()  # not the orders: their number is part of the ids, and no vendor gives one twice
    stub.set(timeline=Timeline(seconds=0.0), answer_look=None, result_bytes=None, on_order=lambda order: None)


HEADER = {"X-EvoLink-Key": VISITORS}


def walk(app: AppProcess, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """One order from start to end, looked at as a page does; gives the last view."""
    with app.visitor() as client:
        view = order(client, headers)
        view = wait_for(client, view["id"], *ENDED)
        for path in ("/", "/config", "/key"):
            client.get(path)
        client.post("/gradio_api/run/page_videos", json={"data": [{}]})
        client.post("/gradio_api/run/page_balance", json={"data": [{}]}, headers=headers)
        client.post(
            "/gradio_api/run/page_lookup", json={"data": [{"task_id": view["task_id"] or "x"}]}, headers=headers
        )
        return view


@pytest.mark.parametrize("headers", [None, HEADER])
def test_an_order_that_works(app: AppProcess, stub: Stub, headers: dict[str, str] | None) -> None:
    before = stub.paid
    view = walk(app, headers)
    assert view["state"] == "done", view
    expected = VISITORS if headers else OWNERS
    assert [made.api_key for made in stub.orders[before:]] == [expected]
    with app.client() as client:
        result = client.get("/" + view["result"]["url"])
    assert result.headers["content-type"] == "video/mp4" and result.headers["x-content-type-options"] == "nosniff"


def test_a_key_from_the_cookie_pays_for_its_visitor_alone(app: AppProcess, stub: Stub) -> None:
    before = stub.paid
    with app.visitor() as client, app.visitor() as other:
        client.post("/key", json={"key": VISITORS}).raise_for_status()
        for ordering in (client, other):
            wait_for(ordering, order(ordering)["id"], *ENDED)
    assert [made.api_key for made in stub.orders[before:]] == [VISITORS, OWNERS]


ORDER_FAULTS: list[Callable[[str], Fault]] = [
    lambda key: answer(401, "unauthorized", message=echo(key)),
    lambda key: answer(402, "insufficient_quota", message=echo(key)),
    lambda key: answer(400, "invalid_request", message=echo(key)),
    lambda key: answer(500, "internal_error", message=echo(key)),
    lambda key: answer(503, "no_available_channel", message=echo(key)),
    lambda key: garbage(f"<html>{echo(key)}</html>"),
    lambda key: answer(302, headers={"location": "https://evil.example/"}),
    lambda key: drop(after_work=True),
]


@pytest.mark.parametrize("number", range(len(ORDER_FAULTS)))
def test_an_order_that_the_vendor_refuses_or_loses(app: AppProcess, stub: Stub, number: int) -> None:
    stub.fail("order", ORDER_FAULTS[number](VISITORS if number % 2 else OWNERS))
    view = walk(app, HEADER if number % 2 else None)
    assert view["state"] in ("failed", "unknown")
    assert "evil.example" not in json.dumps(view)


def test_uploads_and_reads_that_the_vendor_refuses(app: AppProcess, stub: Stub) -> None:
    stub.fail("upload", answer(401, body={"success": False, "code": 401, "msg": echo(OWNERS)}), times=4)
    assert walk(app)["state"] in ("failed", "stopped")
    stub.faults.clear()
    stub.fail("task", answer(401, "unauthorized", message=echo(VISITORS)), times=3)
    assert walk(app, HEADER)["state"] == "stopped"


LOOKS: list[dict[str, Any]] = [
    {"status": "failed", "error": {"code": "content_policy_violation", "message": echo(OWNERS)}},
    {"status": "failed", "error": {"code": "content_policy_violation", "message": echo(VISITORS)}},
    {"status": "failed", "error": {"code": "content_policy_violation", "message": MARKUP}},
    {"status": "failed", "error": {"code": MARKUP, "message": MARKUP * 50}},
    {"status": "cancelled", "error": {"message": [MARKUP]}},
    {"status": "completed", "results": ["https://10.0.0.1/result.mp4"]},
    {"status": "completed", "results": ["file:///etc/passwd", "javascript:alert(1)"]},
    {"status": "completed", "results": [], "result_data": [{"video_url": "http://169.254.169.254/latest"}]},
]


@pytest.mark.parametrize("number", range(len(LOOKS)))
def test_a_task_that_ends_with_something_hostile(app: AppProcess, stub: Stub, number: int) -> None:
    stub.answer_look = lambda _order: LOOKS[number]
    view = walk(app, HEADER if number % 2 else None)
    assert view["state"] in ("failed", "stopped")
    assert view["error"]["message"] and view["error"]["next_step"]
    assert not view["result"] or not view["result"]["url"]


RESULTS = [
    b"<!doctype html><script>alert(document.cookie)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"\x00\x00\x00\x18ftypmp42" + b"<script>alert(1)</script>" * 50,
    b"",
]


@pytest.mark.parametrize("number", range(len(RESULTS)))
def test_a_result_that_is_no_video_is_never_served(app: AppProcess, stub: Stub, number: int) -> None:
    stub.result_bytes = RESULTS[number]
    with app.visitor() as client:
        view = wait_for(client, order(client)["id"], "saving", *ENDED)
        until = time.monotonic() + 1.0  # it may look again for a while: the vendor could mend it
        while time.monotonic() < until:
            view = client.get(f"/jobs/{view['id']}").json()
            url = (view["result"] or {}).get("url")
            if url:
                result = client.get(f"/{url}")
                assert (result.headers["content-type"], result.headers["x-content-type-options"]) == (
                    "video/mp4",
                    "nosniff",
                )
                assert result.content.startswith(b"\x00\x00\x00\x18ftyp")
            time.sleep(0.1)
        client.post(f"/jobs/{view['id']}/stop")


@pytest.mark.parametrize("task_id", ["../../../../etc/passwd", MARKUP, "a" * 5000, "x\r\nX-Injected: 1", "' OR 1=1 --"])
def test_a_task_id_that_is_an_attack(app: AppProcess, stub: Stub, task_id: str) -> None:
    def rename(made: Order) -> None:
        made.task_id = task_id

    stub.on_order = rename
    with app.visitor() as client:
        view = order(client)
        for _ in range(3):
            view = client.get(f"/jobs/{view['id']}").json()
        assert client.get("/healthz").status_code == 200
        assert client.post(f"/jobs/{view['id']}/stop").status_code in (200, 409)
    assert not any("X-Injected" in seen.headers or "x-injected" in seen.headers for seen in stub.seen)


def test_only_the_owner_of_a_job_decides_about_it(app: AppProcess, stub: Stub) -> None:
    before = stub.paid
    stub.fail("order", answer(500, "internal_error"))
    with app.visitor() as owner, app.visitor() as stranger, httpx.Client(base_url=app.url) as nobody:
        view = order(owner)
        view = wait_for(owner, view["id"], "unknown")
        assert set(view["actions"]) == {"send_again", "give_up"}, "the task of the owner's key is named by the owner"
        assert view["error"]["next_step"].startswith("Ask the owner of this app")
        for client in (stranger, nobody):
            assert client.get(f"/jobs/{view['id']}").json()["actions"] == []
            for action in ("send_again", "give_up", "attach", "stop", "follow_again", "delete"):
                answered = client.post(f"/jobs/{view['id']}/{action}", json={"task_id": "task-unified-1-000000"})
                assert (answered.status_code, answered.json()["error"]["code"]) == (403, "not_yours")
            listed = client.post("/gradio_api/run/page_videos", json={"data": [{}]}).json()["data"][0]["jobs"]
            assert view["id"] not in [job["id"] for job in listed]
            reuse = client.post("/gradio_api/run/page_reuse", json={"data": [{"id": view["id"], "job_id": view["id"]}]})
            assert "error" in reuse.json()["data"][0]
        assert stub.paid == before
        assert owner.post(f"/jobs/{view['id']}/give_up").json()["state"] == "failed"
        assert owner.post(f"/jobs/{view['id']}/delete").status_code == 200
        assert owner.get(f"/jobs/{view['id']}").status_code == 404


def test_no_key_ever_goes_to_the_host_of_results(stub: Stub, app: AppProcess) -> None:
    walk(app)
    results = [seen for seen in stub.seen if seen.place == "result"]
    assert results
    for seen in results:
        assert OWNERS not in repr(seen) and "authorization" not in {name.lower() for name in seen.headers}


def test_zz_no_key_is_found_anywhere(app: AppProcess) -> None:
    """Runs last: all that was written and said until here."""
    with app.visitor() as client:
        for path in ("/", "/config", "/gradio_api/info", "/healthz", "/metrics"):
            client.get(path)
        assert call(client, "status", order(client, HEADER)["id"])
        client.get("/")
    heard = b"\n".join(app.heard)
    assert len(app.heard) > 100, "there was something to search"
    places = {"what was answered": heard}
    for file in sorted(app.folder.rglob("*")):
        if file.is_file():
            places[str(file.relative_to(app.folder))] = file.read_bytes()
    assert any(name.endswith(".log") and content for name, content in places.items())
    assert any(b"SQLite format" in content[:16] for content in places.values())
    found = [
        (name, form)
        for name, content in places.items()
        for key in (OWNERS, VISITORS)
        for form in spellings(key)
        if form in content
    ]
    assert found == []


def spellings(key: str) -> list[bytes]:
    """A key as it could lie about: plain, hexadecimal, in base64 at each offset, its middle alone."""
    raw = key.encode()
    encoded = [base64.b64encode(b"x" * offset + raw)[4 : 4 + 4 * (len(raw) // 3 - 2)] for offset in range(3)]
    return [raw, raw.hex().encode(), raw[12:], raw[::-1], *encoded]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for offset in range(3):
        text = base64.b64encode(b"x" * offset + OWNERS.encode() + b"tail")
        assert any(form in text for form in spellings(OWNERS))
