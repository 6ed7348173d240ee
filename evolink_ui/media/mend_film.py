"""In the child: a video made acceptable by FFmpeg's own program, which runs within the same limits and ends with us."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import imageio_ffmpeg

from evolink_ui.media import fence, film, limits, scan
from evolink_ui.media.boxes import Layout, walk_boxes
from evolink_ui.media.files import DEMUXERS
from evolink_ui.media.mend_plan import Plan, make_plan
from evolink_ui.media.refusal import Refused, Tell
from evolink_ui.media.words import size_text

FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()
CRF: Final = "19"
"""Nobody sees the difference from the original; 10 s of 1080p have about 8 MB."""
PRESET: Final = "veryfast"
THREADS: Final = min((os.cpu_count() or 2) * 3 // 2, 6)
"""As many as the coder would choose itself, up to what fits into the child's memory."""
MAX_BITS_PER_SECOND: Final = 24_000_000
"""30 s at it have 90 MB."""
SOUND_BITS_PER_SECOND: Final = "160k"
TICK_SECONDS: Final = 0.25
EARLY_SECONDS: Final = 0.0005
"""So much before a frame the cut is made, so that rounding never drops it."""
WITH_INDEX: Final = frozenset({"mov", "matroska"})
"""Demuxers that surely jump to a key frame; the others land anywhere, even where nothing can be decoded."""
JUMP_SECONDS: Final = 2.0
"""To begin so early everything before is decoded and dropped: nothing is gained by jumping."""
UNLACED: Final = "bwdif=mode=send_frame:deint=interlaced"
"""Frames of television and camcorders that are woven of two moments become one; all others pass untouched."""
HDR_COLOURS: Final = "setparams=color_primaries=bt2020:colorspace=bt2020nc"
"""Those of all HDR films, also of those that forgot to say so, which zscale would refuse."""
HDR_WHITE_NITS: Final = 203
"""What a sheet of white paper has in HDR films (ITU-R BT.2408)."""
TONE_CURVE: Final = "tonemap=mobius:param=0.7:desat=0:peak=5"
"""Up to 0.7 of paper white nothing changes, what is brighter (up to 5 times, 1000 nits) is pressed into the rest.
On a picture put into HDR and taken back, mean error 5 to 8 of 255; with the usual "hable" 44."""


def mend_film(file: BinaryIO, request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write an acceptable MP4 to request["out"]; says what was changed. Raises Refused."""
    name = request["format"]
    before = _look(file, name)
    plan = make_plan(before, request)
    if not plan.fixes:
        return {"changes": [], "fixes": [], "before": before}
    out = request["out"]
    # Sound that cannot be read is no reason to lose the picture; a picture that cannot be copied is coded anew.
    attempts = [(plan.copy_picture, bool(before["has_audio"]))]
    attempts += [(False, True)] if attempts[0] == (True, True) else []
    attempts += [(False, False)] if attempts[-1] != (False, False) else []
    for copy_picture, sound in attempts:
        path = descriptor_path(file) or request["path"]
        command = _command(path, DEMUXERS[name], out, before, plan, copy_picture=copy_picture, sound=sound)
        if _run(command, plan.length, tell, file) and Path(out).stat().st_size > 0:
            changes = [*plan.changes]
            if before["has_audio"] and not sound:
                changes.append("The sound could not be read and was left out.")
            if Path(out).stat().st_size < before["size_bytes"]:
                changes.append(f"{size_text(Path(out).stat().st_size)} instead of {size_text(before['size_bytes'])}.")
            return {"changes": changes, "fixes": plan.fixes, "before": before, "format": "mp4"}
        Path(out).unlink(missing_ok=True)
    raise Refused("fix_failed")


def _look(file: BinaryIO, name: str) -> dict[str, Any]:
    """The facts of the file as it is, by its header. Raises Refused."""
    size_bytes = file.seek(0, 2)
    layout = walk_boxes(file, size_bytes) if DEMUXERS[name] == "mov" else Layout()
    file.seek(0)
    try:
        with av.open(
            file, "r", format=DEMUXERS[name], metadata_errors="replace", buffer_size=film.READ_BUFFER_BYTES
        ) as container:
            facts = film.header_facts(container, layout)
            stream = film.picture_stream(container)
            timing = scan.Timing(stream.time_base)
            for packet in container.demux(stream):
                timing.add(packet)
            if timing.seconds > 0:
                facts |= timing.facts()
            facts["late_seconds"] = _late_seconds(container, timing)
            facts["claimed_seconds"] = film.claimed_seconds(layout, timing.seconds)
            facts["cut_off"] = film.is_cut_off(layout, stream, size_bytes)
            facts["index"] = stream.index
            facts["curve"] = int(stream.codec_context.color_trc or 0)
    except scan.ERRORS as error:
        raise Refused("video_damaged") from error
    if not facts["duration_seconds"]:
        raise Refused("video_damaged")
    return {**facts, "size_bytes": size_bytes}


def _late_seconds(container: av.container.InputContainer, timing: scan.Timing) -> float:
    """How much later than the container's first sample the picture begins."""
    first = float((timing.first or 0) * timing.base)
    return max(first - (container.start_time or 0) / av.time_base, 0.0)


def _command(
    path: str,
    demuxer: str,
    out: str,
    before: dict[str, Any],
    plan: Plan,
    *,
    copy_picture: bool,
    sound: bool,
) -> list[str]:
    """FFmpeg's command line. Only the local file, only the demuxer that its first bytes name."""
    command = [FFMPEG, "-nostdin", "-hide_banner", "-loglevel", "quiet", "-y"]
    command += ["-progress", "pipe:1", "-stats_period", str(TICK_SECONDS)]
    command += ["-protocol_whitelist", "file,pipe", "-threads", "2", "-f", demuxer]
    start, length = _from_to(plan, before)
    seek = ["-ss", f"{start:.6f}"] if start > 0 and not copy_picture else []
    jump = demuxer in WITH_INDEX and start > JUMP_SECONDS
    command += [*(seek if jump else []), "-i", f"file:{path}", *([] if jump else seek)]
    command += ["-map", f"0:{before['index']}", "-map_metadata", "-1", "-map_chapters", "-1"]
    command += ["-map", "0:a:0", "-c:a", "aac", "-b:a", SOUND_BITS_PER_SECOND, "-ac", "2"] if sound else ["-an"]
    if copy_picture:
        command += ["-t", f"{plan.length:.6f}", "-c:v", "copy"]
    else:
        command += ["-t", f"{length:.6f}", "-filter_threads", "2", "-vf", ",".join(_filters(plan))]
        command += ["-c:v", "libx264", "-preset", PRESET, "-crf", CRF, "-pix_fmt", "yuv420p", "-threads", str(THREADS)]
        bits = min(MAX_BITS_PER_SECOND, int(0.9 * 8 * limits.VIDEO_MAX_BYTES / plan.length))
        command += ["-maxrate", str(bits), "-bufsize", str(bits)]
    return [*command, "-movflags", "+faststart", "-f", "mp4", f"file:{out}"]


def _from_to(plan: Plan, before: dict[str, Any]) -> tuple[float, float]:
    """Where FFmpeg begins, in seconds from the container's first sample, and for how long it goes on.

    The picture's first frame is the zero of all that people choose; sound that begins earlier is cut with it.
    """
    start, length, fps = plan.start, plan.length, plan.frames_per_second
    if plan.frames:
        start = round(plan.start * fps) / fps
        length = (plan.frames - 0.5) / fps  # half a frame early, so that rounding never lets one too many in
    return max(start + float(before["late_seconds"]) - EARLY_SECONDS, 0.0), length


def _filters(plan: Plan) -> list[str]:
    filters = [UNLACED]
    if plan.fill_gaps and 1 <= plan.frames_per_second <= 1000:
        filters.append(f"fps={plan.frames_per_second}:start_time=0")
    if plan.size is not None:
        filters.append(f"scale={plan.size[0]}:{plan.size[1]}:flags=bicubic")
    else:
        filters.append("scale=iw*sar:ih")
    if plan.to_sdr:
        filters += [HDR_COLOURS, f"zscale=t=linear:npl={HDR_WHITE_NITS}", "format=gbrpf32le", "zscale=p=bt709"]
        filters += [TONE_CURVE, "zscale=t=bt709:m=bt709:r=limited"]
    return [*filters, "setsar=1", "format=yuv420p"]


def descriptor_path(file: BinaryIO) -> str | None:
    """A name under which FFmpeg opens exactly this file, whatever its own name leads to by now; None but on Linux."""
    return f"/proc/self/fd/{file.fileno()}" if sys.platform == "linux" else None


def _run(command: list[str], length: float, tell: Tell, file: BinaryIO) -> bool:
    """Run FFmpeg to its end, `file` open in it, and tell its progress, and that we are alive, four times a second."""
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(file.fileno(),) if sys.platform == "linux" else (),
        # Safe here: this child has one thread that waits for its parent and nothing that holds locks.
        preexec_fn=fence.die_with_parent if sys.platform == "linux" else None,
    ) as process:
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        progress = 0.0
        while True:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=TICK_SECONDS)
                if line is None:
                    break
                if not line.startswith(b"out_time_us="):
                    continue
                with contextlib.suppress(ValueError):
                    progress = max(progress, min(int(line[12:]) / 1e6 / length, 0.99))
            tell({"progress": round(progress, 3)})
        return process.wait() == 0


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    assert process.stdout is not None  # noqa: S101 - for the type checker; it is a pipe by construction
    for line in process.stdout:
        lines.put(line)
    lines.put(None)
