"""What a decoder that a stranger's file has taken over would try: each attempt does one thing, or raises OSError."""

import contextlib
import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import imageio_ffmpeg

PRIVATE = b"private-key-of-the-owner"
LIBC = ctypes.CDLL(None, use_errno=True)
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
DONE = "done"


class Targets(TypedDict):
    """What there is to steal and to break: names, numbers and addresses of the test's own things."""

    victim: int
    """A process of the same user, with PRIVATE in its environment and memory."""
    address: int
    """Where PRIVATE lies in the victim's memory."""
    data: str
    """A data folder: `secret` in it holds PRIVATE, `database` and `uploads/other` too."""
    tcp: int
    udp: int
    abstract: str
    named: str


def environment_of_victim(targets: Targets) -> None:
    assert PRIVATE in Path(f"/proc/{targets['victim']}/environ").read_bytes()


def environment_of_its_own(_: Targets) -> None:
    if PRIVATE.decode() not in os.environ.values():
        raise PermissionError(errno.EPERM, "nothing private in the environment")


def memory_of_victim(targets: Targets) -> None:
    with Path(f"/proc/{targets['victim']}/mem").open("rb") as memory:
        memory.seek(targets["address"])
        assert memory.read(len(PRIVATE)) == PRIVATE


def memory_by_process_vm_readv(targets: Targets) -> None:
    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    buffer = ctypes.create_string_buffer(len(PRIVATE))
    ours = Vector(ctypes.addressof(buffer), len(PRIVATE))
    theirs = Vector(targets["address"], len(PRIVATE))
    pid, one, none = targets["victim"], ctypes.c_ulong(1), ctypes.c_ulong(0)
    checked(LIBC.process_vm_readv(pid, ctypes.byref(ours), one, ctypes.byref(theirs), one, none))
    assert buffer.raw == PRIVATE


def tracing(targets: Targets) -> None:
    seize, interrupt_never = 0x4206, ctypes.c_void_p(None)
    checked(LIBC.ptrace(seize, targets["victim"], interrupt_never, interrupt_never))


def descriptors_of_victim(targets: Targets) -> None:
    os.listdir(f"/proc/{targets['victim']}/fd")  # noqa: PTH208 - an error is wanted, not an iterator


def signal_to_victim(targets: Targets) -> None:
    os.kill(targets["victim"], signal.SIGCONT)


def signal_through_a_descriptor(targets: Targets) -> None:
    signal.pidfd_send_signal(os.pidfd_open(targets["victim"]), signal.SIGCONT)


def signal_by_owning_a_pipe(targets: Targets) -> None:
    import fcntl

    ends = os.pipe()
    fcntl.fcntl(ends[0], fcntl.F_SETOWN, targets["victim"])


def limits_of_victim(targets: Targets) -> None:
    resource.prlimit(targets["victim"], resource.RLIMIT_CORE, (0, 0))


def processors_of_victim(targets: Targets) -> None:
    os.sched_setaffinity(targets["victim"], {0})


def priority_of_victim(targets: Targets) -> None:
    os.setpriority(os.PRIO_PROCESS, targets["victim"], 5)


def reading(name: str) -> Callable[[Targets], None]:
    def attempt(targets: Targets) -> None:
        assert PRIVATE in (Path(targets["data"]) / name).read_bytes()

    return attempt


def listing(targets: Targets) -> None:
    os.listdir(targets["data"])  # noqa: PTH208 - see above


def writing(targets: Targets) -> None:
    (Path(targets["data"]) / "new").write_bytes(b"x")


def overwriting(targets: Targets) -> None:
    with (Path(targets["data"]) / "victim-of-writing").open("r+b") as file:
        file.write(b"x")


def truncating(targets: Targets) -> None:
    os.truncate(Path(targets["data"]) / "victim-of-writing", 1)


def deleting(targets: Targets) -> None:
    (Path(targets["data"]) / "victim-of-deleting").unlink()


def renaming(targets: Targets) -> None:
    folder = Path(targets["data"])
    (folder / "victim-of-renaming").rename(folder / "renamed")


def linking(targets: Targets) -> None:
    folder = Path(targets["data"])
    os.link(folder / "secret", folder / "link")


def making_a_folder(targets: Targets) -> None:
    (Path(targets["data"]) / "folder").mkdir()


def changing_the_mode(targets: Targets) -> None:
    (Path(targets["data"]) / "secret").chmod(0o666)


def changing_the_time(targets: Targets) -> None:
    os.utime(Path(targets["data"]) / "secret", (1, 1))


def tcp(targets: Targets) -> None:
    with socket.create_connection(("127.0.0.1", targets["tcp"]), 5):
        pass


def listening(_: Targets) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        pass


def udp(targets: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.sendto(b"x", ("127.0.0.1", targets["udp"]))


def unix_by_name(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(targets["named"])


def unix_abstract(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect("\0" + targets["abstract"])


def unix_by_a_pair(targets: Targets) -> None:
    with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as plug, contextlib.suppress(ConnectionRefusedError):
        plug.sendto(b"x", "\0" + targets["abstract"] + "-datagrams")


def another_program(_: Targets) -> None:
    subprocess.run(["/bin/sh", "-c", "exit 0"], check=True, stdin=subprocess.DEVNULL)


def a_program_of_its_own(_: Targets) -> None:
    descriptor = os.memfd_create("program")
    os.write(descriptor, Path(sys.executable).read_bytes())
    subprocess.run([f"/proc/self/fd/{descriptor}", "-c", ""], check=True, pass_fds=[descriptor])


def calls_through_a_ring(_: Targets) -> None:
    parameters = ctypes.create_string_buffer(120)
    os.close(checked(LIBC.syscall(ctypes.c_long(425), ctypes.c_long(1), parameters)))  # io_uring_setup


def programs_in_the_kernel(_: Targets) -> None:
    # BPF_MAP_CREATE of an array of one value of 8 bytes
    attributes = ctypes.create_string_buffer(b"".join(n.to_bytes(4, sys.byteorder) for n in (2, 4, 8, 1)), 72)
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    os.close(checked(LIBC.syscall(ctypes.c_long(number), ctypes.c_long(0), attributes, ctypes.c_long(72))))


def memory_shared_by_key(_: Targets) -> None:
    checked(LIBC.shmctl(checked(LIBC.shmget(0, ctypes.c_size_t(mmap.PAGESIZE), 0o1600)), 0, None))


def ffmpeg_reads(targets: Targets) -> None:
    secret = Path(targets["data"]) / "secret"
    if PRIVATE not in ffmpeg("-f", "data", "-i", f"file:{secret}", "-map", "0", "-c", "copy", "-f", "data", "-").stdout:
        raise PermissionError(errno.EACCES, "FFmpeg read nothing")


def ffmpeg_writes(targets: Targets) -> None:
    made = Path(targets["data"]) / "by-ffmpeg.wav"
    ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "0.1", f"file:{made}")
    if not made.exists():
        raise PermissionError(errno.EACCES, "FFmpeg wrote nothing")


def ffmpeg_connects(targets: Targets) -> None:
    said = ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "0.1", "-f", "wav", f"tcp://127.0.0.1:{targets['tcp']}")
    if said.returncode != 0:
        raise PermissionError(errno.EPERM, "FFmpeg connected to nothing")


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


ATTEMPTS: dict[str, Callable[[Targets], None]] = {
    function.__name__: function
    for function in (
        *(environment_of_victim, environment_of_its_own, memory_of_victim, memory_by_process_vm_readv, tracing),
        *(descriptors_of_victim, signal_to_victim, signal_through_a_descriptor, signal_by_owning_a_pipe),
        *(limits_of_victim, processors_of_victim, priority_of_victim, listing, writing, overwriting, truncating),
        *(deleting, renaming, linking, making_a_folder, changing_the_mode, changing_the_time, tcp, listening, udp),
        *(unix_by_name, unix_abstract, unix_by_a_pair, another_program, a_program_of_its_own, calls_through_a_ring),
        *(programs_in_the_kernel, memory_shared_by_key, ffmpeg_reads, ffmpeg_writes, ffmpeg_connects),
    )
}
ATTEMPTS |= {f"reading_{name}": reading(name) for name in ("secret", "database", "uploads/other")}


def attempt_all(targets: Targets) -> dict[str, str]:
    """How each attempt ended: DONE, or the name of its error."""
    ended: dict[str, str] = {}
    for name, attempt in ATTEMPTS.items():
        try:
            attempt(targets)
        except OSError as error:
            ended[name] = errno.errorcode.get(error.errno or 0, repr(error))
        except Exception as error:  # noqa: BLE001 - whatever else it is, the test shows it
            ended[name] = repr(error)
        else:
            ended[name] = DONE
    return ended


def without_wall(arguments: list[str]) -> bool:
    """Whether this child shall show that its attempts succeed where nothing confines it."""
    return "open" in arguments


def open_up() -> None:
    """Take the wall and the limits away from this process, to show that the attempts work without them."""
    from evolink_ui import confine
    from evolink_ui.media import fence

    def nothing(*_: Any, **__: Any) -> None:
        return

    confine.close_off = nothing
    fence.limit_memory = fence.limit_writing = nothing
