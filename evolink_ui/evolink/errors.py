"""Everything that can go wrong between us and EvoLink, each with what it means for the money.

EvoLinkError
├── OutcomeUnknown        the order went out and no clear answer came back: it may be running and charged
├── IdempotencyConflict   the order's key was already used for another order
├── Unreachable           no usable answer: refused, lost, timed out, not JSON (an order was certainly not delivered)
├── RateLimited           told to slow down until the patience was used up
├── Unauthorized          the key is wrong, disabled or expired
├── OutOfCredits          the account or the key may not spend any more
├── Forbidden             the key may not do this
├── NotFound              no such task or file
├── InvalidRequest        refused as it is: repeating it changes nothing
├── ServerFault           EvoLink failed, again and again
├── FollowEnded           a task was followed as long as agreed and had not ended
├── TaskFailed            a task ended without a result
├── ResultUnusable        the result's link does not lead to a whole video
└── LocalFileProblem      our own disk

`charged` is the answer to the only question a person asks after an error: "no", "yes" or "unknown".
"""

from typing import Any, ClassVar, Literal

Charged = Literal["no", "yes", "unknown"]


class EvoLinkError(Exception):
    """Base of all. `str(error)` is a whole English sentence or two, without keys, paths or a library's words."""

    default_code: ClassVar[str] = "evolink_error"

    def __init__(
        self,
        message: str = "Something went wrong with EvoLink.",
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        task_id: str | None = None,
        idempotency_key: str | None = None,
        charged: Charged = "unknown",
        next_step: str = "",
        retryable: bool = False,
        vendor_code: str | None = None,
        vendor_message: str | None = None,
        param: str | None = None,
        type: str | None = None,  # noqa: A002 - the vendor's name for it, as in TaskFailure
        suggestion: str | None = None,
        figures: dict[str, Any] | None = None,
        candidates: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.task_id = task_id
        self.idempotency_key = idempotency_key
        self.charged = charged
        self.next_step = next_step
        self.retryable = retryable
        self.vendor_code = vendor_code
        self.vendor_message = vendor_message
        self.param = param
        """The field of the request that the vendor names."""
        self.type = type
        """The vendor's class of error."""
        self.suggestion = suggestion
        """What the vendor advises."""
        self.figures = figures or {}
        """Amounts (credits) and limits that the vendor names with a refusal: see `answers.FIGURES`."""
        self.candidates = candidates
        """Task ids that were read out of an answer that is otherwise unusable: one of them may be the order's."""

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain JSON values, for a ledger or a page."""
        fields = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return fields | {"candidates": list(self.candidates)}


class OutcomeUnknown(EvoLinkError):
    """The paid order may have been taken. Never sent again by itself; charged: unknown."""

    default_code = "outcome_unknown"


class IdempotencyConflict(EvoLinkError):
    """The key of this order belongs to another order."""

    default_code = "idempotency_conflict"


class Unreachable(EvoLinkError):
    """No usable answer from EvoLink. For an order: it was certainly never delivered."""

    default_code = "unreachable"


class RateLimited(EvoLinkError):
    """EvoLink kept asking to slow down."""

    default_code = "rate_limit_exceeded"


class Unauthorized(EvoLinkError):
    """EvoLink does not accept the API key."""

    default_code = "unauthorized"


class OutOfCredits(EvoLinkError):
    """The account, the key or its daily share is used up."""

    default_code = "insufficient_quota"


class Forbidden(EvoLinkError):
    """The key may not do this."""

    default_code = "permission_denied"


class NotFound(EvoLinkError):
    """EvoLink knows no such task or file."""

    default_code = "resource_not_found"


class InvalidRequest(EvoLinkError):
    """Refused as it is."""

    default_code = "invalid_request"


class ServerFault(EvoLinkError):
    """EvoLink failed on its side, more often than we had patience."""

    default_code = "internal_error"


class FollowEnded(EvoLinkError):
    """Followed as long as agreed; the task may still end well."""

    default_code = "follow_ended"


class TaskFailed(EvoLinkError):
    """The task ended without a result."""

    default_code = "unknown_error"


class ResultUnusable(EvoLinkError):
    """The result's link is dead, or what it leads to is not a whole video."""

    default_code = "result_unusable"


class LocalFileProblem(EvoLinkError):
    """A file of ours cannot be read or written."""

    default_code = "local_file"
