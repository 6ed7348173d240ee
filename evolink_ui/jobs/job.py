"""A job: one order from its two files to its video, and the states it walks through.

    queued -> hosting -> submitting -> running -> saving -> done
       \\________\\____________|___________|_________|_____> failed    ended; nothing more can come of its task
        \\________\\___________|___________\\_________\\____> stopped   we look away; following can be taken up again
                              \\_________________________> unknown   the paid POST went out, its outcome is not known

Times are seconds since 1970 in UTC, as `time.time()` gives them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from evolink_ui.order import MotionOrder

Charged = Literal["no", "unknown", "yes"]
Mode = Literal["sandbox", "live"]


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    HOSTING = "hosting"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


ACTIVE = frozenset({State.QUEUED, State.HOSTING, State.SUBMITTING, State.RUNNING, State.SAVING})

# From where each state may be reached. An UPDATE that finds a job elsewhere changes nothing and is an error.
MAY_COME_FROM: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.STOPPED, State.UNKNOWN}),
    State.HOSTING: frozenset({State.QUEUED, State.HOSTING, State.SUBMITTING}),
    State.SUBMITTING: frozenset({State.HOSTING}),
    State.RUNNING: frozenset({State.SUBMITTING, State.UNKNOWN, State.STOPPED, State.QUEUED, State.HOSTING}),
    State.SAVING: frozenset({State.RUNNING}),
    State.DONE: frozenset({State.SAVING}),
    State.FAILED: frozenset(
        {State.QUEUED, State.HOSTING, State.SUBMITTING, State.RUNNING, State.SAVING, State.UNKNOWN, State.STOPPED}
    ),
    State.UNKNOWN: frozenset({State.SUBMITTING, State.QUEUED, State.HOSTING}),  # the latter where it was so before
    State.STOPPED: frozenset({State.QUEUED, State.HOSTING, State.RUNNING, State.SAVING}),
}


class JobError(Exception):
    """Something asked of a job can't be done.

    Attributes:
        code: stable name of the fault, for `ui/text.py` and programs.
        message: what is wrong, in plain English.
        next_step: what to do about it.
        field: the field of the form that is at fault, or None.
        status: the HTTP status that fits (400, 404 or 409).
    """

    def __init__(self, code: str, message: str, next_step: str, *, field: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.next_step, self.field, self.status = code, message, next_step, field, status

    def to_dict(self) -> dict[str, Any]:
        """`code`, `message`, `next_step` and `field`, for an answer in JSON."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step, "field": self.field}


class TooBusy(JobError):
    """Too many wait for the same kind of work already."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "busy",
            "This app is busy. Nothing was sent or charged.",
            f"Try again in {retry_after_seconds} s.",
            status=503,
        )
        self.retry_after_seconds = retry_after_seconds


class NotThere(JobError):
    """There is no job of that id."""

    def __init__(self) -> None:
        super().__init__(
            "job_not_found", "There is no such job.", "Check the link; the job may have been deleted.", status=404
        )


class JobUnreadable(JobError):
    """A row of the ledger that is not understood; everything else goes on."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            "job_unreadable",
            "This app can't read what it wrote down of this job.",
            f"Tell the owner of this app: the log names it ({job_id}).",
            status=500,
        )
        self.job_id = job_id


class ImpossibleTransition(JobError):
    """The job is not in a state from which that state can be reached."""

    def __init__(self, actual: str, wanted: State) -> None:
        super().__init__(
            "not_possible_now",
            f"This is not possible while the job is {actual!r}.",
            "Look at the job again: it has moved on in the meantime.",
            status=409,
        )
        self.actual, self.wanted = actual, wanted


class TaskTaken(JobError):
    """A task belongs to one job."""

    def __init__(self) -> None:
        super().__init__(
            "task_belongs_to_another_job",
            "Another job follows this task already.",
            "Look for it in My videos, or check the id.",
            field="task_id",
            status=409,
        )


class TaskUnknown(JobError):
    """EvoLink has no such task of the key, or it belongs to another visitor's job; strangers can't tell which."""

    def __init__(self) -> None:
        super().__init__(
            "task_not_found",
            "No task with this id was found for this key.",
            "Check the id, and that it was ordered with this key.",
            field="task_id",
            status=404,
        )


@dataclass(frozen=True, slots=True)
class OrderInputs:
    """An order with its files, which this server received. Where a file is None, the order has a link instead."""

    order: MotionOrder
    image: Path | None = None
    video: Path | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong with a job, in words for its owner."""

    code: str
    message: str
    next_step: str
    charged: Charged
    retryable: bool = False
    request_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the job's public view shows it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Fault:
        """What `to_dict` of this or another version gave."""
        return cls(**{name: value for name, value in values.items() if name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the ledger."""

    id: str
    visitor: str
    household: str
    """What a visitor's share is counted for: the login, or the address group of those without one."""
    state: State
    mode: Mode
    request: dict[str, Any]
    """The fields of its `MotionOrder` as they were written; older versions knew fewer. Empty for an adopted task."""
    idempotency_key: str = field(repr=False)
    run: int
    """How many times the job was given to the engine; a follow again is a new run."""
    created_at: float
    updated_at: float
    started_at: float | None
    """When it left the line; an adopted task, when the vendor created it."""
    ordered_at: float | None
    """When the paid POST was claimed; None again where it certainly was not taken, and for an adopted task."""
    finished_at: float | None
    own_key: bool
    """Whether the visitor's own key pays."""
    sealed_key: str | None = field(repr=False)
    """That key, sealed; wiped when it is no longer needed."""
    image_name: str | None
    video_name: str | None
    """Names of the inputs in the job's folder; None where a link was given."""
    image_url: str | None
    video_url: str | None
    """Public addresses of the inputs, once there are any."""
    video_seconds: float
    """Of the motion video and of the result; 0 where it isn't known yet."""
    uploaded_bytes: int
    total_bytes: int
    notice: str | None
    """What went another way than usual, for its owner; not an error."""
    task_id: str | None
    estimated_seconds: float | None
    """The vendor's estimate for the whole task."""
    expected_seconds: float | None
    """The same in the light of past jobs, for the eye only."""
    progress: int | None
    credits_estimated: float
    credits_reserved: float | None
    credits_used: float | None
    fault: Fault | None
    vendor_url: str | None
    vendor_expires_at: float | None
    result_bytes: int | None
    doubt: dict[str, Any] | None = None
    """While its outcome is unknown: what was found out, see `doubt.py`."""
    doubt_due_at: float | None = None
    """When it is looked for next; None where no look is due."""
    must_verify: bool = False
    """Whether EvoLink is asked before it is ordered: these tables were put back to an older state."""

    @property
    def workflow_id(self) -> str:
        """The engine's name for the current run of this job."""
        return f"{self.id}.{self.run}"

    @property
    def is_adopted(self) -> bool:
        """Whether its task was ordered elsewhere: nothing is known of its inputs."""
        return not self.request

    @property
    def order(self) -> MotionOrder:
        """What was ordered; all defaults for an adopted task."""
        return MotionOrder.from_stored(self.request)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the order went out and nobody knows what became of it, also where it is to go out once more."""
        return self.ordered_at is not None and self.task_id is None

    @property
    def is_active(self) -> bool:
        """Whether the engine is working on it or will."""
        return self.state in ACTIVE
