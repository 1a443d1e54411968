"""Soft labels and the student as files: what is read is what was written, bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest

from fsl.learning.artifacts import load_soft_labels, load_student, save_soft_labels, save_student
from fsl.learning.encoders import embed, encoder_digest
from fsl.learning.heads import RandomFeatures
from fsl.learning.student import Student
from fsl.learning.teacher import SoftLabels
from fsl.tokenization import TextReader

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["hello there", "", "where is my parcel", "退款"]


def test_soft_labels_are_read_back_bit_for_bit_texts_without_units_too(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = {"b": 3, "退款": 0, "a": 2, "z": 0}
    by_row = {row: generator.random((n, 5), np.float32) for row, n in rows.items()}
    soft = SoftLabels(("ORG", "公司"), by_row, is_spread=True)

    save_soft_labels(soft, tmp_path)
    loaded = load_soft_labels(tmp_path)

    assert (loaded.labels, loaded.is_spread) == (soft.labels, True)
    assert set(loaded.by_row) == set(soft.by_row)
    for row, array in soft.by_row.items():
        assert loaded.by_row[row].shape == array.shape
        assert loaded.by_row[row].tobytes() == array.tobytes()


def test_equal_soft_labels_are_equal_files_in_whatever_order_they_came(tmp_path: Path) -> None:
    one, two = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)
    folders = tmp_path / "first", tmp_path / "second"
    for folder, by_row in zip(folders, ({"a": one, "b": two}, {"b": two, "a": one}), strict=True):
        folder.mkdir()
        save_soft_labels(SoftLabels(("x", "y"), by_row), folder)

    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)

    assert first == second


@pytest.mark.parametrize("name", ["text_student", "word_student"])
def test_a_student_is_read_back_bit_for_bit(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    student: Student = request.getfixturevalue(name)

    save_student(student, tmp_path)
    loaded = load_student(tmp_path)

    assert encoder_digest(loaded.network) == encoder_digest(student.network)
    assert loaded.network.unit == student.network.unit
    assert not loaded.network.training
    assert (loaded.head.weight.tobytes(), loaded.head.bias.tobytes()) == (
        student.head.weight.tobytes(),
        student.head.bias.tobytes(),
    )
    assert loaded.head.temperature == student.head.temperature
    assert (loaded.labels, loaded.base_model) == (student.labels, student.base_model)
    assert loaded.max_length_tokens == student.max_length_tokens
    assert (loaded.candidates, loaded.choice) == (student.candidates, student.choice)
    assert loaded.tokenizer_file.read_bytes() == student.tokenizer_file.read_bytes()


def test_a_student_that_was_read_back_computes_the_same(text_student: Student, tmp_path: Path) -> None:
    save_student(text_student, tmp_path)
    loaded = load_student(tmp_path)
    reader = TextReader.from_file(loaded.tokenizer_file, unit="text", max_length_tokens=loaded.max_length_tokens)

    expected = embed(text_student.network, reader, reader.read(TEXTS))

    assert np.array_equal(embed(loaded.network, reader, reader.read(TEXTS)), expected)


def test_a_head_that_is_a_view_of_another_array_is_written_as_it_reads(text_student: Student, tmp_path: Path) -> None:
    from dataclasses import replace

    turned = np.arange(96, dtype=np.float32).reshape(3, 32).T  # as scikit-learn's coefficients come
    head = replace(text_student.head, weight=turned)

    save_student(replace(text_student, head=head), tmp_path)

    assert np.array_equal(load_student(tmp_path).head.weight, turned)


def test_random_features_are_read_back_bit_for_bit(text_student: Student, tmp_path: Path) -> None:
    from dataclasses import replace

    generator = np.random.default_rng(0)
    features = RandomFeatures(generator.random((32, 8), np.float32), generator.random(8, np.float32))
    head = replace(text_student.head, weight=generator.random((8, 3), np.float32), features=features)

    save_student(replace(text_student, head=head), tmp_path)
    loaded = load_student(tmp_path).head

    assert loaded.features is not None
    assert loaded.features.weight.tobytes() == features.weight.tobytes()
    assert loaded.features.bias.tobytes() == features.bias.tobytes()


def test_nothing_of_a_student_can_run_code_or_names_this_machine(text_student: Student, tmp_path: Path) -> None:
    save_student(text_student, tmp_path)

    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}
    facts = json.loads((tmp_path / "student.json").read_text(encoding="utf-8"))
    assert "_name_or_path" not in facts["architecture"]


def test_weights_of_another_architecture_are_not_squeezed_in(text_student: Student, tmp_path: Path) -> None:
    save_student(text_student, tmp_path)
    facts = json.loads((tmp_path / "student.json").read_text(encoding="utf-8"))
    facts["architecture"]["num_hidden_layers"] = 1
    (tmp_path / "student.json").write_text(json.dumps(facts), encoding="utf-8")

    with pytest.raises(RuntimeError, match="Unexpected key"):
        load_student(tmp_path)
