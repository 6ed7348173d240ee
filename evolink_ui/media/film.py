"""In the child: one video's facts and poster, and proof that it decodes."""

import io
from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
import av.container
import av.error
import av.video
from PIL import Image

from evolink_ui.media import limits
from evolink_ui.media.boxes import Layout, walk_boxes
from evolink_ui.media.files import DEMUXERS
from evolink_ui.media.refusal import Refused, Tell
from evolink_ui.media.scan import ERRORS, Allowance, Scan, Timing, last_frame_decodes

READ_BUFFER_BYTES: Final = 1 << 20
LAST_SAMPLES: Final = 1000
"""So many of the index's last entries are compared with the file's length, where the file was cut off."""

_TURNS: Final = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def examine_film(file: BinaryIO, format_name: str, seconds: float, tell: Tell) -> tuple[dict[str, Any], bytes | None]:
    """Tell the facts of the header, then look at the frames for at most SCAN_SECONDS. Raises Refused."""
    allowance = Allowance(min(limits.SCAN_SECONDS, seconds / 2))
    size_bytes = file.seek(0, io.SEEK_END)
    demuxer = DEMUXERS[format_name]
    layout = walk_boxes(file, size_bytes) if demuxer == "mov" else Layout()
    file.seek(0)
    try:
        # The demuxer is forced and reads only through our file object: no playlist, no other file, no network.
        with av.open(file, "r", format=demuxer, metadata_errors="replace", buffer_size=READ_BUFFER_BYTES) as container:
            return _examine(container, layout, allowance, size_bytes, tell)
    except Refused:
        raise
    except ERRORS as error:
        raise Refused("video_damaged") from error


def picture_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The one that players show: the first that is switched on, else the first. Raises Refused."""
    shown = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None
    ]
    for stream in shown:
        if stream.disposition & av.stream.Disposition.default:
            return stream
    if not shown:
        raise Refused("video_without_picture")
    return shown[0]


def _examine(
    container: av.container.InputContainer, layout: Layout, allowance: Allowance, size_bytes: int, tell: Tell
) -> tuple[dict[str, Any], bytes | None]:
    facts = header_facts(container, layout)
    tell({"facts": facts})
    stream = picture_stream(container)
    context = stream.codec_context
    timing = Timing(stream.time_base)
    timing.expected = len(stream.index_entries)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if context.width * context.height > limits.VIDEO_DECODE_MAX_PIXELS:
        for packet in container.demux(stream):
            timing.add(packet)
        return {**facts, **timing.facts(), "claimed_seconds": claimed_seconds(layout, timing.seconds)}, None
    context.thread_type, context.thread_count = "AUTO", 2
    context.options = {"max_pixels": str(limits.VIDEO_DECODE_MAX_PIXELS), "skip_loop_filter": "all"}
    scan = Scan(timing, allowance)
    scan.run(container, stream)
    if scan.first is None:
        raise Refused("video_damaged")
    facts |= _shown_size(scan.first.width, scan.first.height, aspect, scan.first.rotation)
    facts |= timing.facts()
    facts |= scan.facts()
    facts["claimed_seconds"] = claimed_seconds(layout, timing.seconds)
    facts["cut_off"] = is_cut_off(layout, stream, size_bytes) or scan.lost_an_end
    if not scan.complete and not last_frame_decodes(container, stream, timing):
        facts["missing"] = max(int(facts["missing"]), 1)
        facts["cut_off"] = facts["cut_off"] or bool(layout.tracks)  # other containers are not as good at seeking
    return facts, _poster(scan.first, int(facts["width"]), int(facts["height"]))


def is_cut_off(layout: Layout, stream: av.video.stream.VideoStream, size_bytes: int) -> bool:
    """Whether frames that the index knows lie behind the end of the file. To be asked when all packets were read."""
    if not layout.cut_off:
        return False
    entries, count = stream.index_entries, len(stream.index_entries)
    return any(
        entries[place].pos + entries[place].size > size_bytes for place in range(max(count - LAST_SAMPLES, 0), count)
    )


def claimed_seconds(layout: Layout, seconds: float) -> float:
    """Of all lengths that the headers state, the one that is farthest from the picture's own; 0 where none does."""
    return max(layout.claims_seconds, key=lambda claim: abs(claim - seconds), default=0.0)


def header_facts(container: av.container.InputContainer, layout: Layout) -> dict[str, Any]:
    """What the header says of the picture, as shown; lengths are its claims. Raises Refused."""
    pictures = layout.pictures
    if layout.tracks and not pictures:
        raise Refused("video_without_picture")
    if any(track.protected for track in pictures):
        raise Refused("video_protected")
    stream = picture_stream(container)
    context = stream.codec_context
    if context.width <= 0 or context.height <= 0:
        raise Refused("video_damaged")
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    rotation = pictures[0].rotation if pictures else 0
    return {
        "has_audio": bool(container.streams.audio),
        "codec": context.codec.canonical_name,
        "pixels": context.pix_fmt or "",
        "stored_width": context.width,
        "stored_height": context.height,
        "duration_seconds": seconds,
        "fps": float(stream.average_rate or 0),
        **_shown_size(context.width, context.height, stream.sample_aspect_ratio or Fraction(1), rotation),
    }


def _shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> dict[str, int]:
    """Pixels as a player shows them."""
    if aspect > 0 and aspect != 1:
        width = max(round(width * aspect), 1)
    turned = quarter_turns(rotation)
    if turned % 180:
        width, height = height, width
    return {"width": width, "height": height, "rotation": turned}


def quarter_turns(rotation: int) -> int:
    """0, 90, 180 or 270 degrees; what players don't turn (45 degrees, a matrix of zeros) counts as upright."""
    return rotation % 360 if rotation % 90 == 0 and abs(rotation) <= 360 else 0


def _poster(frame: av.VideoFrame, width: int, height: int) -> bytes:
    """A JPEG of the frame as shown."""
    turned = quarter_turns(frame.rotation)
    shown = (height, width) if turned % 180 else (width, height)
    scale = min(limits.POSTER_MAX_SIDE_PX / max(shown), 1.0)
    width, height = (max(round(side * scale), 1) for side in shown)
    small = frame.reformat(width=width, height=height, format="rgb24")
    picture = Image.fromarray(small.to_ndarray())
    if turned in _TURNS:
        picture = picture.transpose(_TURNS[turned])
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()
