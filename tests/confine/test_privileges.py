"""What a child that runs as root keeps of it."""

import os
import subprocess
import sys

import pytest

from evolink_ui import confine

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root has something to lose")


def after(call: str) -> dict[str, str]:
    """/proc/self/status of a process after a call of `privileges`."""
    look = (
        "from evolink_ui.confine import privileges as p\n"
        f"status = open('/proc/self/status'); {call}; print(status.read())"
    )
    command = [sys.executable, "-c", look]
    said = subprocess.run(command, env=confine.clean_environment(), capture_output=True, text=True, check=True)
    return dict(line.split(":\t", 1) for line in said.stdout.splitlines() if ":\t" in line)


def test_a_child_that_opens_files_keeps_the_user_and_no_power_but_to_reach_files() -> None:
    status = after("p.drop_capabilities()")
    assert status["Uid"].split() == ["0"] * 4
    assert {int(status[name], 16) & ~(1 << 1) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {0}


def test_a_child_that_opens_no_file_of_the_app_becomes_a_user_whom_nobody_has() -> None:
    if int(after("pass")["CapEff"], 16) & 0xE0 != 0xE0:
        pytest.skip("this container may not change users")
    status = after("p.become_nobody()")
    (uid,) = set(status["Uid"].split())
    assert 61_184 <= int(uid) <= 65_519
    assert set(status["Gid"].split()) == {uid}
    assert status["Groups"].split() == []
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm")} == {0}
