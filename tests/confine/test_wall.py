"""A child that a stranger's file has taken over gets nothing and reaches nobody; without the wall it would."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evolink_ui import confine
from evolink_ui.media import second_reader
from evolink_ui.media.child import Child
from evolink_ui.media.second_reader import Template
from tests.confine import probe
from tests.confine.probe import DONE, PRIVATE, Targets

pytestmark = pytest.mark.skipif(
    confine.support() != replace(confine.support(), files=True, calls=True, signals=True),
    reason="this system offers no whole wall",
)

VICTIM = """
import ctypes, sys
private = ctypes.create_string_buffer(sys.argv[1].encode())
print(ctypes.addressof(private), flush=True)
sys.stdin.read()
"""
SECONDS = 60.0
"""For all attempts of one child; each takes milliseconds."""

FORBIDDEN = {"EPERM", "EACCES"}
NEEDS_ROOT = {"programs_in_the_kernel"}
"""Attempts that Linux may refuse to ordinary users without any wall."""
NEEDS_PTRACE = {"memory_of_victim", "memory_by_process_vm_readv", "tracing"}
"""The same, where Yama restricts tracing to a process's own children."""
BY_CONTAINER = {"calls_through_a_ring", "memory_by_process_vm_readv"}
"""The same, in containers: Docker's own filter."""


@pytest.fixture
def targets(tmp_path: Path) -> Iterator[Targets]:
    """Things of an owner, and a process of the same user."""
    data = tmp_path / "data"
    (data / "uploads").mkdir(parents=True)
    for name in ("secret", "database", "uploads/other", *(f"victim-of-{what}" for what in VICTIMS)):
        (data / name).write_bytes(PRIVATE)
    abstract = secrets.token_hex(8)
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", VICTIM, PRIVATE.decode()]
        victim = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"EVOLINK_API_KEY": PRIVATE.decode()},
            )
        )
        assert victim.stdout is not None
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        for address in (str(tmp_path / "named"), f"\0{abstract}"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        yield Targets(
            victim=victim.pid,
            address=int(victim.stdout.readline()),
            data=str(data),
            tcp=tcp.getsockname()[1],
            udp=udp.getsockname()[1],
            abstract=abstract,
            named=str(tmp_path / "named"),
        )
        victim.kill()


VICTIMS = ("writing", "deleting", "renaming")


def attempts_of_worker(targets: Targets, wall: str, tmp_path: Path) -> dict[str, str]:
    child = Child("tests.confine.hostile_worker", (wall,))
    file = tmp_path / "file"
    file.write_bytes(b"x")
    try:
        child.wait_ready(SECONDS)
        with file.open("rb") as opened, child.deadline(SECONDS):
            child.send({"job": "image", "seconds": SECONDS, "targets": targets}, opened)
            return dict(child.read_line()["done"])
    finally:
        child.kill()


def attempts_of_mender(job: str, targets: Targets, wall: str, tmp_path: Path) -> dict[str, str]:
    child = Child("tests.confine.hostile_mender", (wall,))
    file, folder = tmp_path / "file", tmp_path / "out"
    file.write_bytes(b"x")
    folder.mkdir()
    request = {"job": job, "format": "mp4", "out": str(folder / "result"), "seconds": SECONDS, "targets": targets}
    try:
        with file.open("rb") as opened, child.deadline(SECONDS):
            child.send(request, opened)
            while "done" not in (said := child.read_line()):
                pass
            return dict(said["done"])
    finally:
        child.kill()


def attempts_of_renderer(targets: Targets, wall: str, tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "task"
    (folder / "out").mkdir(parents=True)
    for name in ("image.jpg", "video.mp4"):
        (folder / name).write_bytes(b"x")
    command = [sys.executable, "-m", "tests.confine.hostile_renderer", json.dumps(targets), wall]
    command += [str(folder / "image.jpg"), str(folder / "video.mp4"), str(folder / "out" / "out.mp4")]
    environment = confine.clean_environment() if wall == "walled" else {**confine.clean_environment(), **os.environ}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
    return dict(json.loads(said.stdout.splitlines()[-1])["done"])


def attempts_of_second_reader(targets: Targets, tmp_path: Path) -> dict[str, str]:
    template = Template("tests.confine.hostile_second_reader")
    file = tmp_path / "file"
    file.write_text(json.dumps(targets))
    try:
        with file.open("rb") as opened:
            return template.read(opened)
    finally:
        template.close()


def attempts(kind: str, targets: Targets, wall: str, tmp_path: Path) -> dict[str, str]:
    match kind:
        case "check":
            return attempts_of_worker(targets, wall, tmp_path)
        case "second reader":
            return attempts_of_second_reader(targets, tmp_path)
        case "renderer":
            return attempts_of_renderer(targets, wall, tmp_path)
        case _:
            return attempts_of_mender(kind.removeprefix("fix of a "), targets, wall, tmp_path)


KINDS = ("check", "fix of a video", "fix of a image", "second reader", "renderer")


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_was_taken_over_gets_nothing_and_reaches_nobody(
    kind: str, targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", PRIVATE.decode())
    monkeypatch.setattr(second_reader, "SECONDS", SECONDS)
    ended = attempts(kind, targets, "walled", tmp_path)
    assert set(ended) == set(probe.ATTEMPTS)
    assert {name: how for name, how in ended.items() if how not in FORBIDDEN} == {}
    assert (Path(targets["data"]) / "secret").stat().st_nlink == 1
    assert sorted(path.name for path in Path(targets["data"]).iterdir()) == sorted(
        ["secret", "database", "uploads", *(f"victim-of-{what}" for what in VICTIMS)]
    )


@pytest.mark.parametrize("kind", ["check", "renderer"])
def test_each_of_these_attempts_succeeds_without_the_wall(
    kind: str, targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", PRIVATE.decode())
    monkeypatch.setenv("PYTHONPATH", confine.clean_environment()["PYTHONPATH"])
    ended = attempts(kind, targets, "open", tmp_path)
    expected_to_fail = {"environment_of_its_own"} if kind == "check" else set[str]()  # it never was in that child
    if os.geteuid() != 0:
        expected_to_fail |= NEEDS_ROOT
    if Path("/proc/sys/kernel/yama/ptrace_scope").exists():
        expected_to_fail |= NEEDS_PTRACE
    if Path("/proc/self/status").read_text().partition("Seccomp:\t")[2][:1] != "0":
        expected_to_fail |= BY_CONTAINER
    assert {name: how for name, how in ended.items() if how != DONE and name not in expected_to_fail} == {}


@pytest.mark.parametrize("hidden", [True, False])
def test_the_app_itself_can_be_read_by_no_other_process_of_its_user(hidden: bool) -> None:
    """The second line: holds for a process that no wall holds, too. As root, for one without capabilities."""
    app = (
        "from evolink_ui import confine; from evolink_ui.confine.privileges import drop_capabilities\n"
        f"drop_capabilities(); {hidden} and confine.hide_memory(); print(flush=True); input()"
    )
    look = (
        "import sys; from pathlib import Path; from evolink_ui.confine.privileges import drop_capabilities\n"
        "drop_capabilities(); print(Path(f'/proc/{sys.argv[1]}/environ').read_text())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", app],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**confine.clean_environment(), "EVOLINK_API_KEY": PRIVATE.decode()},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        command = [sys.executable, "-c", look, str(process.pid)]
        said = subprocess.run(command, env=confine.clean_environment(), capture_output=True, text=True, check=False)
        process.kill()
    assert ("PermissionError" in said.stderr) is hidden
    assert (PRIVATE.decode() in said.stdout) is not hidden
