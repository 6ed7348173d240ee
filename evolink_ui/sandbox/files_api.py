"""The files API: three ways in, the list, the quota, the way out, and the public links."""

from __future__ import annotations

import base64
import binascii
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from evolink_ui import net
from evolink_ui.evolink.disk import put_away
from evolink_ui.executors import SANDBOX

from . import bodies, errors, kinds
from .errors import FilesError
from .inputs import Inputs
from .keys import account_of
from .multipart import FIELD_MAX_BYTES, MultipartUpload, file_too_large
from .options import FETCH_SECONDS, FILE_MAX_BYTES, Options
from .storage import Storage, StoredFile

ENVELOPE_BYTES = 100_000  # what multipart adds around a file, generously
BASE64_BODY_MAX_BYTES = 28_000_000  # 20 MB of file: the vendor means this way for small ones; JSON can't be streamed
BASE64_SLICE_CHARS = 1_000_000  # decoded at a time; a multiple of 4
PAGE_SIZE_MAX = 100


class FilesApi:
    """Handlers; each raises SandboxError for an answer that is an error."""

    def __init__(self, storage: Storage, inputs: Inputs, options: Options, max_bytes: int = FILE_MAX_BYTES) -> None:
        self._storage, self._inputs, self._options, self._max_bytes = storage, inputs, options, max_bytes

    async def upload_stream(self, request: Request) -> Response:
        account = await self._uploader(request)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:15]) > self._max_bytes + ENVELOPE_BYTES:
            raise file_too_large(self._max_bytes)
        part = self._storage.new_part()
        try:
            upload = MultipartUpload(request.headers.get("content-type", ""), part, self._max_bytes)
            too_large = file_too_large(self._max_bytes)  # bytes that belong to no file can't go on for ever either
            await upload.read(bodies.chunks(request, self._max_bytes + ENVELOPE_BYTES, too_large))
            return await self._kept(part, account, upload.file_name, upload.content_type, upload.fields)
        finally:
            await put_away(part.unlink, missing_ok=True)

    async def upload_base64(self, request: Request) -> Response:
        account = await self._uploader(request)
        body = await _json_object(request, BASE64_BODY_MAX_BYTES)
        data = body.get("base64_data")
        if not isinstance(data, str) or not data:
            raise FilesError(400, "base64_data is missing. Nothing was stored.")
        declared = ""
        if data.startswith("data:"):
            head, _, data = data.partition(",")
            declared = head.removeprefix("data:").partition(";")[0].lower()
        part = self._storage.new_part()
        try:
            await SANDBOX.run(_decode_to, part, data)
            return await self._kept(part, account, "", declared, body)
        finally:
            await put_away(part.unlink, missing_ok=True)

    async def upload_url(self, request: Request) -> Response:
        account = await self._uploader(request)
        body = await _json_object(request, FIELD_MAX_BYTES * 4)
        url = body.get("file_url")
        if not isinstance(url, str) or not url:
            raise FilesError(400, "file_url is missing. Nothing was stored.")
        part = self._storage.new_part()
        try:
            try:
                link = net.checked_url(url, https_only=False)
                own = await SANDBOX.run(self._inputs.own_path, url)
                if own is not None:
                    await SANDBOX.run(shutil.copyfile, own, part)
                else:
                    await net.fetch(
                        url,
                        part,
                        max_bytes=self._max_bytes,
                        timeout_seconds=FETCH_SECONDS,
                        allow_private=self._options.allow_private_urls,
                        https_only=False,
                    )
            except net.Refused as refused:
                status = 413 if refused.code == "link_too_large" else 400
                raise FilesError(status, f"{refused.message} {refused.next_step} Nothing was stored.") from None
            name = PurePosixPath(link.path).name
            return await self._kept(part, account, name, "", body)
        finally:
            await put_away(part.unlink, missing_ok=True)

    async def quota(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "files").id
        used = await SANDBOX.run(self._storage.count, account)
        most = self._options.max_files
        return _success({"used_files": used, "max_files": most, "remain_files": max(most - used, 0)})

    async def list_files(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "files").id
        page = _whole_number(request, "page", 1)
        page_size = min(_whole_number(request, "pageSize", 20), PAGE_SIZE_MAX)
        files = await SANDBOX.run(self._storage.page, account, page, page_size)
        total = await SANDBOX.run(self._storage.count, account)
        shown = [self._shown(file) for file in files]
        return _success({"files": shown, "total": total, "page": page, "pageSize": page_size})

    async def delete(self, request: Request) -> Response:
        account = account_of(request.headers.get("authorization"), "files").id
        file = await SANDBOX.run(self._storage.find, request.path_params["file_id"])
        if file is None or file.account != account:
            raise FilesError(404, "There is no file with this id (any longer).")
        await SANDBOX.run(self._storage.delete, file)
        return _success({"file_id": file.id})

    async def download(self, request: Request) -> Response:
        """Both public links: the one that shows the file, and the one that saves it under its name."""
        file = await SANDBOX.run(self._storage.find, request.path_params["file_id"])
        if file is None:
            raise errors.not_found()
        saved_as = file.name if request.url.path.startswith("/api/") else None
        return await SANDBOX.run(served, self._storage.path(file), file.mime_type, saved_as)

    async def _uploader(self, request: Request) -> str:
        account = account_of(request.headers.get("authorization"), "upload").id
        await SANDBOX.run(self._storage.require_room, account)
        return account

    async def _kept(self, part: Path, account: str, given_name: str, declared: str, fields: dict[str, Any]) -> Response:
        wanted = _text(fields, "file_name", "fileName") or given_name
        folder = kinds.safe_folder(_text(fields, "upload_path", "uploadPath"))

        def keep() -> StoredFile:
            mime = kinds.mime_type(part, wanted or given_name, declared)
            return self._storage.keep(
                part,
                account,
                name=kinds.safe_name(wanted, mime),
                original_name=kinds.safe_name(given_name or wanted, mime),
                upload_path=folder,
                mime_type=mime,
            )

        return _success(self._shown(await SANDBOX.run(keep)))

    def _shown(self, file: StoredFile) -> dict[str, Any]:
        return {
            "file_id": file.id,
            "file_name": file.name,
            "original_name": file.original_name,
            "file_size": file.size_bytes,
            "mime_type": file.mime_type,
            "upload_path": file.upload_path,
            "file_url": self._storage.url(file),
            "download_url": self._storage.download_url(file),
            "upload_time": _iso(file.created),
            "expires_at": _iso(file.expires),
        }


def served(path: Path, media_type: str, saved_as: str | None = None) -> Response:
    """A local file, with Range and HEAD. Blocks for one look at the disk.

    Raises:
        ApiError: 404, it is gone.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise errors.not_found() from None
    # Strangers' bytes: never sniffed into something that runs, never given a page's rights.
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, media_type=media_type, headers=headers, filename=saved_as, stat_result=stat)


async def _json_object(request: Request, max_bytes: int) -> dict[str, Any]:
    refusal = FilesError(413, "The request body is too large. Nothing was stored.")
    raw = await bodies.whole(request, max_bytes, refusal)
    try:
        body = await SANDBOX.run(json.loads, raw)
    except (ValueError, RecursionError):
        raise FilesError(400, "The request body is not JSON. Nothing was stored.") from None
    if not isinstance(body, dict):
        raise FilesError(400, "The request body must be a JSON object. Nothing was stored.")
    return body


def _decode_to(part: Path, data: str) -> None:
    try:
        with part.open("xb") as file:
            for piece in _slices("".join(data.split())):
                file.write(base64.b64decode(piece, validate=True))
    except (binascii.Error, ValueError):
        raise FilesError(400, "base64_data is not base64. Nothing was stored.") from None


def _slices(text: str) -> Iterator[str]:
    for start in range(0, len(text), BASE64_SLICE_CHARS):
        yield text[start : start + BASE64_SLICE_CHARS]


def _text(fields: dict[str, Any], *names: str) -> str:
    return next((fields[name] for name in names if isinstance(fields.get(name), str)), "")


def _whole_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) > 0):
        raise FilesError(400, f"{name} must be a whole number above 0.")
    return int(text)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _success(data: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"success": True, "code": 200, "msg": "OK", "data": data})
