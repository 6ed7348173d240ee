"""How fast this machine renders, learnt from every render, and how long the next one will take."""

from __future__ import annotations

from .database import Database
from .options import Options

FIRST_GUESS = {"start": 2.0, "720p": 0.6, "1080p": 1.0}  # what `Speeds` holds, until this machine has been measured
NEWEST_WEIGHT = 0.4  # of the latest measurement in the running mean: follows a machine that got busy within a few tasks


class Speeds:
    """Running means, kept in the database: `start`, the seconds before the first frame, which a clip's length doesn't
    change; and for each quality the seconds of drawing for each second of video."""

    def __init__(self, database: Database, options: Options) -> None:
        self._database, self._options = database, options

    def learn(self, quality: str, video_seconds: float, *, start_seconds: float, drawing_seconds: float) -> None:
        """One render took so long."""
        latest = {"start": start_seconds, quality: drawing_seconds / max(video_seconds, 1.0)}
        with self._database.write() as db:
            for name, seconds in latest.items():
                known = self._known(name)
                mean = seconds if known is None else known + NEWEST_WEIGHT * (seconds - known)
                db.execute("INSERT OR REPLACE INTO render_speeds VALUES (?,?)", (name, mean))

    def estimate_seconds(self, quality: str, video_seconds: float) -> float:
        """How long a render of so many seconds of video will seem to take, once it is its turn."""
        start, rate = (self._known(name) for name in ("start", quality))
        start = FIRST_GUESS["start"] if start is None else start
        rate = FIRST_GUESS[quality] if rate is None else rate
        return (start + rate * video_seconds) / min(self._options.speed, 1.0)

    def _known(self, name: str) -> float | None:
        rows = self._database.read("SELECT seconds FROM render_speeds WHERE name = ?", name)
        return float(rows[0][0]) if rows else None
