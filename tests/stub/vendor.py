"""What the stand-in remembers and answers: orders, tasks, files, credits."""

import hashlib
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from tests.stub.clip import small_clip
from tests.stub.faults import Fault, Place
from tests.stub.records import Order, Seen, StoredFile, Timeline
from tests.stub.wire import Request, Response

CREDITS_PER_SECOND = 8.1648
KEEP_BYTES = 32 * 1024 * 1024


class Vendor:
    """The state. Attributes may be changed at any time, from any thread."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        """For tasks created from now on."""
        self.script: list[dict[str, Any]] | None = None
        """If set: the answers to reads in order, merged over id and model, the last one for ever."""
        self.answer_look: Callable[[Order], dict[str, Any]] | None = None
        """If set: makes the answer to each read, merged over id and model."""
        self.honour_idempotency = True
        """Whether the same key gets the same task instead of a second one."""
        self.keys: set[str] | None = None
        """API keys that are accepted; None accepts any."""
        self.task_delay_seconds = 0.0
        """How long a new task is not yet known to reads (404)."""
        self.list_delay_seconds = 0.0
        """How long a new task does not yet stand in the account's list."""
        self.list_page_max = 100
        """Most lines that one page of the list has, whatever was asked for and is said in the answer."""
        self.offers_list = True
        """Whether there is a list of the account's tasks (else 404)."""
        self.list_ignores_page = False
        """Whether the list gives its first page for every page."""
        self.list_nameless = 0
        """How many lines without an id stand at the head of the list's first page."""
        self.offers_batch = True
        """Whether many tasks can be read at once (else 404)."""
        self.result_bytes: bytes | None = None
        """The result; None is a small real MP4."""
        self.result_headers: dict[str, str] = {}
        """Replaces or adds to the headers of results."""
        self.ranges = True
        """Whether results can be continued."""
        self.max_files = 100
        self.credits_left = 1000.0
        self.unlimited = False
        self.seen: list[Seen] = []
        self.orders: list[Order] = []
        """Tasks that were ordered here, and paid."""
        self.elsewhere: list[Order] = []
        """Tasks of the accounts that another program made. See `add_elsewhere`."""
        self.files: dict[str, StoredFile] = {}
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.addresses = {"api": "", "files": "", "results": ""}
        self.reads_inputs: Literal["never", "at the order", "in the task"] = "never"
        """When an order fails whose file was uploaded here and was forgotten since."""
        self.on_order: Callable[[Order], None] = lambda order: None

    # -- the doors -------------------------------------------------------------------------------------------------

    def fault_for(self, request: Request) -> Fault | None:
        """Note the request, and take the next fault waiting at its place."""
        place = place_of(request)
        self.seen.append(
            Seen(place, request.host, request.method, request.path, dict(request.headers), time.monotonic())
        )
        waiting = self.faults[place]
        return waiting.popleft() if waiting else None

    async def handle(self, request: Request) -> Response:
        """Answer one request as EvoLink would."""
        place = place_of(request)
        if place == "result":
            return self._result(request)
        if place == "file":
            return self._file(request)
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key or (self.keys is not None and key not in self.keys):
            return refuse(401, "unauthorized", "Invalid or expired token")
        if place == "order":
            return self._order(request, key)
        if place == "task":
            return self._task(request)
        if place == "list" and self.offers_list:
            return self._list(request, key)
        if place == "batch" and self.offers_batch:
            return self._batch(request, key)
        if place == "credits":
            token = {"remaining_credits": self.credits_left, "unlimited_credits": self.unlimited, "used_credits": 1.5}
            user = {"remaining_credits": self.credits_left + 5, "used_credits": 1.5}
            return as_json({"success": True, "message": "", "data": {"token": token, "user": user}})
        if place == "upload":
            return self._upload(request)
        if place == "quota":
            used = sum(not file.deleted for file in self.files.values())
            data = {"used_files": used, "max_files": self.max_files, "remain_files": self.max_files - used}
            return as_json({"success": True, "code": 200, "msg": "ok", "data": data})
        if place == "delete":
            return self._delete(request)
        return refuse(404, "resource_not_found", "No such address")

    # -- orders and tasks ------------------------------------------------------------------------------------------

    def _order(self, request: Request, api_key: str) -> Response:
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        problem = order_problem(body)
        if problem:
            return refuse(400, "invalid_request", problem)
        key = request.headers.get("idempotency-key")
        if key and self.honour_idempotency:
            for order in self.orders:
                if order.key == key and order.api_key == api_key:
                    if order.body != body:
                        return refuse(409, "idempotency_conflict", "Same key, other body")
                    return as_json(self._created(order), headers={"Idempotency-Replayed": "true"})
        unread = self.reads_inputs != "never" and any(self._is_forgotten(url) for url in _inputs(body))
        if unread and self.reads_inputs == "at the order":
            return refuse(400, "invalid_parameters", "Failed to download the file at image_urls[0]")
        if self.credits_left <= 0:
            return refuse(402, "insufficient_quota", "Insufficient quota. Please top up your account.")
        now = time.time()
        name = f"task-unified-{int(now)}-{len(self.orders):06x}"
        timeline = replace(self.timeline, outcome="failed", error=UNREADABLE) if unread else self.timeline
        order = Order(name, key, api_key, body, timeline, now)
        self.orders.append(order)
        self.on_order(order)
        return as_json(self._created(order))

    def _is_forgotten(self, url: str) -> bool:
        """Whether an address was one of this host's files and is none any more."""
        if not url.startswith(f"{self.addresses['files']}/files/"):
            return False
        stored = self.files.get(url.split("/")[4])
        return stored is None or stored.deleted

    def _created(self, order: Order) -> dict[str, Any]:
        info: dict[str, Any] = {"can_cancel": True, "video_duration": round(order.timeline.video_seconds)}
        if order.timeline.estimated_time is not None:
            truth = max(1, round(order.timeline.seconds))
            info["estimated_time"] = truth if order.timeline.estimated_time == "true" else order.timeline.estimated_time
        reserved = round(order.timeline.video_seconds * CREDITS_PER_SECOND, 4)
        return self._described(order) | {
            "status": "pending",
            "progress": 0,
            "task_info": info,
            "usage": {"billing_rule": "per_second", "credits_reserved": reserved, "user_group": "default"},
        }

    def _described(self, order: Order) -> dict[str, Any]:
        return {
            "created": int(order.created),
            "id": order.task_id,
            "model": order.body["model"],
            "object": "video.generation.task",
            "type": "video",
            "task_info": {"can_cancel": False},
        }

    def add_elsewhere(
        self, api_key: str, *, model: str = "kling-v3-motion-control", age_seconds: float = 0.0,
        timeline: Timeline | None = None, task_id: str | None = None,
    ) -> str:  # fmt: skip
        """A task of this key that another program made so long ago. Returns its id."""
        created = time.time() - age_seconds
        name = task_id or f"task-unified-{int(created)}-else{len(self.elsewhere):04x}"
        order = Order(name, None, api_key, {"model": model}, timeline or self.timeline, created)
        self.elsewhere.append(order)
        return name

    def _known(self) -> list[Order]:
        """Every task, newest first."""
        return sorted([*self.orders, *self.elsewhere], key=lambda order: order.created, reverse=True)

    def _list(self, request: Request, api_key: str) -> Response:
        query = request.query
        page = 1 if self.list_ignores_page else int(query.get("page", "1"))
        size = min(self.list_page_max, int(query.get("page_size", "20")))
        lines = []
        for order in self._known():
            if order.api_key != api_key or time.monotonic() - order.started < self.list_delay_seconds:
                continue
            task = self.look(order)
            line = {
                "id": order.task_id,
                "model": task["model"],
                "type": task["type"],
                "status": task["status"],
                "progress": task.get("progress", 0),
                "created_at": task["created"],
                "duration": order.timeline.video_seconds,
                "has_results": bool(task.get("results")),
                "result_count": len(task.get("results") or []),
                "has_error": bool(task.get("error")),
                "credits_used": (task.get("usage") or {}).get("credits_used", 0),
            }
            if all(query.get(name) in (None, "", line[name]) for name in ("status", "type", "model")):
                lines.append(line)
        shown = lines[(page - 1) * size : page * size]
        if page == 1:
            shown = [{"id": None}] * self.list_nameless + shown
        return as_json(
            {"data": shown, "total": len(lines), "page": page, "page_size": int(query.get("page_size", size))}
        )

    def _batch(self, request: Request, api_key: str) -> Response:
        asked = json.loads(request.body or b"{}").get("task_ids")
        if not isinstance(asked, list) or not 0 < len(asked) <= 50:
            return refuse(400, "invalid_request", "task_ids must hold 1 to 50 ids")
        found = [order for order in self._known() if order.task_id in asked and order.api_key == api_key]
        for order in found:
            order.looks += 1
        return as_json({"data": [self.look(order) for order in found]})

    def _task(self, request: Request) -> Response:
        task_id = request.path.rsplit("/", 1)[1]
        order = next((order for order in self._known() if order.task_id == task_id), None)
        if order is None or time.monotonic() - order.started < self.task_delay_seconds:
            return refuse(404, "task_not_found", "The requested task could not be found")
        order.looks += 1
        return as_json(self.look(order))

    def look(self, order: Order) -> dict[str, Any]:
        """What a read says about a task now."""
        if self.answer_look is not None:
            return self._described(order) | self.answer_look(order)
        if self.script is not None:
            return self._described(order) | self.script[max(0, min(order.looks, len(self.script)) - 1)]
        line = order.timeline
        share = (time.monotonic() - order.started) / line.seconds if line.seconds else 1.0
        if share < 1.0:
            shown = {"status": "processing" if share > 0.05 else "pending"}
            progress = int(100 * share) if line.progress == "linear" else 0
            return self._described(order) | shown | ({} if line.progress == "missing" else {"progress": progress})
        ended: dict[str, Any] = {"status": line.outcome, "progress": 100}
        if line.outcome == "completed":
            link = f"{self.addresses['results']}/results/{order.task_id}.mp4?signature=stub"
            ended["results"] = [link] if line.results is None else line.results
            ended["usage"] = {"credits_used": round(line.video_seconds * CREDITS_PER_SECOND, 4)}
        elif line.error is not None:
            ended["error"] = line.error
        return self._described(order) | ended

    # -- files -----------------------------------------------------------------------------------------------------

    def _upload(self, request: Request) -> Response:
        part = file_part(request)
        if part is None:
            return as_json({"success": False, "code": 400, "msg": "No file in the form", "data": None}, status=400)
        if sum(not file.deleted for file in self.files.values()) >= self.max_files:
            return as_json({"success": False, "code": 402, "msg": "File quota used up", "data": None})
        name, content = part
        kept = content if len(content) <= KEEP_BYTES else None
        stored = StoredFile(
            f"file_{len(self.files):08d}", name, len(content), hashlib.sha256(content).hexdigest(), kept
        )
        self.files[stored.file_id] = stored
        data = {
            "file_id": stored.file_id,
            "file_name": name,
            "original_name": name,
            "file_size": stored.size,
            "file_url": f"{self.addresses['files']}/files/{stored.file_id}/{name}",
            "download_url": f"{self.addresses['files']}/api/v1/files/download/{stored.file_id}",
            "expires_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 72 * 3600)),
        }
        return as_json({"success": True, "code": 200, "msg": "ok", "data": data})

    def _delete(self, request: Request) -> Response:
        stored = self.files.get(request.path.rsplit("/", 1)[1])
        if stored is None or stored.deleted:
            return as_json({"success": False, "code": 404, "msg": "No such file", "data": None}, status=404)
        stored.deleted = True
        return as_json({"success": True, "code": 200, "msg": "ok", "data": None})

    def _file(self, request: Request) -> Response:
        stored = self.files.get(request.path.split("/")[2])
        if stored is None or stored.deleted or stored.content is None:
            return refuse(404, "resource_not_found", "No such file")
        return Response(200, stored.content, {"content-type": "application/octet-stream"})

    def _result(self, request: Request) -> Response:
        content = small_clip() if self.result_bytes is None else self.result_bytes
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"content-type": "video/mp4", "accept-ranges": "bytes", "etag": etag} | self.result_headers
        span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        unchanged = request.headers.get("if-range", headers.get("etag")) == headers.get("etag")
        if self.ranges and span and unchanged:
            start = int(span[1])
            if start >= len(content):
                return Response(416, b"", {"content-range": f"bytes */{len(content)}"})
            headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Response(206, content[start:], headers)
        return Response(200, content, headers)


UNREADABLE = {"code": "image_processing_error", "message": "The input image could not be downloaded."}


def _inputs(body: dict[str, Any]) -> list[str]:
    return [*body["image_urls"], *body["video_urls"]]


def place_of(request: Request) -> Place | Literal["other"]:
    """Where a request goes, by method and path."""
    path, method = request.path, request.method
    if path == "/v1/videos/generations" and method == "POST":
        return "order"
    if path == "/v1/tasks" and method == "GET":
        return "list"
    if path == "/v1/tasks/batch" and method == "POST":
        return "batch"
    if path.startswith("/v1/tasks/"):
        return "task"
    if path == "/v1/credits":
        return "credits"
    if path.startswith("/api/v1/files/upload"):
        return "upload"
    if path == "/api/v1/files/quota":
        return "quota"
    if path.startswith("/api/v1/files/") and method == "DELETE":
        return "delete"
    if path.startswith("/files/"):
        return "file"
    return "result" if path.startswith("/results/") else "other"


def order_problem(body: Any) -> str | None:
    """Why the vendor would refuse this order, or None."""
    if not isinstance(body, dict) or body.get("model") != "kling-v3-motion-control":
        return "Unknown model"
    for name in ("image_urls", "video_urls"):
        links = body.get(name)
        if not isinstance(links, list) or len(links) != 1 or not str(links[0]).startswith(("http://", "https://")):
            return f"{name} must hold one URL"
    params = body.get("model_params")
    if not isinstance(params, dict) or params.get("character_orientation") not in ("image", "video"):
        return "character_orientation must be image or video"
    if params.get("element_list") and params["character_orientation"] != "video":
        return "element_list needs character_orientation video"
    if body.get("quality", "720p") not in ("720p", "1080p") or len(body.get("prompt", "")) > 2500:
        return "quality or prompt is wrong"
    return None


def file_part(request: Request) -> tuple[str, bytes] | None:
    """Name and content of the form's file."""
    found = re.search(r"boundary=\"?([^\";]+)", request.headers.get("content-type", ""))
    if not found:
        return None
    mark = b"--" + found[1].encode()
    at = request.body.find(b'name="file"')
    start = request.body.find(b"\r\n\r\n", at) + 4
    end = request.body.find(b"\r\n" + mark, start)
    if at < 0 or start < 4 or end < 0:
        return None
    name = re.search(rb'filename="([^"]*)"', request.body[at : start - 4])
    return (name[1].decode("utf-8", "replace") if name else "file"), request.body[start:end]


def as_json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    sent = {"content-type": "application/json", "x-request-id": f"req-{time.monotonic_ns():x}", **(headers or {})}
    return Response(status, json.dumps(body).encode(), sent)


def refuse(status: int, code: str, message: str) -> Response:
    """EvoLink's error shape."""
    return as_json({"error": {"code": code, "message": message, "type": "stub_error"}}, status=status)
