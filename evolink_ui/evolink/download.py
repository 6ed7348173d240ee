"""Bringing a result home: streamed to a part file, resumed where it broke off, checked, renamed when whole."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from evolink_ui.evolink.bodies import pieces_of
from evolink_ui.evolink.codes import consequence, explain
from evolink_ui.evolink.connections import USER_AGENT, Clients, Timeouts, is_untrusted
from evolink_ui.evolink.disk import open_file, put_away
from evolink_ui.evolink.errors import EvoLinkError, LocalFileProblem, ResultUnusable
from evolink_ui.evolink.meanings import UNTRUSTED
from evolink_ui.evolink.part import Part
from evolink_ui.evolink.policy import DOWNLOAD_ATTEMPTS, NOT_FOUND_GRACE_SECONDS, read_wait_seconds, retry_after_seconds
from evolink_ui.evolink.video import problem_of
from evolink_ui.evolink.world import World
from evolink_ui.executors import DISK

log = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024
"""Bytes written to disk at a time."""

RESULT_MAX_BYTES = 2 * 1024**3
"""No 30 s of 1080p come near 2 GiB; a server that never stops must not fill the disk."""

OnBytes = Callable[[int], None]
"""Called with the bytes on disk so far; may fall back when the result has to be fetched from its start."""


@dataclass(frozen=True, slots=True)
class Web:
    """What a download needs of the network."""

    clients: Clients
    timeouts: Timeouts


class _Again(Exception):
    """This attempt failed in a way that may pass."""

    def __init__(self, error: EvoLinkError, *, told: float | None = None) -> None:
        super().__init__(error.code)
        self.error, self.told = error, told


class _CalledOff(Exception):
    """Whoever hears of the progress has raised this error: it is none of the disk or the network, whatever its kind."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def fetch_result(web: Web, world: World, url: str, path: Path, on_progress: OnBytes | None) -> int:
    """Fetch one result video. See `EvoLink.download`."""
    address = _address(url)
    part_path = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        file = await open_file(part_path, "xb+")
    except OSError:
        raise _disk() from None
    part = Part(part_path, file)
    try:
        async with asyncio.timeout(web.timeouts.download):
            await _fetch(web, world, address, part, on_progress)
        await DISK.run(part.publish, path)
        return part.size
    except _CalledOff as called_off:
        raise called_off.error from None
    except TimeoutError:
        raise _unusable("timed_out", "The finished video did not arrive in time.") from None
    except OSError:
        raise _disk() from None
    finally:
        await put_away(part.tidy)


async def _fetch(web: Web, world: World, url: httpx.URL, part: Part, on_progress: OnBytes | None) -> None:
    started, furthest, fruitless = world.clock(), 0, 0
    while True:
        try:
            await _attempt(web, world, url, part, on_progress, grace=world.clock() - started < NOT_FOUND_GRACE_SECONDS)
            return
        except _Again as again:
            fruitless = 1 if part.size > furthest else fruitless + 1
            furthest = max(furthest, part.size)
            if fruitless >= DOWNLOAD_ATTEMPTS:
                raise again.error from None
            wait = read_wait_seconds(fruitless, again.told, world.random())
        await world.pause(wait)


async def _attempt(
    web: Web, world: World, url: httpx.URL, part: Part, on_progress: OnBytes | None, *, grace: bool
) -> None:
    """Fetch what is missing; raises _Again where that may help."""
    client = web.clients.downloads
    if part.packed:
        await DISK.run(part.restart)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
    }
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.validator:
            headers["If-Range"] = part.validator
    request = httpx.Request("GET", url, headers=headers, extensions={"timeout": web.timeouts.per_operation()})
    response: httpx.Response | None = None
    failure: Exception | None = None
    try:
        response = await client.send(request, stream=True, auth=None, follow_redirects=True)
        await _judge(world, response, part, grace=grace)
        async for piece in pieces_of(response, PIECE_BYTES):
            part.size += await DISK.run(part.file.write, piece)
            if part.size > RESULT_MAX_BYTES:
                raise _unusable("too_large", "The result is larger than any video of this kind can be.")
            try:
                if on_progress:
                    on_progress(part.size)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's
                raise _CalledOff(error) from None
    except (httpx.TooManyRedirects, httpx.UnsupportedProtocol):
        failure = _Again(_unusable("redirected", "The link to the finished video leads nowhere."))
    except httpx.HTTPError as error:
        if is_untrusted(error):
            failure = explain("result", UNTRUSTED, None, charged="yes")
        else:
            failure = _Again(_unusable("connection_lost", "The connection to the finished video broke off."))
    except Exception as error:
        if response is not None:
            raise  # from the disk, or called off
        log.warning("the client for results refused: %s", type(error).__name__)  # in words of its own
        failure = _unusable("refused", "The link to the finished video leads to an address that is not fetched.")
    finally:
        if response is not None:
            await response.aclose()
    if failure is not None:  # raised here, so that no library's exception, with a link in it, hangs on it
        raise failure
    await DISK.run(_check, part)


async def _judge(world: World, response: httpx.Response, part: Part, *, grace: bool) -> None:
    """Decide by the head of the answer whether its body continues, replaces or is not the video."""
    status, headers = response.status_code, response.headers
    if status == 200:
        await DISK.run(part.begins, headers)
        return
    if status == 206 and part.size:
        if part.continues(headers):
            return
        await DISK.run(part.restart)
        raise _Again(_unusable("changed", "The finished video changed while it was fetched."))
    if status < 400:
        raise _Again(_unusable("not_a_video", "The link to the finished video gives something else."))
    if status == 416:
        await DISK.run(part.restart)
    told = retry_after_seconds(headers.get("retry-after"), date=headers.get("date"), now=world.now())
    error = explain("result", None, status, charged="yes", retry_after_seconds=told)
    if status in (408, 416, 425, 429) or status >= 500 or (status == 404 and grace):
        raise _Again(error, told=told)
    raise error


def _check(part: Part) -> None:
    """Refuse what is not one whole video; raises _Again with the part emptied."""
    part.file.flush()
    if part.total is not None and part.size < part.total:
        raise _Again(_unusable("connection_lost", "The finished video is shorter than announced."))
    problem: str | None = "The finished video is longer than announced."
    if part.total in (None, part.size):
        problem = problem_of(part.file, part.size, vouched_for=part.total is not None and not part.resumed)
    if problem is not None:
        part.restart()
        raise _Again(_unusable("not_a_video", problem))


def _address(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise _unusable("bad_link", "EvoLink gave something that is not a link as the result.")
    return parsed


def _unusable(code: str, sentence: str) -> ResultUnusable:
    return ResultUnusable(
        f"{sentence} {consequence('result', 'yes')}",
        code=f"result_{code}",
        charged="yes",
        next_step="Press Follow again to fetch it once more; EvoLink keeps it for 24 hours.",
        retryable=True,
    )


def _disk() -> LocalFileProblem:
    return LocalFileProblem(
        f"The finished video could not be written to our disk. {consequence('result', 'yes')}",
        code="disk_write_failed",
        charged="yes",
        next_step="Make room on the disk, then press Follow again; EvoLink keeps the video for 24 hours.",
        retryable=True,
    )
