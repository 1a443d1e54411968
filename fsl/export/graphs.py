"""The encoder's ONNX graph. The door to torch.onnx; the head's graph is `fsl.export.heads`."""

import logging
import warnings
from pathlib import Path

import torch

from fsl.export.onnx_files import save_bare
from fsl.learning.encoders import UnitEncoder

_OPSET = 20


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
