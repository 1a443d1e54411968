"""int8 graphs: what is rewritten, how near it stays, and that batches do not matter to static scales."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from fsl.export.calibration import Product, calibrate
from fsl.export.quantising import Recipe, quantise_encoder
from fsl.serving.sessions import open_graph

pytestmark = pytest.mark.usefixtures("one_thread")

STATIC, DYNAMIC = Recipe("s", "static"), Recipe("d", "dynamic")
N_PRODUCTS = 8  # two layers of attention, its output, and two of a feed-forward


def batch(lengths: list[int], seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    mask = np.array([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    return np.where(mask == 1, generator.integers(1, 100, mask.shape), 0).astype(np.int64), mask.astype(np.int64)


def run(path: Path, ids: Any, mask: Any) -> Any:
    return open_graph(path.parent, path.name, 1).run(None, {"input_ids": ids, "attention_mask": mask})[0]


def count(path: Path) -> dict[str, int]:
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    return {kind: kinds.count(kind) for kind in set(kinds)}


@pytest.fixture(scope="module")
def fp32(text_bundle: Path) -> Path:
    return text_bundle / "encoder.onnx"


@pytest.fixture(scope="module")
def products(fp32: Path) -> tuple[Product, ...]:
    return calibrate(fp32, [batch([24, 9, 3, 17], seed) for seed in range(4)])


@pytest.fixture
def quantised(fp32: Path, products: tuple[Product, ...], tmp_path: Path) -> Callable[[Recipe], Path]:
    def make(recipe: Recipe) -> Path:
        quantise_encoder(fp32, tmp_path / "int8.onnx", recipe, products)
        return tmp_path / "int8.onnx"

    return make


def test_calibration_sees_every_product_and_what_int8_would_get_wrong(products: tuple[Product, ...]) -> None:
    assert len(products) == N_PRODUCTS
    assert all(product.low <= 0.0 <= product.high and 0.0 < product.error < 0.1 for product in products)


def test_padding_has_no_part_in_a_scale(fp32: Path) -> None:
    ids, mask = batch([6])
    wide = np.pad(ids, ((0, 0), (0, 12)), constant_values=77), np.pad(mask, ((0, 0), (0, 12)))

    alone, padded = calibrate(fp32, [(ids, mask)]), calibrate(fp32, [wide])

    assert [one.high for one in padded] == pytest.approx([one.high for one in alone], rel=1e-4)


@pytest.mark.parametrize("recipe", [STATIC, DYNAMIC, Recipe("t", "dynamic", per_channel=False)])
def test_products_become_whole_numbers_and_vectors_stay_near(
    quantised: Callable[[Recipe], Path], fp32: Path, recipe: Recipe
) -> None:
    path = quantised(recipe)
    ids, mask = batch([24, 3, 9])

    kinds = count(path)
    cosines = (run(path, ids, mask) * run(fp32, ids, mask)).sum(axis=1)

    assert kinds.get("MatMul", 0) == kinds.get("Attention", 0) == 0
    assert kinds["MatMulIntegerToFloat"] + kinds["QAttention"] == N_PRODUCTS
    assert kinds["Add"] == count(fp32)["Add"] - 6  # a product adds its bias itself
    assert (cosines > 0.97).all()


def test_static_scales_give_a_text_the_same_vector_alone_as_beside_others(quantised: Callable[[Recipe], Path]) -> None:
    path = quantised(STATIC)
    ids, mask = batch([9, 24, 4])

    alone = run(path, ids[:1, :9], mask[:1, :9])

    assert run(path, ids, mask)[0] == pytest.approx(alone[0], abs=1e-2)


def test_products_that_int8_hurts_most_can_stay_in_float(
    quantised: Callable[[Recipe], Path], products: tuple[Product, ...]
) -> None:
    kinds = count(quantised(Recipe("f", "static", n_float=3)))

    assert kinds["MatMulIntegerToFloat"] + kinds["QAttention"] == N_PRODUCTS - 3


def test_a_products_smoothing_cancels_out(fp32: Path, products: tuple[Product, ...], tmp_path: Path) -> None:
    """Whatever it is: where it was left out, or put in twice, vectors would point elsewhere."""
    generator = np.random.default_rng(0)
    wild = tuple(
        replace(
            one,
            low=3.0 * one.low,
            high=3.0 * one.high,
            smoothing=generator.uniform(1 / 3, 3, size).astype(np.float32),
            correction=0 * one.correction,
        )
        for one, size in zip(products, (32, 32, 32, 64) * 2, strict=True)
    )
    ids, mask = batch([24, 3, 9])

    quantise_encoder(fp32, tmp_path / "int8.onnx", STATIC, wild)

    cosines = (run(tmp_path / "int8.onnx", ids, mask) * run(fp32, ids, mask)).sum(axis=1)
    assert (cosines > 0.9).all(), cosines


def test_smoothing_costs_a_step_but_where_attention_passes_it_on(
    quantised: Callable[[Recipe], Path], products: tuple[Product, ...], fp32: Path
) -> None:
    smoothed = [one.smoothing is not None for one in products]
    behind_attention, wide = smoothed[1::4], [smoothed[row] for row in (3, 7)]
    tables = 2 * (count(quantised(STATIC))["Cast"] - count(fp32).get("Cast", 0)) // 2

    every = count(quantised(STATIC))["Mul"] - count(fp32).get("Mul", 0) - tables
    narrow = count(quantised(Recipe("n", "static", smooth_wide=False)))["Mul"] - count(fp32).get("Mul", 0) - tables

    assert sum(behind_attention) > 0
    assert sum(wide) > 0
    assert every == sum(smoothed) - sum(behind_attention)
    assert narrow == every - sum(wide)


def test_a_product_that_is_not_smoothed_has_scales_and_a_correction_of_its_own(products: tuple[Product, ...]) -> None:
    for one in products:
        assert (one.plain is None) == (one.smoothing is None)
        if one.plain is not None:
            assert one.plain.smoothing is None
            assert one.plain.error >= one.error
            assert one.plain.high != one.high


def test_what_int8_gets_wrong_on_the_average_is_added_to_the_bias(
    fp32: Path, products: tuple[Product, ...], tmp_path: Path
) -> None:
    batches = [batch([24, 9, 3, 17], seed) for seed in range(4)]
    plain = tuple(replace(product, correction=0 * product.correction) for product in products)
    errors = []
    for found in (plain, products):
        quantise_encoder(fp32, tmp_path / "int8.onnx", STATIC, found)
        off = [run(tmp_path / "int8.onnx", *one) - run(fp32, *one) for one in batches]
        errors.append(np.abs(np.concatenate(off).mean(axis=0)).mean())

    assert all(np.abs(product.correction).max() > 0 for product in products)
    assert errors[1] < errors[0]


def test_rows_of_an_embedding_table_have_a_scale_each(fp32: Path, tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    rows = np.vstack([np.full((255, 4), 1.0), [[1000.0, -500.0, 0.0, 250.0]]]).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["embeddings"])],
        "g",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(rows, "table")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "a.onnx")

    quantise_encoder(tmp_path / "a.onnx", tmp_path / "b.onnx", Recipe("n", "none"))

    found = open_graph(tmp_path, "b.onnx", 1).run(None, {"input_ids": np.array([0, 255])})[0]
    assert found[0] == pytest.approx([1.0] * 4)
    assert found[1] == pytest.approx([1000.0, -500.0, 0.0, 250.0], abs=4.0)  # 1000 / 127 is a step, half of it the most


def test_the_same_graph_gives_the_same_bytes(
    fp32: Path, products: tuple[Product, ...], quantised: Callable[[Recipe], Path]
) -> None:
    first = quantised(STATIC).read_bytes()

    assert quantised(STATIC).read_bytes() == first


def test_quantising_leaves_the_programs_own_logging_as_it_was(
    quantised: Callable[[Recipe], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)

    quantised(DYNAMIC)

    assert (root.level, list(root.handlers)) == before
    assert capfd.readouterr() == ("", "")
