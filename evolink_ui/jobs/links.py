"""Links that go to the vendor as they are, because no host takes the bytes that were fetched from them.

As a rule our own copy of the bytes goes out: what a link gives may change between our check and the vendor's fetch.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

from evolink_ui import net
from evolink_ui.executors import DISK
from evolink_ui.media import limits
from evolink_ui.order import MotionOrder

from .credits import as_text
from .files import DiskTrouble, JobFiles, sha256_of
from .job import Job, JobError

FETCH_SECONDS = 120.0  # as when the link was given
NOTHING_ORDERED = "Nothing was ordered or charged."

Kind = Literal["image", "video"]


class LinkChanged(JobError):
    """A link gives other bytes than those that were checked."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            "link_changed",
            f"The link no longer gives the {_name(kind)} that was checked. {NOTHING_ORDERED}",
            "Upload the file, or give a link whose file does not change.",
            field=kind,
        )


def given_links(job: Job) -> dict[Kind, str]:
    """The links that go out themselves, by the input that they stand for; none as a rule."""
    sent: dict[Kind, str | None] = {"image": job.image_url, "video": job.video_url}
    return {kind: url for kind, url in sent.items() if url and url == job.request.get(f"{kind}_url")}


def longest_credits(job: Job) -> float:
    """What an order may cost at most, in credits, where the length of the video is not in our hands."""
    order = MotionOrder.from_stored(job.request)
    seconds = order.spec.video.max_seconds[order.character_orientation]
    return max(job.credits_estimated, order.spec.credits_for(seconds, order.quality))


def notice_of(kind: Kind, most_credits: float) -> str:
    """What the owner of a job is told when a link itself goes out."""
    told = f"No host took the {_name(kind)}, so EvoLink fetches it from your own link."
    if kind == "image":
        return told
    return f"{told} Until the video is made, {as_text(most_credits)} credits are reserved: the most it can cost."


async def require_unchanged(job: Job, files: JobFiles, *, allow_private: bool) -> None:
    """Fetch the links that go out themselves once more and compare their bytes with ours.

    Args:
        job: about to be ordered.
        files: where the bytes are that were checked.
        allow_private: whether links may lead to this machine (tests).

    Raises:
        LinkChanged: the bytes differ.
        JobError: a link can't be fetched any more, or our copy can't be read.
    """
    names: dict[Kind, str | None] = {"image": job.image_name, "video": job.video_name}
    for kind, url in given_links(job).items():
        ours = files.of(job.id) / (names[kind] or "")
        again = ours.with_name(f"again-{kind}")
        limit = limits.IMAGE_MAX_BYTES if kind == "image" else limits.VIDEO_MAX_BYTES
        try:
            await net.fetch(url, again, max_bytes=limit, timeout_seconds=FETCH_SECONDS, allow_private=allow_private)
            await files.bring(ours)
            if await DISK.run(sha256_of, again) != await DISK.run(sha256_of, ours):
                raise LinkChanged(kind)
        except net.Refused as error:
            raise JobError(error.code, f"{error.message} {NOTHING_ORDERED}", error.next_step, field=kind) from None
        except OSError:
            raise DiskTrouble from None
        finally:
            await DISK.run(_remove, again)


def _remove(path: Path) -> None:
    with suppress(OSError):  # the sweep of the job's folder takes it as well
        path.unlink(missing_ok=True)


def _name(kind: Kind) -> str:
    return "picture" if kind == "image" else "video"
