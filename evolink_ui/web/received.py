"""Which files may be opened: those that this server received through its upload route, and nothing else."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from evolink_ui.net import Refused

from .json_body import read_json

PATH_MAX_CHARS = 4096
"""Linux's own limit."""

_UPLOAD_NAME = re.compile(r"[0-9a-f]{64}")  # Gradio stores an upload as <folder>/<SHA-256 of its bytes>/<file name>


def is_upload_name(name: str) -> bool:
    """Whether a folder of this name holds one upload."""
    return _UPLOAD_NAME.fullmatch(name) is not None


def received_file(data: object) -> Path | None:
    """The uploaded file that a `gr.FileData` names, as a resolved path; None where nothing was given.

    Takes what Gradio hands to a handler, unchecked: a dict with `path`, the same with `meta`, a path as text, or None.
    The path is an upload's public name, as `public_name` gives it, or the whole path on this server.
    Only a regular, non-empty file of an upload passes: links are resolved first, and the folders around the uploads
    do not count. Raises Refused, which never tells whether something else exists.
    """
    path = data.get("path") if isinstance(data, Mapping) else getattr(data, "path", data)
    if data is None or (isinstance(data, Mapping) and not path and not data.get("url")):
        return None
    if not isinstance(path, str) or not path or len(path) > PATH_MAX_CHARS or "\0" in path:
        raise _not_received()
    try:
        folder = Path(get_upload_folder()).resolve(strict=True)
        resolved = (folder / path).resolve(strict=True)  # of a whole path, the folder does not matter
        facts = resolved.stat()
    except (OSError, RuntimeError, ValueError):
        raise _not_received() from None
    if resolved.parent.parent != folder or not is_upload_name(resolved.parent.name):
        raise _not_received()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
        raise _not_received()
    return resolved


def public_name(path: Path) -> str:
    """What browsers and programs call an upload: its place in the upload folder. Where that folder is, they don't
    learn."""
    return f"{path.parent.name}/{path.name}"


def judge_call(body: bytes) -> Any:
    """Judge every file that a call's JSON body names, at any depth, before Gradio sees it: for whatever looks like an
    upload, Gradio would itself copy the named path, or download the named link, into the upload folder. Gives the body
    as read, with whole paths in place of public names, as Gradio needs them.

    Raises Refused: a name that is not an upload's, a text that no database can hold, or what `read_json` refuses.
    """
    whole = read_json(body)
    waiting = [whole]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "path" in value and "meta" in value:
                path = received_file(value)
                if path is not None:
                    value["path"] = str(path)
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and not _is_text(value):
            raise Refused("not_text", "The call holds a text with a character that is none.", "Send plain Unicode.")
    return whole


def _is_text(value: str) -> bool:
    """Whether databases and answers can hold it: no zero byte, no half of a surrogate pair."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_received() -> Refused:
    return Refused(
        "file_not_received", "This is not a file that was uploaded here.", "Upload the file, then try again."
    )
