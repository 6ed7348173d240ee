"""The thin client: HTTP and nothing else."""

import asyncio
import math
import random as chance
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from evolink_ui.evolink.answers import Answer
from evolink_ui.evolink.connections import Clients, Timeouts
from evolink_ui.evolink.download import Web, fetch_result
from evolink_ui.evolink.files import Files, OnBytes
from evolink_ui.evolink.follow import follow_task
from evolink_ui.evolink.key import ApiKey
from evolink_ui.evolink.models import Credits, Quota, Task, UploadedFile
from evolink_ui.evolink.order import BeforeSend, OnWait, new_idempotency_key, place_order
from evolink_ui.evolink.policy import READ_PATIENCE_SECONDS
from evolink_ui.evolink.reads import Reader, task_in, task_path
from evolink_ui.evolink.request import MotionControlRequest
from evolink_ui.evolink.task_list import TaskPage, get_many, list_tasks
from evolink_ui.evolink.transport import Transport
from evolink_ui.evolink.world import World

BASE_URL = "https://api.evolink.ai"
FILES_URL = "https://files-api.evolink.ai"

MIN_POLL_SECONDS = 2.0
"""Shortest distance of two looks: each read of an unfinished task makes the gateway ask the model's provider."""

FOLLOW_MINUTES = 60.0
"""How long a task is followed beyond its estimate."""


class EvoLink:
    """Orders motion-control videos, follows them and brings them home.

    A paid order goes out once; everything that is free is repeated through every passing fault::

        async with EvoLink(api_key) as evolink:
            task = await evolink.create(request)
            async for task in evolink.follow(task.id, estimated_seconds=task.estimated_seconds):
                print(task.status, task.progress)
            if not task.result_urls:
                raise failure_of(task)
            await evolink.download(task.result_urls[0], Path("result.mp4"))
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        files_url: str = FILES_URL,
        http: httpx.AsyncClient | None = None,
        downloads: httpx.AsyncClient | None = None,
        min_poll_seconds: float = MIN_POLL_SECONDS,
        max_poll_seconds: float = math.inf,
        follow_minutes: float = FOLLOW_MINUTES,
        read_seconds: float = READ_PATIENCE_SECONDS,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is sent yet.

        `http` serves the API and files hosts, `downloads` the hosts of results; given from outside they are shared,
        never closed here, and may serve many keys on one event loop. `downloads` never sees the key: this is where a
        client that reaches public addresses only belongs. `min_poll_seconds` is the shortest distance of two looks,
        `max_poll_seconds` the longest, `follow_minutes` how long a task is followed beyond its estimate,
        `read_seconds` how long a single read is repeated, `timeouts` where each wait on the network ends. `clock`
        (monotonic), `sleep`, `random` (0 to 1) and `now` (seconds since 1970) can be replaced.

        Raises ValueError for a key that is not one, or a base URL over which the key would travel unencrypted.
        """
        world = World(clock, sleep, random, now)
        self._clients = Clients(http, downloads)
        self._transport = Transport(ApiKey(api_key), base_url, files_url, self._clients, timeouts or Timeouts(), now)
        self._world = world
        self._reader = Reader(self._transport, world)
        self._files = Files(self._transport, self._reader, world, read_seconds)
        self._min_poll_seconds = max(0.05, min_poll_seconds)
        self._max_poll_seconds = max(self._min_poll_seconds, max_poll_seconds)
        self._follow_seconds = 60.0 * follow_minutes
        self._read_seconds = read_seconds

    def __repr__(self) -> str:
        return "EvoLink(api_key=hidden)"

    async def __aenter__(self) -> "EvoLink":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that were opened here; clients given from outside stay open.

        Whatever is asked for afterwards raises RuntimeError.
        """
        await self._clients.close()

    async def create(
        self,
        request: MotionControlRequest,
        *,
        idempotency_key: str | None = None,
        before_send: BeforeSend | None = None,
        on_wait: OnWait | None = None,
    ) -> Task:
        """Order one video, which costs credits.

        The order is offered again, with the same key, only where it certainly was not taken: no connection, or 429; for
        ten minutes at most. `idempotency_key` (16-96 characters of `[A-Za-z0-9._-]`) should be stored before the call;
        one is minted if None. `before_send()` is awaited right before each departure, `on_wait(seconds, error)` before
        each pause, when the order was certainly not taken; what they raise goes to the caller, and nothing is sent.

        Raises OutcomeUnknown where the order may have been taken: never call again then without asking a person.
        Raises another EvoLinkError with `charged == "no"` for a clear refusal, IdempotencyConflict for a used key.
        """
        key = idempotency_key or new_idempotency_key()
        return await place_order(self._transport, self._world, request, key, before_send=before_send, on_wait=on_wait)

    async def get(self, task_id: str) -> Task:
        """Read one task once, repeating through passing faults for `read_seconds`. Raises EvoLinkError."""

        def usable(answer: Answer) -> Task | None:
            return task_in(answer, asked=task_id)

        return await self._reader.read(
            "api", task_path(task_id), usable, place="read", patience_seconds=self._read_seconds, task_id=task_id
        )

    async def get_many(self, task_ids: Sequence[str]) -> list[Task]:
        """Read up to 50 tasks in one request, in the order asked for; those that EvoLink does not show are left out.

        Raises NotFound where the host does not offer this call, another EvoLinkError as `get` does, and ValueError for
        more than 50 ids.
        """
        return await get_many(self._reader, task_ids, patience_seconds=self._read_seconds)

    async def list_tasks(
        self, *, model: str | None = None, status: str | None = None, page: int = 1, page_size: int = 50
    ) -> TaskPage:
        """Read one page of all tasks of the account, newest first, whoever made them.

        Raises NotFound where the host does not offer this call, and another EvoLinkError as `get` does.
        """
        return await list_tasks(
            self._reader, model=model, status=status, page=page, page_size=page_size,
            patience_seconds=self._read_seconds,
        )  # fmt: skip

    def follow(
        self, task_id: str, *, estimated_seconds: float | None = None, wake: asyncio.Event | None = None
    ) -> AsyncIterator[Task]:
        """Yield every answer about one task, the first at once, the last one finished.

        `estimated_seconds` is what the answer to the order said. Setting `wake` makes the next look come at once.
        Passing faults are waited out. Raises EvoLinkError, always with `charged == "unknown"`, where reads are refused,
        and FollowEnded where the task has not ended `follow_minutes` after its estimate; following again is free.
        """
        return follow_task(
            self._transport,
            self._world,
            task_id,
            estimated_seconds=estimated_seconds,
            wake=wake,
            floor_seconds=self._min_poll_seconds,
            ceiling_seconds=self._max_poll_seconds,
            patience_seconds=self._follow_seconds,
        )

    async def upload(
        self, path: Path, *, file_name: str | None = None, on_progress: OnBytes | None = None
    ) -> UploadedFile:
        """Store a local file at EvoLink for 72 hours, streamed from disk, and return its public address.

        `on_progress(bytes)` hears how many bytes were handed over; what it raises ends the upload and goes to the
        caller. Raises EvoLinkError, always with `charged == "no"`.
        """
        return await self._files.upload(Path(path), file_name, on_progress)

    async def delete_file(self, file_id: str) -> None:
        """Delete a stored file; one that is gone already is fine. Raises EvoLinkError."""
        await self._files.delete(file_id)

    async def quota(self) -> Quota:
        """How many files the account keeps and may keep. Raises EvoLinkError."""
        return await self._files.quota()

    async def credits(self) -> Credits:
        """What the key and the account may still spend, in credits. Raises EvoLinkError."""

        def usable(answer: Answer) -> Credits | None:
            return None if answer.data is None else Credits.model_validate(answer.data)

        return await self._reader.read(
            "api", "/v1/credits", usable, place="account", patience_seconds=self._read_seconds
        )

    async def download(self, url: str, path: Path, *, on_progress: OnBytes | None = None) -> int:
        """Bring a result home and return its size in bytes.

        Written to a part file beside `path`, continued where it broke off, checked to be one whole video, then renamed;
        `path` never holds half a video. The key is not sent. `on_progress(bytes)` hears how many bytes are on disk;
        what it raises ends the download and goes to the caller. Raises EvoLinkError, always with `charged == "yes"`:
        ResultUnusable where the link is dead or gives no whole video, LocalFileProblem for the disk, ServerFault,
        RateLimited or Unreachable where its host fails again and again.
        """
        return await fetch_result(
            Web(self._clients, self._transport.timeouts), self._world, url, Path(path), on_progress
        )
