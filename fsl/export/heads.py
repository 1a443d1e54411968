"""The head as an ONNX graph, made without torch: a new head is published in seconds, on any machine."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads import Head
from fsl.problems.base import Activation

_OPSET = 20
_IR_VERSION = 10


def build_head(head: Head, path: Path, *, half: bool = False, means: NDArray[np.float32] | None = None) -> None:
    """Write the head as a graph: embeddings -> calibrated probabilities and logits, and scope where means are given.

    Random features, where the head stands on them, are cosines before it.

    Args:
        means: (n_labels, hidden), of the labels' train rows; the graph keeps them in a byte a number.
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
    scope = _scope_nodes(means, tensors) if means is not None else []
    scores = [helper.make_tensor_value_info("scope", TensorProto.FLOAT, ["n_units"])] if scope else []
    graph = helper.make_graph(
        [
            *features,
            *widen,
            helper.make_node("Gemm", [inputs, "weight", "bias"], ["logits"]),
            _probabilities(head.activation),
            *scope,
        ],
        "head",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n_units", n_hidden])],
        [
            *(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n_units", head.weight.shape[1]])
                for name in ("probabilities", "logits")
            ),
            *scores,
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _probabilities(activation: Activation) -> Any:
    from onnx import helper

    if activation == "sigmoid":  # outputs do not compete
        return helper.make_node("Sigmoid", ["logits"], ["probabilities"])
    return helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1)


def _scope_nodes(means: NDArray[np.float32], tensors: list[Any]) -> list[Any]:
    """Return what computes minus the squared distance of each vector, of length one, to the nearest mean.

    |v - m|² = 1 - 2 v·m + |m|², so that it takes one product.
    """
    from onnx import helper

    scales = np.maximum(np.abs(means).max(axis=1), 1e-9) / 127.0
    rounded = np.round(means / scales[:, None])
    kept = rounded * scales[:, None]
    tensors += [
        _tensor("means_int8", rounded, np.int8),
        _tensor("mean_scales", scales),
        _tensor("mean_lengths", -np.square(kept).sum(axis=1)),
        _tensor("minus_one", np.array([-1.0])),
        _tensor("label_axis", np.array([1]), np.int64),
    ]
    return [
        helper.make_node("DequantizeLinear", ["means_int8", "mean_scales"], ["means"], axis=0),
        helper.make_node("Gemm", ["embeddings", "means", "mean_lengths"], ["nearness"], alpha=2.0, transB=1),
        helper.make_node("ReduceMax", ["nearness", "label_axis"], ["nearest"], keepdims=0),
        helper.make_node("Add", ["nearest", "minus_one"], ["scope"]),
    ]


def _tensor(name: str, array: NDArray[np.number], dtype: type[np.number] = np.float32) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)
