"""The children that read strangers' bytes: what they may have, and that they end."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evolink_ui import media
from evolink_ui.confine import clean_environment
from evolink_ui.media import check, child, fence, limits
from evolink_ui.media.channel import Sender
from evolink_ui.media.child import POOL, Busy, Child, ChildFailed, Pool
from tests.loopback import python_path
from tests.media import studio

ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def examine(pool: Pool, job: str, path: Path, name: str) -> tuple[dict[str, Any], bytes | None]:
    with path.open("rb") as file:
        return pool.examine({"job": job, "format": name, "path": str(path)}, file, lambda _: None)


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


def idle(pool: Pool) -> Child:
    """The warm child of a pool of one, still in its place."""
    taken = pool._take()
    taken.wait_ready(10)
    pool._give_back(taken)
    return taken


def test_importing_the_package_loads_no_decoder_and_starts_no_process() -> None:
    code = (
        "import time, sys; start = time.process_time(); import evolink_ui.media; took = time.process_time() - start\n"
        "heavy = [name for name in ('av', 'cv2', 'moviepy', 'numpy', 'PIL', 'pydantic') if name in sys.modules]\n"
        "print(took, heavy, evolink_ui.media.child.POOL._idle)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    took, _, rest = said.stdout.strip().partition(" ")
    assert rest == "[] []"
    assert float(took) < 0.5


def test_a_child_sees_no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVOLINK_API_KEY", "EVOLINK_UI_SECRET", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "http_proxy"):
        monkeypatch.setenv(name, "private")
    assert "private" not in clean_environment().values()
    started = Child()
    try:
        started.wait_ready(10)
        assert b"private" not in Path(f"/proc/{started.process.pid}/environ").read_bytes()
    finally:
        started.kill()


def test_a_child_holds_nothing_of_ours_open_and_can_write_no_file(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    with ours.open("w"):
        started = Child()
        try:
            started.wait_ready(10)
            opened = [str(entry.readlink()) for entry in Path(f"/proc/{started.process.pid}/fd").iterdir()]
            assert str(ours) not in opened
            bounds = Path(f"/proc/{started.process.pid}/limits").read_text()
        finally:
            started.kill()
    set_to = {line[:25].strip(): line[26:].split()[:2] for line in bounds.splitlines()}
    assert set_to["Max file size"] == ["0", "0"]
    assert set_to["Max core file size"] == ["0", "0"]
    assert set_to["Max address space"] == [str(limits.CHILD_ADDRESS_SPACE_BYTES)] * 2
    assert set_to["Max data size"] == [str(limits.CHILD_DATA_BYTES)] * 2


def test_a_child_is_warm_and_used_again(pool: Pool, good_image: Path) -> None:
    pool.warm_up()
    first = idle(pool)
    for _ in range(3):
        found, poster = examine(pool, "image", good_image, "jpeg")
        assert "refused" not in found
        assert poster
    assert idle(pool) is first


def test_a_child_that_takes_too_long_is_ended_and_replaced(
    pool: Pool, good_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = idle(pool)
    os.kill(stuck.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(limits, "BUSY_FACTOR", 1.0)  # it has no processor time at all while it is stopped
    started = time.monotonic()
    with pytest.raises(ChildFailed):
        examine(pool, "image", good_image, "jpeg")
    assert time.monotonic() - started < 2
    assert gone(stuck.process.pid)
    monkeypatch.undo()
    found, _ = examine(pool, "image", good_image, "jpeg")
    assert "refused" not in found
    assert idle(pool) is not stuck


def test_a_child_that_died_between_two_checks_is_not_noticed_by_anybody(pool: Pool, good_image: Path) -> None:
    dead = idle(pool)
    os.kill(dead.process.pid, signal.SIGKILL)
    dead.process.wait()
    found, _ = examine(pool, "image", good_image, "jpeg")
    assert "refused" not in found


def test_a_child_that_dies_at_work_makes_the_file_refused_and_not_the_app_fail(
    good_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise ChildFailed

    monkeypatch.setattr(POOL, "examine", dies)
    report = media.check_image(good_image)
    assert [problem.code for problem in report.problems] == ["check_failed"]
    assert "another picture" in report.problems[0].next_step


def test_a_foreign_picture_that_takes_too_long_to_look_at_can_still_be_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_slow(_: object, __: object, on_facts: Callable[[dict[str, int]], None]) -> None:
        on_facts({"width": 5712, "height": 4284})
        raise ChildFailed

    path = tmp_path / "a.webp"
    path.write_bytes(studio.image_bytes(studio.picture(), "WEBP"))
    monkeypatch.setattr(POOL, "examine", too_slow)
    report = media.check_image(path)
    assert [(problem.code, problem.fix) for problem in report.problems] == [("unsupported_image_format", "convert")]
    assert report.facts is not None
    assert report.facts.width == 5712


def test_nonsense_from_a_child_is_not_believed(good_image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ({"refused": "no_such_code", "values": {}}, {"refused": "image_too_many_pixels", "values": None}):
        monkeypatch.setattr(POOL, "examine", lambda *_, said=answer: (said, None))
        assert [problem.code for problem in media.check_image(good_image).problems] == ["check_failed"]


@pytest.mark.parametrize(
    "says",
    ["nonsense", "[1]", '{"done": 3}', '{"done": {}, "poster_bytes": 99999999}', '{"done": {}, "poster_bytes": 9}'],
)
def test_a_child_that_answers_nonsense_is_ended(says: str, good_image: Path, tmp_path: Path) -> None:
    script = tmp_path / "liar.py"
    script.write_text(f"import sys\nprint('{{\"ready\": true}}', flush=True)\nsys.stdin.readline()\nprint({says!r})\n")
    pool = Pool(1)
    liar = Child.__new__(Child)
    liar._sender = Sender()
    liar.process = subprocess.Popen(
        [sys.executable, str(script)], stdin=liar._sender.stdin, stdout=subprocess.PIPE, start_new_session=True
    )
    liar._sender.started()
    liar.jobs, liar.ready = 0, False
    pool._idle.append(liar)
    with pytest.raises(ChildFailed):
        examine(pool, "image", good_image, "jpeg")
    assert liar.process.poll() is not None
    pool.close()


def test_with_every_child_at_work_a_check_says_so_instead_of_waiting_for_ever(
    good_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Pool(1)
    monkeypatch.setattr(child, "WAIT_FOR_CHILD_SECONDS", 0.05)
    monkeypatch.setattr(check, "POOL", full)
    with full._places:
        with pytest.raises(Busy):
            full.examine({}, io.BytesIO(), lambda _: None)
        assert [problem.code for problem in media.check_image(good_image).problems] == ["check_busy"]
    full.close()


def test_a_child_is_replaced_after_many_jobs(pool: Pool, good_image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "JOBS_PER_CHILD", 2)
    first = idle(pool)
    examine(pool, "image", good_image, "jpeg")
    assert gone(first.process.pid)
    examine(pool, "image", good_image, "jpeg")


def test_closing_ends_the_children_and_the_next_check_starts_new_ones(pool: Pool, good_image: Path) -> None:
    first = idle(pool)
    pool.close()
    assert gone(first.process.pid)
    found, _ = examine(pool, "image", good_image, "jpeg")
    assert "refused" not in found


def test_a_child_at_work_while_the_pool_is_closed_ends_after_its_job() -> None:
    pool = Pool(1)
    taken = pool._take()
    pool.close()
    pool._give_back(taken)
    assert gone(taken.process.pid)
    pool.close()
    pool._replace()
    assert pool._idle == []


def test_a_process_that_was_forked_leaves_its_parents_children_alone(pool: Pool) -> None:
    first = idle(pool)
    pool._owner = -1
    second = pool._take()
    assert second is not first
    assert alive(first.process.pid)
    for each in (first, second):
        each.kill()


def test_without_a_process_to_be_had_a_check_is_refused(
    pool: Pool, good_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", none_left)
    with pytest.raises(ChildFailed):
        examine(pool, "image", good_image, "jpeg")
    pool.warm_up()


def test_many_checks_at_once_are_all_answered(good_image: Path, good_video: Path) -> None:
    with ThreadPoolExecutor(12) as threads:
        pictures = threads.map(media.check_image, [good_image] * 24)
        videos = threads.map(media.check_video, [good_video] * 12)
        assert all(report.ok for report in (*pictures, *videos))


PARENT = """
    import os, signal, sys, threading, time
    from evolink_ui import media
    from evolink_ui.media.child import POOL
    if sys.argv[1] == "idle":
        media.warm_up()
        children = [child.process.pid for child in POOL._idle]
    else:
        child = POOL._take()
        child.wait_ready(10)
        os.kill(child.process.pid, signal.SIGSTOP)
        request = {"job": "video", "format": "mp4", "path": sys.argv[2], "seconds": 60}
        child.send(request, open(sys.argv[2], "rb"))
        os.kill(child.process.pid, signal.SIGCONT)
        children = [child.process.pid]
    print(*children, flush=True)
    time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_child_outlives_a_parent_that_was_killed(state: str, long_video: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PARENT), state, str(long_video)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert said.returncode == -signal.SIGKILL
    pids = [int(word) for word in said.stdout.split()]
    assert pids
    assert all(gone(pid, 3) for pid in pids)


def test_no_child_outlives_a_parent_that_ends_in_order(good_image: Path) -> None:
    code = (
        "import sys\nfrom evolink_ui import media\nfrom evolink_ui.media.child import POOL\n"
        "assert media.check_image(sys.argv[1]).ok\nprint(*[child.process.pid for child in POOL._idle])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, good_image], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert all(gone(int(word), 1) for word in said.stdout.split())


def test_a_child_that_hangs_at_work_after_its_parent_is_gone_ends_by_its_own_clock() -> None:
    code = "from evolink_ui.media import fence\nfence.start_clock(0.3)\nwhile True: pass"
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGALRM
    assert time.monotonic() - started < 3


def test_a_key_in_a_dotenv_file_stays_out_of_a_child(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EVOLINK_API_KEY=private\n")
    code = (
        "from evolink_ui.media import fence\nfence.hide_dotenv()\nimport moviepy, os\n"
        "print(os.environ.get('EVOLINK_API_KEY'))"
    )
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT), "EVOLINK_API_KEY": ""}
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert said.stdout.strip() != "private"


def test_the_memory_of_a_check_stays_under_512_mb(tmp_path: Path) -> None:
    """4K, sixteen reference frames (of eighteen): the most that H.264 keeps."""
    path = studio.film(
        tmp_path / "large.mp4",
        seconds=3.0,
        fps=6,
        still=True,
        width=3840,
        height=2160,
        options=(("preset", "ultrafast"), ("x264-params", "ref=16:keyint=48")),
    )
    pool = Pool(1)
    try:
        started = idle(pool)
        most = 0
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.005):
                status = Path(f"/proc/{started.process.pid}/status").read_text()
                most = max(most, int(status.split("VmHWM:")[1].split()[0]) * 1024 if "VmHWM:" in status else 0)

        thread = threading.Thread(target=watch)
        thread.start()
        found, _ = examine(pool, "video", path, "mp4")
        done.set()
        thread.join()
        assert "refused" not in found
        assert most < 512_000_000
    finally:
        pool.close()


def test_lines_are_json_and_nothing_else_is_said(good_image: Path) -> None:
    started = Child()
    try:
        started.wait_ready(10)
        with good_image.open("rb") as file, started.deadline(5):
            started.send({"job": "image", "format": "jpeg", "path": str(good_image), "seconds": 5}, file)
            assert started.read_line() == {"facts": {"width": 640, "height": 480}}
            done = started.read_line()
            assert json.dumps(done["done"])
            assert started.read_bytes(done["poster_bytes"]).startswith(b"\xff\xd8")
    finally:
        started.kill()


def test_limits_that_this_system_does_not_know_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(signal, "setitimer")
    fence.limit_memory(1, 1)
    fence.limit_writing(0)
    fence.start_clock(0.001)
    fence.die_with_parent()
    time.sleep(0.01)
