"""Who is served when: one thread that looks after all tasks, and short-lived threads that do the work.

Nothing here belongs to an event loop, so that the API may be called from any number of them.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from evolink_ui.background import BackgroundThread
from evolink_ui.catalog import billed_seconds

from .callbacks import Callbacks
from .database import RenderLicense
from .faults import TASK_FAULTS
from .inputs import Inputs, Unfit
from .options import RENDER_MAX_SECONDS, Options
from .rendering import GRACE_SECONDS, Render, RenderFailed
from .speed import Speeds
from .storage import Storage
from .tasks import MAX_ATTEMPTS, Task, Tasks
from .waiting import Closing

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # how soon tasks of another process, silent children and old files are noticed
SWEEP_SECONDS = 60.0  # between two searches for what has expired
STRAY_SECONDS = 3600.0  # bytes that no row knows are left alone for so long: they may be an upload in progress
MAX_PREPARING = 2  # fetching and judging is short; a slow link must not hold up everybody
MAX_CALLING = 4  # callbacks under way at once
CLOSE_SECONDS = 0.8  # children and threads are gone by then
PLANNED_FAILURE_SECONDS = 0.5  # how long a task that shall fail is seen to be worked on
NO_PERSON_NOTE = "No person was found in the picture or in the video: the picture was moved as a whole."


class Scheduler:
    """Prepares, renders, calls back and sweeps, until closed."""

    def __init__(
        self,
        tasks: Tasks,
        speeds: Speeds,
        storage: Storage,
        inputs: Inputs,
        callbacks: Callbacks,
        license_: RenderLicense,
        data_dir: Path,
        options: Options,
    ) -> None:
        self._tasks, self._speeds, self._storage, self._inputs = tasks, speeds, storage, inputs
        self._callbacks, self._license, self._options = callbacks, license_, options
        self._work, self._results = data_dir / "work", data_dir / "results"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[str, dict[str, threading.Thread]] = {"prepare": {}, "render": {}, "call": {}}  # by task id
        self._renders: dict[str, Render] = {}
        self._ready: dict[str, tuple[Path, Path]] = {}
        self._licensed = False
        self._swept_at = float("-inf")
        self.on_render: Callable[[float], object] = lambda _seconds: None
        """Called with the seconds that each finished render took."""
        self._keeper = BackgroundThread(
            "sandbox", self._look, every_seconds=TICK_SECONDS, vital=True, expected=(sqlite3.Error, OSError)
        )

    def start(self) -> None:
        self._keeper.start()

    def wake(self) -> None:
        """Something has changed: look at once."""
        self._keeper.wake()

    def close(self) -> None:
        """End all children and threads, within CLOSE_SECONDS. Unfinished tasks wait for the next start."""
        deadline = time.monotonic() + CLOSE_SECONDS
        self._stop.set()
        self._keeper.close(wait_seconds=0)
        with self._lock:
            renders = list(self._renders.values())
        for render in renders:
            render.stop()
        told_at = time.monotonic()
        for render in renders:
            render.make_sure(told_at + GRACE_SECONDS - time.monotonic())
        with self._lock:
            threads = [thread for kind in self._threads.values() for thread in kind.values()]
        self._keeper.close(max(deadline - time.monotonic(), 0.01))
        for thread in threads:
            if thread.is_alive():
                thread.join(max(deadline - time.monotonic(), 0.01))
        if self._licensed:
            shutil.rmtree(self._work, ignore_errors=True)
        self._license.release()

    # ---- the keeper ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._licensed:
            if not self._license.acquire():
                return  # another process renders for this folder; it sees our tasks too
            self._tasks.recover()
            shutil.rmtree(self._work, ignore_errors=True)
            self._work.mkdir(parents=True)
            self._licensed = True
        with self._lock:
            renders = list(self._renders.values())
            busy = {*self._threads["prepare"], *self._threads["render"], *self._ready}
        self._tasks.recover(busy)
        for render in renders:
            render.stop_if_overdue(self._options.silence_seconds, RENDER_MAX_SECONDS)
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            self._swept_at = time.monotonic()
            self._sweep()
        for task in self._tasks.claim("new", "preparing", MAX_PREPARING - self._busy("prepare")):
            self._spawn("prepare", task.id, partial(self._work_on, task, self._prepare))
        for task in self._tasks.claim("ready", "rendering", self._options.max_renders - self._busy("render")):
            self._spawn("render", task.id, partial(self._work_on, task, self._render))
        for callback in self._callbacks.take(MAX_CALLING - self._busy("call")):
            self._spawn("call", callback.task_id, partial(self._callbacks.make, callback, self._stop))

    def _busy(self, kind: str) -> int:
        with self._lock:
            return len(self._threads[kind])

    def _spawn(self, kind: str, task_id: str, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Closing:
                return  # done again at the next start
            except Exception:
                if not self._stop.is_set():  # else the database may be closed under us
                    log.exception(
                        "the sandbox could not end its work on %s; unless it is over, it is done again", task_id
                    )
            finally:
                with self._lock:
                    del self._threads[kind][task_id]
                self._keeper.wake()

        thread = threading.Thread(target=run, name=f"sandbox-{kind}", daemon=True)
        with self._lock:
            self._threads[kind][task_id] = thread
        thread.start()

    def _work_on(self, task: Task, work: Callable[[Task], None]) -> None:
        try:
            work(task)
        except Closing:
            raise
        except (Unfit, RenderFailed) as failure:
            if self._stop.is_set():
                return
            self._end(task, failure.code, failure.message)
        except Exception:
            if self._stop.is_set():
                return
            log.exception("a task of the sandbox ended by a fault of the sandbox")
            self._end(task, "service_error", "The sandbox failed at this task. Credits are returned; try again.")

    def _end(self, task: Task, code: str, message: str) -> None:
        self._tasks.fail(task, code, message)
        shutil.rmtree(self._work / task.id, ignore_errors=True)

    def _sweep(self) -> None:
        self._storage.sweep(time.time() - STRAY_SECONDS)
        found = list(self._results.glob("*.mp4"))
        # A video gets its place just before its task is completed: whoever is unfinished keeps what is there. In this
        # order, or a task that is completed in between would be in neither set.
        wanted = self._tasks.unfinished_ids()
        wanted |= self._tasks.live_results()
        for path in found:
            if path.stem not in wanted:
                path.unlink(missing_ok=True)
        self._tasks.forget_old()

    # ---- the work on one task --------------------------------------------------------------------------------------

    def _prepare(self, task: Task) -> None:
        if task.attempts >= MAX_ATTEMPTS:
            raise Unfit("service_error", "The sandbox stopped each time it tried this task. Credits are returned.")
        folder = self._work / task.id
        folder.mkdir(parents=True, exist_ok=True)
        image, video, video_seconds = self._inputs.gather(task.order, folder, self._stop)
        with self._lock:
            self._ready[task.id] = (image, video)
        try:
            self._tasks.prepared(task, video_seconds)
        except sqlite3.Error:
            with self._lock:
                del self._ready[task.id]
            raise

    def _render(self, task: Task) -> None:
        with self._lock:
            image, video = self._ready.pop(task.id)
        slowness = 1 / min(self._options.speed, 1.0)
        if task.planned_error is not None:
            self._stop.wait(PLANNED_FAILURE_SECONDS * slowness)
            raise RenderFailed(task.planned_error, TASK_FAULTS[task.planned_error])
        render = Render(self._options.render_command, task.order, image, video, self._work / task.id)
        with self._lock:
            self._renders[task.id] = render
        if self._stop.is_set():
            render.stop()
        shown = 0
        began = started = time.monotonic()

        def show(fraction: float) -> None:
            nonlocal shown, started
            percent = int(100 * fraction)
            if percent > shown:
                if shown == 0:
                    started = time.monotonic()
                shown = percent
                self._tasks.progress(task.id, percent)

        try:
            rendered = render.run(lambda fraction: show(fraction / slowness))
        except RenderFailed:
            if self._stop.is_set():
                self._tasks.wait_again(task)
            raise
        finally:
            with self._lock:
                self._renders.pop(task.id, None)
        took_seconds = time.monotonic() - began
        self.on_render(took_seconds)
        start_seconds = min(started - began, took_seconds)
        drawing_seconds = took_seconds - start_seconds
        self._speeds.learn(
            task.order.quality, rendered.seconds, start_seconds=start_seconds, drawing_seconds=drawing_seconds
        )
        pretended_seconds = took_seconds * slowness
        while (elapsed := time.monotonic() - began) < pretended_seconds:
            show(elapsed / pretended_seconds)
            if self._stop.wait(min(0.5, pretended_seconds - elapsed)):
                self._tasks.wait_again(task)
                return
        render.out.replace(self._results / f"{task.id}.mp4")
        note = NO_PERSON_NOTE if rendered.path_taken == "flow" else None
        self._tasks.complete(task, rendered.seconds, note=note)
        shutil.rmtree(self._work / task.id, ignore_errors=True)
        log.info("%s: %d s of video in %.1f s", task.id, billed_seconds(rendered.seconds), took_seconds)
