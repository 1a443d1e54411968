"""Graphs as files, without what an exporter notes about the machine that it ran on."""

from pathlib import Path
from typing import Any


def load_graph(path: Path) -> Any:
    """Return a graph with all its weights."""
    import onnx

    return onnx.load(str(path))


def save_bare(model: Any, path: Path) -> None:
    """Save a graph without the exporter's notes, which name folders and lines of this very machine.

    Equal weights then give equal bytes anywhere, so an encoder that did not change is stored once, and its digest
    goes on naming the embeddings that it made.
    """
    import onnx

    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
    onnx.save(model, str(path))
