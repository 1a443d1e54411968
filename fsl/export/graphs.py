"""The two ONNX graphs of a bundle. The door to torch.onnx and to onnx's graph builder."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
    _save_bare(program.model_proto, path)


def _save_bare(model: Any, path: Path) -> None:
    """Save a graph without the exporter's notes, which name folders and lines of this very machine.

    Equal weights then give equal bytes anywhere, so an encoder that did not change is stored once, and its digest
    goes on naming the embeddings that it made.
    """
    import onnx

    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
    onnx.save(model, str(path))


def build_head(head: Head, path: Path) -> None:
    """Write the head as a graph: embeddings -> calibrated probabilities; random features are cosines before it."""
    import onnx
    from onnx import TensorProto, helper

    weights = {"weight": head.weight / head.temperature, "bias": head.bias / head.temperature}
    nodes, inputs = [], "embeddings"
    if head.features is not None:
        scale = np.sqrt(2.0 / len(head.features.bias)).astype(np.float32)
        weights |= {"projection": head.features.weight, "phase": head.features.bias}
        weights["weight"] = weights["weight"] * scale
        nodes = [helper.make_node("Gemm", ["embeddings", "projection", "phase"], ["angles"])]
        nodes.append(helper.make_node("Cos", ["angles"], ["features"]))
        inputs = "features"
    n_hidden = len(head.weight) if head.features is None else len(head.features.weight)
    n_outputs = head.weight.shape[1]
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("Gemm", [inputs, "weight", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "head",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n_units", n_hidden])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n_units", n_outputs])],
        [onnx.numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
