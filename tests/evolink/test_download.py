"""Bringing results home: whole, resumed, checked, and without the key."""

import asyncio
import gzip
import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evolink_ui.evolink import EvoLink, EvoLinkError, LocalFileProblem, ResultUnusable, Timeouts
from evolink_ui.evolink.download import PIECE_BYTES
from evolink_ui.evolink.video import problem_of
from tests.evolink.conftest import KEY, FakeTime
from tests.stub import Stub, answer, cut, drip, drop, garbage

RESULT = "/results/1.mp4?signature=secret"


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def box(name: bytes, size: int) -> bytes:
    return (size + 8).to_bytes(4, "big") + name + bytes(size)


@pytest.fixture
def large(stub: Stub) -> bytes:
    """A result of a few pieces, in the outermost shape of an MP4."""
    content = box(b"ftyp", 16) + box(b"moov", 1000) + box(b"mdat", 5 * PIECE_BYTES)
    stub.result_bytes = content
    return content


@pytest.fixture
def earlier(tmp_path: Path) -> bytes:
    """A result that is already there."""
    (tmp_path / "result.mp4").write_bytes(b"an earlier result")
    return b"an earlier result"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Where the result goes; afterwards no part of it may lie beside it."""
    yield tmp_path / "result.mp4"
    assert [path.name for path in tmp_path.iterdir() if path.name != "result.mp4"] == []


async def test_a_real_video_arrives_byte_for_byte(evolink: EvoLink, stub: Stub, target: Path, clip: bytes) -> None:
    heard: list[int] = []
    assert await evolink.download(stub.results_url + RESULT, target, on_progress=heard.append) == len(clip)
    assert content_of(target) == clip
    assert heard == [len(clip)]


async def test_a_result_that_breaks_off_goes_on_where_it_broke_off(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    stub.fail("result", cut(2 * PIECE_BYTES + 5), cut(PIECE_BYTES + 5), drop(), answer(503))
    heard: list[int] = []
    await evolink.download(stub.results_url + RESULT, target, on_progress=heard.append)
    assert content_of(target) == large
    ranges = [seen.headers.get("range") for seen in stub.seen]
    ends = [f"bytes={2 * PIECE_BYTES}-"] + [f"bytes={3 * PIECE_BYTES}-"] * 3
    assert ranges == [None, *ends]
    assert all("if-range" in seen.headers for seen in stub.seen[1:])
    assert heard == sorted(heard), "nothing was fetched twice"


async def test_a_result_that_breaks_off_many_times_still_arrives_while_it_moves(
    evolink: EvoLink, stub: Stub, target: Path
) -> None:
    stub.result_bytes = box(b"ftyp", 16) + box(b"moov", 1000) + box(b"mdat", 20 * PIECE_BYTES)
    stub.fail("result", cut(PIECE_BYTES), times=15)
    assert await evolink.download(stub.results_url + RESULT, target) == len(stub.result_bytes)
    assert stub.requests("result") == 16


async def test_a_result_that_changed_meanwhile_is_fetched_from_its_start(
    evolink: EvoLink, stub: Stub, fake_time: FakeTime, target: Path, large: bytes
) -> None:
    other = box(b"ftyp", 16) + box(b"mdat", 4 * PIECE_BYTES) + box(b"moov", 900)

    def replace() -> None:
        stub.result_bytes = other

    fake_time.before_pause = replace
    stub.fail("result", cut(2 * PIECE_BYTES + 5))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == other


async def test_a_host_that_cannot_continue_is_asked_from_the_start(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    stub.ranges = False
    stub.fail("result", cut(2 * PIECE_BYTES + 5))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == large


@pytest.mark.parametrize(
    "wrong",
    [
        {"content-range": "bytes 7-9/10"},
        {"content-range": "nonsense"},
        {"content-range": f"bytes {'7' * 5000}-9/10"},
        {"content-range": f"bytes {2 * PIECE_BYTES}-9999999/10000000"},
    ],
)
async def test_a_continuation_of_something_else_is_not_glued_on(
    wrong: dict[str, str], evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    stub.fail("result", cut(2 * PIECE_BYTES + 5), answer(206, body="xyz", headers=wrong))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == large


async def test_a_range_that_the_host_refuses_starts_again(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    stub.fail("result", cut(2 * PIECE_BYTES + 5), answer(416))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == large


async def test_a_result_without_announced_length_that_is_cut_short_is_fetched_again(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    stub.result_headers = {"x-stub-no-length": "1"}
    stub.fail("result", cut(PIECE_BYTES + 5))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == large


async def test_a_page_in_place_of_the_result_is_refused_and_fetched_again(
    evolink: EvoLink, stub: Stub, target: Path, clip: bytes
) -> None:
    stub.fail("result", garbage("<html>Please wait</html>"), answer(200, body=""), answer(200, body={"error": "busy"}))
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == clip


async def test_a_result_that_is_no_video_leaves_what_was_there_before(
    evolink: EvoLink, stub: Stub, target: Path, earlier: bytes
) -> None:
    stub.result_bytes = b"\x89PNG\r\n\x1a\n" + bytes(1000)
    with pytest.raises(ResultUnusable) as caught:
        await evolink.download(stub.results_url + RESULT, target)
    assert (caught.value.code, caught.value.charged, caught.value.retryable) == ("result_not_a_video", "yes", True)
    assert content_of(target) == earlier


async def test_a_compressed_result_is_unpacked(evolink: EvoLink, stub: Stub, target: Path, clip: bytes) -> None:
    stub.result_bytes = gzip.compress(clip)
    stub.result_headers = {"content-encoding": "gzip"}
    await evolink.download(stub.results_url + RESULT, target)
    assert content_of(target) == clip


async def test_the_key_goes_to_no_host_of_results_not_even_behind_a_detour(
    evolink: EvoLink, stub: Stub, target: Path
) -> None:
    stub.fail("result", answer(302, headers={"location": f"{stub.base_url}/results/2.mp4"}))
    await evolink.download(stub.results_url + RESULT, target)
    assert [seen.host for seen in stub.seen] == ["results", "api"]
    assert not any(KEY in str(seen.headers) or "authorization" in seen.headers for seen in stub.seen)


async def test_a_detour_in_circles_ends(evolink: EvoLink, stub: Stub, target: Path) -> None:
    stub.fail("result", answer(302, headers={"location": "/results/1.mp4"}), times=200)
    with pytest.raises(ResultUnusable) as caught:
        await evolink.download(stub.results_url + RESULT, target)
    assert caught.value.code == "result_redirected"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "result.mp4",
        "ftp://example.com/1.mp4",
        "file:///etc/passwd",
        "http://",
        "https://u:p@h/1",
        "http://host:port",
    ],
)
async def test_what_is_no_web_link_is_not_fetched(link: str, evolink: EvoLink, target: Path) -> None:
    with pytest.raises(ResultUnusable) as caught:
        await evolink.download(link, target)
    assert caught.value.code == "result_bad_link"


async def test_an_address_that_the_given_client_refuses_is_not_fetched_again(stub: Stub, target: Path) -> None:
    class PublicOnly(httpx.AsyncBaseTransport):
        asked = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            raise PermissionError(f"{request.url.host} is private") if self.asked > 9 else LookupError("private")

    wall = PublicOnly()
    async with (
        httpx.AsyncClient(transport=wall) as downloads,
        EvoLink(KEY, downloads=downloads, sleep=FakeTime().sleep) as evolink,
    ):
        with pytest.raises(ResultUnusable) as caught:
            await evolink.download(stub.results_url + RESULT, target)
    assert (caught.value.code, wall.asked) == ("result_refused", 1)


async def test_a_folder_that_cannot_be_written_is_said_without_its_path(
    evolink: EvoLink, stub: Stub, tmp_path: Path
) -> None:
    with pytest.raises(LocalFileProblem) as caught:
        await evolink.download(stub.results_url + RESULT, tmp_path / "missing-folder" / "result.mp4")
    assert (caught.value.code, caught.value.charged) == ("disk_write_failed", "yes")
    assert "missing-folder" not in str(caught.value)
    assert stub.seen == []


@pytest.fixture
def small_disk() -> Iterator[None]:
    """The system refuses to let any file grow beyond a megabyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
async def test_a_full_disk_is_said_and_leaves_nothing_behind(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes
) -> None:
    with pytest.raises(LocalFileProblem) as caught:
        await evolink.download(stub.results_url + RESULT, target)
    assert (caught.value.code, caught.value.charged, stub.requests("result")) == ("disk_write_failed", "yes", 1)


async def test_a_result_that_never_stops_is_cut_off(
    evolink: EvoLink, stub: Stub, target: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolink_ui.evolink.download.RESULT_MAX_BYTES", 2 * PIECE_BYTES)
    with pytest.raises(ResultUnusable) as caught:
        await evolink.download(stub.results_url + RESULT, target)
    assert caught.value.code == "result_too_large"


async def test_a_host_that_drips_has_an_end(stub: Stub, target: Path) -> None:
    stub.fail("result", drip())
    stub.fail("credits", drip())
    quick = Timeouts(download=0.5, exchange=0.5)
    async with EvoLink(KEY, base_url=stub.base_url, timeouts=quick, read_seconds=0.1) as evolink:
        with pytest.raises(ResultUnusable) as caught:
            await evolink.download(stub.results_url + RESULT, target)
        assert caught.value.code == "result_timed_out"
        with pytest.raises(EvoLinkError) as refused:
            await evolink.credits()
        assert refused.value.code == "timed_out"


async def test_a_cancelled_download_leaves_nothing_behind(stub: Stub, target: Path) -> None:
    stub.fail("result", drip())
    async with EvoLink(KEY) as evolink:
        fetching = asyncio.create_task(evolink.download(stub.results_url + RESULT, target))
        await asyncio.sleep(0.1)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching


FTYP, MOOV, MDAT = box(b"ftyp", 16), box(b"moov", 50), box(b"mdat", 300)


@pytest.mark.parametrize(
    ("content", "vouched", "whole", "why"),
    [
        (FTYP + MOOV + MDAT, False, True, "an index before the pictures"),
        (FTYP + MDAT + MOOV, False, True, "an index after the pictures"),
        (MDAT + MOOV, False, True, "QuickTime without a first box of its own"),
        (FTYP + MOOV + b"\0\0\0\0mdat" + bytes(99), False, True, "a last box that reaches to the end"),
        (FTYP + MOOV + b"\0\0\0\1mdat" + (116).to_bytes(8, "big") + bytes(100), False, True, "a box with a long size"),
        (FTYP + MOOV + MDAT + b"\0\0\0", False, True, "a few bytes too many"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), False, True, "WebM"),
        (FTYP + MOOV + MDAT[:-1], False, False, "one byte missing"),
        (FTYP + MOOV + MDAT[:-1], True, True, "one byte missing, but the server sent all it announced"),
        (FTYP + MDAT, False, False, "no index"),
        (FTYP + b"\0\0\0\3moov" + bytes(50), False, False, "a box that is smaller than its own head"),
        (b"<html><body>no</body></html>", True, False, "a page"),
        (b"", True, False, "nothing"),
        (b"GIF89a" + bytes(100), True, False, "a picture"),
        (b"\xff\xfb" + bytes(100), True, False, "a song"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_whole_video_is_told_from_everything_else(
    content: bytes, vouched: bool, whole: bool, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert (problem_of(file, len(content), vouched_for=vouched) is None) is whole
