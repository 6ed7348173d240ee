"""Our own routes: a job's view and actions, files by signed link, a visitor's key, callbacks and health."""

import logging
import math
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from evolink_ui.background import late_threads
from evolink_ui.executors import DISK
from evolink_ui.jobs import JobError
from evolink_ui.logs import bind
from evolink_ui.net import Refused

from .desk import Desk, JobLike
from .json_body import read_json
from .rates import Allowance, Rates
from .signing import FileKind, FileLink, FileLinks
from .visitor import Caller, caller_of, is_owner, key_of, may, may_look, valid_key, visitor_of

log = logging.getLogger(__name__)

SNIFF_BYTES = 16
"""Enough to tell the formats apart that we serve."""

KEY_TRIES = Allowance(10, 3600.0)
"""Keys that one address may have tried: enough for typing errors, nothing for guessing."""

Answer = Callable[[Request], Awaitable[Response]]

ASK_OWNER = "Ask the owner of this app whether EvoLink took the order, or send it again."

_JOB_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ACTIONS = ("stop", "follow_again", "send_again", "attach", "give_up", "delete")
_FOR_VENDOR: frozenset[FileKind] = frozenset({"image", "video"})
_NOT_FOUND = {"error": {"code": "not_found", "message": "There is nothing here.", "next_step": "Go back to the page."}}


def link_maker(links: FileLinks) -> Callable[[JobLike, str], str | None]:
    """What `Jobs.link` wants: the link of one of a job's files, relative to the app's root."""
    suffixes: dict[FileKind, str] = {"result": ".mp4", "poster": ".jpg", "reference": ".mp4"}

    def link(job: JobLike, kind: str) -> str | None:
        for name, suffix in suffixes.items():
            if name == kind:
                return links.path(name, job.id, suffix=suffix)
        return None

    return link


def build_routes(jobs: Desk, links: FileLinks, *, private: bool) -> list[Route]:
    """The routes. `private`: the instance has logins, so a job and its files are its owner's alone."""
    web = _Web(jobs, links, private)
    return [
        Route("/jobs/{job_id}", _told(web.look), methods=["GET"]),
        Route("/jobs/{job_id}/{action}", _told(web.act), methods=["POST"]),
        Route("/files/{token}", _told(web.file), methods=["GET", "HEAD"]),
        Route("/key", _told(web.key), methods=["GET", "POST", "DELETE"]),
        Route("/callbacks/evolink/{job_id}/{token}", _told(web.callback), methods=["POST"]),
        Route("/livez", web.live, methods=["GET"]),
        Route("/readyz", web.health, methods=["GET"]),
        Route("/healthz", web.health, methods=["GET"]),
    ]


def _told(answer: Answer) -> Answer:
    """Says in JSON what the jobs refuse, also that their database is away."""

    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except JobError as error:
            return JSONResponse({"error": error.to_dict()}, error.status)

    return told


class _Web:
    def __init__(self, jobs: Desk, links: FileLinks, private: bool) -> None:
        self._jobs, self._links, self._private = jobs, links, private
        self._rates = Rates()

    async def look(self, request: Request) -> Response:
        job = await self._find(request)
        return JSONResponse(await self._show(job, request)) if job else _not_found()

    async def act(self, request: Request) -> Response:
        job, action = await self._find(request), request.path_params["action"]
        if job is None or action not in _ACTIONS:
            return _not_found()
        if not may(visitor_of(request), job, action):
            return _fault(403, "not_yours", "This job belongs to somebody else.", "Open the page it was started from.")
        if not _may_name_task(request, job, action):
            return _fault(403, "owner_only", "Only the owner of this app sees the tasks of its key.", ASK_OWNER)
        values = await _json(request)
        if values is None:
            return _fault(400, "not_json", "The body is not a JSON object.", "Send an object, or no body at all.")
        return JSONResponse(await self._show(await self._do(action, job.id, values, key_of(request)), request))

    async def _do(self, action: str, job_id: str, values: dict[str, Any], key: str | None) -> JobLike:
        if action == "attach":
            task_id = values.get("task_id")
            if not isinstance(task_id, str) or not task_id.strip():
                raise JobError("task_id_missing", "There is no task id.", "Copy it from EvoLink.", field="task_id")
            job: JobLike = await self._jobs.attach(job_id, task_id, api_key=key)
        elif action in ("follow_again", "send_again"):
            again = self._jobs.follow_again if action == "follow_again" else self._jobs.send_again
            job = await again(job_id, api_key=key)
        else:
            plain = {"stop": self._jobs.stop, "give_up": self._jobs.give_up, "delete": self._jobs.delete}
            job = await plain[action](job_id)
        return job

    async def _find(self, request: Request) -> JobLike | None:
        job_id = request.path_params["job_id"]
        if _JOB_ID.fullmatch(job_id):
            bind(job_id=job_id)
        job = await self._jobs.find(job_id) if _JOB_ID.fullmatch(job_id) else None
        return job if job is not None and may_look(visitor_of(request), job, private=self._private) else None

    async def _show(self, job: JobLike, request: Request) -> dict[str, Any]:
        return for_visitor(await self._jobs.show(job), job, request, candidates=self._jobs.candidates)

    async def file(self, request: Request) -> Response:
        link = self._links.read(request.path_params["token"])
        job = await self._jobs.find(link.job_id) if link else None
        if link is None or job is None:
            return _not_found()
        if link.kind not in _FOR_VENDOR and not may_look(visitor_of(request), job, private=self._private):
            return _not_found()
        path = self._path(link, job)
        await self._jobs.bring(path)
        found = await DISK.run(_open_kind, path, link.kind)
        return _send_file(request, found[0], found[1], link) if found else _not_found()

    def _path(self, link: FileLink, job: JobLike) -> Path:
        paths: dict[FileKind, Callable[[JobLike], Path]] = {
            "result": self._jobs.result_path,
            "poster": self._jobs.poster_path,
            "reference": self._jobs.reference_path,
            "video": self._jobs.reference_path,
            "image": self._jobs.image_path,
        }
        return paths[link.kind](job)

    async def key(self, request: Request) -> Response:
        """A visitor's own EvoLink key: POST tries and sets it, DELETE removes it, GET tells whether there is one.

        POST answers `{"set", "checked", "remaining"}`: whether EvoLink could be asked, and the credits left (null where
        it does not say). A key that EvoLink refuses is not kept; the error has EvoLink's reason.
        """
        caller = caller_of(request)
        if caller is None or (caller.is_guest and request.method == "POST"):
            return _fault(400, "no_cookies", "Without cookies a key can't be kept.", "Send it as header X-EvoLink-Key.")
        if request.method == "GET":
            return JSONResponse({"set": caller.key() is not None, "owner": caller.is_owner})
        if request.method == "DELETE":
            return _with_key("", caller, {"set": False})
        values = await _json(request)
        if values is None:
            return _fault(400, "not_json", "The body is not a JSON object.", 'Send {"key": "…"}.')
        given = values.get("key", "")
        key = given.strip() if isinstance(given, str) else None
        if key == "":
            return _with_key("", caller, {"set": False})
        if key is None or not valid_key(key):
            return _fault(400, "key_malformed", "This can't be an EvoLink key.", "Copy it again from the dashboard.")
        if wait_seconds := self._rates.take(caller.address, KEY_TRIES):
            minutes = math.ceil(wait_seconds / 60)
            return _fault(429, "too_many_keys", "Too many keys were tried from here.", f"Try again in {minutes} min.")
        found = await self._jobs.try_key(key)
        remaining = found.remaining_credits if found else None
        return _with_key(key, caller, {"set": True, "checked": found is not None, "remaining": remaining})

    async def callback(self, request: Request) -> Response:
        """The vendor's word that there is news. The body is a hint at most; a wrong token tells nothing."""
        job_id, token = request.path_params["job_id"], request.path_params["token"]
        hint = await _json(request)
        known = _JOB_ID.fullmatch(job_id) and token.isascii() and await self._jobs.callback(job_id, token, hint)
        return Response(status_code=204) if known else _not_found()

    async def live(self, _request: Request) -> Response:
        """200 from a process that answers; nothing else is asked."""
        return JSONResponse({"ok": True})

    async def health(self, _request: Request) -> Response:
        """200 only where orders can be taken; 503 where something that they need doesn't work.

        `{"ok", "problems", "waiting", "follower_lag_seconds", "late"}`: what doesn't work, jobs in line, how late the
        latest look at a task is, and the background threads whose last beat is too old; empty lists are left out.
        """
        try:
            health = await self._jobs.health()
        except JobError as error:  # expected and logged where it happened; proxies ask every second
            health = {"ok": False, "problems": [error.code]}
        except Exception:
            log.exception("not healthy")
            health = {"ok": False}
        shown: dict[str, Any] = {
            name: health[name] for name in ("ok", "waiting", "follower_lag_seconds") if name in health
        }
        if problems := health.get("problems"):
            shown["problems"] = problems
        if late := late_threads():
            shown["late"] = [thread.name for thread in late]
            shown["ok"] = bool(shown.get("ok")) and not any(thread.vital for thread in late)
        return JSONResponse(shown, 200 if shown.get("ok") else 503)


def for_visitor(
    view: dict[str, Any], job: JobLike, request: Any, *, candidates: Callable[[Any], list[dict[str, Any]]]
) -> dict[str, Any]:
    """A job's view for the sender of a request (Starlette's or `gr.Request`): with those actions only that they may do,
    and with `candidates`, the tasks that an order of unknown outcome may have made, for the owner of its key alone."""
    visitor = visitor_of(request)
    own = [name for name in view["actions"] if may(visitor, job, name)]
    view["actions"] = [name for name in own if _may_name_task(request, job, name)]
    if len(view["actions"]) < len(own) and view.get("error"):
        view["error"]["next_step"] = ASK_OWNER  # the dashboard that would tell isn't this visitor's
    if "attach" in view["actions"] and (job.own_key or is_owner(request)):
        view["candidates"] = candidates(job)
    return view


def _may_name_task(request: Any, job: JobLike, action: str) -> bool:
    """Whether a request may do what takes an id of a task of the key that pays a job: that key's owner alone may."""
    return action != "attach" or job.own_key or job.mode != "live" or is_owner(request)


def _with_key(key: str, caller: Caller, answer: dict[str, Any]) -> Response:
    line = caller.cookies.key_header(key, caller.visitor, https=caller.https)
    return JSONResponse(answer, headers={"set-cookie": line})


async def _json(request: Request) -> dict[str, Any] | None:
    body = await request.body()
    if not body:
        return {}
    try:
        values = read_json(body)
    except Refused:
        return None
    return values if isinstance(values, dict) else None


def _open_kind(path: Path, kind: FileKind) -> tuple[Path, str] | None:
    """The file and its type, if its first bytes are what this kind of link may give."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except OSError:
        return None
    media_type = _sniff(head)
    allowed = {
        "result": ("video/mp4",),
        "poster": ("image/jpeg",),
        "reference": ("video/mp4", "video/quicktime"),
        "video": ("video/mp4", "video/quicktime"),
        "image": ("image/jpeg", "image/png"),
    }[kind]
    return (path, media_type) if media_type in allowed else None


def _sniff(head: bytes) -> str:
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):  # QuickTime files from before `ftyp`
        return "video/quicktime"
    return ""


def _send_file(request: Request, path: Path, media_type: str, link: FileLink) -> Response:
    headers = MutableHeaders(scope=request.scope)
    if "," in headers.get("range", ""):
        del headers["range"]  # many small ranges cost us much and players never ask for them
    suffix = {"video/mp4": ".mp4", "video/quicktime": ".mov", "image/jpeg": ".jpg", "image/png": ".png"}[media_type]
    download = request.query_params.get("download") is not None
    return _File(
        path,
        media_type=media_type,
        filename=f"evolink-{link.kind}-{link.job_id[:8]}{suffix}",
        content_disposition_type="attachment" if download else "inline",
        headers={"Cache-Control": "private, max-age=3600", "Accept-Ranges": "bytes"},
    )


class _File(FileResponse):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except (RuntimeError, FileNotFoundError):  # deleted since we looked
            raise HTTPException(404) from None


def _not_found() -> JSONResponse:
    return JSONResponse(_NOT_FOUND, 404)


def _fault(status: int, code: str, message: str, next_step: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "next_step": next_step}}, status)
