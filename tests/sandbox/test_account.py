"""The tasks of one key: listed newest first, read many at once, and never another key's."""

from __future__ import annotations

import httpx
import pytest

from evolink_ui.evolink import EvoLink
from evolink_ui.evolink.in_process import InProcessTransport
from evolink_ui.sandbox import Sandbox

from .conftest import BASE_URL, KEY, Clock, SandboxMaker, client_of, order, place, stand_in, wait_for
from .test_conformance import check


async def test_a_key_sees_its_own_tasks_newest_first(make_sandbox: SandboxMaker) -> None:
    clock = Clock()
    sandbox = make_sandbox(clock=clock, render_command=stand_in(60))
    async with client_of(sandbox) as client, client_of(sandbox, "another-key") as other:
        placed = []
        for _ in range(5):
            placed.append((await place(client, order()))["id"])
            clock.ahead_seconds += 1
        foreign = (await place(other, order()))["id"]
        first = check(await client.get("/v1/tasks?page_size=2")).json()
        last = check(await client.get("/v1/tasks?page=3&page_size=2")).json()
        beyond = check(await client.get("/v1/tasks?page=4&page_size=2")).json()
        assert [line["id"] for line in first["data"]] == placed[:2:-1]
        assert (first["total"], first["page"], first["page_size"]) == (5, 1, 2)
        assert [line["id"] for line in last["data"]] == placed[:1]
        assert beyond["data"] == []
        assert [line["id"] for line in (await other.get("/v1/tasks")).json()["data"]] == [foreign]
        read = check(await client.post("/v1/tasks/batch", json={"task_ids": [placed[0], foreign, "x", placed[3]]}))
        assert [task["id"] for task in read.json()["data"]] == [placed[3], placed[0]]


async def test_the_list_is_narrowed_by_status_type_and_model(client: httpx.AsyncClient) -> None:
    task = await place(client, order())

    async def total(query: str) -> int:
        return int(check(await client.get(f"/v1/tasks?{query}")).json()["total"])

    await wait_for(client, task["id"])  # its files do not exist
    assert await total("status=failed") == 1
    assert await total("status=completed") == 0
    assert await total("type=video&model=kling-v3-motion-control") == 1
    assert await total("type=image") == 0
    assert await total("model=another-model") == 0
    assert await total("status=&type=&model=") == 1


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page_size=0", "page=9999999999999999999999", "page=%C2%B2"]
)
async def test_a_page_that_cannot_be_is_refused_by_its_name(query: str, client: httpx.AsyncClient) -> None:
    answer = check(await client.get(f"/v1/tasks?{query}"))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])


async def test_a_page_has_at_most_a_hundred_lines(client: httpx.AsyncClient) -> None:
    assert check(await client.get("/v1/tasks?page_size=1000")).json()["page_size"] == 100


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"{}", b'{"task_ids": []}', b'{"task_ids": [1]}', b'{"task_ids": "task-unified-1"}',
     b'{"task_ids": [%s]}' % b",".join([b'"task-unified-1"'] * 51)],
)  # fmt: skip
async def test_a_batch_of_nothing_or_too_much_is_refused(body: bytes, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tasks/batch", content=body, headers={"content-type": "application/json"})
    assert check(answer).status_code == 400
    huge = await client.post("/v1/tasks/batch", content=b" " * 2_000_000)
    assert check(huge).status_code == 413


async def test_the_client_reads_the_list_and_a_batch_of_the_sandbox(sandbox: Sandbox) -> None:
    async with (
        httpx.AsyncClient(transport=InProcessTransport(sandbox.app)) as http,
        EvoLink(KEY, base_url=BASE_URL, files_url=BASE_URL, http=http) as evolink,
        client_of(sandbox) as client,
    ):
        task = await place(client, order())
        page = await evolink.list_tasks(model="kling-v3-motion-control")
        assert [(line.id, line.created_at) for line in page.tasks] == [(task["id"], task["created"])]
        assert [found.id for found in await evolink.get_many([task["id"], "task-unified-1"])] == [task["id"]]
