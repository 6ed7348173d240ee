"""The tasks of the whole account: the list, and many tasks in one read.

Both calls are used by the vendor's own client and described nowhere, so a host may not offer them: NotFound.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from evolink_ui.evolink.answers import Answer
from evolink_ui.evolink.errors import EvoLinkError, NotFound
from evolink_ui.evolink.meanings import IN_BETWEEN
from evolink_ui.evolink.models import Number, Percent, Task, Text
from evolink_ui.evolink.reads import Reader, task_path

LIST_PATH = "/v1/tasks"
BATCH_PATH = "/v1/tasks/batch"

BATCH_MAX_TASKS = 50
"""Most ids in one batch read (the vendor's own client)."""

MILLISECONDS_FROM = 1e11
"""A time beyond this is in milliseconds: as seconds it would lie after the year 5000."""

NOT_OFFERED_STATUSES = frozenset({404, 405})
"""What a host answers that has no such call; 405 where it has the path, but not the method."""


def _time(value: object) -> float | None:
    """Seconds since 1970 out of a number of seconds or milliseconds, or out of ISO 8601 text (UTC where unnamed)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    except ValueError:
        try:
            date = datetime.fromisoformat(str(value))
        except ValueError:
            return None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(number):
        return None
    return number / 1000 if number >= MILLISECONDS_FROM else number


class TaskSummary(BaseModel):
    """One line of the account's task list. Lines carry no links: read the task for those."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=(), defer_build=True)

    id: str = Field(min_length=1)
    """The task's id."""

    model: Text = None
    """The model that does the work."""

    type: Text = None
    """Kind of output, `video` for motion control."""

    status: Text = None
    """The vendor's word, verbatim."""

    progress: Percent = None
    """0 to 100."""

    created_at: Annotated[float | None, BeforeValidator(_time)] = None
    """When the task was created, seconds since 1970 by the vendor's clock."""

    duration: Number = None
    """Seconds of the result."""

    credits_used: Number = None
    """What was charged, in credits; None or 0 while the task runs."""

    raw: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The whole line as it came."""


class TaskPage(BaseModel):
    """One page of the account's task list, newest first."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    tasks: list[TaskSummary]
    """The lines of this page that carry an id."""

    line_count: int
    """How many lines this page has, those without an id included."""

    total: int | None
    """How many tasks there are in all; None where the vendor does not say."""

    page: int
    """Number of this page, from 1."""

    page_size: int
    """How many lines a full page has."""


async def list_tasks(
    reader: Reader,
    *,
    model: str | None,
    status: str | None,
    page: int,
    page_size: int,
    patience_seconds: float,
) -> TaskPage:
    """Read one page of the list. See `EvoLink.list_tasks`."""
    asked = {"status": status, "model": model, "page": page, "page_size": page_size}
    query = urlencode({name: value for name, value in asked.items() if value is not None})

    def usable(answer: Answer) -> TaskPage | None:
        lines = _lines(answer)
        if lines is None:
            return None
        return TaskPage(
            tasks=[TaskSummary.model_validate(line | {"raw": line}) for line in lines],
            line_count=len(answer.record["data"]),
            total=_count(answer.record.get("total")),
            page=_count(answer.record.get("page")) or page,
            page_size=_count(answer.record.get("page_size")) or page_size,
        )

    try:
        return await reader.read(
            "api", f"{LIST_PATH}?{query}", usable, place="account", patience_seconds=patience_seconds
        )
    except EvoLinkError as error:
        raise _not_offered(error) from None


async def get_many(reader: Reader, task_ids: Sequence[str], *, patience_seconds: float) -> list[Task]:
    """Read many tasks in one request. See `EvoLink.get_many`."""
    asked = list(dict.fromkeys(task_ids))
    if len(asked) > BATCH_MAX_TASKS:
        raise ValueError(f"at most {BATCH_MAX_TASKS} tasks are read in one request")
    for task_id in asked:
        task_path(task_id)
    if not asked:
        return []

    def usable(answer: Answer) -> list[Task] | None:
        lines = _lines(answer)
        if lines is None:
            return None
        found = {line["id"]: line for line in lines}
        return [Task.from_wire(found[task_id]) for task_id in asked if task_id in found]

    try:
        return await reader.read(
            "api",
            BATCH_PATH,
            usable,
            place="read",
            patience_seconds=patience_seconds,
            method="POST",
            body={"task_ids": asked},
        )
    except EvoLinkError as error:
        raise _not_offered(error) from None


def _lines(answer: Answer) -> list[dict[str, Any]] | None:
    """The tasks in an answer, without those that carry no id; None where it is something else."""
    lines = answer.record.get("data")
    if answer.declined or not isinstance(lines, list):
        return None
    return [line for line in lines if isinstance(line, dict) and isinstance(line.get("id"), str) and line["id"].strip()]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _not_offered(error: EvoLinkError) -> EvoLinkError:
    if error.status not in NOT_OFFERED_STATUSES or error.code == IN_BETWEEN:
        return error
    return NotFound(
        "EvoLink does not offer the list of this account's tasks here.",
        code="not_offered",
        status=error.status,
        request_id=error.request_id,
        charged=error.charged,
        next_step="Look at EvoLink's dashboard instead.",
        vendor_code=error.vendor_code,
        vendor_message=error.vendor_message,
    )
