"""What a start says of the isolation, and does for it."""

import subprocess
import sys

import pytest

from evolink_ui import confine
from evolink_ui.confine import Support

START = """
import ctypes, logging
from evolink_ui.serve import isolate_decoding
logging.basicConfig(level=logging.INFO)
isolate_decoding(None)
print("dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such switch")
def test_a_start_hides_the_app_and_says_in_one_line_what_holds() -> None:
    environment = confine.clean_environment()
    said = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "dumpable 0" in said.stdout
    assert said.stderr.count("\n") == 1 if confine.support().keeps_secrets else 2
    assert "Decoding is" in said.stderr


@pytest.mark.parametrize(
    ("support", "keeps", "says"),
    [
        (Support(files=True, calls=True, signals=True), True, "isolated: no files, memory, network or signals"),
        (Support(files=True, calls=True, signals=False), True, "but not from signals"),
        (Support(files=False, calls=True, signals=False), False, "no Landlock."),
        (Support(files=False, calls=False, signals=False), False, "no Landlock and no seccomp."),
    ],
)
def test_the_line_names_what_is_missing(support: Support, keeps: bool, says: str) -> None:
    assert support.keeps_secrets is keeps
    assert says in support.describe()


def test_onnx_runtime_reports_to_nobody() -> None:
    """Its telemetry starts with its import; this variable, which its library reads, keeps it off."""
    look = "import evolink_ui.sandbox.renderer.runtime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    without = {name: value for name, value in confine.clean_environment().items() if name != "ORT_DISABLE_TELEMETRY"}
    said = subprocess.run([sys.executable, "-c", look], env=without, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == confine.clean_environment()["ORT_DISABLE_TELEMETRY"] == "1"
