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

IN_BETWEEN = "not_evolink"
"""Our own code for a web page where EvoLink's answer belongs."""

UNTRUSTED = "certificate_untrusted"
"""Our own code for a host whose certificate nobody that we trust vouches for."""

KEYS_PAGE = "https://evolink.ai/dashboard/keys"
TOP_UP_PAGE = "https://evolink.ai/dashboard"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means to a person."""

    kind: type[EvoLinkError]
    sentence: str
    """May hold {status}: the answer's HTTP status."""
    next_step: str
    """May hold {again}: what to press at this place."""
    retryable: bool = False
    quote: bool = False
    """Repeat the vendor's words: they say which part of the request is wrong."""


_TOP_UP = f"Top up at {TOP_UP_PAGE}, then {{again}}."
_OTHER_KEY = f"Choose another key at {KEYS_PAGE}, then {{again}}."
_LATER = "Wait a few minutes, then {again}."
_TRIGGERS = (
    "Usual reasons are the photorealistic face of a real person, a celebrity, a protected character or a removed "
    "watermark."
)
_CERTIFICATES = (
    "Check this machine's clock. Where a company's proxy opens encrypted connections, set SSL_CERT_FILE to the file "
    "with its root certificate and start the app again; then {again}."
)
_BASE_URL = "Check the base URL (EvoLink's is https://api.evolink.ai) and any proxy in between, then {again}."

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
        f"Check the key at {KEYS_PAGE}, enter the right one, then {{again}}.",
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
    "user_disabled": Meaning(
        errors.Unauthorized, "The account behind this key is switched off.",
        "Ask EvoLink's support about the account, or use another key, then {again}.",
    ),
    "mcp_paused": Meaning(
        errors.Forbidden, "EvoLink has paused this key for programs.",
        f"Let it go on at {KEYS_PAGE} or use another key, then {{again}}.",
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
    "account_balance_insufficient": Meaning(
        errors.OutOfCredits, "The account's balance is too low for this.", _TOP_UP,
    ),
    "key_quota_exhausted": Meaning(
        errors.OutOfCredits, "This key's own limit is used up, whatever the account still holds.",
        f"Raise the limit of the key at {KEYS_PAGE} or use another key, then {{again}}.",
    ),
    "key_daily_quota_exhausted": Meaning(
        errors.OutOfCredits, "This key's limit for today is used up, whatever the account still holds.",
        f"Wait until the limit starts again or raise it at {KEYS_PAGE}, then {{again}}.", retryable=True,
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
    "channel_selection_failed": Meaning(
        errors.ServerFault, "EvoLink could not choose a line to the model.", _LATER, retryable=True,
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
        f"Try once more; if it happens again, change the picture or the video, then {{again}}. {_TRIGGERS}",
        retryable=True,
    ),
    "unknown_error": Meaning(
        errors.ServerFault, "EvoLink gives no reason for the failure.", _LATER, retryable=True,
    ),
    # the content
    "content_policy_violation": Meaning(
        errors.InvalidRequest, "EvoLink's content rules refuse this picture, video or prompt.",
        f"{_TRIGGERS} Change the picture, the video or the prompt, then {{again}}.", quote=True,
    ),
    "content_filter": Meaning(
        errors.InvalidRequest, "EvoLink's content filter stopped this order.",
        f"{_TRIGGERS} Change the picture, the video or the prompt, then {{again}}.", quote=True,
    ),
    "sensitive_content": Meaning(
        errors.InvalidRequest, "EvoLink takes something in the picture, the video or the prompt for sensitive content.",
        f"{_TRIGGERS} Change it, then {{again}}.", quote=True,
    ),
    "moderation_blocked": Meaning(
        errors.InvalidRequest, "EvoLink's moderation blocked the picture, the video or the prompt.",
        f"{_TRIGGERS} Change what it names, then {{again}}.", quote=True,
    ),
    "input_moderation_failed": Meaning(
        errors.InvalidRequest, "The picture, the video or the prompt did not pass EvoLink's moderation.",
        f"{_TRIGGERS} Change what it names, then {{again}}.", quote=True,
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
    # what is not EvoLink's answer
    IN_BETWEEN: Meaning(
        errors.Unreachable,
        "Something between this app and EvoLink answered with a page of its own ({status}), not EvoLink itself.",
        "Check whether a firewall, a proxy or a sign-in page stands in between, and whether the base URL is "
        "https://api.evolink.ai; then {again}.", retryable=True,
    ),
    UNTRUSTED: Meaning(
        errors.Unreachable, "The certificate of EvoLink's address is not trusted here, so nothing was sent to it.",
        _CERTIFICATES,
    ),
}  # fmt: skip

FAMILIES: dict[str, Meaning] = {
    "channel:": Meaning(errors.ServerFault, "EvoLink's line to the model failed.", _LATER, retryable=True, quote=True),
    "connection_": Meaning(
        errors.ServerFault, "EvoLink's connection to the model failed.", _LATER, retryable=True, quote=True,
    ),
    "session_": Meaning(
        errors.ServerFault, "EvoLink's session with the model failed.", _LATER, retryable=True, quote=True,
    ),
}  # fmt: skip
"""Codes of which only the beginning is fixed."""

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
    ("upload", "wrong_kind"): Meaning(
        errors.InvalidRequest, "EvoLink does not accept this kind of file.",
        "Save it as JPEG, PNG or MP4 or give a public link to it, then {again}.",
    ),
    ("upload", "too_large"): Meaning(
        errors.InvalidRequest, "This file is larger than EvoLink accepts.", "Take a smaller file, then {again}.",
    ),
    ("result", UNTRUSTED): Meaning(
        errors.ResultUnusable, "The certificate of the result's host is not trusted here.",
        _CERTIFICATES,
    ),
    ("result", "resource_not_found"): Meaning(
        errors.ResultUnusable, "The link to the finished video is dead.",
        "EvoLink keeps results for 24 hours: {again} to ask for a fresh link.",
    ),
}  # fmt: skip

REDIRECT = Meaning(
    errors.Unreachable, "The address answered with a redirect ({status}), which is not followed with a key: "
    "probably the base URL is wrong.", _BASE_URL, retryable=True,
)  # fmt: skip
_WRONG_ADDRESS = Meaning(
    errors.InvalidRequest, "The address does not take such a request ({status}): probably the base URL is wrong.",
    _BASE_URL,
)  # fmt: skip
_WRONG_FORM = Meaning(
    errors.InvalidRequest, "The request was not accepted in this form ({status}), perhaps by a proxy before EvoLink.",
    _BASE_URL, quote=True,
)  # fmt: skip
_TOO_LARGE = Meaning(
    errors.InvalidRequest, "The request is larger than EvoLink, or a proxy before it, accepts.",
    "Shorten the prompt and the links, then {again}.",
)  # fmt: skip
_LAW = Meaning(
    errors.Forbidden, "EvoLink is withheld here for legal reasons ({status}).",
    "Ask EvoLink's support whether the service is offered where this app runs.", quote=True,
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
    405: ("method_not_allowed", _WRONG_ADDRESS),
    408: ("timed_out", Meaning(errors.Unreachable, "EvoLink waited too long for the request.", _LATER, retryable=True)),
    409: ("conflict", REFUSED),
    410: ("resource_not_found", MEANINGS["resource_not_found"]),
    411: ("length_required", _WRONG_FORM),
    413: ("too_large", _TOO_LARGE),
    414: ("too_large", _TOO_LARGE),
    415: ("wrong_kind", _WRONG_FORM),
    421: ("method_not_allowed", _WRONG_ADDRESS),
    422: ("invalid_request", MEANINGS["invalid_request"]),
    429: ("rate_limit_exceeded", MEANINGS["rate_limit_exceeded"]),
    431: ("too_large", _TOO_LARGE),
    451: ("unavailable_for_legal_reasons", _LAW),
    503: ("service_unavailable", MEANINGS["service_unavailable"]),
}
