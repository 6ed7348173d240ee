"""The key goes to EvoLink's two hosts, encrypted, and nowhere else."""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, MotionControlRequest
from evolink_ui.evolink.key import ApiKey
from tests.evolink.conftest import KEY
from tests.stub import Stub, answer, cut, drop, garbage, hang
from tests.stub.faults import Place


@pytest.mark.parametrize(
    "url",
    [
        "http://api.evolink.ai", "http://10.0.0.1", "http://192.168.1.1:8080", "http://127.0.0.1.example.com",
        "http://localhost.example.com", "ftp://127.0.0.1", "api.evolink.ai", "", "https://", "https://user:word@host",
        "https://host?key=1", "https://host#part", "https://host?", "https://host/#",
        "http://0x7f.1/", "https://ho st", "http://[::2]", "https://host:port", "https://host\n",
    ],
)  # fmt: skip
def test_a_key_is_not_sent_where_it_could_be_read(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        EvoLink(KEY, base_url=url)
    with pytest.raises(ValueError, match="base URL"):
        EvoLink(KEY, files_url=url)


@pytest.mark.parametrize(
    "url",
    ["https://api.evolink.ai", "https://proxy.example/evolink/", "http://127.0.0.1:9000", "http://127.9.9.9", "http://[::1]:80",
     "http://localhost:9000", "https://sandbox.evolink.invalid"],
)  # fmt: skip
def test_encrypted_and_local_addresses_are_fine(url: str) -> None:
    EvoLink(KEY, base_url=url, files_url=url)


@pytest.mark.parametrize("key", ["", "   ", "two words", "line\nbreak", "schlüssel", "x" * 600, None, 7])
def test_what_cannot_be_a_key_is_refused_without_being_repeated(key: object) -> None:
    with pytest.raises(ValueError, match="API key must be") as caught:
        EvoLink(key)  # type: ignore[arg-type]  # on purpose
    assert not isinstance(key, str) or not key.strip() or key not in str(caught.value)


def test_a_key_shows_itself_to_nobody() -> None:
    key = ApiKey(f" {KEY}\n")
    assert key.header() == f"Bearer {KEY}"
    assert KEY not in f"{key!r} {key} {EvoLink(KEY)!r}"
    with pytest.raises(TypeError):
        pickle.dumps(key)


async def test_the_key_is_in_no_log_and_no_exception_with_all_that_hangs_on_it(
    evolink: EvoLink,
    stub: Stub,
    request_: MotionControlRequest,
    picture: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caught: list[BaseException] = []
    deeds: list[tuple[Place, Callable[[], Awaitable[object]]]] = [
        ("order", lambda: evolink.create(request_)),
        ("task", lambda: evolink.get("task-1")),
        ("credits", evolink.credits),
        ("upload", lambda: evolink.upload(picture)),
        ("result", lambda: evolink.download(f"{stub.results_url}/results/1.mp4", tmp_path / "r")),
    ]
    echo = answer(403, "made_up", message=f"the key {KEY} may not do this")
    for fault in (drop(), cut(5), garbage(f"Bearer {KEY}"), echo, answer(500, message=KEY)):
        for place, deed in deeds:
            stub.faults.clear()
            stub.fail(place, fault, times=30)
            with pytest.raises(EvoLinkError) as raised:
                await deed()
            caught.append(raised.value)
    stub.fail("order", hang(0.1))
    with pytest.raises(EvoLinkError) as raised:
        await evolink.create(request_)
    caught.append(raised.value)
    seen: set[int] = set()
    while caught:
        link = caught.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        assert KEY not in "".join(traceback.format_exception(link)) + repr(link) + str(vars(link))
        assert not type(link).__module__.startswith("http"), "a library's exception hangs on ours"
        caught += [further for further in (link.__cause__, link.__context__) if further is not None]
    assert len(seen) > 20
    assert KEY not in caplog.text


async def test_the_key_follows_no_detour(evolink: EvoLink, stub: Stub) -> None:
    stub.fail("credits", answer(307, headers={"location": f"{stub.results_url}/results/steal"}), times=2)
    await evolink.credits()
    assert {seen.host for seen in stub.seen} == {"api"}


async def test_the_key_does_not_pass_a_proxy_on_its_way_to_this_machine(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stub() as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url)
        async with EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url) as evolink:
            await evolink.credits()
            await evolink.quota()
        assert proxy.seen == []
    assert len(stub.seen) == 2


async def test_two_keys_share_connections_and_nothing_else(stub: Stub) -> None:
    stub.keys = {"first-key", "second-key"}
    async with (
        EvoLink("first-key", base_url=stub.base_url, files_url=stub.files_url) as first,
        EvoLink("second-key", base_url=stub.base_url, files_url=stub.files_url) as second,
    ):
        await asyncio.gather(first.credits(), second.credits(), first.quota(), second.quota())
    sent = sorted((seen.host, seen.headers["authorization"]) for seen in stub.seen)
    assert sent == sorted((host, f"Bearer {key}") for host in ("api", "files") for key in ("first-key", "second-key"))
