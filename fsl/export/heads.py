"""The head as an ONNX graph, made without torch: a new head is published in seconds, on any machine."""

from pathlib import Path

from fsl.learning.heads import Head

_OPSET = 20
_IR_VERSION = 10


def build_head(head: Head, path: Path) -> None:
    """Write the head as a graph: embeddings -> calibrated probabilities and logits."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(head.weight / head.temperature, "weight")
    bias = numpy_helper.from_array(head.bias / head.temperature, "bias")
    n_hidden, n_outputs = head.weight.shape
    graph = helper.make_graph(
        [
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
