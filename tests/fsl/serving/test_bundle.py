"""The bundle: what is not whole is not served, and the file at fault is named."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fsl.export.heads import build_head
from fsl.learning.heads import Head
from fsl.serving.bundle import BundleFacts, read_facts, write_facts
from fsl.serving.errors import BundleDamaged
from fsl.serving.predictor import Predictor

FILES = ("bundle.json", "encoder.onnx", "head.onnx", "tokenizer.json")
FACTS = BundleFacts("classification", ("a", "退款"), "0" * 64, "float32", 128)


@pytest.fixture
def bundle(text_bundle: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(text_bundle, tmp_path / "bundle"))


def damage_of(folder: Path) -> BundleDamaged:
    """Return why a bundle is not served."""
    with pytest.raises(BundleDamaged) as caught:
        Predictor.load(folder)
    assert f"{caught.value.file} in the bundle {folder} cannot be used: {caught.value.why}. Remove the folder" in str(
        caught.value
    )
    return caught.value


def edited(**values: object) -> Callable[[dict[str, object]], dict[str, object]]:
    """Return an edit of `bundle.json`; None removes a key."""

    def edit(facts: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in {**facts, **values}.items() if value is not None}

    return edit


def test_facts_are_read_back_as_they_were_written(bundle: Path) -> None:
    write_facts(bundle, FACTS)

    assert read_facts(bundle) == FACTS
    assert "退款" in (bundle / "bundle.json").read_text(encoding="utf-8")


def test_keys_that_are_not_known_here_are_left_alone(bundle: Path) -> None:
    facts = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    (bundle / "bundle.json").write_text(json.dumps({**facts, "note": "of a later fsl"}), encoding="utf-8")

    assert read_facts(bundle).labels == ("parcel", "refund", "退款")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()

    error = damage_of(bundle)

    assert (error.file, error.why) == (name, "it is missing")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "folder"])
def test_a_damaged_file_is_named(bundle: Path, name: str, damage: str) -> None:
    data = (bundle / name).read_bytes()
    (bundle / name).unlink()
    if damage == "folder":
        (bundle / name).mkdir()
    else:
        noise = np.random.default_rng(0).bytes(500)
        (bundle / name).write_bytes({"empty": b"", "cut": data[: len(data) // 2], "noise": noise}[damage])

    assert damage_of(bundle).file == name


def test_a_folder_that_is_not_there_is_a_damaged_bundle(tmp_path: Path) -> None:
    assert damage_of(tmp_path / "nowhere").file == "bundle.json"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (edited(schema=4), "its schema 4 is newer than this program's 3"),
        (edited(max_windows=0), "it does not read as a bundle"),
        (edited(max_windows=65), "it does not read as a bundle"),  # a text of any length would hold a server up
        (edited(limits={"confidence": 1.5}), "it does not read as a bundle"),
        (edited(limits={"scope": "far"}), "it does not read as a bundle"),
        (edited(schema="two"), "it does not read as a bundle"),
        (edited(schema=None), "it does not read as a bundle ('schema')"),
        (edited(problem="relation"), "this program knows no problem of the kind 'relation'"),
        (edited(problem=None), "it does not read as a bundle"),
        (edited(labels="abc"), "it does not read as a bundle"),
        (edited(labels=[1, 2, 3]), "it does not read as a bundle"),
        (edited(labels=[]), "it does not read as a bundle"),
        (edited(labels=None), "it does not read as a bundle"),
        (edited(encoder=7), "it does not read as a bundle"),
        (edited(precision="int4"), "it does not read as a bundle"),
        (edited(max_length_tokens="128"), "it does not read as a bundle"),
        (edited(max_length_tokens=0), "it does not read as a bundle"),
        (lambda facts: [facts], "it does not read as a bundle"),
        (lambda facts: None, "it does not read as a bundle"),
    ],
)
def test_facts_that_are_none_are_refused_with_a_reason(
    bundle: Path, edit: Callable[[dict[str, object]], object], why: str
) -> None:
    facts = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    (bundle / "bundle.json").write_text(json.dumps(edit(facts)), encoding="utf-8")

    error = damage_of(bundle)

    assert error.file == "bundle.json"
    assert error.why.startswith(why)


def test_facts_nested_without_end_are_refused(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("[" * 100_000)

    assert damage_of(bundle).file == "bundle.json"


@pytest.mark.parametrize("labels", [("parcel", "refund"), ("a", "b", "c", "d")])
def test_labels_out_of_step_with_the_head_are_refused(bundle: Path, labels: tuple[str, ...]) -> None:
    write_facts(bundle, dataclasses.replace(read_facts(bundle), labels=labels))

    error = damage_of(bundle)

    assert (error.file, error.why) == ("head.onnx", f"it has 3 outputs, but bundle.json names {len(labels)}")


def test_a_head_of_another_encoder_is_refused(bundle: Path) -> None:
    build_head(Head(np.ones((16, 3), np.float32), np.zeros(3, np.float32)), bundle / "head.onnx")

    error = damage_of(bundle)

    assert (error.file, error.why) == ("head.onnx", "it does not take embeddings of 32 numbers")


def test_an_encoder_of_the_other_kind_is_refused(bundle: Path, word_bundle: Path) -> None:
    shutil.copyfile(word_bundle / "encoder.onnx", bundle / "encoder.onnx")

    error = damage_of(bundle)

    assert (error.file, error.why) == ("encoder.onnx", "it is no encoder whose units are texts")


def test_a_head_in_place_of_the_encoder_is_refused(bundle: Path) -> None:
    shutil.copyfile(bundle / "head.onnx", bundle / "encoder.onnx")

    assert damage_of(bundle).file == "encoder.onnx"


def test_thresholds_out_of_step_with_the_head_are_refused(bundle: Path) -> None:
    write_facts(bundle, dataclasses.replace(read_facts(bundle), thresholds=(0.5,)))

    error = damage_of(bundle)

    assert (error.file, error.why) == ("bundle.json", "it has 1 thresholds for 3 outputs")
