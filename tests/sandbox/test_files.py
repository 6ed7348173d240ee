"""Uploads: every way in, what is refused, and that what was stored can be read by anybody who has the link."""

from __future__ import annotations

import asyncio
import base64
import tracemalloc
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from evolink_ui.sandbox import Sandbox

from .conftest import BASE_URL, KEY, Clock, SandboxMaker, client_of, contents, order, place, upload, wait_for
from .receiver import Receiver

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
STREAM, BASE64, BY_URL = (f"/api/v1/files/upload/{way}" for way in ("stream", "base64", "url"))


def left_over(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "sandbox" / "files").iterdir()]


async def test_what_was_uploaded_is_public_under_its_links(client: httpx.AsyncClient, image: Path) -> None:
    file = await upload(client, image, upload_path="photos/of mine", file_name="me & you.png")
    assert (file["file_name"], file["original_name"]) == ("me & you.png", "figure.png")
    assert (file["mime_type"], file["file_size"]) == ("image/png", len(contents(image)))
    assert file["upload_path"] == "photos/of mine"
    life = datetime.fromisoformat(file["expires_at"]) - datetime.fromisoformat(file["upload_time"])
    assert life.total_seconds() == 72 * 3600
    async with httpx.AsyncClient(transport=client._transport) as anybody:
        shown = await anybody.get(file["file_url"])
        assert shown.content == contents(image)
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "content-disposition" not in shown.headers
        saved = await anybody.get(file["download_url"], headers={"Range": "bytes=0-7"})
        assert (saved.status_code, saved.content) == (206, PNG[:8])
        assert "me%20%26%20you.png" in saved.headers["content-disposition"]


async def test_camel_case_fields_are_understood(client: httpx.AsyncClient, image: Path) -> None:
    file = await upload(client, image, uploadPath="a/b", fileName="c.png")
    assert (file["upload_path"], file["file_name"]) == ("a/b", "c.png")


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
async def test_base64_is_decoded(client: httpx.AsyncClient, prefix: str) -> None:
    text = prefix + base64.b64encode(PNG).decode()
    file = (await client.post(BASE64, json={"base64_data": text, "upload_path": "p"})).json()["data"]
    assert (file["mime_type"], file["file_size"]) == ("image/png", len(PNG))
    assert file["file_name"].endswith(".png")
    assert (await client.get(file["file_url"])).content == PNG


async def test_a_link_is_fetched_and_our_own_links_too(make_sandbox: SandboxMaker, receiver: Receiver) -> None:
    receiver.files = {"/some/pic.png": PNG}
    async with client_of(make_sandbox(allow_private_urls=True)) as client:
        file = (await client.post(BY_URL, json={"file_url": f"{receiver.url}/some/pic.png"})).json()["data"]
        assert (file["file_name"], file["file_size"]) == ("pic.png", len(PNG))
        again = (await client.post(BY_URL, json={"file_url": file["download_url"], "file_name": "b.png"})).json()
        assert (await client.get(again["data"]["file_url"])).content == PNG
        missing = await client.post(BY_URL, json={"file_url": f"{receiver.url}/none.png"})
        assert missing.status_code == 400
        assert "status 404" in missing.json()["msg"]


async def test_a_large_upload_is_never_held_in_memory(client: httpx.AsyncClient, tmp_path: Path) -> None:
    size_bytes, piece = 60_000_000, bytes(500_000)
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(size_bytes // len(piece)):
            yield piece
        yield b"\r\n--B--\r\n"

    tracemalloc.start()
    try:
        answer = await client.post(STREAM, content=body(), headers={"Content-Type": "multipart/form-data; boundary=B"})
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json()["data"]["file_size"] == size_bytes
    assert peak_bytes < 12_000_000


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_above_100_mb_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, tmp_path: Path, announced: bool
) -> None:
    piece = bytes(1_000_000)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        for _ in range(130):
            sent += len(piece)
            yield piece

    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    if announced:
        headers["Content-Length"] = "130000000"
    answer = await client.post(STREAM, content=body(), headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (413, False)
    assert sent <= (0 if announced else 103_000_000)
    assert left_over(tmp_path) == []


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=B"}
PART = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", BOUNDARY, 400),
        (PART % (b"file", b'; filename="a.png"', PNG), BOUNDARY, 400),  # cut off
        (PART % (b"other", b"", b"x") + b"--B--\r\n", BOUNDARY, 400),
        (PART % (b"file", b'; filename="a.png"', PNG) * 2 + b"--B--\r\n", BOUNDARY, 400),
        (PART % (b"file", b'; filename="a.png"', b"") + b"--B--\r\n", BOUNDARY, 400),
        (PART % (b"file_name", b"", b"x" * 5000) + b"--B--\r\n", BOUNDARY, 400),
        (PART % (b"a", b"", b"x") * 30 + b"--B--\r\n", BOUNDARY, 400),
        (b"nonsense", BOUNDARY, 400),
        (b"{}", {"Content-Type": "application/json"}, 400),
        (b"x", {"Content-Type": "multipart/form-data"}, 400),
        (PART % (b"file", b'; filename="a.svg"', b"<svg/>") + b"--B--\r\n", BOUNDARY, 415),
        (PART % (b"file", b'; filename="a.exe"', b"MZ") + b"--B--\r\n", BOUNDARY, 415),
    ],
)
async def test_what_is_no_upload_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, tmp_path: Path, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await client.post(STREAM, content=content, headers=headers)
    assert answer.status_code == status
    assert "Nothing was stored" in answer.json()["msg"] or "field 'file'" in answer.json()["msg"]
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (BASE64, {}),
        (BASE64, {"base64_data": ""}),
        (BASE64, {"base64_data": 7}),
        (BASE64, {"base64_data": "A"}),
        (BASE64, []),
        (BY_URL, {}),
        (BY_URL, {"file_url": "nonsense"}),
        (BY_URL, {"file_url": "file:///etc/passwd"}),
        (BY_URL, {"file_url": "http://127.0.0.1:9/a.png"}),
        (BY_URL, {"file_url": f"{BASE_URL}/files/file_none/a.png"}),
    ],
)
async def test_wrong_json_uploads_are_refused_and_leave_nothing(
    client: httpx.AsyncClient, tmp_path: Path, path: str, body: object
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400
    assert "Nothing was stored" in answer.json()["msg"]
    assert left_over(tmp_path) == []


async def test_json_that_is_none_or_too_long_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(BASE64, content=b"{")).status_code == 400
    assert (await client.post(BY_URL, json={"file_url": "x" * 20_000})).status_code == 413


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("a\\b\\c.png", "c.png"),
        ("nul\x00byte.png", "nul_byte.png"),
        ("x" * 300 + ".png", "x" * 108 + ".png"),
        ("Zo\u0065\u0308.png", "Zo\u00eb.png"),
    ],
)
async def test_names_cannot_lead_out_of_their_folder(client: httpx.AsyncClient, given: str, kept: str) -> None:
    body = {"base64_data": base64.b64encode(PNG).decode(), "file_name": given, "upload_path": "../..//x/./../y"}
    file = (await client.post(BASE64, json=body)).json()["data"]
    assert (file["file_name"], file["upload_path"]) == (kept, "x/y")
    assert (await client.get(file["file_url"])).content == PNG


async def test_files_are_listed_page_by_page_counted_and_deleted(sandbox: Sandbox, image: Path) -> None:
    async with client_of(sandbox) as client, client_of(sandbox, "somebody-else") as other:
        ids = [(await upload(client, image))["file_id"] for _ in range(3)]
        listed = [
            file["file_id"]
            for page in (1, 2)
            for file in (await client.get(f"/api/v1/files/list?page={page}&pageSize=2")).json()["data"]["files"]
        ]
        assert sorted(listed) == sorted(ids)
        assert (await client.get("/api/v1/files/quota")).json()["data"]["used_files"] == 3
        assert (await other.get("/api/v1/files/list")).json()["data"]["total"] == 0
        assert (await other.delete(f"/api/v1/files/{ids[0]}")).status_code == 404
        assert (await client.delete(f"/api/v1/files/{ids[0]}")).status_code == 200
        assert (await client.get(f"/api/v1/files/download/{ids[0]}")).status_code == 404
        assert (await client.get("/api/v1/files/list")).json()["data"]["total"] == 2
        assert (await client.get("/api/v1/files/list?pageSize=x")).status_code == 400


async def test_a_full_quota_refuses_uploads_until_something_is_deleted(make_sandbox: SandboxMaker, image: Path) -> None:
    async with client_of(make_sandbox(max_files=2)) as client:
        file = await upload(client, image)
        answers = await asyncio.gather(*(client.post(STREAM, files={"file": ("a.png", PNG)}) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
        assert (await client.get("/api/v1/files/quota")).json()["data"]["remain_files"] == 0
        await client.delete(f"/api/v1/files/{file['file_id']}")
        await upload(client, image)


async def test_files_die_after_72_hours_and_results_after_24(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    clock = Clock()
    first = make_sandbox(clock=clock)
    async with client_of(first) as client:
        picture, clip = await upload(client, image), await upload(client, video)
        task = await place(client, order(picture["file_url"], clip["file_url"]))
        [result] = (await wait_for(client, task["id"]))["results"]
        clock.ahead_seconds = 23.9 * 3600
        assert (await client.get(result)).status_code == 200
        clock.ahead_seconds = 24.1 * 3600
        assert (await client.get(result)).status_code == 404
        assert (await client.get(picture["file_url"])).status_code == 200
        assert (await client.get(f"/v1/tasks/{task['id']}")).json()["status"] == "completed"
        clock.ahead_seconds = 72.1 * 3600
        assert (await client.get(picture["file_url"])).status_code == 404
        late = await wait_for(client, (await place(client, order(picture["file_url"], clip["file_url"])))["id"])
        assert "expired" in late["error"]["message"]
    first.close()
    async with client_of(make_sandbox(clock=clock)) as client:
        await place(client, order())
        for _ in range(250):
            if not left_over(tmp_path) and not list((tmp_path / "sandbox" / "results").iterdir()):
                break
            await asyncio.sleep(0.02)
        assert left_over(tmp_path) == []
        assert list((tmp_path / "sandbox" / "results").iterdir()) == []


async def test_bytes_that_vanished_from_the_disk_are_a_404(
    client: httpx.AsyncClient, image: Path, tmp_path: Path
) -> None:
    file = await upload(client, image)
    for name in left_over(tmp_path):
        (tmp_path / "sandbox" / "files" / name).unlink()
    assert (await client.get(file["file_url"])).status_code == 404


async def test_keys_are_not_kept_on_disk(sandbox: Sandbox, tmp_path: Path, image: Path) -> None:
    async with client_of(sandbox, f"{KEY}-that-is-secret") as client:
        await upload(client, image)
        await place(client, order())
    sandbox.close()
    stored = b"".join(contents(path) for path in (tmp_path / "sandbox").rglob("*") if path.is_file())
    assert b"that-is-secret" not in stored
