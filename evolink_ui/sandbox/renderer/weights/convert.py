"""Makes the two ONNX files from `pose_landmark_lite.tflite`; only needed when Google publishes another one.

    pip install onnx tflite
    python convert.py pose_landmark_lite.tflite

No number is changed: 16-bit weights stay 16-bit. What the renderer doesn't ask for (heatmaps, landmarks in metres) is
left out, and the mask's half, which only pictures need, becomes a net of its own.
"""
# mypy: ignore-errors

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

IMAGE = {"image": 0}
READING = {"landmarks": 310, "score": 315}
BETWEEN = {"half": 190, "quarter": 201, "eighth": 211, "sixteenth": 236, "deep": 256}
"""What the mask's net takes over from the landmarks' net, by the part of the input's resolution."""
MASK = {"mask": 282}

OPERATORS = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
RELU6 = 3


class Original:
    """The TFLite graph, NHWC."""

    def __init__(self, path: Path) -> None:
        self._model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
        self._graph = self._model.Subgraphs(0)
        self.steps = []
        for i in range(self._graph.OperatorsLength()):
            step = self._graph.Operators(i)
            code = self._model.OperatorCodes(step.OpcodeIndex())
            kind = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs = [step.Inputs(k) for k in range(step.InputsLength())]
            self.steps.append((kind, inputs, step.Outputs(0), step.BuiltinOptions()))
        self._packed = {out: inputs[0] for kind, inputs, out, _ in self.steps if kind == "DEQUANTIZE"}

    def shape(self, tensor: int) -> list[int]:
        found = self._graph.Tensors(tensor)
        return [int(side) for side in found.ShapeAsNumpy()] if found.ShapeLength() else []

    def constant(self, tensor: int) -> np.ndarray:
        at = self._packed.get(tensor, tensor)
        found = self._graph.Tensors(at)
        kind = {0: np.float32, 1: np.float16, 2: np.int32}[found.Type()]
        raw = self._model.Buffers(found.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(raw, kind).reshape(self.shape(at))

    def needed(self, wanted: list[int], given: list[int]) -> set[int]:
        makers = {out: inputs for kind, inputs, out, _ in self.steps if kind != "DEQUANTIZE"}
        found, open_ends = set(), list(wanted)
        while open_ends:
            tensor = open_ends.pop()
            if tensor in makers and tensor not in given and tensor not in found:
                found.add(tensor)
                open_ends += makers[tensor]
        return found


def convert(original: Original, inputs: dict[str, int], outputs: dict[str, int], path: Path) -> None:
    """Write the part of the graph between these tensors, NCHW."""
    names = {tensor: name for name, tensor in (inputs | outputs).items()}
    nodes, constants, pads = [], {}, {}

    def name_of(tensor: int) -> str:
        return names.get(tensor, f"t{tensor}")

    def constant(name: str, values: np.ndarray) -> str:
        if name in constants:
            return name
        if values.dtype == np.float16:
            constants[name] = numpy_helper.from_array(values, name + "_16")
            nodes.append(helper.make_node("Cast", [name + "_16"], [name], to=TensorProto.FLOAT))
        else:
            constants[name] = numpy_helper.from_array(values, name)
        return name

    def add(kind: str, sources: list[str], out: int, activation: int = 0, **attributes: object) -> None:
        raw = name_of(out) + "_raw" if activation else name_of(out)
        nodes.append(helper.make_node(kind, sources, [raw], **attributes))
        if activation:
            if activation != RELU6:
                raise ValueError(activation)
            bounds = [constant("zero", np.float32(0)), constant("six", np.float32(6))]
            nodes.append(helper.make_node("Clip", [raw, *bounds], [name_of(out)]))

    def options(kind: type, found: object) -> object:
        made = kind()
        made.Init(found.Bytes, found.Pos)
        return made

    wanted = original.needed(list(outputs.values()), list(inputs.values()))
    for kind, sources, out, found in original.steps:
        if out not in wanted or kind == "DEQUANTIZE":
            continue
        if kind == "PAD":
            pads[out] = (sources[0], original.constant(sources[1]))
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            deep = kind == "DEPTHWISE_CONV_2D"
            how = options(tflite.DepthwiseConv2DOptions if deep else tflite.Conv2DOptions, found)
            weights, bias = original.constant(sources[1]), original.constant(sources[2])
            source, stride, side = sources[0], how.StrideH(), weights.shape[1]
            border = [0, 0, 0, 0]
            if source in pads:
                source, rim = pads[source]
                border = [int(rim[1][0]), int(rim[2][0]), int(rim[1][1]), int(rim[2][1])]
            elif how.Padding() == tflite.Padding.SAME:
                more = max(0, (original.shape(out)[1] - 1) * stride + side - original.shape(source)[1])
                border = [more // 2, more // 2, more - more // 2, more - more // 2]
            turned = np.ascontiguousarray(weights.transpose((3, 0, 1, 2) if deep else (0, 3, 1, 2)))
            inside = [name_of(source), constant(f"w{out}", turned), constant(f"b{out}", bias)]
            shape = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": border}
            add("Conv", inside, out, how.FusedActivationFunction(), group=len(turned) if deep else 1, **shape)
        elif kind == "ADD":
            activation = options(tflite.AddOptions, found).FusedActivationFunction()
            add("Add", [name_of(source) for source in sources], out, activation)
        elif kind == "MAX_POOL_2D":
            how = options(tflite.Pool2DOptions, found)
            sides = {"kernel_shape": [how.FilterHeight()] * 2, "strides": [how.StrideH()] * 2}
            add("MaxPool", [name_of(sources[0])], out, **sides)
        elif kind == "RESIZE_BILINEAR":
            twice = constant("twice", np.array([1, 1, 2, 2], np.float32))
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            add("Resize", [name_of(sources[0]), "", twice], out, **how)
        elif kind == "LOGISTIC":
            add("Sigmoid", [name_of(sources[0])], out)
        elif kind == "RESHAPE":
            add("Flatten", [name_of(sources[0])], out, axis=1)
        else:
            raise ValueError(kind)

    def described(tensor: int) -> object:
        shape = original.shape(tensor)
        nchw = [shape[0], shape[3], shape[1], shape[2]] if len(shape) == 4 else shape
        return helper.make_tensor_value_info(name_of(tensor), TensorProto.FLOAT, nchw)

    ends = [described(tensor) for tensor in inputs.values()], [described(tensor) for tensor in outputs.values()]
    graph = helper.make_graph(nodes, path.stem, *ends, list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    tflite_file = Original(Path(sys.argv[1]))
    here = Path(__file__).parent
    convert(tflite_file, IMAGE, READING | BETWEEN, here / "pose_landmarks.onnx")
    convert(tflite_file, BETWEEN, MASK, here / "pose_mask.onnx")
