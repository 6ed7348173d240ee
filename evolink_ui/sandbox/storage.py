"""Uploaded files: rows in the database, bytes in a folder, links that find them again.

files/{file_id}{suffix}      the bytes
{base_url}/files/{file_id}/{upload_path}/{file_name}      the public link: the id in it can't be guessed
"""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
from pathlib import Path
from urllib.parse import quote

from .database import Database
from .errors import FilesError
from .options import FILE_SECONDS, Options

FILE_ID_BYTES = 16  # 128 bits: whoever has the link may read, nobody finds it by trying


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFile:
    """One upload."""

    id: str
    account: str
    name: str
    original_name: str
    suffix: str
    upload_path: str
    mime_type: str
    size_bytes: int
    created: float
    expires: float


class Storage:
    """All uploads of all accounts."""

    def __init__(self, database: Database, folder: Path, options: Options) -> None:
        self._database, self._folder, self._options = database, folder, options
        folder.mkdir(parents=True, exist_ok=True)

    def new_part(self) -> Path:
        """A path for bytes that are still coming in; `keep` takes it over, else the caller removes it."""
        return self._folder / f".{secrets.token_hex(8)}.part"

    def path(self, file: StoredFile) -> Path:
        return self._folder / f"{file.id}{file.suffix}"

    def url(self, file: StoredFile) -> str:
        folder = f"{quote(file.upload_path)}/" if file.upload_path else ""
        return f"{self._options.base_url}/files/{file.id}/{folder}{quote(file.name)}"

    def download_url(self, file: StoredFile) -> str:
        return f"{self._options.base_url}/api/v1/files/download/{file.id}"

    def require_room(self, account: str) -> None:
        """Raises FilesError where the account's quota is used up."""
        if self.count(account) >= self._options.max_files:
            message = f"The file quota of {self._options.max_files} is used up. Delete files first. Nothing was stored."
            raise FilesError(403, message)

    def keep(
        self, part: Path, account: str, *, name: str, original_name: str, upload_path: str, mime_type: str
    ) -> StoredFile:
        """Take over a part file that is whole.

        Raises:
            FilesError: 403, the quota was used up meanwhile.
        """
        now = self._options.clock()
        file = StoredFile(
            id=f"file_{secrets.token_hex(FILE_ID_BYTES)}",
            account=account,
            name=name,
            original_name=original_name,
            suffix=Path(name).suffix.lower(),
            upload_path=upload_path,
            mime_type=mime_type,
            size_bytes=part.stat().st_size,
            created=now,
            expires=now + FILE_SECONDS,
        )
        # Bytes first: a row without bytes would be a broken link, bytes without a row are swept up later.
        part.replace(self.path(file))
        try:
            with self._database.write() as db:
                self.require_room(account)
                row = dataclasses.asdict(file)
                columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
                db.execute(f"INSERT INTO files ({columns}) VALUES ({places})", row)  # noqa: S608 - our own field names
        except BaseException:
            self.path(file).unlink(missing_ok=True)
            raise
        return file

    def find(self, file_id: str) -> StoredFile | None:
        """The file, unless it has expired."""
        rows = self._database.read("SELECT * FROM files WHERE id = ? AND expires > ?", file_id, self._options.clock())
        return _file(rows[0]) if rows else None

    def page(self, account: str, page: int, page_size: int) -> list[StoredFile]:
        """One page of an account's files, the newest first; pages count from 1."""
        rows = self._database.read(
            "SELECT * FROM files WHERE account = ? AND expires > ? ORDER BY created DESC, id LIMIT ? OFFSET ?",
            *(account, self._options.clock(), page_size, (page - 1) * page_size),
        )
        return [_file(row) for row in rows]

    def count(self, account: str) -> int:
        sql = "SELECT COUNT(*) FROM files WHERE account = ? AND expires > ?"
        return int(self._database.read(sql, account, self._options.clock())[0][0])

    def delete(self, file: StoredFile) -> None:
        with self._database.write() as db:
            db.execute("DELETE FROM files WHERE id = ?", (file.id,))
        self.path(file).unlink(missing_ok=True)

    def sweep(self, stray_before: float) -> None:
        """Remove what has expired, and bytes without a row that were last written before `stray_before`."""
        with self._database.write() as db:
            gone = db.execute("DELETE FROM files WHERE expires <= ? RETURNING *", (self._options.clock(),)).fetchall()
            known = {row["id"] + row["suffix"] for row in db.execute("SELECT id, suffix FROM files")}
        for row in gone:
            self.path(_file(row)).unlink(missing_ok=True)
        for path in self._folder.iterdir():
            if path.name not in known and path.stat().st_mtime < stray_before:
                path.unlink(missing_ok=True)


def _file(row: sqlite3.Row) -> StoredFile:
    return StoredFile(**{name: row[name] for name in StoredFile.__dataclass_fields__})
