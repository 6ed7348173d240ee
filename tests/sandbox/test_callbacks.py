"""A finished task is told to whoever asked for it, over a real socket, and again if that fails."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from evolink_ui.sandbox import Sandbox, options
from evolink_ui.sandbox.callbacks import Callbacks
from evolink_ui.sandbox.database import Database
from evolink_ui.sandbox.keys import Account
from evolink_ui.sandbox.orders import judge
from evolink_ui.sandbox.speed import Speeds
from evolink_ui.sandbox.tasks import Tasks

from .conftest import SandboxMaker, client_of, order, place, uploaded_order, wait_for
from .receiver import Receiver

QUICK = (0.1, 0.2, 0.4)


async def heard(receiver: Receiver, times: int, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while len(receiver.received) < times:
        assert time.monotonic() < deadline, f"only {len(receiver.received)} of {times}"
        await asyncio.sleep(0.02)


async def test_a_completed_task_is_told_once_in_the_shape_in_which_it_is_read(
    make_sandbox: SandboxMaker, receiver: Receiver, image: Path, video: Path
) -> None:
    async with client_of(make_sandbox(allow_private_urls=True)) as client:
        body = {**await uploaded_order(client, image, video), "callback_url": f"{receiver.url}/done?token=1"}
        task = await place(client, body)
        read = await wait_for(client, task["id"])
        await heard(receiver, 1)
        await asyncio.sleep(1.2)  # longer than a look of the scheduler
    [(_, path, told)] = receiver.received
    assert (path, told) == ("/done?token=1", read)


@pytest.mark.parametrize("failure", [500, 302, 0])
async def test_a_failed_delivery_is_repeated_with_growing_pauses(
    make_sandbox: SandboxMaker, receiver: Receiver, failure: int
) -> None:
    receiver.answers = [failure, failure, 204]
    async with client_of(make_sandbox(allow_private_urls=True, callback_retry_seconds=QUICK)) as client:
        task = await place(client, {**order(), "callback_url": f"{receiver.url}/done"})
        await heard(receiver, 3)
        await asyncio.sleep(0.6)
    assert [told["id"] for _, _, told in receiver.received] == [task["id"]] * 3
    assert receiver.received[0][2]["status"] == "failed"
    times = [at for at, _, _ in receiver.received]
    assert times[1] - times[0] >= QUICK[0]
    assert times[2] - times[1] >= QUICK[1]


async def test_the_repeats_come_1_2_and_4_seconds_later_and_then_it_is_given_up(
    make_sandbox: SandboxMaker, receiver: Receiver
) -> None:
    receiver.answers = [503]
    async with client_of(make_sandbox(allow_private_urls=True)) as client:
        await place(client, {**order(), "callback_url": f"{receiver.url}/done"})
        await heard(receiver, 4)
        await asyncio.sleep(1.3)
    times = [at for at, _, _ in receiver.received]
    pauses = [after - before for before, after in pairwise(times)]
    documented = (1.0, 2.0, 4.0)
    assert all(pause >= least for pause, least in zip(pauses, documented, strict=True))
    assert documented == options.CALLBACK_RETRY_SECONDS  # no more either: how late a loaded machine is, nobody knows


async def test_a_receiver_that_says_nothing_is_called_again(
    make_sandbox: SandboxMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert options.CALLBACK_TIMEOUT_SECONDS == 10.0  # as documented; too long to be waited for here
    monkeypatch.setattr("evolink_ui.sandbox.callbacks.CALLBACK_TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        sandbox = make_sandbox(allow_private_urls=True, callback_retry_seconds=QUICK)
        async with client_of(sandbox) as client:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/done"
            await place(client, {**order(), "callback_url": url})
            calls = [(await asyncio.to_thread(listener.accept))[0] for _ in range(4)]
        for call in calls:
            call.close()


def test_a_delivery_that_ends_while_the_next_are_looked_for_is_not_made_again(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = options.Options(allow_private_urls=True)
    database = Database(tmp_path / "sandbox.sqlite3")
    tasks = Tasks(database, Speeds(database, chosen), chosen)
    told = judge({**order(), "callback_url": f"{receiver.url}/done"}, allow_private=True)
    answer, _ = tasks.create(Account("somebody", penniless=False), told, "digest")
    task = tasks.find(answer["id"])
    assert task is not None
    tasks.fail(task, "service_error", "It failed.")
    callbacks = Callbacks(database, tasks, chosen)
    [callback] = callbacks.take(1)
    real = database.read

    def slow(sql: str, *values: object) -> list[sqlite3.Row]:
        rows = real(sql, *values)
        monkeypatch.undo()
        callbacks.make(callback, threading.Event())
        return rows

    monkeypatch.setattr(database, "read", slow)
    assert callbacks.take(1) == []
    assert len(receiver.received) == 1
    database.close()


async def test_a_delivery_that_a_restart_cut_off_goes_on_and_counts_its_attempts(
    make_sandbox: SandboxMaker, receiver: Receiver
) -> None:
    receiver.answers = [503]
    first = make_sandbox(allow_private_urls=True, callback_retry_seconds=(0.1, 60.0, 0.1))
    async with client_of(first) as client:
        await place(client, {**order(), "callback_url": f"{receiver.url}/done"})
        await heard(receiver, 2)
        await asyncio.sleep(0.2)
    await asyncio.to_thread(first.close)
    make_sandbox(allow_private_urls=True, callback_retry_seconds=(0.1, 0.1, 0.1))
    await heard(receiver, 4)
    await asyncio.sleep(0.5)
    assert len(receiver.received) == 4


async def test_a_name_that_leads_to_loopback_is_not_called(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def leads_home(host: str, *args: object, **kwargs: object) -> object:
        return real("127.0.0.1" if host == "attacker.example" else host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", leads_home)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1.5)
        async with client_of(sandbox) as client:
            url = f"https://attacker.example:{listener.getsockname()[1]}/x"
            task = await place(client, {**order(), "callback_url": url})
            assert (await wait_for(client, task["id"]))["status"] == "failed"
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(listener.accept)


async def test_an_unanswered_callback_does_not_hold_up_closing(make_sandbox: SandboxMaker, unanswering: str) -> None:
    sandbox = make_sandbox(allow_private_urls=True)
    async with client_of(sandbox) as client:
        task = await place(client, {**order(), "callback_url": f"{unanswering}/done"})
        await wait_for(client, task["id"])
        await asyncio.sleep(0.3)
    began = time.monotonic()
    await asyncio.to_thread(sandbox.close)
    assert time.monotonic() - began < 1.0
    with pytest.raises(httpx.ReadTimeout):
        async with httpx.AsyncClient(timeout=0.1) as probe:  # the receiver really says nothing
            await probe.get(unanswering)
