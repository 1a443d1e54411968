"""The two ONNX graphs of a bundle. The door to torch.onnx and to onnx's graph builder."""

import logging
import warnings
from pathlib import Path

import torch

from fsl.export.onnx_files import save_bare
from fsl.learning.encoders import UnitEncoder
from fsl.learning.heads import Head

_OPSET = 20
_IR_VERSION = 10


def export_encoder(network: UnitEncoder, path: Path) -> None:
    """Write the encoder with its pooling as one fp32 graph, dynamic in batch and length.

    Only torch's current exporter is used: the older one is silently wrong with these models.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    length = torch.export.Dim("length", min=2, max=512)
    ids = torch.tensor([[101, 2023, 2003, 102], [101, 2023, 102, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval().float(),
            (ids, mask),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["embeddings"],
            dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None
    save_bare(program.model_proto, path)


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
