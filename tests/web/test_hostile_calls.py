"""Hostile calls: bodies that are nonsense, wide, deep or of the wrong types, against the real app."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.web.hostile import outcome
from tests.web.process import AppProcess


@pytest.fixture(scope="module")
def app(hostile_app: AppProcess) -> AppProcess:
    """The app on its sandbox, as strangers meet it."""
    return hostile_app


@pytest.fixture(scope="module")
def client(app: AppProcess) -> Iterator[httpx.Client]:
    """A visitor with bad intentions."""
    with app.visitor() as visitor:
        yield visitor


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/gradio_api/call/start", b"{"),
        ("/gradio_api/call/start", b"[]"),
        ("/gradio_api/call/start", b'{"data": 7}'),
        ("/gradio_api/call/start", b'{"data": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
        ("/gradio_api/call/no_such_function", b'{"data": []}'),
        ("/gradio_api/queue/join", b'{"data": [], "fn_index": 9999, "session_hash": "x"}'),
        ("/gradio_api/queue/join", b'{"data": [], "fn_index": -1, "session_hash": "x"}'),
        ("/gradio_api/queue/join", b'{"data": []}'),
        ("/gradio_api/run/page_order", b'{"data": "x"}'),
        ("/gradio_api/run/predict", b'{"data": [], "fn_index": 9999}'),
        ("/gradio_api/upload", b"not multipart"),
        ("/jobs/some-job/stop", b"{"),
        ("/key", b"\xff\xfe"),
        ("/login", b"username=a&password=b"),
    ],
)
def test_nonsense_is_refused_and_does_no_harm(client: httpx.Client, path: str, body: bytes) -> None:
    kind = "application/x-www-form-urlencoded" if path == "/login" else "application/json"
    answer = client.post(path, content=body, headers={"Content-Type": kind}, follow_redirects=False)
    assert answer.status_code >= 300
    assert "Traceback" not in answer.text and "site-packages" not in answer.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        ["x" * 3000, "720p", "image"],
        ["", "4k", "image"],
        ["", "720p", "../../x"],
        [{"a": 1}, "720p", "image"],
        ["", ["720p"], "image"],
        ["\ud83d\ude00" * 2000, "720p", "image"],
    ],
)
def test_a_form_that_cannot_be_is_refused_before_anything_is_ordered(client: httpx.Client, data: list[Any]) -> None:
    text = outcome(client, "/gradio_api/call/start", {"data": [None, None, *data, True, False, "", "", ""]})
    assert '"id"' not in text


CALLS = ["call/start", "call/v2/start", "run/start", "api/start", "run/page_order", "queue/join", "cancel", "reset"]


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    ("kind", "code"), [("wide", "too_many_values"), ("deep", "too_deep"), ("large", "call_too_large")]
)
def test_a_call_is_refused_by_what_it_holds_before_anything_reads_it(
    client: httpx.Client, path: str, kind: str, code: str
) -> None:
    data = {"wide": "[]," * 5000 + "[]", "deep": "[" * 500 + "]" * 500, "large": "[]," * 330_000 + "[]"}[kind]
    answer = client.post(f"/gradio_api/{path}", content=f'{{"data": [{data}]}}')
    assert (answer.status_code, answer.json()["error"]["code"]) == (413 if kind == "large" else 400, code)


def test_a_megabyte_of_empty_lists_keeps_nobody_waiting(app: AppProcess, client: httpx.Client) -> None:
    """It took /healthz 12 s."""
    body = '{"data": [' + "[]," * 330_000 + "[]]}"
    with app.client() as other:
        started = time.monotonic()
        for _ in range(20):
            assert client.post("/gradio_api/call/start", content=body).status_code == 413
            assert other.get("/healthz").status_code == 200
        assert time.monotonic() - started < 10


WRONG = [["x"], {"a": 1}, 7, True, 1.5, [["x"]], {"path": "x"}]


@pytest.mark.parametrize("value", WRONG, ids=str)
@pytest.mark.parametrize(("name", "field"), [("status", "job_id"), ("stop", "job_id"), ("task", "task_id")])
def test_an_id_of_the_wrong_type_is_one_clear_error(
    app: AppProcess, client: httpx.Client, name: str, field: str, value: Any
) -> None:
    """A list ended in the database's traceback."""
    before = len(app.log())
    for way in ("call", "run"):
        text = outcome(client, f"/gradio_api/{way}/{name}", {"data": [value]})
        assert field in text and "must be a text" in text
    assert "Traceback" not in app.log()[before:]


PAGE_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("videos", {"state": ["done"]}),
    ("videos", {"state": {"a": 1}}),
    ("videos", {"search": ["x"]}),
    ("videos", {"search": 7}),
    ("lookup", {"task_id": ["x"]}),
    ("adopt", {"task_id": {"a": 1}}),
    ("result", {"task_id": 7, "number": 0}),
    ("reuse", {"id": ["x"]}),
    ("example", {"name": ["x"]}),
    ("mending", {"id": ["x"]}),
    ("mend_stop", {"id": {"a": 1}}),
]


@pytest.mark.parametrize(("name", "data"), PAGE_CALLS, ids=str)
def test_a_page_function_refuses_a_wrong_type_by_its_fields_name(
    app: AppProcess, client: httpx.Client, name: str, data: dict[str, Any]
) -> None:
    before = len(app.log())
    answer = client.post(f"/gradio_api/run/page_{name}", json={"data": [data]})
    error = answer.json()["data"][0]["error"]
    assert error["code"] == "wrong_type" and next(iter(data)) in error["message"] and error["next_step"]
    assert "Traceback" not in app.log()[before:]


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**63, True, "5", None, 1e300, [1]])
def test_a_number_that_no_database_has_is_bounded(app: AppProcess, client: httpx.Client, number: Any) -> None:
    before = len(app.log())
    answer = client.post("/gradio_api/run/page_videos", json={"data": [{"offset": number, "limit": number}]})
    assert answer.json()["data"][0]["jobs"] == []
    assert "Traceback" not in app.log()[before:]


@pytest.mark.parametrize("key", [["sk-x"], {"a": 1}, 7, True, None])
def test_a_key_that_is_no_text_is_not_kept(client: httpx.Client, key: Any) -> None:
    answer = client.post("/key", json={"key": key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "key_malformed")
    assert client.get("/key").json()["set"] is False
