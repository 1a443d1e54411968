"""int8 on processors whose quickest products overflow: the vectors are those of a processor that has better ones."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fsl.export.quantising import Recipe, quantise_encoder
from fsl.serving import sessions
from fsl.serving.int8_products import PRODUCT, overflows_here
from fsl.serving.sessions import open_graph

PRECISE = "session.x64quantprecision"
ANSWER = """
import sys
from pathlib import Path

import numpy as np

from fsl.serving.int8_products import overflows_here
from fsl.serving.sessions import open_graph

ids = np.arange(1, 25)[None]
encoder = open_graph(Path(sys.argv[1]), "encoder.onnx", 1)
np.save(sys.argv[2], encoder.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0])
print(overflows_here())
"""


def asks_for_exact(session: Any) -> bool:
    try:
        return bool(session.get_session_options().get_session_config_entry(PRECISE) == "1")
    except RuntimeError:  # there is no such entry
        return False


@pytest.fixture
def int8(text_bundle: Path, tmp_path: Path) -> Path:
    """A folder with an int8 encoder."""
    quantise_encoder(text_bundle / "encoder.onnx", tmp_path / "encoder.onnx", Recipe("d", "dynamic"))
    return tmp_path


def test_the_product_that_is_tried_is_of_the_kinds_that_encoders_multiply() -> None:
    values = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("a", TensorProto.UINT8, [1, 2]),
            ("b", TensorProto.INT8, [2, 1]),
            ("c", TensorProto.INT32, [1, 1]),
        )
    ]
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["c"])], "g", values[:2], values[2:])

    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    assert onnx.load_model_from_string(PRODUCT) == made


@pytest.mark.parametrize("overflows", [False, True])
def test_exact_products_are_asked_for_where_quick_ones_overflow_and_not_of_a_head(
    text_bundle: Path, int8: Path, overflows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "overflows_here", lambda: overflows)

    (int8 / "another.onnx").write_bytes((int8 / "encoder.onnx").read_bytes())

    encoder, renamed = open_graph(int8, "encoder.onnx", 1), open_graph(int8, "another.onnx", 1)
    head = open_graph(text_bundle, "head.onnx", 1)

    assert asks_for_exact(encoder) == asks_for_exact(renamed) == overflows
    assert not asks_for_exact(head)


@pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("qemu-x86_64") is None,
    reason="no qemu-x86_64 (Debian: qemu-user) plays an older one",
)
def test_an_older_processor_gives_the_vectors_of_this_one(int8: Path) -> None:
    vectors, overflow = [], []
    for name, emulator in (("here", []), ("older", ["qemu-x86_64", "-cpu", "Haswell"])):
        command = [*emulator, sys.executable, "-c", ANSWER, str(int8), str(int8 / name)]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        )
        overflow.append(done.stdout.strip())
        vectors.append(np.load(int8 / f"{name}.npy"))

    assert overflow == [str(overflows_here()), "True"]
    assert float((vectors[0] * vectors[1]).sum()) > 0.9999
