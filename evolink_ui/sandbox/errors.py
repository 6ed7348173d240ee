"""The two shapes in which the API says no.

ApiError     /v1/…: {"error": {"code", "message", "type"}}, on reads of a task also "param"
FilesError   /api/v1/files/…: {"success": false, "code": <status>, "msg"}
"""

from __future__ import annotations

from typing import Literal

from starlette.responses import JSONResponse

Place = Literal["order", "task", "list", "batch", "credits", "files", "upload", "link"]
"""Where in the API a request arrives; the same trouble is told in another shape or with other words elsewhere."""

RETRY_AFTER_SECONDS = 2  # what a 429 asks for


class SandboxError(Exception):
    """An answer that is an error; `response()` is what goes out."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def body(self) -> dict[str, object]:
        raise NotImplementedError

    def response(self) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 429 else None
        return JSONResponse(self.body(), self.status, headers)


class ApiError(SandboxError):
    """An error of the task API. `code` and `kind` (the wire's `type`) are the vendor's words."""

    def __init__(self, status: int, code: str, message: str, kind: str, *, param: str | None = None) -> None:
        super().__init__(status, message)
        self.code, self.kind, self.param = code, kind, param

    def body(self) -> dict[str, object]:
        error = {"code": self.code, "message": self.message, "type": self.kind}
        return {"error": error if self.param is None else {**error, "param": self.param}}


class FilesError(SandboxError):
    """An error of the files API, which speaks through `msg`."""

    def body(self) -> dict[str, object]:
        return {"success": False, "code": self.status, "msg": self.message}


def invalid_request(message: str) -> ApiError:
    """400: the order itself is wrong."""
    return ApiError(400, "invalid_request", f"{message} No task was created.", "invalid_request_error")


def too_large(max_bytes: int) -> ApiError:
    """413: the order's JSON is longer than any order needs to be."""
    message = f"The request body is larger than {max_bytes} bytes. No task was created."
    return ApiError(413, "request_too_large", message, "invalid_request_error")


def unauthorized(place: Place) -> SandboxError:
    """401: no key, or one that is not (any longer) a key."""
    message = "The API key is missing or not valid. Send it as: Authorization: Bearer YOUR_API_KEY"
    return _in_shape(place, ApiError(401, "unauthorized", message, "authentication_error"))


def insufficient_quota(needed: float, remaining: float) -> ApiError:
    """402 on an order: `needed` and `remaining` in credits."""
    message = f"This task needs {needed:.2f} credits, {max(remaining, 0):.2f} remain. Top up. No task was created."
    return ApiError(402, "insufficient_quota", message, "insufficient_quota")


def quota_exceeded() -> ApiError:
    """402 on a read."""
    return ApiError(402, "quota_exceeded", "The quota of this account is used up. Top up.", "insufficient_quota")


def model_access_denied(model: str) -> ApiError:
    """403 on an order."""
    message = f"This key may not use the model {model}. No task was created."
    return ApiError(403, "model_access_denied", message, "invalid_request_error")


def permission_denied() -> ApiError:
    """403 on a read: the task is another key's."""
    return ApiError(403, "permission_denied", "This key may not read this task.", "invalid_request_error")


def invalid_task_id() -> ApiError:
    """400 on a read."""
    message = "A task id begins with 'task-unified-'."
    return ApiError(400, "invalid_task_id", message, "invalid_request_error", param="task_id")


def task_not_found() -> ApiError:
    """404 on a read."""
    return ApiError(404, "task_not_found", "There is no task with this id.", "invalid_request_error")


def not_found() -> ApiError:
    """404 for a path, a file or a result that does not exist (any longer)."""
    return ApiError(404, "resource_not_found", "There is nothing here (any longer).", "invalid_request_error")


def rate_limited(place: Place) -> SandboxError:
    """429; the vendor gives it another type where tasks are read."""
    kind = "evo_api_error" if place == "task" else "rate_limit_error"
    return _in_shape(place, ApiError(429, "rate_limit_exceeded", "Too many requests. Wait, then try again.", kind))


def internal_error(place: Place) -> SandboxError:
    """500."""
    message = "The server failed to answer this request."
    return _in_shape(place, ApiError(500, "internal_error", message, "api_error"))


def stalled(place: Place) -> SandboxError:
    """400: the body stopped coming in, or drips."""
    message = "The request body stopped, or came too slowly to become whole. Nothing was done. Send it again."
    return _in_shape(place, ApiError(400, "invalid_request", message, "invalid_request_error"))


def idempotency_conflict() -> ApiError:
    """409: the key has been used for another order."""
    message = "This Idempotency-Key was used with another request body. No task was created."
    return ApiError(409, "idempotency_conflict", message, "invalid_request_error")


def _in_shape(place: Place, error: ApiError) -> SandboxError:
    return FilesError(error.status, error.message) if place in ("files", "upload") else error
