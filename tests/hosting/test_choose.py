"""Which hosts are asked, in which order, and what becomes of a file that one of them refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, Unauthorized
from evolink_ui.hosting import HostingError, LocalFile, choose_hosts, put_at_first
from evolink_ui.hosting.choose import is_reachable
from tests.stub import Stub, answer

from .conftest import Bucket, read, settings_for

S3 = {"s3_endpoint": "https://s3.example.com", "s3_bucket": "b", "s3_access_key_id": "k", "s3_secret_access_key": "s"}
OWN = {"public_url": "https://videos.example.com"}


def link_path(kind: str, job_id: str, /, *, suffix: str, live_seconds: int) -> str:
    return f"files/{kind}-{job_id}{suffix}"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["evolink"]),
        (S3, ["evolink", "s3"]),
        (OWN, ["evolink", "own"]),
        (S3 | OWN, ["evolink", "s3", "own"]),
        (S3 | OWN | {"hosting": "evolink"}, ["evolink"]),
        (S3 | OWN | {"hosting": "s3"}, ["s3"]),
        (S3 | OWN | {"hosting": "own"}, ["own"]),
        (S3 | {"s3_secret_access_key": None}, ["evolink"]),
    ],
)
def test_auto_asks_the_vendor_first_and_then_all_that_is_set_up(
    stub: Stub, tmp_path: Path, evolink: EvoLink, changes: dict[str, Any], names: list[str]
) -> None:
    settings = settings_for(stub, tmp_path, **changes)
    assert [host.name for host in choose_hosts(settings, evolink, link_path)] == names


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("https://videos.example.com", True),
        ("https://93.184.216.34", True),
        ("https://localhost:7860", False),
        ("https://192.168.1.5", False),
        ("https://[::1]", False),
        ("https://nas.local", False),
        ("https://app.internal", False),
        ("https://app", False),
        ("http://localhost:7860", False),
        ("", False),
    ],
)
def test_this_app_is_a_host_only_where_the_internet_can_reach_it(
    stub: Stub, tmp_path: Path, evolink: EvoLink, address: str, reachable: bool
) -> None:
    settings = settings_for(stub, tmp_path, public_url=address, allow_private_urls=False)
    assert is_reachable(settings) is reachable
    assert ("own" in [host.name for host in choose_hosts(settings, evolink, link_path)]) is reachable


@pytest.mark.parametrize("status", [400, 403, 413, 415, 422])
async def test_what_the_vendor_refuses_goes_to_the_next_host(
    stub: Stub,
    tmp_path: Path,
    evolink: EvoLink,
    bucket: Bucket,
    picture: LocalFile,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    stub.fail("upload", answer(status, body={"success": False, "code": status, "msg": "Unsupported", "data": None}))
    hosts = choose_hosts(settings_for(stub, tmp_path, **bucket.settings()), evolink, link_path)
    host, hosted = await put_at_first(hosts, picture)
    assert host.name == "s3"
    assert (await read(hosted.url)).content == picture.path.read_bytes()
    assert "it is at this app's own store" in caplog.text
    assert stub.files == {}


async def test_a_full_file_quota_is_no_end_either(
    stub: Stub, tmp_path: Path, evolink: EvoLink, picture: LocalFile
) -> None:
    stub.max_files = 0
    hosts = choose_hosts(settings_for(stub, tmp_path, **OWN), evolink, link_path)
    host, hosted = await put_at_first(hosts, picture)
    assert (host.name, hosted.url) == ("own", "https://videos.example.com/files/image-job-1.png")
    with pytest.raises(HostingError, match="may not keep more files"):
        await put_at_first(hosts[:1], picture)


async def test_where_nobody_is_left_all_are_named_and_the_three_ways_out(
    stub: Stub, evolink: EvoLink, tmp_path: Path, picture: LocalFile
) -> None:
    store = Bucket(stub.files_url, "files").settings()
    stub.fail("upload", answer(415, "unsupported"))
    stub.fail("file", answer(403))
    with pytest.raises(HostingError) as caught:
        await put_at_first(choose_hosts(settings_for(stub, tmp_path, **store), evolink, None), picture)
    error = caught.value
    assert error.code == "upload_refused"
    assert "EvoLink's file storage did not take the image" in error.message
    assert "The app's file store refuses" in error.message
    assert all(way in error.next_step for way in ("public https link", "EVOLINK_UI_S3_", "EVOLINK_UI_PUBLIC_URL"))
    assert str(picture.path.parent) not in error.message + error.next_step


async def test_an_address_that_nobody_reaches_is_not_used_however_it_is_named(
    stub: Stub, tmp_path: Path, evolink: EvoLink, picture: LocalFile
) -> None:
    settings = settings_for(stub, tmp_path, hosting="own", public_url="https://10.0.0.9", allow_private_urls=False)
    with pytest.raises(HostingError, match="Nothing was ordered or charged") as caught:
        await put_at_first(choose_hosts(settings, evolink, link_path), picture)
    assert "EVOLINK_UI_PUBLIC_URL" in caught.value.next_step


async def test_a_wrong_key_ends_it_at_once_because_the_order_would_fail_too(
    stub: Stub, tmp_path: Path, evolink: EvoLink, bucket: Bucket, picture: LocalFile
) -> None:
    stub.keys = {"another"}
    hosts = choose_hosts(settings_for(stub, tmp_path, **bucket.settings()), evolink, None)
    with pytest.raises(Unauthorized):
        await put_at_first(hosts, picture)
    assert bucket.keys() == []


async def test_a_vendor_that_is_down_is_passed_by_where_there_is_another_host(
    stub: Stub, tmp_path: Path, evolink: EvoLink, bucket: Bucket, picture: LocalFile
) -> None:
    hosts = choose_hosts(settings_for(stub, tmp_path, **bucket.settings()), evolink, None)
    stub.fail("upload", answer(503), times=20)
    assert (await put_at_first(hosts, picture))[0].name == "s3"
    with pytest.raises(EvoLinkError) as caught:
        await put_at_first(hosts[:1], picture)
    assert caught.value.retryable


async def test_the_vendors_copy_can_be_deleted_twice(stub: Stub, evolink: EvoLink, picture: LocalFile) -> None:
    host = choose_hosts(settings_for(stub, picture.path.parent), evolink, None)[0]
    hosted = await host.put(picture)
    assert hosted.file_id
    await host.delete(hosted.file_id)
    assert stub.files[hosted.file_id].deleted
    await host.delete(hosted.file_id)


@pytest.mark.parametrize("expiry", [None, "soon", "2026-01-01T00:00:00"])
async def test_an_end_that_the_vendor_does_not_tell_clearly_is_the_documented_one(
    stub: Stub, evolink: EvoLink, picture: LocalFile, expiry: str | None
) -> None:
    data = {"file_id": "f", "file_url": "https://files.example.com/f", "expires_at": expiry}
    stub.fail("upload", answer(200, body={"success": True, "code": 200, "msg": "ok", "data": data}))
    host = choose_hosts(settings_for(stub, picture.path.parent), evolink, None)[0]
    hosted = await host.put(picture)
    assert hosted.expires_at > picture.path.stat().st_mtime + 71 * 3600


def test_the_start_does_not_load_the_signer() -> None:
    check = "import sys, evolink_ui.jobs; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
