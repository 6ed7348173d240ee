"""A store of one's own: what arrives there, who may read it, and what a person hears when it refuses."""

from __future__ import annotations

import re
import socket
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import botocore.auth  # type: ignore[import-untyped]  # has no types
import botocore.awsrequest  # type: ignore[import-untyped]  # has no types
import botocore.credentials  # type: ignore[import-untyped]  # has no types
import pytest

from evolink_ui.hosting import HostingError, LocalFile
from evolink_ui.hosting.bucket import PAUSES_SECONDS
from evolink_ui.hosting.s3 import S3Host
from tests.stub import Stub, answer, drop

from .conftest import Bucket, read


def at(stub: Stub, pauses: list[float] | None = None) -> S3Host:
    """A host whose store is the stand-in's door, which can be told what to say."""

    async def note(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    return Bucket(stub.files_url, "files").host(sleep=note)


async def test_a_file_arrives_whole_and_anybody_with_the_link_can_read_it(bucket: Bucket, picture: LocalFile) -> None:
    hosted = await bucket.host().put(picture)
    found = await read(hosted.url)
    assert found.content == picture.path.read_bytes()
    assert found.headers["content-type"] == "image/png"
    assert hosted.file_id is not None
    assert bucket.keys() == [hosted.file_id]


async def test_a_presigned_link_lives_for_a_day_at_least_and_no_longer_than_we_say(
    bucket: Bucket, picture: LocalFile
) -> None:
    hosted = await bucket.host().put(picture)
    query = parse_qs(urlsplit(hosted.url).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
    life_seconds = int(query["X-Amz-Expires"][0])
    assert life_seconds >= 24 * 3600
    assert hosted.expires_at <= signed_at + life_seconds + 1


async def test_a_link_is_signed_as_amazons_own_library_signs_it(
    bucket: Bucket, picture: LocalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = (await bucket.host().put(picture)).url
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    now = datetime.strptime(query["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)
    credentials = botocore.credentials.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI-example")
    signer = botocore.auth.S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=int(query["X-Amz-Expires"][0]))
    request = botocore.awsrequest.AWSRequest("GET", f"{parts.scheme}://{parts.netloc}{parts.path}")
    signer.add_auth(request)
    assert parse_qs(urlsplit(request.url).query)["X-Amz-Signature"] == query["X-Amz-Signature"]


async def test_a_public_bucket_gives_plain_links_below_its_public_address(bucket: Bucket, picture: LocalFile) -> None:
    bucket.open_to_all()
    hosted = await bucket.host(public_url=f"{bucket.endpoint}/{bucket.name}").put(picture)
    assert hosted.url == f"{bucket.endpoint}/{bucket.name}/{hosted.file_id}"
    assert (await read(hosted.url)).content == picture.path.read_bytes()


async def test_names_can_not_be_guessed_and_end_as_the_file_does(bucket: Bucket, picture: LocalFile) -> None:
    host = bucket.host()
    names = {(await host.put(picture)).file_id for _ in range(3)}
    assert len(names) == 3
    for name in names:
        assert re.fullmatch(r"evolink-ui/[\w-]{32}\.png", name or "")


async def test_progress_counts_up_to_the_files_size(bucket: Bucket, picture: LocalFile) -> None:
    heard: list[int] = []
    await bucket.host().put(picture, on_progress=heard.append)
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0, picture.path.stat().st_size)
    assert len(heard) > 2


async def test_a_deleted_copy_is_gone_and_deleting_it_twice_is_fine(bucket: Bucket, picture: LocalFile) -> None:
    host = bucket.host()
    hosted = await host.put(picture)
    await host.delete(hosted.file_id or "")
    assert bucket.keys() == []
    await host.delete(hosted.file_id or "")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (403, "store_denied", "ACCESS_KEY_ID"),
        (404, "store_bucket_missing", "BUCKET"),
        (301, "store_refused", "ENDPOINT"),
        (400, "store_refused", "REGION"),
    ],
)
async def test_a_refusal_names_what_to_correct_and_is_not_repeated(
    stub: Stub, picture: LocalFile, caplog: pytest.LogCaptureFixture, status: int, code: str, says: str
) -> None:
    said = "<Error><Code>TellsTheOwner</Code><Message>the secret bucket of anna</Message></Error>"
    stub.fail("file", answer(status, body=said))
    with pytest.raises(HostingError) as caught:
        await at(stub).put(picture)
    assert caught.value.code == code
    assert "Nothing was ordered or charged" in caught.value.message
    assert says in caught.value.next_step
    assert "secret bucket" not in caught.value.message + caught.value.next_step + caplog.text
    assert "TellsTheOwner" in caplog.text
    assert [seen.method for seen in stub.seen] == ["PUT"]


async def test_a_store_that_stumbles_is_asked_again_and_gets_the_whole_file(stub: Stub, picture: LocalFile) -> None:
    stub.fail("file", answer(503), drop(), answer(200))
    heard: list[int] = []
    pauses: list[float] = []
    await at(stub, pauses).put(picture, on_progress=heard.append)
    assert heard.count(0) == 3
    assert heard[-1] == picture.path.stat().st_size
    assert pauses == list(PAUSES_SECONDS[:2])
    sizes = {seen.headers["content-length"] for seen in stub.seen}
    assert sizes == {str(picture.path.stat().st_size)}


async def test_a_store_that_is_away_is_said_to_be_away(stub: Stub, picture: LocalFile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(HostingError) as caught:
        await Bucket(address, "files").host(sleep=note).put(picture)
    assert caught.value.code == "store_unreachable"
    assert pauses == list(PAUSES_SECONDS)


async def test_a_file_that_shrinks_while_it_is_sent_is_an_error_of_the_disk(stub: Stub, picture: LocalFile) -> None:
    def cut(sent: int) -> None:
        if sent:
            picture.path.write_bytes(b"")

    with pytest.raises(OSError, match="shorter"):
        await at(stub).put(picture, on_progress=cut)


def test_an_address_is_used_again_only_for_the_same_account_and_place() -> None:
    first = Bucket("https://s3.example.com", "one")
    scopes = {
        first.host().scope("anna", "job"),
        first.host().scope("ben", "job"),
        first.host(public_url="https://cdn.example.com").scope("anna", "job"),
        Bucket("https://s3.example.com", "two").host().scope("anna", "job"),
    }
    assert len(scopes) == 4
    assert first.host().scope("anna", "job") == first.host().scope("anna", "another job")
    assert max(map(len, scopes)) <= 64
