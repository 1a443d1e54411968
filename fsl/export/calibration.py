"""What goes into each matrix product of an encoder, seen on calibration texts: its range, its smoothing, its bias.

Scales of activations that are static are read off here, and an answer cannot depend on its batch-mates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsl.export.onnx_files import load_graph
from fsl.export.rounding import activation_scale, round_weight
from fsl.export.workers import workers

_N_CORRECTED = 2048  # tokens that the correction is a mean over
_STRENGTHS = (0.0, 0.35, 0.5, 0.65, 0.8)  # of smoothing


@dataclass(frozen=True)
class Product:
    """What calibration found at one matrix product of the encoder."""

    name: str  # of the node's output
    low: float
    high: float
    smoothing: NDArray[np.float32] | None  # (hidden,): by what each input channel is divided before it is rounded
    error: float  # share of the product's size that int8 gets wrong
    correction: NDArray[np.float32]  # (n_outputs,): how much int8 is too low on the average, which pooling would keep
    plain: "Product | None" = None  # likewise without smoothing; None where this one has none


def find_products(graph: Any) -> list[Any]:
    """Return the nodes that multiply by a constant matrix: products, and attention with its own."""
    constants = {one.name: one for one in graph.initializer}
    return [
        node
        for node in graph.node
        if node.op_type in ("MatMul", "Attention")
        and node.input[1] in constants
        and len(constants[node.input[1]].dims) == 2
    ]


def calibrate(source: Path, batches: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[Product, ...]:
    """Run texts through the fp32 encoder, and return what goes into each product.

    Args:
        batches: ids and attention mask of the calibration texts.
    """
    import onnx
    import onnxruntime

    model = load_graph(source)
    products = find_products(model.graph)
    weights = {one.name: one for one in model.graph.initializer}
    for name in dict.fromkeys(node.input[0] for node in products):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()][1:]
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for ids, mask in batches:
        found = session.run(names, {"input_ids": ids, "attention_mask": mask})
        for name, values in zip(names, found, strict=True):
            seen[name].append(values[mask == 1])
    inputs = {name: np.concatenate(parts) for name, parts in seen.items()}

    def measure(node: Any) -> Product:
        return _measure_product(node, inputs[node.input[0]], onnx.numpy_helper.to_array(weights[node.input[1]]))

    with workers() as pool:  # most of it is rounding, which numpy does on one thread
        return tuple(pool.map(measure, products))


def _measure_product(node: Any, values: NDArray[np.float32], weight: NDArray[np.float32]) -> Product:
    """Find the smoothing under which int8 gets least of the product wrong, on a sample of the tokens."""
    sample = values[:: max(1, len(values) // 256)]
    many = values[:: max(1, len(values) // _N_CORRECTED)]
    largest, rows = np.abs(values).max(axis=0, initial=0.0), np.abs(weight).max(axis=1)
    found: dict[float, Product] = {}
    for strength in _STRENGTHS:
        factor = _smoothing(largest, rows, strength)
        smooth = values / factor
        low, high = min(0.0, float(smooth.min(initial=0.0))), max(0.0, float(smooth.max(initial=0.0)))
        whole = _rounded_weight(weight * factor[:, None])
        wrong = sample @ weight - _rounded(sample / factor, low, high) @ whole
        error = float(np.linalg.norm(wrong)) / (float(np.linalg.norm(sample @ weight)) or 1.0)
        missing = many @ weight - _rounded(many / factor, low, high) @ whole
        correction = np.asarray(missing.mean(axis=0), np.float32)
        found[strength] = Product(node.output[0], low, high, factor if strength else None, error, correction)
    best = min(found.values(), key=lambda one: one.error)
    return best if best.smoothing is None else replace(best, plain=found[0.0])


def _rounded(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """Return values as they come back from unsigned int8."""
    scale, zero = activation_scale(low, high)
    return np.asarray((np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale, np.float32)


def _rounded_weight(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    whole, scale = round_weight(weight)
    return np.asarray(whole * scale, np.float32)


def _smoothing(largest: NDArray[np.float32], rows: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Return by what each input channel is divided, and its row of the weights multiplied.

    Source:
        Xiao et al. 2023, arXiv:2211.10438, equation 4; its alpha is found here for each product.
    """
    factor = np.maximum(largest, 1e-5) ** strength / np.maximum(rows, 1e-5) ** (1 - strength)
    return np.asarray(factor if strength else np.ones_like(rows), np.float32)
