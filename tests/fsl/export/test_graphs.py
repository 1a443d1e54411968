"""The exported graphs compute what was trained, on shapes that they were not traced with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from fsl.export.fusing import fuse_encoder
from fsl.export.graphs import export_encoder
from fsl.export.heads import build_head
from fsl.learning.heads import Head, RandomFeatures
from fsl.learning.student import Student

pytestmark = pytest.mark.usefixtures("one_thread")

MAX_LENGTH = 24


def session(path: Path) -> Any:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=["text", "word"])
def pair(request: pytest.FixtureRequest) -> tuple[Any, Student]:
    """An exported encoder and the student that it came from."""
    bundle: Path = request.getfixturevalue(f"{request.param}_bundle")
    return session(bundle / "encoder.onnx"), request.getfixturevalue(f"{request.param}_student")


def difference(pair: tuple[Any, Student], ids: Any, mask: Any) -> float:
    """Return the largest difference between the graph and torch, over the tokens that are not padding."""
    graph, student = pair
    got = graph.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    with torch.inference_mode():
        expected = student.network(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    assert got.shape == expected.shape
    errors = np.abs(got - expected)
    return float(errors.max() if got.ndim == 2 else errors[mask == 1].max())


def batch(lengths: list[int]) -> tuple[Any, Any]:
    """Return ids and mask of texts of these lengths, padded to the longest."""
    generator = np.random.default_rng(sum(lengths))
    mask = np.array([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    ids = np.where(mask == 1, generator.integers(1, 100, mask.shape), 0)
    return ids.astype(np.int64), mask.astype(np.int64)


@pytest.mark.parametrize("length", range(2, MAX_LENGTH + 1))
def test_one_text_of_any_length_has_torchs_vectors(pair: tuple[Any, Student], length: int) -> None:
    assert difference(pair, *batch([length])) < 1e-5


@pytest.mark.parametrize("lengths", [[2, 24], [24, 2], [5, 9, 3, 17, 24], [7] * 3, [2] * 40, [4, 3]])
def test_a_padded_batch_of_mixed_lengths_has_torchs_vectors(pair: tuple[Any, Student], lengths: list[int]) -> None:
    assert difference(pair, *batch(lengths)) < 1e-5


def test_padding_does_not_change_a_vector(pair: tuple[Any, Student]) -> None:
    graph, _ = pair
    ids, mask = batch([6])
    wide_ids, wide_mask = np.pad(ids, ((0, 0), (0, 11))), np.pad(mask, ((0, 0), (0, 11)))

    narrow = graph.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    wide = graph.run(None, {"input_ids": wide_ids, "attention_mask": wide_mask})[0]

    assert (wide if wide.ndim == 2 else wide[:, :6]) == pytest.approx(narrow, abs=1e-5)


def test_the_graph_has_the_names_and_types_that_the_server_uses(pair: tuple[Any, Student]) -> None:
    graph, _ = pair

    assert [(one.name, one.type) for one in graph.get_inputs()] == [
        ("input_ids", "tensor(int64)"),
        ("attention_mask", "tensor(int64)"),
    ]
    assert [(one.name, one.type) for one in graph.get_outputs()] == [("embeddings", "tensor(float)")]
    assert graph.get_outputs()[0].shape[-1] == 32


def test_the_graph_is_one_file_and_names_no_folder_of_this_machine(text_bundle: Path, tiny_encoder: Path) -> None:
    names = {path.name for path in text_bundle.iterdir()}
    data = (text_bundle / "encoder.onnx").read_bytes()

    assert names == {"encoder.onnx", "head.onnx", "tokenizer.json", "bundle.json"}
    assert str(tiny_encoder).encode() not in data
    assert str(Path(__file__).parents[3]).encode() not in data  # nor lines of our own sources
    assert b"File " not in data


def test_the_same_weights_give_the_same_bytes_so_a_digest_names_an_encoder(
    text_bundle: Path, build_student: Callable[..., Student], tmp_path: Path
) -> None:
    export_encoder(build_student("classification", ("other", "labels")).network, tmp_path / "plain.onnx")
    fuse_encoder(tmp_path / "plain.onnx", tmp_path / "encoder.onnx")

    assert (tmp_path / "encoder.onnx").read_bytes() == (text_bundle / "encoder.onnx").read_bytes()


@pytest.mark.parametrize("n_units", [0, 1, 2, 57])
def test_a_head_gives_calibrated_probabilities_for_any_number_of_units(tmp_path: Path, n_units: int) -> None:
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(3, 32)).astype(np.float32).T  # not contiguous, as a trained head is not
    head = Head(weight, np.array([0.5, -30.0, 0.0], np.float32), temperature=0.25)
    vectors = generator.normal(size=(n_units, 32)).astype(np.float32)

    build_head(head, tmp_path / "head.onnx")
    got, logits = session(tmp_path / "head.onnx").run(["probabilities", "logits"], {"embeddings": vectors})

    assert got.shape == (n_units, 3)
    assert got.dtype == np.float32
    assert got == pytest.approx(np.exp(head.log_probabilities(vectors)), abs=1e-5)
    assert logits == pytest.approx((vectors @ head.weight + head.bias) / 0.25, abs=1e-4)


def test_a_head_of_random_features_gives_the_same_probabilities_as_a_graph(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    weight, bias = generator.normal(size=(64, 3)).astype(np.float32), np.array([0.5, -30.0, 0.0], np.float32)
    features = RandomFeatures(generator.normal(size=(32, 64)).astype(np.float32), np.ones(64, np.float32))
    head = Head(weight, bias, temperature=0.25, features=features)
    vectors = generator.normal(size=(9, 32)).astype(np.float32)

    build_head(head, tmp_path / "head.onnx")
    (got,) = session(tmp_path / "head.onnx").run(["probabilities"], {"embeddings": vectors})

    assert got == pytest.approx(np.exp(head.log_probabilities(vectors)), abs=1e-5)


def test_a_head_of_half_the_bytes_gives_nearly_the_same_probabilities(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    head = Head(generator.normal(size=(384, 20)).astype(np.float32), np.zeros(20, np.float32), temperature=0.5)
    vectors = generator.normal(size=(57, 384)).astype(np.float32) / 20

    build_head(head, tmp_path / "whole.onnx")
    build_head(head, tmp_path / "half.onnx", half=True)

    (got,) = session(tmp_path / "half.onnx").run(["probabilities"], {"embeddings": vectors})
    assert got == pytest.approx(np.exp(head.log_probabilities(vectors)), abs=5e-3)
    assert (tmp_path / "half.onnx").stat().st_size < 0.55 * (tmp_path / "whole.onnx").stat().st_size
