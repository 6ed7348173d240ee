"""From a picture and a clip to the moved picture: who does what in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from evolink_ui.catalog import Orientation, Quality

from .backdrop import fill_behind, hole_of
from .badge import make_badge, make_watermark
from .body_actor import BodyActor
from .body_motion import BodyMotion
from .calibrate import calibrate
from .clip import Clip, read_clip
from .encoder import Encoder
from .flow_actor import FlowActor
from .flow_motion import read_motion
from .follow import follow_person
from .parts import divide
from .picture import Picture, load_picture
from .point_tracks import track_points
from .prepare import GAP, prepare
from .subject import cut_out_subject

Progress = Callable[[float, str], None]
"""Called with the finished share, 0 to 1, and the name of the stage. What it raises ends the rendering."""

WATCHED: Final = 0.4
"""Share of the progress at which the clip has been watched."""

LOOKED: Final = 0.5
"""Share at which a body's bones are corrected, too; drawing is the rest."""

OPENING_FRAMES: Final = 6

FLOW_SMOOTHING_SECONDS: Final = 0.02

PERSON_BEND: Final = 0.3
"""How much of what bends in the clip a person in the picture takes over, where the clip has nobody to follow."""


@dataclass(frozen=True)
class Result:
    """What was made."""

    path: Literal["body", "flow"]
    """`body`: a person moves like the person in the clip; `flow`: no person was found in one of the two."""
    frames: int
    fps: float
    width: int
    height: int
    seconds: float
    has_audio: bool
    elapsed_seconds: float

    def to_dict(self) -> dict[str, str | int | float | bool]:
        """JSON-able."""
        return asdict(self)


class Actor(Protocol):
    """Something that can draw the picture as it looks in a frame of the clip."""

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        """Paint all of `frame`, (height, width, 3) BGR."""
        ...


def render(
    image: Path,
    video: Path,
    out: Path,
    *,
    orientation: Orientation = "image",
    quality: Quality = "720p",
    keep_sound: bool = True,
    watermark: bool = False,
    progress: Progress = lambda share, stage: None,
) -> Result:
    """Write `out` (MP4): the content of `image` with the motion of `video`.

    Args:
        image: JPEG or PNG.
        video: MP4 or MOV; up to 31 s of it are used.
        out: where the result goes; it appears when it is whole.
        orientation: `image`: the first frame is the picture, facing and size stay the picture's;
            `video`: pose and size are the video's from the first frame.
        quality: the shorter side gets 720 or 1080 px; the aspect is the picture's.
        keep_sound: take the clip's sound over.
        watermark: draw the watermark too. The sandbox badge is always there.
        progress: told after every frame.

    Raises:
        RenderError: the picture or the clip can't be used.
    """
    started = time.monotonic()
    progress(0.0, "reading")
    clip = read_clip(video)
    picture = load_picture(image, quality)
    path, actor, frame_count = _cast(picture, clip, orientation, progress)
    sound = (clip.path, clip.audio_codec) if keep_sound and clip.audio_codec else None
    marks = [make_badge(picture.width, picture.height)]
    if watermark:
        marks.append(make_watermark(picture.width, picture.height))
    frame = np.empty_like(picture.bgr)
    with Encoder(out, picture.width, picture.height, clip.fps, frame_count, sound) as encoder:
        for index in range(frame_count):
            actor.draw(index, frame)
            for mark in marks:
                mark.stamp(frame)
            encoder.write(frame)
            progress(LOOKED + (0.99 - LOOKED) * (index + 1) / frame_count, "drawing")
    progress(1.0, "done")
    return Result(
        path=path,
        frames=frame_count,
        fps=float(clip.fps),
        width=picture.width,
        height=picture.height,
        seconds=float(frame_count / clip.fps),
        has_audio=sound is not None,
        elapsed_seconds=round(time.monotonic() - started, 3),
    )


def _cast(
    picture: Picture, clip: Clip, orientation: Orientation, progress: Progress
) -> tuple[Literal["body", "flow"], Actor, int]:
    """Look at both files and choose the path."""

    def watch(share: float) -> None:
        progress(WATCHED * min(1.0, share), "watching the motion")

    def correct(share: float) -> None:
        progress(WATCHED + (LOOKED - WATCHED) * share, "correcting the limbs")

    with ThreadPoolExecutor(1) as aside:
        preparing = aside.submit(prepare, picture)
        # A picture without a person ends the search in the clip, too.
        track, _ = follow_person(clip, watch, lambda: not preparing.done() or preparing.result() is not None)
        person = preparing.result()
    fps = float(clip.fps)
    if person and track:
        motion = BodyMotion(
            person.pose, track, fps, orientation, (picture.width, picture.height), person.box, person.alpha
        )
        behind = person.backdrop if picture.alpha is None else None
        rest = motion.rest
        parts = divide(picture.foreground, person.alpha, behind, rest.points, rest.limbs, rest.torso)
        puppet = BodyActor(parts, motion, person.backdrop, person.shadow)
        calibrate(motion, puppet, person.pose, correct)
        actor: Actor = puppet
        if orientation == "image":
            actor = _Opening(actor, picture.bgr)
        return "body", _Held(actor, motion.count - 1), track.frame_count
    tracks = track_points(clip, watch)
    moving = read_motion(tracks, FLOW_SMOOTHING_SECONDS * fps)
    alpha, backdrop = picture.alpha, picture.backdrop
    if alpha is None and not moving.whole_frame:
        alpha = person.alpha if person else cut_out_subject(picture.bgr)
        if alpha is not None:
            backdrop = fill_behind(picture.bgr, hole_of(alpha, GAP * max(picture.width, picture.height)))
    # A face that is bent like a cloth is no face any more.
    actor = FlowActor(picture.foreground, alpha, backdrop, moving, fps, bend=PERSON_BEND if person else 1.0)
    return "flow", _Held(actor, len(tracks.positions) - 1), tracks.frame_count


class _Opening:
    """Starts with the untouched picture and fades over to the puppet, before it has moved noticeably."""

    def __init__(self, actor: Actor, picture: NDArray[np.uint8]) -> None:
        self._actor, self._picture = actor, picture

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        self._actor.draw(index, frame)
        if index < OPENING_FRAMES:
            share = index / OPENING_FRAMES
            cv2.addWeighted(frame, share, self._picture, 1 - share, 0, dst=frame)


class _Held:
    """An actor that keeps its last pose: the clock may count a frame more than the decoder gave."""

    def __init__(self, actor: Actor, last: int) -> None:
        self._actor, self._last = actor, last

    def draw(self, index: int, frame: NDArray[np.uint8]) -> None:
        self._actor.draw(min(index, self._last), frame)
