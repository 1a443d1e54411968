"""Writing int8 graphs: matrix products in whole numbers, and embedding tables of one byte a number.

Only how a graph is rewritten stands here; which way is good enough is `fsl.export.int8`'s to find out. Static scales of
activations come from `fsl.export.calibration`; dynamic ones are read off the batch while it runs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fsl.export.calibration import Product, find_products
from fsl.export.onnx_files import load_graph, save_bare
from fsl.export.rounding import activation_scale, round_weight

_MICROSOFT = "com.microsoft"
_SUMS = ("ReduceSum", "ReduceL2")  # over a text's tokens and a vector's numbers: float16 would lose digits
_MIN_TABLE_ROWS = 64  # smaller tables are hardly any bytes


@dataclass(frozen=True)
class Recipe:
    """One way of quantising the encoder."""

    name: str
    scales: Literal[
        "static", "dynamic", "none", "half"
    ]  # of activations; none: products stay in float; half: all is float16
    per_channel: bool = True  # one scale for each column of a weight matrix
    n_float: int = 0  # this many products, those that int8 hurts most, stay in float
    smooth_wide: bool = True  # smooth also what is wider than what comes out of the product, which costs most time
    tables: bool = True  # embedding tables too

    @property
    def is_half(self) -> bool:
        return self.scales == "half"


def quantise_encoder(source: Path, target: Path, recipe: Recipe, products: Sequence[Product] = ()) -> None:
    """Write an int8 encoder made from an fp32 one.

    Args:
        products: what `calibrate` found; a recipe with static scales or products left in float needs it.
    """
    from onnx import helper

    model = load_graph(source)
    if recipe.is_half:
        save_bare(_halved(model), target)
        return
    graph = model.graph
    constants = {one.name: one for one in graph.initializer}
    found = {one.name: one for one in products}
    if not recipe.smooth_wide:
        found |= {one.name: one.plain for one in products if one.plain is not None and _is_wide(one)}
    kept = {one.name for one in sorted(products, key=lambda one: -one.error)[: recipe.n_float]}
    chosen = {
        node.output[0] for node in find_products(model.graph) if recipe.scales != "none" and node.output[0] not in kept
    }
    writer = _Writer(recipe, constants, found, _foldable(graph, chosen) if recipe.per_channel else {})
    biases = _biases_of(graph, chosen, constants)
    absorbed = {add.output[0] for add in biases.values()}
    nodes: list[Any] = []
    for node in graph.node:
        if node.output[0] in absorbed:
            continue  # it is part of the product before it
        if node.output[0] in chosen:
            nodes += writer.product(node, biases.get(node.output[0]))
        elif recipe.tables and node.op_type == "Gather" and _is_table(node, constants):
            nodes += writer.table(node)
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    initializers = [one for one in (*graph.initializer, *writer.constants) if one.name in used]
    for field, values in ((graph.node, nodes), (graph.initializer, initializers), (graph.value_info, [])):
        copies = list(values)
        del field[:]
        field.extend(copies)
    if not any(one.domain == _MICROSOFT for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    save_bare(model, target)


def _halved(model: Any) -> Any:
    """Return the graph in float16. What goes in and comes out keeps its type, and so does the vectors' last norm."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    kept = [node.name for node in model.graph.node if node.op_type in _SUMS]
    return convert_float_to_float16(model, keep_io_types=True, node_block_list=kept)


def _biases_of(graph: Any, chosen: Collection[str], constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the addition of a constant row that follows a product and nothing else does, by the product's output."""
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = {}
    for node in find_products(graph):
        name = node.output[0]
        follower = readers.get(name, [])
        if name not in chosen or node.op_type != "MatMul" or len(follower) != 1 or follower[0].op_type != "Add":
            continue
        others = [one for one in follower[0].input if one != name]
        if len(others) == 1 and others[0] in constants and len(constants[others[0]].dims) == 1:
            found[name] = follower[0]
    return found


def _foldable(graph: Any, chosen: Collection[str]) -> dict[str, str]:
    """Return the product that reads an attention's output and nothing else does, by that output.

    Attention passes on a weighed mean of its values, so by what the product's input is divided, the columns of the
    values can be divided instead, in their scales: it costs nothing.
    """
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    attentions = [node.output[0] for node in graph.node if node.op_type == "Attention" and node.output[0] in chosen]
    pairs = {name: readers.get(name, []) for name in attentions}
    return {
        name: nodes[0].output[0]
        for name, nodes in pairs.items()
        if len(nodes) == 1 and nodes[0].op_type == "MatMul" and nodes[0].output[0] in chosen
    }


def _is_wide(product: Product) -> bool:
    """Say whether more numbers go into a product than come out."""
    return product.smoothing is not None and len(product.smoothing) > len(product.correction)


def _is_table(node: Any, constants: Mapping[str, Any]) -> bool:
    table = constants.get(node.input[0])
    axis = next((one.i for one in node.attribute if one.name == "axis"), 0)
    return table is not None and len(table.dims) == 2 and axis == 0 and table.dims[0] >= _MIN_TABLE_ROWS


class _Writer:
    """Turns single nodes into their int8 form, and collects the constants that they need."""

    def __init__(
        self,
        recipe: Recipe,
        constants: Mapping[str, Any],
        products: Mapping[str, Product],
        foldable: Mapping[str, str],
    ) -> None:
        self.recipe = recipe
        self._folded = {source: products[name].smoothing for source, name in foldable.items() if name in products}
        self.constants: list[Any] = []
        self._weights = constants
        self._products = products

    def product(self, node: Any, add: Any = None) -> list[Any]:
        """Return a product's int8 form. Where a bias is added to it next, that is part of the same step."""
        from onnx import helper, numpy_helper

        weight = numpy_helper.to_array(self._weights[node.input[1]])
        nodes, (whole, scale, zero) = self._activation(node)
        smoothing = self._smoothing(node)
        if smoothing is not None:
            weight = weight * smoothing[:, None]
        numbers, weight_scale = round_weight(weight, per_channel=self.recipe.per_channel)
        name = node.output[0]
        divisor = self._folded.get(name)
        if divisor is not None:
            weight_scale[-len(divisor) :] /= divisor
        w = self._constant(numbers, f"{name}_weight")
        w_scale = self._constant(weight_scale, f"{name}_weight_scale")
        w_zero = self._constant(np.zeros(weight_scale.shape, np.int8), f"{name}_weight_zero")
        if node.op_type == "MatMul":
            bias = next(one for one in add.input if one != name) if add is not None else ""
            inputs = [whole, w, scale, w_scale, zero, w_zero, self._corrected(node, bias)]
            output = add.output[0] if add is not None else name
            return [*nodes, helper.make_node("MatMulIntegerToFloat", inputs, [output], domain=_MICROSOFT)]
        n_heads = next(one.i for one in node.attribute if one.name == "num_heads")
        mask = node.input[3] if len(node.input) > 3 else ""
        inputs = [whole, w, self._corrected(node, node.input[2], divisor), scale, w_scale, mask, zero, w_zero]
        return [*nodes, helper.make_node("QAttention", inputs, [name], domain=_MICROSOFT, num_heads=n_heads)]

    def table(self, node: Any) -> list[Any]:
        """Look up a row's whole numbers and its own scale: a rare word with large numbers spoils no other."""
        from onnx import TensorProto, helper, numpy_helper

        rows = numpy_helper.to_array(self._weights[node.input[0]])
        numbers, scale = round_weight(rows.T)
        name, index = node.output[0], node.input[1]
        table = self._constant(np.ascontiguousarray(numbers.T), f"{name}_table")
        scales = self._constant(scale[:, None], f"{name}_table_scale")
        return [
            helper.make_node("Gather", [table, index], [f"{name}_whole"], axis=0),
            helper.make_node("Gather", [scales, index], [f"{name}_scale"], axis=0),
            helper.make_node("Cast", [f"{name}_whole"], [f"{name}_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name]),
        ]

    def _activation(self, node: Any) -> tuple[list[Any], tuple[str, str, str]]:
        """Return the nodes that quantise a product's input."""
        from onnx import helper

        source, name, nodes = node.input[0], node.output[0], []
        whole, scale, zero = f"{name}_whole", f"{name}_scale", f"{name}_zero"
        smoothing = None if self._folded.get(source) is not None else self._smoothing(node)
        if smoothing is not None:
            divisor = self._constant(1.0 / smoothing, f"{name}_smoothing")
            nodes.append(helper.make_node("Mul", [source, divisor], [f"{name}_smooth"]))
            source = f"{name}_smooth"
        if self.recipe.scales == "dynamic":
            nodes.append(helper.make_node("DynamicQuantizeLinear", [source], [whole, scale, zero]))
        else:
            product = self._products[name]
            number, point = activation_scale(product.low, product.high)
            self._constant(np.asarray(number, np.float32), scale)
            self._constant(np.asarray(point, np.uint8), zero)
            nodes.append(helper.make_node("QuantizeLinear", [source, scale, zero], [whole]))
        return nodes, (whole, scale, zero)

    def _corrected(self, node: Any, bias: str, divisor: NDArray[np.float32] | None = None) -> str:
        """Return a bias to which the product's correction is added; it was found for a scale to each column."""
        from onnx import numpy_helper

        product = self._products.get(node.output[0])
        if product is None or not self.recipe.per_channel:
            return bias
        before = numpy_helper.to_array(self._weights[bias]) if bias else np.float32(0.0)
        after = before + product.correction
        if divisor is not None:
            after[-len(divisor) :] /= divisor
        return self._constant(after, f"{node.output[0]}_bias")

    def _smoothing(self, node: Any) -> NDArray[np.float32] | None:
        """Return what calibration found; it holds where each column of the weights has a scale of its own."""
        product = self._products.get(node.output[0])
        return product.smoothing if product is not None and self.recipe.per_channel else None

    def _constant(self, values: Any, name: str) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name
