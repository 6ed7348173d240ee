"""What kind of storage a folder lies on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

MOUNTS: Final = Path("/proc/self/mountinfo")


def storage_of(folder: Path, *, mounts: Path = MOUNTS) -> Literal["durable", "late"]:
    """`late` where a folder lies on a FUSE mount, such as a Space's bucket, whose `fsync` only queues; else `durable`.

    Args:
        folder: need not exist yet.
        mounts: as Linux describes them, one a line; elsewhere there is no such file, and storage counts as durable.
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "durable"
    kinds: dict[Path, str] = {}
    for line in lines:
        place, _, rest = line.partition(" - ")
        fields = place.split()
        if len(fields) >= 5 and rest:
            point = fields[4].encode().decode("unicode_escape")  # a space is written as \040
            kinds[Path(point)] = rest.split()[0]
    absolute = folder.absolute()
    for parent in (absolute, *absolute.parents):
        if parent in kinds:
            return "late" if kinds[parent].startswith("fuse") else "durable"
    return "durable"
