"""The head as an ONNX graph, made without torch: a new head is published in seconds, on any machine."""

from pathlib import Path

import numpy as np

from fsl.learning.heads import Head

_OPSET = 20
_IR_VERSION = 10


def build_head(head: Head, path: Path, *, half: bool = False) -> None:
    """Write the head as a graph: embeddings -> calibrated probabilities and logits.

    Args:
        half: keep the weights in float16, as the vectors that a refitted head was fitted to; the file is half as large.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    scaled = np.ascontiguousarray(head.weight / head.temperature, np.float16 if half else np.float32)
    weight = numpy_helper.from_array(scaled, "weight_half" if half else "weight")
    widen = [helper.make_node("Cast", ["weight_half"], ["weight"], to=TensorProto.FLOAT)] if half else []
    bias = numpy_helper.from_array(head.bias / head.temperature, "bias")
    n_hidden, n_outputs = head.weight.shape
    graph = helper.make_graph(
        [
            *widen,
            helper.make_node("Gemm", ["embeddings", "weight", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "head",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n_units", n_hidden])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n_units", n_outputs])
            for name in ("probabilities", "logits")
        ],
        [weight, bias],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
