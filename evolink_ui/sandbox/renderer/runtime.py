"""Runs a net: by ONNX Runtime, or by OpenCV where there is no ONNX Runtime (Intel Macs), at three times the cost."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

# Read at the import: some builds report to their maker otherwise, from a thread of their own.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
try:
    import onnxruntime
except ImportError:  # no wheel for this machine: requirements.txt leaves it out there
    onnxruntime = None

Tensor = NDArray[np.float32]

ERRORS_ONLY: Final = 3
"""ONNX Runtime's level of logging; it warns of whatever it finds odd about a machine."""


class Net(Protocol):
    """A loaded net; any number of threads may ask it at once."""

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """The named outputs for these named inputs, each in the shape that the file gives it."""
        ...


def load_net(path: Path) -> Net:
    """The net in an ONNX file, run on the asking thread alone: the renderer's stages work beside each other already."""
    return _OnnxRuntimeNet(path) if onnxruntime else OpenCvNet(path)


class _OnnxRuntimeNet:
    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        return list(self._session.run(list(outputs), dict(inputs)))


class OpenCvNet:
    """The same by OpenCV, one thread after the other."""

    def __init__(self, path: Path) -> None:
        # The new engine takes two thirds of the classic one's time; it can't be asked for some of the outputs only.
        self._net = cv2.dnn.readNetFromONNX(str(path), cv2.dnn.ENGINE_NEW)
        self._all = list(self._net.getUnconnectedOutLayersNames())
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """As `Net.run`."""
        with self._lock:
            for name, tensor in inputs.items():
                self._net.setInput(tensor, name)
            found = dict(zip(self._all, self._net.forward(self._all), strict=True))
        return [np.asarray(found[name], np.float32) for name in outputs]
