"""Small real videos, drawn when a test needs one."""

import io
from functools import cache

import numpy as np


@cache
def small_clip(seconds: float = 1.0, width: int = 64, height: int = 96, fps: int = 10) -> bytes:
    """A moving colour ramp as H.264 in MP4, the same bytes for the same arguments within one process."""
    import av

    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        rows, columns = np.mgrid[0:height, 0:width]
        for index in range(max(1, round(seconds * fps))):
            picture = np.stack([columns * 3 + index * 9, rows * 2, (rows + columns) - index * 5], axis=-1)
            frame = av.VideoFrame.from_ndarray((picture % 256).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sink.getvalue()
