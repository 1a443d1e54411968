"""Fused graphs: fewer steps, the same vectors, and a plain graph where fusing would change them."""

import shutil
from pathlib import Path

import onnx
import pytest

from fsl.export import fusing
from fsl.export.fusing import fuse_encoder
from fsl.export.graphs import export_encoder
from fsl.learning.student import Student

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, text_student: Student) -> Path:
    path = tmp_path_factory.mktemp("plain") / "encoder.onnx"
    export_encoder(text_student.network, path)
    return path


def kinds(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_attention_norms_and_gelu_become_single_steps(plain: Path, tmp_path: Path) -> None:
    assert fuse_encoder(plain, tmp_path / "fused.onnx")

    fused = kinds(tmp_path / "fused.onnx")
    assert [fused.count(kind) for kind in ("Attention", "LayerNormalization", "Gelu", "Softmax")] == [2, 5, 2, 0]
    assert not {"SkipLayerNormalization", "BiasGelu"} & set(fused)  # which are slow on CPUs
    assert len(fused) < len(kinds(plain)) * 2 / 3


def test_a_rewrite_that_changes_a_vector_is_thrown_away(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(model: onnx.ModelProto) -> onnx.ModelProto:
        spoilt = onnx.ModelProto()
        spoilt.CopyFrom(model)
        for node in spoilt.graph.node:
            if node.op_type == "LayerNormalization":
                next(one for one in node.attribute if one.name == "epsilon").f = 0.5
        return spoilt

    monkeypatch.setattr(fusing, "_fuse", spoil)

    assert not fuse_encoder(plain, tmp_path / "fused.onnx")
    assert kinds(tmp_path / "fused.onnx") == kinds(plain)


def test_an_architecture_that_the_rewriter_does_not_know_stays_as_it_is(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: object) -> object:
        raise KeyError("no such pattern")

    monkeypatch.setattr(fusing, "_fuse", fail)

    assert not fuse_encoder(plain, tmp_path / "fused.onnx")
    assert kinds(tmp_path / "fused.onnx") == kinds(plain)


def test_a_graph_fused_twice_is_the_same_graph(plain: Path, tmp_path: Path) -> None:
    shutil.copyfile(plain, tmp_path / "copy.onnx")

    fuse_encoder(plain, tmp_path / "first.onnx")
    fuse_encoder(tmp_path / "copy.onnx", tmp_path / "second.onnx")

    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()
