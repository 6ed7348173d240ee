"""The vendor's two descriptions and what this project adds to them, as one OpenAPI document in our own words.

Answers are closed (`additionalProperties: false`), so that a member nobody described is found. What goes beyond the
vendor's descriptions is listed in `evolink_ui/sandbox/api.py`.
"""

from __future__ import annotations

from typing import Any


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_TEXT = {"type": "string", "minLength": 1}
_URL = {"type": "string", "pattern": r"^https?://[^/\s]+\S*$"}
_STATUS = {"enum": ["pending", "processing", "completed", "failed"]}
_PERCENT = {"type": "integer", "minimum": 0, "maximum": 100}
_MODEL = {"const": "kling-v3-motion-control"}
_MONEY = {"type": "number", "minimum": 0}

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["model", "image_urls", "video_urls", "model_params"],
    "properties": {
        "model": _MODEL,
        "image_urls": {"type": "array", "items": _URL, "minItems": 1, "maxItems": 1},
        "video_urls": {"type": "array", "items": _URL, "minItems": 1, "maxItems": 1},
        "prompt": {"type": "string", "maxLength": 2500},
        "quality": {"enum": ["720p", "1080p"]},
        "callback_url": {"type": "string", "pattern": r"^https://[^/\s]+\S*$", "maxLength": 2048},
        "model_params": {
            "type": "object",
            "required": ["character_orientation"],
            "properties": {
                "character_orientation": {"enum": ["image", "video"]},
                "keep_sound": {"type": "boolean"},
                "watermark_info": {"type": "object", "properties": {"enabled": {"type": "boolean"}}},
                "element_list": {
                    "type": "array",
                    "maxItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["element_id"],
                        "properties": {"element_id": {"type": "string"}},
                    },
                },
            },
            "if": {"required": ["element_list"], "properties": {"element_list": {"type": "array", "minItems": 1}}},
            "then": {"properties": {"character_orientation": {"const": "video"}}},
        },
    },
}

CREATED = _closed(
    ["created", "id", "model", "object", "progress", "status", "task_info", "type", "usage"],
    created={"type": "integer"},
    id={"type": "string", "pattern": "^task-unified-[0-9]{10}-[a-z0-9]{8}$"},
    model=_MODEL,
    object={"const": "video.generation.task"},
    progress=_PERCENT,
    status=_STATUS,
    task_info=_closed(
        ["can_cancel", "estimated_time"],
        can_cancel={"type": "boolean"},
        estimated_time={"type": "integer", "minimum": 0},
        video_duration={"type": "integer"},
    ),
    type={"const": "video"},
    usage=_closed(
        ["billing_rule", "credits_reserved", "user_group"],
        billing_rule={"const": "per_second"},
        credits_reserved=_MONEY,
        user_group=_TEXT,
    ),
)

READ = _closed(
    ["created", "id", "model", "object", "progress", "status", "task_info", "type"],
    **{
        name: CREATED["properties"][name] for name in ("created", "id", "model", "object", "progress", "status", "type")
    },
    results={"type": "array", "items": _URL, "minItems": 1},
    error=_closed(["code", "message", "type"], code=_TEXT, message=_TEXT, type={"const": "task_error"}),
    task_info=_closed(["can_cancel"], can_cancel={"type": "boolean"}, note=_TEXT),
    usage=_closed(
        ["billing_rule", "credits_reserved", "user_group"],
        **CREATED["properties"]["usage"]["properties"],
        credits_used=_MONEY,
    ),
)
READ["allOf"] = [
    {
        "if": {"properties": {"status": {"const": "completed"}}},
        "then": {"required": ["results"]},
        "else": {"not": {"required": ["results"]}},
    },
    {
        "if": {"properties": {"status": {"const": "failed"}}},
        "then": {"required": ["error"]},
        "else": {"not": {"required": ["error"]}},
    },
]

SUMMARY = _closed(
    [
        "id", "model", "type", "status", "progress", "created_at", "duration", "has_results", "result_count",
        "has_error", "credits_used",
    ],
    **{name: CREATED["properties"][name] for name in ("id", "model", "type", "status", "progress")},
    created_at={"type": "integer"},
    duration={"type": "number", "minimum": 0},
    has_results={"type": "boolean"},
    result_count={"type": "integer", "minimum": 0, "maximum": 1},
    has_error={"type": "boolean"},
    credits_used=_MONEY,
)  # fmt: skip
_COUNTS = {name: {"type": "integer", "minimum": 0} for name in ("total", "page", "page_size")}
TASK_LIST = _closed(["data", *_COUNTS], data={"type": "array", "items": SUMMARY}, **_COUNTS)
BATCH = _closed(["data"], data={"type": "array", "items": READ, "maxItems": 50})

BALANCE = {"remaining_credits": _MONEY, "used_credits": _MONEY}
CREDITS = _closed(
    ["success", "message", "data"],
    success={"const": True},
    message={"type": "string"},
    data=_closed(
        ["token", "user"],
        token=_closed([*BALANCE, "unlimited_credits"], **BALANCE, unlimited_credits={"type": "boolean"}),
        user=_closed([*BALANCE], **BALANCE),
    ),
)

_FILE_MEMBERS = "file_id file_name original_name file_size mime_type upload_path file_url download_url"
FILE = _closed(
    [*_FILE_MEMBERS.split(), "upload_time", "expires_at"],
    file_id={"type": "string", "pattern": "^file_"},
    file_name=_TEXT,
    original_name=_TEXT,
    file_size={"type": "integer", "minimum": 1},
    mime_type={"type": "string", "pattern": "^(image|audio|video)/"},
    upload_path={"type": "string"},
    file_url=_URL,
    download_url=_URL,
    upload_time={"type": "string", "format": "date-time"},
    expires_at={"type": "string", "format": "date-time"},
)


def _done(data: dict[str, Any]) -> dict[str, Any]:
    return _closed(
        ["success", "code", "msg", "data"], success={"const": True}, code={"const": 200}, msg=_TEXT, data=data
    )


FILES_ERROR = _closed(["success", "code", "msg"], success={"const": False}, code={"type": "integer"}, msg=_TEXT)


def _error(code: str, kind: str, param: str | None = None) -> dict[str, Any]:
    words = {"code": {"const": code}, "message": _TEXT, "type": {"const": kind}}
    if param is not None:
        words["param"] = {"const": param}
    return _closed(["error"], error=_closed([*words], **words))


def _wrong_field(*names: str) -> dict[str, Any]:
    schema = _error("invalid_request", "invalid_request_error", "?")
    schema["properties"]["error"]["properties"]["param"] = {"enum": list(names)}
    return schema


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _answers(**by_status: dict[str, Any]) -> dict[str, Any]:
    return {status.removeprefix("s"): _json(schema) for status, schema in by_status.items()}


_FILES_ERRORS = {f"s{status}": FILES_ERROR for status in (400, 401, 403, 404, 413, 415, 429, 500)}


def _files(method: str, data: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {method: {"parameters": list(parameters), "responses": _answers(s200=_done(data), **_FILES_ERRORS)}}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "What the sandbox promises", "version": "1"},
    "servers": [{"url": "https://sandbox.evolink.invalid"}],
    "paths": {
        "/v1/videos/generations": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": ORDER}}},
                "responses": _answers(
                    s200=CREATED,
                    s400=_error("invalid_request", "invalid_request_error"),
                    s401=_error("unauthorized", "authentication_error"),
                    s402=_error("insufficient_quota", "insufficient_quota"),
                    s403=_error("model_access_denied", "invalid_request_error"),
                    s409=_error("idempotency_conflict", "invalid_request_error"),
                    s413=_error("request_too_large", "invalid_request_error"),
                    s429=_error("rate_limit_exceeded", "rate_limit_error"),
                    s500=_error("internal_error", "api_error"),
                ),
            }
        },
        "/v1/tasks": {
            "get": {
                "responses": _answers(
                    s200=TASK_LIST,
                    s400=_wrong_field("page", "page_size"),
                    s401=_error("unauthorized", "authentication_error"),
                    s429=_error("rate_limit_exceeded", "rate_limit_error"),
                    s500=_error("internal_error", "api_error"),
                )
            }
        },
        "/v1/tasks/batch": {
            "post": {
                "responses": _answers(
                    s200=BATCH,
                    s400={"anyOf": [_wrong_field("task_ids"), _error("invalid_request", "invalid_request_error")]},
                    s401=_error("unauthorized", "authentication_error"),
                    s413=_error("request_too_large", "invalid_request_error"),
                    s429=_error("rate_limit_exceeded", "rate_limit_error"),
                    s500=_error("internal_error", "api_error"),
                )
            }
        },
        "/v1/tasks/{task_id}": {
            "get": {
                "parameters": [{"name": "task_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": _answers(
                    s200=READ,
                    s400=_error("invalid_task_id", "invalid_request_error", "task_id"),
                    s401=_error("unauthorized", "authentication_error"),
                    s402=_error("quota_exceeded", "insufficient_quota"),
                    s403=_error("permission_denied", "invalid_request_error"),
                    s404=_error("task_not_found", "invalid_request_error"),
                    s429=_error("rate_limit_exceeded", "evo_api_error"),
                    s500=_error("internal_error", "api_error"),
                ),
            }
        },
        "/v1/credits": {
            "get": {
                "responses": _answers(
                    s200=CREDITS,
                    s401=_error("unauthorized", "authentication_error"),
                    s429=_error("rate_limit_exceeded", "rate_limit_error"),
                    s500=_error("internal_error", "api_error"),
                )
            }
        },
        "/api/v1/files/upload/stream": _files("post", FILE),
        "/api/v1/files/upload/base64": _files("post", FILE),
        "/api/v1/files/upload/url": _files("post", FILE),
        "/api/v1/files/quota": _files(
            "get",
            _closed(
                ["used_files", "max_files", "remain_files"],
                **{name: {"type": "integer", "minimum": 0} for name in ("used_files", "max_files", "remain_files")},
            ),
        ),
        "/api/v1/files/list": _files(
            "get",
            _closed(
                ["files", "total", "page", "pageSize"],
                files={"type": "array", "items": FILE},
                **{name: {"type": "integer", "minimum": 0} for name in ("total", "page", "pageSize")},
            ),
        ),
        "/api/v1/files/{file_id}": _files(
            "delete",
            _closed(["file_id"], file_id=_TEXT),
            ({"name": "file_id", "in": "path", "required": True, "schema": {"type": "string"}},),
        ),
    },
}
