"""Both directions of the contract: every answer has the described shape, and exactly the described orders are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from evolink_ui.evolink.in_process import InProcessTransport
from evolink_ui.sandbox import Sandbox

from .conftest import BASE_URL, SandboxMaker, client_of, order, place, stand_in, upload, uploaded_order, wait_for
from .contract import DOCUMENT

CONTRACT = OpenAPI.from_dict(DOCUMENT)


def is_legal(body: Any) -> bool:
    """Whether the contract describes this order."""
    request = MockRequest(
        BASE_URL, "post", "/v1/videos/generations", data=json.dumps(body).encode(), content_type="application/json"
    )
    try:
        CONTRACT.validate_request(request)
    except OpenAPIError:
        return False
    return True


def check(answer: httpx.Response) -> httpx.Response:
    """The answer; raises where it isn't what the contract says about its path, method and status.

    Raises:
        OpenAPIError: the path, the status or the body is not described.
    """
    asked = answer.request
    content = asked.content if asked.headers.get("content-type", "").startswith("application/json") else b""
    request = MockRequest(BASE_URL, asked.method.lower(), asked.url.path, data=content or None)
    response = MockResponse(answer.content, status_code=answer.status_code, content_type=answer.headers["content-type"])
    CONTRACT.validate_response(request, response)
    return answer


URLS = st.sampled_from(
    [
        f"{BASE_URL}/files/f/a.png",
        "http://example.com/a.mp4",
        "https://example.com/",
        "ftp://example.com/a",
        "a.png",
        "",
    ]
)
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({}))
FEW_URLS = st.lists(URLS, max_size=2)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "character_orientation": st.one_of(st.sampled_from(["image", "video", "sideways"]), JUNK),
        "keep_sound": st.one_of(st.booleans(), JUNK),
        "watermark_info": st.one_of(st.fixed_dictionaries({"enabled": st.one_of(st.booleans(), JUNK)}), JUNK),
        "element_list": st.one_of(
            st.lists(st.fixed_dictionaries({"element_id": st.one_of(st.text(max_size=9), JUNK)}), max_size=2), JUNK
        ),
        "unheard_of": JUNK,
    },
)
LEGAL_PARAMS = st.fixed_dictionaries({"character_orientation": st.sampled_from(["image", "video"])})
WILD = st.fixed_dictionaries(
    {},
    optional={
        "model": st.one_of(st.just("kling-v3-motion-control"), JUNK),
        "image_urls": st.one_of(FEW_URLS, JUNK),
        "video_urls": st.one_of(FEW_URLS, JUNK),
        "prompt": st.one_of(st.sampled_from(["", "dance", "é" * 2500, "x" * 2501]), JUNK),
        "quality": st.one_of(st.sampled_from(["720p", "1080p", "4k"]), JUNK),
        "model_params": st.one_of(PARAMS, LEGAL_PARAMS, JUNK),
        "callback_url": st.one_of(
            st.sampled_from(["https://example.com/done", "http://example.com/done", f"https://a.b/{'c' * 2048}"]), JUNK
        ),
        "unheard_of": JUNK,
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """Orders that are legal but for at most a few members, and a few that are no orders at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(JUNK)
    body = order()
    wild = draw(WILD)
    for name in draw(st.lists(st.sampled_from(sorted({*wild, *body})), max_size=3, unique=True)):
        if name in wild:
            body[name] = wild[name]
        else:
            del body[name]
    return body


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sandbox whose orders name files that don't exist: they are taken, and fail on their own."""
    from evolink_ui.sandbox import create_sandbox

    sandbox = create_sandbox(tmp_path_factory.mktemp("idle"), render_command=stand_in())
    yield sandbox
    sandbox.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=bodies())
def test_exactly_the_described_orders_are_taken(idle: Sandbox, body: Any) -> None:
    async def send() -> httpx.Response:
        async with client_of(idle) as client:
            return await client.post("/v1/videos/generations", json=body)

    answer = check(asyncio.run(send()))
    assert answer.status_code == (200 if is_legal(body) else 400), answer.text


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/x", "https://10.1.2.3/x", "https://192.168.0.9/x", "https://localhost/x", "https://[::1]/"],
)
async def test_a_callback_to_a_private_address_is_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post("/v1/videos/generations", json={**order(), "callback_url": url})
    assert check(answer).status_code == 400
    assert "callback_url" in answer.json()["error"]["message"]


def altered(answer: httpx.Response, members: dict[str, Any], *, status_code: int | None = None) -> httpx.Response:
    """An answer with another status, or with members replaced, added or (None) left out."""
    body = {name: value for name, value in {**answer.json(), **members}.items() if value is not None}
    return httpx.Response(status_code or answer.status_code, json=body, request=answer.request)


async def test_the_check_of_answers_notices_what_is_not_as_described(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        created = check(await client.post("/v1/videos/generations", json=order()))
        read = check(await client.get(f"/v1/tasks/{created.json()['id']}"))
        refused = check(await client.get("/v1/tasks/42"))
    error = refused.json()["error"]
    check(altered(created, {"status": "processing", "progress": 7}))
    check(altered(refused, {"error": {**error, "message": "In other words."}}))
    for answer, members in (
        (created, {"status": "queued"}),
        (created, {"id": "task-1"}),
        (created, {"progress": 101}),
        (created, {"created": "now"}),
        (created, {"usage": None}),
        (created, {"more": 1}),
        (read, {"status": "completed", "error": None, "results": None}),
        (read, {"status": "pending", "error": None, "results": ["https://example.com/a.mp4"]}),
        (read, {"task_info": {"can_cancel": "no"}}),
        (refused, {"error": {**error, "type": "api_error"}}),
        (refused, {"error": {**error, "code": "invalid_request"}}),
        (refused, {"error": {**error, "param": "id"}}),
        (refused, {"error": {**error, "message": ""}}),
        (refused, {"error": {name: error[name] for name in ("code", "message", "type")}}),
    ):
        with pytest.raises(OpenAPIError):
            check(altered(answer, members))
    for answer, status_code in ((created, 201), (read, 204), (refused, 404), (refused, 418)):
        with pytest.raises(OpenAPIError):
            check(altered(answer, {}, status_code=status_code))


async def test_every_described_answer_of_the_two_paths_can_be_met(sandbox: Sandbox) -> None:
    post, get = "/v1/videos/generations", "/v1/tasks/{task_id}"
    met: dict[str, set[str]] = {post: set(), get: set()}

    async def meet(key: str, *bodies: Any, task_ids: tuple[str, ...] = (), once: str | None = None) -> str:
        headers = {"Idempotency-Key": once} if once else {}
        async with client_of(sandbox, key) as client:
            answers = [(post, await client.post(post, json=body, headers=headers)) for body in bodies]
            answers += [(get, await client.get(get.format(task_id=task_id))) for task_id in task_ids]
        for path, answer in answers:
            met[path].add(str(check(answer).status_code))
        return str(answers[0][1].json().get("id", "task-unified-1"))

    task_id = await meet("mine", order(), {**order(), "quality": "720p"}, once="order-0123456789abcdef")
    await meet("mine", {}, {"x": "x" * 1_000_000}, task_ids=(task_id, "42", "task-unified-1"))
    await meet("not-mine", order(), task_ids=(task_id,))
    for kind in ("invalid", "no-credits", "quota-exceeded", "no-access", "rate-limited", "server-error"):
        await meet(f"sandbox-{kind}", order(), task_ids=("task-unified-1",))
    described = {
        path: set(DOCUMENT["paths"][path][method]["responses"]) for path, method in ((post, "post"), (get, "get"))
    }
    assert met == described


async def test_failures_on_purpose_have_the_described_shape_everywhere(make_sandbox: SandboxMaker) -> None:
    seen = set()
    async with client_of(make_sandbox(fail_rate=1)) as client:
        for _ in range(8):
            for method, path in (
                ("POST", "/v1/videos/generations"),
                ("GET", "/v1/tasks/task-unified-1"),
                ("GET", "/v1/tasks"),
                ("POST", "/v1/tasks/batch"),
                ("GET", "/v1/credits"),
                ("POST", "/api/v1/files/upload/stream"),
                ("POST", "/api/v1/files/upload/base64"),
                ("POST", "/api/v1/files/upload/url"),
                ("GET", "/api/v1/files/quota"),
                ("GET", "/api/v1/files/list"),
                ("DELETE", "/api/v1/files/file_1"),
            ):
                seen.add(check(await client.request(method, path)).status_code)
    assert seen >= {429, 500}


@pytest.mark.parametrize("outcome", ["body", "flow", "error", "odd-error", "crash"])
async def test_a_task_has_the_described_shape_at_every_moment(
    make_sandbox: SandboxMaker, image: Path, video: Path, outcome: str
) -> None:
    async with client_of(make_sandbox(render_command=stand_in(0.3, outcome))) as client:
        created = check(await client.post("/v1/videos/generations", json=await uploaded_order(client, image, video)))
        task_id = created.json()["id"]
        seen: set[str] = set()
        while not seen & {"completed", "failed"}:
            seen.add(check(await client.get(f"/v1/tasks/{task_id}")).json()["status"])
        assert "processing" in seen
        assert ("completed" in seen) is (outcome in ("body", "flow"))
        check(await client.get("/v1/credits"))
        line = check(await client.get("/v1/tasks")).json()["data"][0]
        assert (line["id"], line["has_results"], line["has_error"]) == (
            task_id,
            "completed" in seen,
            "failed" in seen,
        )
        assert (line["credits_used"] > 0) is ("completed" in seen)
        (read,) = check(await client.post("/v1/tasks/batch", json={"task_ids": [task_id]})).json()["data"]
        assert read == check(await client.get(f"/v1/tasks/{task_id}")).json()


async def test_every_answer_of_the_files_api_has_the_described_shape(client: httpx.AsyncClient, image: Path) -> None:
    first = await upload(client, image)
    answers = [
        await client.post("/api/v1/files/upload/stream", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n")}),
        await client.post("/api/v1/files/upload/base64", json={"base64_data": "data:image/jpeg;base64,/9j/AA=="}),
        await client.post("/api/v1/files/upload/url", json={"file_url": first["file_url"]}),
        await client.get("/api/v1/files/quota"),
        await client.get("/api/v1/files/list"),
        await client.delete(f"/api/v1/files/{first['file_id']}"),
    ]
    assert [check(answer).status_code for answer in answers] == [200] * 6
    refusals = [
        await client.delete(f"/api/v1/files/{first['file_id']}"),
        await client.post("/api/v1/files/upload/stream", json={}),
        await client.post("/api/v1/files/upload/url", json={"file_url": "https://127.0.0.1/a.png"}),
        await client.post("/api/v1/files/upload/base64", json={"base64_data": "***"}),
        await client.post("/api/v1/files/upload/stream", files={"file": ("a.html", b"<html>")}),
        await client.get("/api/v1/files/list?page=0"),
    ]
    assert [check(answer).status_code for answer in refusals] == [404, 400, 400, 400, 415, 400]


KEYS = [
    ("sandbox-invalid", 401, 401, 401, 401),
    ("sandbox-no-credits", 402, 404, 200, 200),
    ("sandbox-quota-exceeded", 200, 402, 200, 200),
    ("sandbox-no-access", 403, 404, 200, 200),
    ("sandbox-no-permission", 200, 403, 200, 200),
    ("sandbox-rate-limited", 429, 429, 429, 429),
    ("sandbox-server-error", 500, 500, 500, 500),
    ("sandbox-files-full", 200, 404, 200, 403),
    ("sandbox", 200, 404, 200, 200),
]


@pytest.mark.parametrize(("key", "ordering", "reading", "counting", "uploading"), KEYS)
async def test_the_keys_for_tests_meet_the_errors_that_they_name(
    sandbox: Sandbox, key: str, ordering: int, reading: int, counting: int, uploading: int
) -> None:
    for name in (key, f"{key}-of-mine"):
        async with client_of(sandbox, name) as client:
            answers = [
                await client.post("/v1/videos/generations", json=order()),
                await client.get("/v1/tasks/task-unified-1757169743-7cvnl5zw"),
                await client.get("/v1/credits"),
                await client.post("/api/v1/files/upload/stream", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n")}),
            ]
        assert [check(answer).status_code for answer in answers] == [ordering, reading, counting, uploading]
        assert all(answer.headers["retry-after"] == "2" for answer in answers if answer.status_code == 429)
        assert all(len(answer.headers["x-request-id"]) == 32 for answer in answers)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "any-key"])
async def test_without_a_key_nothing_is_answered(sandbox: Sandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with httpx.AsyncClient(transport=InProcessTransport(sandbox.app), base_url=BASE_URL) as client:
        for method, path in (
            ("POST", "/v1/videos/generations"),
            ("GET", "/v1/tasks/task-unified-1-a"),
            ("GET", "/v1/tasks"),
            ("POST", "/v1/tasks/batch"),
            ("GET", "/v1/credits"),
            ("GET", "/api/v1/files/quota"),
            ("POST", "/api/v1/files/upload/base64"),
        ):
            assert check(await client.request(method, path, headers=headers)).status_code == 401


async def test_what_is_not_json_or_too_long_is_refused(client: httpx.AsyncClient) -> None:
    path, json_type = "/v1/videos/generations", {"Content-Type": "application/json"}
    for content, headers in (
        (b"{", json_type),
        (b"[" * 100_000, json_type),
        (b"\xff\xfe", json_type),
        (b"[1]", json_type),
        (b"", json_type),
        (json.dumps({**order(), "unheard_of": float("nan")}).encode(), json_type),
        (json.dumps(order()).encode(), {"Content-Type": "text/plain"}),
    ):
        assert check(await client.post(path, content=content, headers=headers)).status_code == 400
    long = {**order(), "unheard_of": "x" * 1_000_000}
    assert check(await client.post(path, json=long)).status_code == 413


@pytest.mark.parametrize(("limit", "pause_seconds"), [("IDLE_SECONDS", 60), ("WHOLE_SECONDS", 0.02)])
async def test_a_body_that_stops_coming_or_drips_is_not_waited_for_without_end(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, limit: str, pause_seconds: float
) -> None:
    monkeypatch.setattr(f"evolink_ui.sandbox.bodies.{limit}", 0.2)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"--B\r\n"
        while True:
            await asyncio.sleep(pause_seconds)
            yield b"-"

    for path, kind in (
        ("/v1/videos/generations", "application/json"),
        ("/api/v1/files/upload/base64", "application/json"),
        ("/api/v1/files/upload/stream", "multipart/form-data; boundary=B"),
    ):
        answer = await client.post(path, content=stalling(), headers={"Content-Type": kind})
        assert answer.status_code == 400
        assert "stopped" in answer.text


async def test_a_link_with_an_impossible_port_fails_its_task_and_not_the_answer(client: httpx.AsyncClient) -> None:
    for port in ("99999", "-1", "0"):
        task = await place(client, order(video_url=f"{BASE_URL}:{port}/files/x/a.mp4"))
        assert (await wait_for(client, task["id"]))["error"]["code"] == "invalid_parameters"
        refused = await client.post("/api/v1/files/upload/url", json={"file_url": f"{BASE_URL}:{port}/a.mp4"})
        assert check(refused).status_code == 400


async def test_a_task_id_of_another_form_is_a_400_and_an_unknown_one_a_404(client: httpx.AsyncClient) -> None:
    for task_id, status in (("42", 400), ("a%2Fb", 400), ("task-unified-1", 404), ("task-unified-%00'\"", 404)):
        answer = await client.get(f"/v1/tasks/{task_id}")
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == ("invalid_task_id" if status == 400 else "task_not_found")


async def test_another_keys_task_is_not_shown(sandbox: Sandbox, client: httpx.AsyncClient) -> None:
    task = await place(client, order())
    async with client_of(sandbox, "somebody-else") as other:
        answer = check(await other.get(f"/v1/tasks/{task['id']}"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert (await wait_for(client, task["id"]))["status"] == "failed"


async def test_unknown_paths_and_methods_are_refused_in_the_same_shape(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/v2/anything"), ("GET", "/v1/videos/generations"), ("POST", "/v1/credits")):
        missing = await client.request(method, path)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "resource_not_found")
        assert missing.headers["x-request-id"]
