"""One Idempotency-Key, one task."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from evolink_ui.sandbox import Sandbox

from .conftest import SandboxMaker, client_of, order, place, wait_for

PATH = "/v1/videos/generations"
KEY = "order-0123456789abcdef"


async def test_the_same_key_again_gives_the_first_task_and_says_so(client: httpx.AsyncClient) -> None:
    first = await client.post(PATH, json=order(), headers={"Idempotency-Key": KEY})
    await wait_for(client, first.json()["id"])
    reordered = dict(reversed(order().items()))
    again = await client.post(PATH, json=reordered, headers={"Idempotency-Key": KEY})
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


async def test_many_at_once_with_one_key_make_one_task(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(client.post(PATH, json=order(), headers={"Idempotency-Key": KEY}) for _ in range(12))
    )
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_the_same_key_with_another_order_is_a_conflict(client: httpx.AsyncClient) -> None:
    await place(client, order(), **{"Idempotency-Key": KEY})
    other = await client.post(PATH, json={**order(), "prompt": "other"}, headers={"Idempotency-Key": KEY})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")


async def test_a_key_is_the_accounts_own_and_outlives_a_restart(make_sandbox: SandboxMaker, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, client_of(sandbox, "somebody-else") as other:
        first = await place(client, order(), **{"Idempotency-Key": KEY})
        theirs = await place(other, order(), **{"Idempotency-Key": KEY})
        assert theirs["id"] != first["id"]
    sandbox.close()
    async with client_of(make_sandbox()) as client:
        assert (await place(client, order(), **{"Idempotency-Key": KEY}))["id"] == first["id"]


async def test_a_refused_order_does_not_use_the_key_up(client: httpx.AsyncClient) -> None:
    refused = await client.post(PATH, json={**order(), "quality": "4k"}, headers={"Idempotency-Key": KEY})
    assert refused.status_code == 400
    await place(client, order(), **{"Idempotency-Key": KEY})


@pytest.mark.parametrize("key", ["", "short", "x" * 97, "sixteen chars  no", "0123456789abcdef/"])
async def test_a_key_of_another_form_is_refused(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post(PATH, json=order(), headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["error"]["message"]
