"""The vendor's error codes, each with its own plain sentence and next step.

One word can mean different things in different places (`quota_exceeded` is an empty account on a read and a busy
machine in a failed task), so a code is looked up by place first, then for every place; the HTTP status decides last.
"""

from dataclasses import dataclass
from typing import Literal

from evolink_ui.evolink import errors
from evolink_ui.evolink.errors import EvoLinkError, OutcomeUnknown, TaskFailed

Place = Literal["order", "read", "account", "upload", "result", "task"]
"""order: the paid POST; read: one task; account: credits; upload: the files host; result: the finished video's link;
task: the error inside a failed task."""

KEYS_PAGE = "https://evolink.ai/dashboard/keys"
TOP_UP_PAGE = "https://evolink.ai/dashboard"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means to a person."""

    kind: type[EvoLinkError]
    sentence: str
    next_step: str
    """May hold {again}: what to press at this place."""
    retryable: bool = False
    quote: bool = False
    """Repeat the vendor's words: they say which part of the request is wrong."""


_TOP_UP = f"Top up at {TOP_UP_PAGE}, then {{again}}."
_OTHER_KEY = f"Choose another key at {KEYS_PAGE}, then {{again}}."
_LATER = "Wait a few minutes, then {again}."

MEANINGS: dict[str, Meaning] = {
    # the request
    "invalid_request": Meaning(
        errors.InvalidRequest, "EvoLink did not accept the request as it is.",
        "Check the picture, the video, the prompt and the options, then {again}.", quote=True,
    ),
    "invalid_parameters": Meaning(
        errors.InvalidRequest, "EvoLink did not accept one of the options.",
        "Change the option that EvoLink names, then {again}.", quote=True,
    ),
    "invalid_task_id": Meaning(
        errors.InvalidRequest, "EvoLink does not read this as a task id.",
        "Copy the id once more; EvoLink's begin with task-unified-.",
    ),
    "task_not_found": Meaning(
        errors.NotFound, "EvoLink does not know this task.",
        "Check the id and that the key is the one the order was made with, then {again}.",
    ),
    "resource_not_found": Meaning(
        errors.NotFound, "EvoLink could not find something that the request names.",
        "Check that picture, video and character still exist at EvoLink, then {again}.",
    ),
    # the key
    "unauthorized": Meaning(
        errors.Unauthorized, "EvoLink does not accept this API key.",
        f"Check the key at {KEYS_PAGE}, give the right one, then {{again}}.",
    ),
    "key_disabled": Meaning(
        errors.Unauthorized, "This API key is switched off.", f"Switch it on at {KEYS_PAGE}, then {{again}}.",
    ),
    "key_expired": Meaning(
        errors.Unauthorized, "This API key has expired.", f"Make a new key at {KEYS_PAGE}, then {{again}}.",
    ),
    "key_model_not_allowed": Meaning(
        errors.Forbidden, "This API key may not use Kling-V3 Motion Control.",
        f"Allow the model for the key at {KEYS_PAGE}, then {{again}}.",
    ),
    "model_access_denied": Meaning(
        errors.Forbidden, "The account behind this key has no access to Kling-V3 Motion Control.", _OTHER_KEY,
    ),
    "permission_denied": Meaning(
        errors.Forbidden, "This API key may not see or do this.",
        "Use the key with which the order was made, then {again}.",
    ),
    # the money
    "insufficient_quota": Meaning(errors.OutOfCredits, "The account has too few credits.", _TOP_UP),
    "insufficient_user_quota": Meaning(errors.OutOfCredits, "The user's credits are used up.", _TOP_UP),
    "quota_not_enough": Meaning(errors.OutOfCredits, "The account's credits do not cover this.", _TOP_UP),
    "quota_exceeded": Meaning(errors.OutOfCredits, "The account's quota is exceeded.", _TOP_UP),
    "insufficient_token_quota": Meaning(
        errors.OutOfCredits, "This key has reached its own limit, whatever the account still holds.",
        f"Raise the key's limit at {KEYS_PAGE} or use another key, then {{again}}.",
    ),
    "token_daily_quota_exceeded": Meaning(
        errors.OutOfCredits, "This key has reached its limit for today.",
        f"Wait until tomorrow or raise the daily limit at {KEYS_PAGE}, then {{again}}.", retryable=True,
    ),
    # the pace and the machines
    "rate_limit_exceeded": Meaning(
        errors.RateLimited, "EvoLink asked to slow down for longer than we wait.", _LATER, retryable=True,
    ),
    "internal_error": Meaning(
        errors.ServerFault, "EvoLink had an error of its own.", _LATER, retryable=True,
    ),
    "no_available_channel": Meaning(
        errors.ServerFault, "EvoLink has no free line to the model.", _LATER, retryable=True,
    ),
    "model_unavailable": Meaning(
        errors.ServerFault, "The model is out of service at EvoLink.", "Try in an hour: {again}.", retryable=True,
    ),
    "service_unavailable": Meaning(
        errors.ServerFault, "EvoLink's service is down at the moment.", _LATER, retryable=True,
    ),
    "service_error": Meaning(errors.ServerFault, "The model's service made an error.", _LATER, retryable=True),
    "resource_exhausted": Meaning(
        errors.ServerFault, "The model's machines are full.", "Wait until it is quieter, then {again}.", retryable=True,
    ),
    "generation_timeout": Meaning(
        errors.ServerFault, "The model took too long and was ended.",
        "Wait a few minutes or take a shorter motion video, then {again}.", retryable=True,
    ),
    "generation_failed_no_content": Meaning(
        errors.ServerFault, "The model finished without a video.",
        "Try once more; if it happens again, change the picture or the video, then {again}.", retryable=True,
    ),
    "unknown_error": Meaning(
        errors.ServerFault, "EvoLink gives no reason for the failure.", _LATER, retryable=True,
    ),
    # the content
    "content_policy_violation": Meaning(
        errors.InvalidRequest, "EvoLink's content rules refuse this picture, video or prompt.",
        "Change the picture, the video or the prompt, then {again}.", quote=True,
    ),
    "image_processing_error": Meaning(
        errors.InvalidRequest, "EvoLink could not read the picture.",
        "Save it anew as JPEG or PNG or take another one, then {again}.",
    ),
    "image_dimension_mismatch": Meaning(
        errors.InvalidRequest, "The picture's size does not fit.",
        "Take a picture of at least 300 x 300 px, no longer than 2.5 times its width, then {again}.",
    ),
    "request_cancelled": Meaning(
        errors.InvalidRequest, "The task was cancelled at EvoLink.", "If you still want it, {again}.",
    ),
    # the paid order
    "idempotency_conflict": Meaning(
        errors.IdempotencyConflict, "EvoLink says that this order's key already belongs to another order.",
        "Look at EvoLink's dashboard for the first order and attach its task id, or give this one up.",
    ),
    "paid_outcome_unknown": Meaning(
        OutcomeUnknown, "EvoLink is still working on this order and cannot say yet what became of it.",
        "Wait a few minutes, then send it again or attach its task id.",
    ),
}  # fmt: skip

AT_PLACE: dict[tuple[Place, str], Meaning] = {
    ("task", "quota_exceeded"): Meaning(
        TaskFailed, "The model's provider had no capacity left for this task.", _LATER, retryable=True,
    ),
    ("upload", "quota_exceeded"): Meaning(
        errors.OutOfCredits, "The account may not keep more files at EvoLink.",
        "Delete old files at EvoLink or wait until they expire after 72 hours, then {again}.",
    ),
    ("upload", "resource_not_found"): Meaning(
        errors.NotFound, "EvoLink does not know this file.", "It may have expired: {again}.",
    ),
    ("upload", "invalid_request"): Meaning(
        errors.InvalidRequest, "EvoLink's file store did not accept the file.",
        "Check that it is a JPEG, PNG, MP4 or MOV of at most 100 MB, then {again}.", quote=True,
    ),
    ("result", "resource_not_found"): Meaning(
        errors.ResultUnusable, "The link to the finished video is dead.",
        "EvoLink keeps results for 24 hours: {again} to ask for a fresh link.",
    ),
}  # fmt: skip

_TOO_LARGE = Meaning(
    errors.InvalidRequest, "This is larger than EvoLink accepts.", "Take a smaller file, then {again}.",
)  # fmt: skip
_WRONG_KIND = Meaning(
    errors.InvalidRequest, "EvoLink does not accept this kind of file.",
    "Save it as JPEG, PNG or MP4 or give a public link to it, then {again}.",
)  # fmt: skip
REDIRECT = Meaning(
    errors.ServerFault, "EvoLink answered with a detour, which is not followed with a key.",
    "Check the base URL, then {again}.", retryable=True,
)  # fmt: skip
REFUSED = Meaning(
    errors.InvalidRequest, "EvoLink refused the request.", "Read EvoLink's words, then {again}.", quote=True
)

BY_STATUS: dict[int, tuple[str, Meaning]] = {
    400: ("invalid_request", MEANINGS["invalid_request"]),
    401: ("unauthorized", MEANINGS["unauthorized"]),
    402: ("insufficient_quota", MEANINGS["insufficient_quota"]),
    403: ("permission_denied", MEANINGS["permission_denied"]),
    404: ("resource_not_found", MEANINGS["resource_not_found"]),
    408: ("timed_out", Meaning(errors.Unreachable, "EvoLink waited too long for the request.", _LATER, retryable=True)),
    409: ("conflict", REFUSED),
    410: ("resource_not_found", MEANINGS["resource_not_found"]),
    413: ("too_large", _TOO_LARGE),
    415: ("wrong_kind", _WRONG_KIND),
    422: ("invalid_request", MEANINGS["invalid_request"]),
    429: ("rate_limit_exceeded", MEANINGS["rate_limit_exceeded"]),
    503: ("service_unavailable", MEANINGS["service_unavailable"]),
}
