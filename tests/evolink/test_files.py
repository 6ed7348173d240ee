"""Uploads: streamed from disk, whole or not at all, free of charge."""

import asyncio
import hashlib
import os
import tracemalloc
from pathlib import Path

import httpx
import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, InvalidRequest, LocalFileProblem, OutOfCredits
from tests.evolink.conftest import KEY, PICTURE_BYTES
from tests.stub import Stub, answer, drop


async def test_a_file_arrives_byte_for_byte_and_says_how_far_it_is(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    content = os.urandom(3_000_001)
    path = tmp_path / "dance.mp4"
    path.write_bytes(content)
    heard: list[int] = []
    stored = await evolink.upload(path, on_progress=heard.append)
    kept = stub.files[stored.file_id]
    assert (kept.size, kept.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert stored.file_size == len(content)
    assert stored.file_url.startswith(stub.files_url)
    assert stored.expires_at is not None
    assert heard[0] == 0
    assert heard == sorted(heard)
    assert heard[-1] == len(content)
    assert len(heard) > 5


async def test_an_upload_that_starts_again_says_so(evolink: EvoLink, stub: Stub, picture: Path) -> None:
    heard: list[int] = []
    stub.fail("upload", drop())
    await evolink.upload(picture, on_progress=heard.append)
    assert heard == [0, PICTURE_BYTES] * 2


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("dance.mov", "dance.mov"),
        ('a"b\r\nX-Evil: 1/..\\c.png', "a_b__X-Evil: 1_.._c.png"),
        ("Tänzerin \U0001f483.png", "T_nzerin _.png"),
        ("", "character.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)
async def test_a_files_name_cannot_break_out_of_the_form(
    name: str, sent: str, evolink: EvoLink, stub: Stub, picture: Path
) -> None:
    stored = await evolink.upload(picture, file_name=name)
    assert stub.files[stored.file_id].name == sent
    assert stub.files[stored.file_id].size == PICTURE_BYTES


async def test_an_empty_file_is_sent_as_it_is(evolink: EvoLink, stub: Stub, tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    assert stub.files[(await evolink.upload(path)).file_id].size == 0


async def test_a_file_that_is_not_there_is_named_without_its_path(evolink: EvoLink, stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(LocalFileProblem) as caught:
        await evolink.upload(tmp_path / "secret-folder" / "gone.png")
    assert (caught.value.code, caught.value.charged) == ("file_unreadable", "no")
    assert "secret-folder" not in f"{caught.value}{caught.value.to_dict()}"
    assert stub.seen == []


async def test_a_file_that_shrinks_on_the_way_is_our_problem_not_the_vendors(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    path = tmp_path / "shrinking.mp4"
    path.write_bytes(bytes(2_000_000))

    def shrink(sent: int) -> None:
        if sent:
            os.truncate(path, 300_000)

    with pytest.raises(LocalFileProblem):
        await evolink.upload(path, on_progress=shrink)
    assert stub.files == {}


@pytest.mark.parametrize("kind", [Exception, BrokenPipeError, TimeoutError, httpx.ReadError])
async def test_whoever_hears_of_the_progress_can_call_it_off(
    kind: type[Exception], evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    class Enough(kind):  # type: ignore[misc, valid-type]  # mypy knows no class that a test is given
        pass

    def enough(size: int) -> None:
        if size:
            raise Enough("enough")

    path = tmp_path / "large.mp4"
    path.write_bytes(bytes(3_000_000))
    with pytest.raises(Enough):
        await evolink.upload(path, on_progress=enough)
    with pytest.raises(Enough):
        await evolink.download(f"{stub.results_url}/results/1.mp4", tmp_path / "result.mp4", on_progress=enough)
    assert (stub.requests("upload"), stub.requests("result"), stub.files) == (1, 1, {})
    assert [file.name for file in tmp_path.iterdir()] == ["large.mp4"]  # noqa: ASYNC240 - a test may wait for its disk


async def test_a_file_that_grows_on_the_way_is_sent_as_long_as_it_was(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(bytes(1_000_000))

    def grow(sent: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    assert stub.files[(await evolink.upload(path, on_progress=grow)).file_id].size == 1_000_000


async def test_a_full_store_says_so_and_not_that_the_account_is_empty(
    evolink: EvoLink, stub: Stub, picture: Path
) -> None:
    stub.max_files = 1
    await evolink.upload(picture)
    with pytest.raises(OutOfCredits):
        await evolink.upload(picture)
    quota = await evolink.quota()
    assert (quota.used_files, quota.max_files, quota.remain_files) == (1, 1, 0)
    stub.fail("upload", answer(402, "quota_exceeded"))
    with pytest.raises(OutOfCredits) as caught:
        await evolink.upload(picture)
    assert "72 hours" in caught.value.next_step


async def test_a_declined_quota_says_so(evolink: EvoLink, stub: Stub) -> None:
    stub.fail("quota", answer(200, body={"success": False, "msg": "who are you"}))
    with pytest.raises(InvalidRequest) as caught:
        await evolink.quota()
    assert "who are you" in caught.value.message
    assert caught.value.status == 200


async def test_a_stored_file_without_an_address_is_asked_for_again(evolink: EvoLink, stub: Stub, picture: Path) -> None:
    stub.fail("upload", answer(200, body={"success": True, "data": {"file_id": "1"}}), answer(200, body={"data": None}))
    assert (await evolink.upload(picture)).file_url
    assert stub.requests("upload") == 3


async def test_deleting_what_is_gone_is_fine_and_deleting_what_is_not_ours_is_not(
    evolink: EvoLink, stub: Stub, picture: Path
) -> None:
    stored = await evolink.upload(picture)
    await evolink.delete_file(stored.file_id)
    await evolink.delete_file(stored.file_id)
    assert stub.files[stored.file_id].deleted
    stub.fail("delete", answer(200, body={"success": False, "code": 404, "msg": "gone"}))
    await evolink.delete_file(stored.file_id)
    stub.fail("delete", answer(200, body={"success": False, "code": 403, "msg": "no"}))
    with pytest.raises(EvoLinkError):
        await evolink.delete_file("file_of_another")
    stub.fail("delete", answer(403, "permission_denied"))
    with pytest.raises(EvoLinkError) as caught:
        await evolink.delete_file("file_of_another")
    assert caught.value.code == "permission_denied"


async def test_a_large_upload_is_never_held_in_memory_and_never_holds_up_the_loop(tmp_path: Path) -> None:
    size = 32 * 1024 * 1024
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(size)
    received = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while received < length:
            received += len(await reader.read(65536))
        body = b'{"data": {"file_id": "1", "file_url": "https://example.com/1"}}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with server, EvoLink(KEY, base_url=url, files_url=url) as evolink:
        tracemalloc.start()
        await evolink.upload(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    assert received > size
    assert peak < 5_000_000
    assert ticks > 100
