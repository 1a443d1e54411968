"""The head as an ONNX graph, made without torch: a new head is published in seconds, on any machine."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads import Head

_OPSET = 20
_IR_VERSION = 10


def build_head(head: Head, path: Path, *, half: bool = False) -> None:
    """Write the head as a graph: embeddings -> calibrated probabilities and logits.

    Random features, where the head stands on them, are cosines before it.

    Args:
        half: keep the weights in float16, as the vectors that a refitted head was fitted to; the file is half as large.
    """
    import onnx
    from onnx import TensorProto, helper

    weight, inputs, features, tensors = head.weight / head.temperature, "embeddings", [], []
    if head.features is not None:
        # The scale of the cosines is put into the weights, so that the graph has one product less.
        weight, inputs = weight * np.sqrt(2.0 / len(head.features.bias)), "features"
        tensors = [_tensor("projection", head.features.weight), _tensor("phase", head.features.bias)]
        features = [
            helper.make_node("Gemm", ["embeddings", "projection", "phase"], ["angles"]),
            helper.make_node("Cos", ["angles"], ["features"]),
        ]
    widen = [helper.make_node("Cast", ["weight_half"], ["weight"], to=TensorProto.FLOAT)] if half else []
    tensors.append(_tensor("weight_half", weight, np.float16) if half else _tensor("weight", weight))
    tensors.append(_tensor("bias", head.bias / head.temperature))
    n_hidden = len(head.weight) if head.features is None else len(head.features.weight)
    graph = helper.make_graph(
        [
            *features,
            *widen,
            helper.make_node("Gemm", [inputs, "weight", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "head",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n_units", n_hidden])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n_units", head.weight.shape[1]])
            for name in ("probabilities", "logits")
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _tensor(name: str, array: NDArray[np.floating], dtype: type[np.floating] = np.float32) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)
