"""A result in several answers: what is put together is one version of it, whole, or nothing."""

import gzip
import os
from pathlib import Path

import pytest

from evolink_ui.evolink import EvoLink, ResultUnusable
from evolink_ui.evolink.download import PIECE_BYTES
from evolink_ui.evolink.policy import DOWNLOAD_ATTEMPTS
from tests.evolink.test_download import box, content_of
from tests.stub import Fault, Stub, answer, cut

RESULT = "/results/1.mp4?signature=secret"
KEPT = 2 * PIECE_BYTES
"""Bytes on disk after the first answer broke off."""

VIDEO = box(b"ftyp", 16) + box(b"moov", 1000) + box(b"mdat", 5 * PIECE_BYTES)
REST = "\0" * (len(VIDEO) - KEPT)


@pytest.fixture
def broken(stub: Stub) -> Stub:
    """The host's first answer breaks off."""
    stub.result_bytes = VIDEO
    stub.fail("result", cut(KEPT + 5))
    return stub


def rest(body: str, *, total: int | str = len(VIDEO), etag: str | None = None, **headers: str) -> Fault:
    span = f"bytes {KEPT}-{len(VIDEO) - 1}/{total}"
    named = {"content-range": span, "etag": etag or ""}
    return answer(206, body=body, headers={name: value for name, value in named.items() if value} | headers)


async def test_another_version_is_not_glued_on_by_a_host_that_ignores_the_condition(
    evolink: EvoLink, broken: Stub, tmp_path: Path
) -> None:
    broken.fail("result", rest("\1" * len(REST), etag='"another"'))
    await evolink.download(broken.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == VIDEO
    assert ["range" in seen.headers for seen in broken.seen] == [False, True, False]


async def test_more_bytes_than_announced_are_not_kept(evolink: EvoLink, broken: Stub, tmp_path: Path) -> None:
    broken.fail("result", rest(REST + "\0" * 5000))
    await evolink.download(broken.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == VIDEO


async def test_a_packed_continuation_of_a_plain_video_is_not_glued_on(
    evolink: EvoLink, broken: Stub, tmp_path: Path
) -> None:
    broken.fail("result", rest(REST, **{"content-encoding": "gzip"}))
    await evolink.download(broken.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == VIDEO


async def test_a_host_that_does_not_say_how_long_the_whole_is_can_continue(
    evolink: EvoLink, broken: Stub, tmp_path: Path
) -> None:
    broken.fail("result", rest(REST, total="*"))
    await evolink.download(broken.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == VIDEO
    assert broken.requests("result") == 2


async def test_a_continuation_that_brings_only_some_is_continued_in_turn(
    evolink: EvoLink, broken: Stub, tmp_path: Path
) -> None:
    broken.fail("result", rest(REST[:1000]))
    await evolink.download(broken.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == VIDEO
    assert broken.seen[-1].headers["range"] == f"bytes={KEPT + 1000}-"


async def test_a_packed_result_that_breaks_off_is_fetched_from_its_start(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    pictures = os.urandom(2 * PIECE_BYTES)
    video = box(b"ftyp", 16) + box(b"moov", 1000) + (len(pictures) + 8).to_bytes(4, "big") + b"mdat" + pictures
    stub.result_bytes, stub.result_headers = gzip.compress(video, 1), {"content-encoding": "gzip"}
    stub.fail("result", cut(PIECE_BYTES + 5))
    await evolink.download(stub.results_url + RESULT, tmp_path / "result.mp4")
    assert content_of(tmp_path / "result.mp4") == video
    assert not any("range" in seen.headers for seen in stub.seen)


async def test_a_result_that_is_another_one_each_time_is_given_up_soon(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    stub.result_bytes = VIDEO
    stub.fail("result", cut(KEPT + 5), rest(REST, etag='"another"'), times=100)
    with pytest.raises(ResultUnusable) as caught:
        await evolink.download(stub.results_url + RESULT, tmp_path / "result.mp4")
    assert (caught.value.code, caught.value.charged) == ("result_changed", "yes")
    assert stub.requests("result") <= 2 * DOWNLOAD_ATTEMPTS
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a test may wait for its disk


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.com/1.mp4", "https:///1.mp4"])
async def test_a_detour_to_what_is_no_web_link_is_not_taken(
    to: str, evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    stub.fail("result", answer(302, headers={"location": to}), times=100)
    with pytest.raises(ResultUnusable):
        await evolink.download(stub.results_url + RESULT, tmp_path / "result.mp4")
    assert stub.requests("result") == DOWNLOAD_ATTEMPTS
