"""Pictures and videos made by our own code, whole and in every way not whole."""

import base64
import io
import math
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import av.audio
import numpy as np
import numpy.typing as npt
from PIL import Image

FAST_VP8 = (("deadline", "realtime"), ("cpu-used", "8"))
Frame = npt.NDArray[np.uint8]


@lru_cache(maxsize=8)
def _ground(width: int, height: int, shot: int) -> Frame:
    across = np.arange(width) / width * 5
    down = np.arange(height)[:, None] / height * 5
    tilt = (0.6, 2.2, 4.0)[shot % 3]
    grey = 130 + 70 * np.sin(across * math.cos(tilt) + down * math.sin(tilt) + shot)
    return np.stack([grey, grey * 0.9, grey * 0.8], axis=2).astype(np.uint8)


def scene(width: int, height: int, second: float, shot: int = 0) -> Frame:
    """One RGB frame: a soft background that belongs to the shot, and a figure that sways."""
    made = _ground(width, height, shot).copy()
    centre = width * (0.5 + 0.12 * math.sin(second * 3))
    across = (np.arange(width) - centre) / (width * 0.12)
    down = (np.arange(height)[:, None] - height * 0.55) / (height * 0.3)
    made[across**2 + down**2 < 1] = (60, 55, 50) if shot % 2 else (240, 215, 190)
    return made


@dataclass(frozen=True)
class Clip:
    """What a video is made of."""

    seconds: float = 3.2
    width: int = 480
    height: int = 360
    fps: int = 15
    codec: str = "libx264"
    pixels: str = "yuv420p"
    sound_seconds: float | None = 0.0
    """None: as long as the picture; 0: no sound."""
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    shots_seconds: tuple[float, ...] = ()
    """Where cuts are."""
    brightness: float = 1.0
    still: bool = False
    """The same frame all the time, which is quick to make."""
    woven: bool = False
    """Every other line belongs to a later moment, as television and camcorders have it."""
    container: str = "mp4"
    options: tuple[tuple[str, str], ...] = (("preset", "ultrafast"),)
    movflags: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def film(path: Path, clip: Clip | None = None, **changes: Any) -> Path:
    """Write a video."""
    made = Clip(**{**({} if clip is None else vars(clip)), **changes})
    options = {"movflags": made.movflags} if made.movflags else {}
    with av.open(str(path), "w", format=made.container, options=options) as container:
        container.metadata.update(made.metadata)
        stream = container.add_stream(made.codec, rate=made.fps, options=dict(made.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = made.width, made.height, made.pixels
        if made.aspect != 1:
            stream.codec_context.sample_aspect_ratio = made.aspect
        if made.rotation:
            stream.set_display_rotation(made.rotation)
        length = made.seconds if made.sound_seconds is None else made.sound_seconds
        sound = container.add_stream("aac" if made.container != "webm" else "libopus", rate=48000) if length else None
        frame: av.VideoFrame | None = None
        for index in range(round(made.seconds * made.fps)):
            second = 0.0 if made.still else index / made.fps
            shot = sum(second >= cut for cut in made.shots_seconds)
            if frame is None or not made.still:
                pixels = scene(made.width, made.height, second, shot)
                if made.woven:
                    pixels[1::2] = scene(made.width, made.height, second + 0.5 / made.fps, shot)[1::2]
                if made.brightness != 1:
                    pixels = (pixels * made.brightness).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=made.pixels)
            frame.pts, frame.time_base = index, Fraction(1, made.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            assert isinstance(sound, av.AudioStream)
            _tone(container, sound, length)
    return path


def _tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    for start in range(0, round(seconds * 48000), 960):
        at = np.arange(start, start + 960) / 48000
        wave = (8000 * np.sin(at * 2 * np.pi * 330)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def counted_film(path: Path, container_name: str, bang_seconds: float) -> Path:
    """6 s of 15 frames a second with one key frame, each as bright as its number says, and one bang."""
    with av.open(str(path), "w", format=container_name) as container:
        stream = container.add_stream("libx264", rate=15, options={"preset": "veryfast", "g": "999", "crf": "10"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 352, 352, "yuv420p"
        sound = container.add_stream("aac", rate=44100)  # the one rate that all containers take
        assert isinstance(sound, av.AudioStream)
        for index in range(90):
            grey = np.full((352 * 3 // 2, 352), 128, np.uint8)
            grey[:352] = 30 + 2 * index
            frame = av.VideoFrame.from_ndarray(grey, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 15)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        wave = np.zeros(6 * 44100, np.int16)
        wave[round(bang_seconds * 44100) :][:4410] = 12000 * np.sin(np.arange(4410) / 8)
        for start in range(0, len(wave), 1024):
            heard = av.AudioFrame.from_ndarray(np.repeat(wave[start : start + 1024], 2).reshape(1, -1), "s16", "stereo")
            heard.sample_rate, heard.pts, heard.time_base = 44100, start, Fraction(1, 44100)
            container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return path


def read_counted_film(path: Path) -> tuple[list[int], float]:
    """The numbers of its frames, and when the bang is heard, in seconds after the first of them."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray()[:340].mean()) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        loud = [
            heard.time + int(np.argmax(np.abs(heard.to_ndarray()[0]) > 0.1)) / heard.sample_rate
            for heard in container.decode(audio=0)
            if heard.time is not None and np.abs(heard.to_ndarray()[0]).max() > 0.1
        ]
    first = frames[0][0]
    assert first is not None
    return [round((brightness - 30) / 2) for _, brightness in frames], loud[0] - first


def picture(width: int = 640, height: int = 480, mode: str = "RGB", brightness: float = 1.0) -> Image.Image:
    """A picture of the same figure."""
    made = Image.fromarray((scene(width, height, 0.3) * brightness).astype(np.uint8))
    return (
        made.convert(mode) if mode != "I;16" else Image.fromarray(np.asarray(made.convert("L")).astype(np.uint16) * 256)
    )


def image_bytes(made: Image.Image, name: str = "JPEG", **options: Any) -> bytes:
    """The picture as a file of that format."""
    out = io.BytesIO()
    made.save(out, name, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    """Exif data that asks for turning."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def box(name: bytes, *parts: bytes) -> bytes:
    """One ISO-BMFF box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def replace_in_box(data: bytes, name: bytes, offset: int, new: bytes) -> bytes:
    """Overwrite bytes of the first box of that name, `offset` counted from behind its name."""
    at = data.index(name) + 4 + offset
    return data[:at] + new + data[at + len(new) :]


def listed_playlists(target: str) -> dict[str, bytes]:
    """Texts that ask a careless reader to open `target`."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "dash": (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
            f"<Period><AdaptationSet><Representation><BaseURL>{target}</BaseURL></Representation>"
            "</AdaptationSet></Period></MPD>"
        ).encode(),
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=control:{target}\n".encode(),
        "ram": f"{target}\n".encode(),
    }


ARITHMETIC_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAx"
    "NDQ0Hyc5PTgyPC4zNDL/yQALCAAYABgBAREA/8wABgAQEAX/2gAIAQEAAD8A/wCw03hAWrPVb2OqhiNFv7nkW4Vyy6CkPGI08mp2"
    "G7vzN4kCtT7cGC9eMSrE27ZuxMEHf/hPhES/9bLz+n0wuU7/ADnUnSWzjgeBKkF9NN7MAGzugLeSdokEVojGgn8Q65PRkm+yMGjP"
    "noD/2Q=="
)
"""24 x 24 px of grey, arithmetic coded: Pillow reads it and cannot write it."""


def song_with_cover(path: Path) -> Path:
    """Sound and a still cover, in an MP4."""
    with av.open(str(path), "w", format="mp4") as container:
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 320, 320, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream("aac", rate=48000)
        assert isinstance(sound, av.AudioStream)
        frame = av.VideoFrame.from_ndarray(scene(320, 320, 0), "rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 1)
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        _tone(container, sound, 4.0)
    return path
