"""A client for EvoLink's Kling-V3 Motion Control that never loses a paid task and never pays twice."""

from evolink_ui.evolink.client import EvoLink
from evolink_ui.evolink.codes import failure_of
from evolink_ui.evolink.connections import Timeouts
from evolink_ui.evolink.errors import (
    EvoLinkError,
    FollowEnded,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    LocalFileProblem,
    NotFound,
    OutcomeUnknown,
    OutOfCredits,
    RateLimited,
    ResultUnusable,
    ServerFault,
    TaskFailed,
    Unauthorized,
    Unreachable,
)
from evolink_ui.evolink.models import Credits, Quota, Task, UploadedFile
from evolink_ui.evolink.order import new_idempotency_key
from evolink_ui.evolink.request import Element, ModelParams, MotionControlRequest, WatermarkInfo
from evolink_ui.evolink.task_list import TaskPage, TaskSummary
from evolink_ui.order import MotionOrder

__all__ = [
    "Credits",
    "Element",
    "EvoLink",
    "EvoLinkError",
    "FollowEnded",
    "Forbidden",
    "IdempotencyConflict",
    "InvalidRequest",
    "LocalFileProblem",
    "ModelParams",
    "MotionControlRequest",
    "MotionOrder",
    "NotFound",
    "OutOfCredits",
    "OutcomeUnknown",
    "Quota",
    "RateLimited",
    "ResultUnusable",
    "ServerFault",
    "Task",
    "TaskFailed",
    "TaskPage",
    "TaskSummary",
    "Timeouts",
    "Unauthorized",
    "Unreachable",
    "UploadedFile",
    "WatermarkInfo",
    "failure_of",
    "new_idempotency_key",
]
