"""Building a bundle: graphs, parity, int8 where it holds, facts."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fsl.config import ExportConfig, ServingConfig
from fsl.export.bundle import ExportReport, build_bundle
from fsl.export.errors import BatchingNotFaithful, ExportNotFaithful
from fsl.export.heads import build_head
from fsl.export.int8 import RECIPES
from fsl.export.parity import AWKWARD, measure_batching, measure_parity
from fsl.learning.heads import Head, RandomFeatures
from fsl.learning.student import Student
from fsl.problems import find_problem
from fsl.samples import Sample, Split
from fsl.serving.predictor import Predictor
from fsl.tokenization import Encoded, TextReader

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["hello there", "where is my parcel", "refund 退款 money back please", "", "acme anna " * 20]
FILES = {"bundle.json", "encoder.onnx", "head.onnx", "tokenizer.json"}


@pytest.fixture(scope="module", autouse=True)
def _export_once(text_bundle: Path, word_bundle: Path) -> Iterator[None]:
    """Exporting takes seconds, and every bundle made here has the encoder that `text_bundle` was really made with."""
    assert word_bundle.is_dir()  # it is made before the export is replaced
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "fsl.export.bundle.export_encoder",
            lambda network, path: shutil.copyfile(text_bundle / "encoder.onnx", path),
        )
        patch.setattr("fsl.export.bundle.fuse_encoder", lambda source, target: bool(shutil.copyfile(source, target)))
        yield


@pytest.fixture(scope="module")
def int8_build(tmp_path_factory: pytest.TempPathFactory, text_student: Student) -> tuple[Path, ExportReport]:
    """A bundle whose int8 recipe may change any answer, so that the first is kept."""
    folder = tmp_path_factory.mktemp("int8")
    report = build_bundle(
        text_student, TEXTS, find_problem("classification"), ExportConfig(max_disagreement=1.0), folder
    )
    return folder, report


@pytest.fixture(scope="module")
def strict_build(tmp_path_factory: pytest.TempPathFactory, text_student: Student) -> tuple[Path, ExportReport]:
    """A bundle of which no int8 recipe could be proven on so few texts."""
    folder = tmp_path_factory.mktemp("strict")
    report = build_bundle(text_student, TEXTS, find_problem("classification"), ExportConfig(), folder)
    return folder, report


def facts_of(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "bundle.json").read_text(encoding="utf-8")))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_int8_bundle_is_complete_smaller_and_says_how_it_was_made(int8_build: tuple[Path, ExportReport]) -> None:
    folder, report = int8_build

    assert {path.name for path in folder.iterdir()} == FILES
    assert facts_of(folder) == {
        "schema": 3,
        "problem": "classification",
        "labels": ["parcel", "refund", "退款"],
        "encoder": digest(folder / "encoder.onnx"),
        "precision": "int8",
        "max_length_tokens": 24,
        "max_windows": 8,
        "batched": report.trials[-1].batched,
        "limits": {"confidence": None, "scope": None},
        "thresholds": [],
    }
    chosen = report.trials[-1]
    assert (report.precision, chosen.refused) == ("int8", "")
    assert report.served_bytes == sum(path.stat().st_size for path in folder.iterdir()) < report.fp32_bytes
    assert report.reason.startswith(f"{chosen.recipe}: {chosen.n_changed} of 5 answers changed")
    assert report.reason.endswith("allowed 100.0%; 2000 texts would bring the bound closer)")
    assert report.int8_parity is not None
    assert 0.0 < report.int8_parity.probability_error < 0.5


def test_half_precision_is_built_when_the_config_asks_for_it(text_student: Student, tmp_path: Path) -> None:
    config = ExportConfig(float16=True, max_disagreement=1.0)

    report = build_bundle(text_student, TEXTS, find_problem("classification"), config, tmp_path)

    assert (report.precision, facts_of(tmp_path)["precision"]) == ("float16", "float16")
    assert report.reason.startswith("half precision: 0 of ")
    assert report.served_bytes < report.fp32_bytes
    assert len(Predictor.load(tmp_path).predict(["hello"])) == 1


def test_what_ships_tells_how_near_a_text_is_to_its_labels_rows(
    text_student: Student, intents: list[Sample], tmp_path: Path
) -> None:
    problem, serving = find_problem("classification"), ServingConfig(scope_recall=0.9, abstain_below=0.25)
    rows = [*intents, Sample("odd", "where am i", "greeting", Split.TRAIN, "odd")]  # the student knows no such label

    report = build_bundle(
        text_student, TEXTS, problem, ExportConfig(int8=False), tmp_path, labelled=rows, serving=serving
    )

    predictor = Predictor.load(tmp_path)
    vectors = np.stack([one.embedding for one in predictor.predict([row.text for row in intents])])
    targets = np.array([row.target for row in intents])
    means = np.stack([vectors[targets == label].mean(axis=0) for label in ("parcel", "refund")])
    (found,) = predictor.predict(["hello there"])
    expected = -np.square(found.embedding - means).sum(axis=1).min()
    assert found.scope == pytest.approx(expected, abs=0.01)  # means are kept in bytes
    assert predictor.facts.limits == report.limits.limits
    assert report.limits.limits.confidence == 0.25
    assert json.loads(json.dumps(report.to_json()))["limits"]["scope"] == report.limits.limits.scope


def test_where_int8_cannot_be_proven_the_fp32_encoder_is_served(
    strict_build: tuple[Path, ExportReport], text_bundle: Path
) -> None:
    folder, report = strict_build

    assert (report.precision, len(report.trials)) == ("float32", len(RECIPES))
    assert report.reason.startswith("no int8 recipe held 1.5%; the nearest, ")
    assert facts_of(folder)["precision"] == "float32"
    assert facts_of(folder)["encoder"] == digest(folder / "encoder.onnx")
    assert (folder / "encoder.onnx").stat().st_size == (text_bundle / "encoder.onnx").stat().st_size
    assert report.served_bytes == report.fp32_bytes


@pytest.mark.parametrize("build", ["int8_build", "strict_build"])
def test_what_was_built_can_be_served(build: str, request: pytest.FixtureRequest) -> None:
    folder, _ = request.getfixturevalue(build)

    answers = [prediction.answer.target for prediction in Predictor.load(folder).predict(TEXTS)]

    assert set(answers) <= {"parcel", "refund", "退款"}


def test_int8_that_is_off_or_has_no_text_to_be_measured_on_is_not_tried(text_student: Student, tmp_path: Path) -> None:
    problem = find_problem("classification")

    report = build_bundle(text_student, [], problem, ExportConfig(), tmp_path)

    assert (report.precision, report.trials, report.reason) == ("float32", (), "int8 was not tried")


def test_the_fp32_graphs_compute_what_was_trained(strict_build: tuple[Path, ExportReport]) -> None:
    parity = strict_build[1].parity

    assert 0.0 <= parity.probability_error < 1e-5
    assert parity.logit_error is not None
    assert 0.0 <= parity.logit_error < 1e-4
    assert parity.n_lengths > 5  # and the graph was traced with one


def test_parity_is_measured_for_a_head_of_random_features_too(
    text_student: Student, text_bundle: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    n_hidden, n_outputs = text_student.head.weight.shape
    features = RandomFeatures(
        generator.normal(size=(n_hidden, 64)).astype(np.float32), generator.normal(size=64).astype(np.float32)
    )
    weight = generator.normal(size=(64, n_outputs)).astype(np.float32)
    head = Head(weight, text_student.head.bias, temperature=0.5, features=features)
    folder = shutil.copytree(text_bundle, tmp_path / "bundle")
    build_head(head, folder / "head.onnx")

    parity = measure_parity(dataclasses.replace(text_student, head=head), folder, TEXTS, ExportConfig())

    assert parity.logit_error is not None
    assert 0.0 <= parity.logit_error < 1e-4


def test_parity_is_measured_for_words_too(word_student: Student, word_bundle: Path) -> None:
    assert measure_parity(word_student, word_bundle, TEXTS, ExportConfig()).probability_error < 1e-5


@pytest.mark.parametrize("build", ["int8_build", "strict_build"])
def test_what_ships_answers_alike_alone_and_beside_others(build: str, request: pytest.FixtureRequest) -> None:
    folder, report = request.getfixturevalue(build)

    config = ExportConfig()
    allowed = config.max_parity_error if report.precision == "float32" else config.max_int8_error
    assert report.batching.probability_error <= allowed
    assert report.batching == measure_batching(Predictor.load(folder), TEXTS, ExportConfig())
    assert report.batching.n_texts >= len(AWKWARD) + len(TEXTS)


def test_an_encoder_whose_answers_depend_on_their_neighbours_makes_no_version(
    text_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padding that is attended to: right for each text alone, wrong beside a longer one."""
    pad = TextReader.pad

    def attends_to_padding(reader: TextReader, batch: Sequence[Encoded]) -> Any:
        ids, mask = pad(reader, batch)
        return ids, np.ones_like(mask)

    predictor = Predictor.load(text_bundle)
    monkeypatch.setattr(TextReader, "pad", attends_to_padding)

    with pytest.raises(
        BatchingNotFaithful, match=r"a probability changes by 0\.\d+ \(allowed: 0\.001, export\.max_par"
    ):
        measure_batching(predictor, TEXTS, ExportConfig())


def test_what_a_manifest_keeps_of_an_export_is_json_and_quotes_no_text(int8_build: tuple[Path, ExportReport]) -> None:
    kept = json.dumps(int8_build[1].to_json(), ensure_ascii=False)

    assert json.loads(kept)["trials"][-1]["recipe"] == int8_build[1].trials[-1].recipe
    assert not [text for text in (*AWKWARD, *TEXTS) if len(text) > 8 and text in kept]


def perturbed(weight: float) -> Callable[[Student], Student]:
    """Return what adds to one weight of a student's head."""

    def change(student: Student) -> Student:
        head = student.head
        added = head.weight.copy()
        added[3, 1] += weight
        return dataclasses.replace(student, head=dataclasses.replace(head, weight=added))

    return change


@pytest.mark.parametrize("weight", [0.5, -0.5, float("nan")])
def test_a_graph_that_computes_something_else_makes_no_version(
    text_student: Student, text_bundle: Path, tmp_path: Path, weight: float
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(text_bundle, folder)
    build_head(perturbed(weight)(text_student).head, folder / "head.onnx")

    with pytest.raises(ExportNotFaithful, match=r"so no version was made") as caught:
        measure_parity(text_student, folder, TEXTS, ExportConfig())

    error = caught.value
    assert error.text in [*AWKWARD, *TEXTS]
    assert not error.largest_error <= error.allowed == 1e-3


def test_how_far_the_graphs_may_be_off_is_the_configs(text_student: Student, text_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(text_bundle, folder)
    build_head(perturbed(0.01)(text_student).head, folder / "head.onnx")

    free = {"max_parity_error": 1.0, "max_logit_error": 100.0}
    found = measure_parity(text_student, folder, TEXTS, ExportConfig(**free))

    assert found.probability_error > 1e-4
    assert found.logit_error is not None
    for limit, error in (("max_parity_error", found.probability_error), ("max_logit_error", found.logit_error)):
        with pytest.raises(ExportNotFaithful, match=rf"export\.{limit}\)"):
            measure_parity(text_student, folder, TEXTS, ExportConfig(**{**free, limit: error / 2}))


def test_nothing_is_written_when_the_graphs_are_not_faithful(
    text_student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fsl.export.bundle.build_head", lambda head, path: build_head(perturbed(0.5)(text_student).head, path)
    )

    with pytest.raises(ExportNotFaithful):
        build_bundle(text_student, TEXTS, find_problem("classification"), ExportConfig(), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_texts_of_all_sorts_are_measured_whatever_is_handed_in(text_student: Student, text_bundle: Path) -> None:
    lengths = {len(one) for one in Predictor.load(text_bundle).read(list(AWKWARD))}

    assert {2, 24} <= lengths  # nothing between the special tokens, and as much as the encoder takes
    assert np.isfinite(measure_parity(text_student, text_bundle, [], ExportConfig()).probability_error)
