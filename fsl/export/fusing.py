"""Fusing: the same computation in fewer, larger steps, which ONNX Runtime runs quicker.

Attention becomes a single node of onnxruntime's own domain (`com.microsoft`), layer norm and GELU standard ones, by the
rewriter that knows the graphs of torch's current exporter; onnxruntime's older optimiser finds no attention in them.
What came out is held against what went in, on padded batches of several lengths, and is only kept where they agree.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fsl.export.onnx_files import load_graph, save_bare

log = logging.getLogger(__name__)

# Sums in another order differ by about 1e-6; a mask or a weight in the wrong place by 1e-2 and more.
_TOLERANCE = 1e-4
_SHAPES = ((1, 2), (2, 5), (3, 16), (4, 9))


def fuse_encoder(source: Path, target: Path) -> bool:
    """Write the fused form of an fp32 encoder, or a copy where nothing could be fused; return whether it is fused."""
    plain = load_graph(source)
    best, fused = plain, False
    for step in (_fuse, _simplify):
        try:
            candidate = step(best)
        except Exception as error:  # a rewriter that does not know an architecture fails in any way
            log.info("not fused further: %s", " ".join(str(error).split())[:200])
            break
        if not _agree(plain, candidate):
            log.info("not fused further: %s changes what the encoder computes", step.__name__.strip("_"))
            break
        best, fused = candidate, True
    save_bare(best, target)
    return fused


def _fuse(model: Any) -> Any:
    import onnx_ir
    from onnxscript.rewriter.ort_fusions import optimize_for_ort

    optimised, _ = optimize_for_ort(onnx_ir.from_proto(model))
    return onnx_ir.to_proto(optimised)


def _simplify(model: Any) -> Any:
    """Join constant weights, give attention the padding mask itself, and drop what nothing reads any more."""
    import onnx
    from onnx import helper

    simple = onnx.ModelProto()
    simple.CopyFrom(model)
    graph = simple.graph
    nodes = _fold_joins(graph)
    if any(_takes_bias(node) for node in nodes):
        nodes.insert(0, helper.make_node("Cast", ["attention_mask"], ["padding_mask"], to=onnx.TensorProto.INT32))
    for node in nodes:
        if _takes_bias(node):
            del node.input[3:]
            node.input.append("padding_mask")
    _keep_needed(graph, [part for node in nodes for part in _taken_apart(node)])
    return simple


def _taken_apart(node: Any) -> list[Any]:
    """Return the steps of a fused norm or GELU: on CPUs, onnxruntime runs them two to seven times as fast apart."""
    from onnx import helper

    name = node.output[0]
    if node.op_type == "BiasGelu":
        add = helper.make_node("Add", list(node.input), [f"{name}_biased"])
        return [add, helper.make_node("Gelu", [f"{name}_biased"], [name])]
    if node.op_type != "SkipLayerNormalization":
        return [node]
    source, skip, weight, bias, *rest = node.input
    nodes = []
    if rest and rest[0]:
        nodes.append(helper.make_node("Add", [source, rest[0]], [f"{name}_biased"]))
        source = f"{name}_biased"
    nodes.append(helper.make_node("Add", [source, skip], [f"{name}_sum"]))
    epsilon = next(one.f for one in node.attribute if one.name == "epsilon")
    inputs = [f"{name}_sum", weight, bias]
    nodes.append(helper.make_node("LayerNormalization", inputs, [name], axis=-1, epsilon=epsilon))
    return nodes


def _takes_bias(node: Any) -> bool:
    """Return whether attention adds a bias of (batch, 1, length, length) that was made from the padding mask."""
    return bool(node.op_type == "Attention" and len(node.input) == 6 and node.input[5] and not node.input[3])


def _fold_joins(graph: Any) -> list[Any]:
    from onnx import helper, numpy_helper

    constants = {one.name: one for one in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Concat" and all(name in constants for name in node.input):
            axis = next(helper.get_attribute_value(one) for one in node.attribute if one.name == "axis")
            parts = [numpy_helper.to_array(constants[name]) for name in node.input]
            graph.initializer.append(numpy_helper.from_array(np.concatenate(parts, axis=axis), node.output[0]))
        else:
            nodes.append(node)
    return nodes


def _keep_needed(graph: Any, nodes: list[Any]) -> None:
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    constants = [one for one in graph.initializer if one.name in needed]
    for field, values in ((graph.node, kept[::-1]), (graph.initializer, constants), (graph.value_info, [])):
        copies = list(values)
        del field[:]
        field.extend(copies)


def _agree(before: Any, after: Any) -> bool:
    ours, theirs = _runner(before), _runner(after)
    generator = np.random.default_rng(0)
    for n_texts, length in _SHAPES:
        ids = generator.integers(1, 100, (n_texts, length))
        mask = (np.arange(length) < generator.integers(1, length + 1, (n_texts, 1))).astype(np.int64)
        mask[0] = 1
        expected, got = ours(ids, mask), theirs(ids, mask)
        if expected.ndim == 3:  # nothing is said of padding
            expected, got = expected[mask == 1], got[mask == 1]
        if not np.abs(expected - got).max() <= _TOLERANCE:
            return False
    return True


def _runner(model: Any) -> Callable[[Any, Any], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
