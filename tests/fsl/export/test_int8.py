"""int8 that is proven: what is tried, what is accepted, and what is left when nothing is."""

import hashlib
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from pydantic import JsonValue

from fsl.config import ExportConfig
from fsl.evaluation.scores.intervals import clopper_pearson_bound
from fsl.export.int8 import HALF, RECIPES, Trial, _Candidate, _quickest_first, choose_recipe
from fsl.export.quantising import Recipe
from fsl.serving.bundle import read_facts
from fsl.serving.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")

WORDS = ("refund", "money", "back", "where", "is", "my", "parcel", "hello", "cafe", "退", "款", "?", "xyz")
STATIC, DYNAMIC, TABLES = RECIPES[1], RECIPES[4], RECIPES[-1]
ANYTHING = ExportConfig(max_disagreement=1.0, max_self_disagreement=1.0, max_int8_error=1.0)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    generator = np.random.default_rng(1)
    return [" ".join(generator.choice(WORDS, size=generator.integers(1, 12))) for _ in range(120)]


@pytest.fixture(scope="module")
def fp32_answers(text_bundle: Path, texts: list[str]) -> list[JsonValue]:
    return [prediction.answer.target for prediction in Predictor.load(text_bundle).predict(texts)]


@pytest.fixture
def bundle(text_bundle: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(text_bundle, folder)
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lasting(seconds: float) -> Callable[[], float]:
    """Return a clock that goes on by so much whenever somebody looks at it."""
    ticks = count()
    return lambda: seconds * next(ticks)


def test_a_trial_says_which_share_of_answers_changed() -> None:
    assert Trial("any", 200, 3, 0.04, 1).disagreement == pytest.approx(0.015)
    assert Trial("any", 0, 0, 1.0, 1).disagreement == 0.0


def test_when_every_recipe_changes_too_much_each_has_its_figures_and_the_bundle_stays_as_it_was(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    before = {path.name: digest(path) for path in bundle.iterdir()}

    trials, chosen = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=0.0))

    assert chosen is None
    assert {trial.recipe for trial in trials} == {recipe.name for recipe in RECIPES}
    assert all(trial.refused and trial.ms_per_text > 0 and trial.size_bytes > 0 for trial in trials)
    assert all(trial.upper_bound == clopper_pearson_bound(trial.n_changed, trial.n_texts) for trial in trials)
    assert {path.name: digest(path) for path in bundle.iterdir()} == before


def test_what_ships_keeps_within_the_bound_and_stands_last(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    trials, chosen = choose_recipe(fp32_answers, bundle, texts, ANYTHING)

    assert chosen is trials[-1]
    assert chosen.refused == ""
    assert chosen.n_texts == 120 - 120 // 8  # those that were calibrated on are not measured
    assert (bundle / "encoder.onnx").stat().st_size == chosen.size_bytes


def test_a_recipe_whose_answers_change_is_given_up_as_soon_as_it_cannot_pass(bundle: Path, texts: list[str]) -> None:
    nowhere: list[JsonValue] = ["no such label"] * len(texts) * 3

    trials, chosen = choose_recipe(nowhere, bundle, texts * 3, ExportConfig(max_disagreement=0.3), recipes=[STATIC])

    assert chosen is None
    assert [trial.n_changed for trial in trials] == [128]  # one chunk of the 315
    assert trials[0].refused == "the bound on changed answers is over 30.0%"


def test_static_scales_let_texts_run_together_and_the_bundle_says_so(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    config = ExportConfig(max_disagreement=1.0, max_self_disagreement=0.0)

    _, chosen = choose_recipe(fp32_answers, bundle, texts, config, recipes=[STATIC])

    assert chosen is not None
    assert (chosen.self_disagreement, chosen.batched) == (0.0, True)


def test_where_batch_mates_change_answers_texts_run_alone(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fsl.export.int8._in_batches", lambda predictor, rows: (["parcel"] * len(rows), ["refund"] * len(rows))
    )

    _, chosen = choose_recipe(fp32_answers, bundle, texts, ANYTHING.model_copy(update={"max_self_disagreement": 0.5}))

    assert chosen is not None
    assert (chosen.self_disagreement, chosen.batched) == (1.0, False)


def test_answers_that_only_a_batch_changes_count_as_changed_where_texts_run_together(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsl.export.int8._in_batches", lambda predictor, rows: (["other"] * len(rows),))

    _, chosen = choose_recipe(fp32_answers, bundle, texts, ANYTHING, recipes=[TABLES])

    assert chosen is not None
    assert chosen.batched
    assert chosen.n_changed == chosen.n_texts


def test_a_recipe_that_fails_on_awkward_texts_is_not_measured_further(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    config = ExportConfig(max_disagreement=1.0, max_int8_error=0.0)

    trials, chosen = choose_recipe(fp32_answers, bundle, texts, config, recipes=[STATIC])

    assert chosen is None
    assert trials[0].n_texts == 0
    assert trials[0].refused.startswith("an awkward text's probability is 0.")


def test_when_time_is_up_no_further_recipe_is_tried(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    trials, chosen = choose_recipe(fp32_answers, bundle, texts, ANYTHING, clock=lasting(100.0))

    assert [trial.recipe for trial in trials] == [RECIPES[0].name]
    assert chosen is not None


def test_a_handful_of_texts_is_calibrated_on_and_measured(bundle: Path, fp32_answers: list[JsonValue]) -> None:
    _, chosen = choose_recipe(["parcel"], bundle, ["where is my parcel"], ANYTHING, recipes=[STATIC])

    assert chosen is not None
    assert chosen.n_texts == 1
    assert not read_facts(bundle).batched  # which the bundle's builder writes, with the new encoder's digest


def test_every_recipe_has_a_name_of_its_own() -> None:
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)
    assert isinstance(DYNAMIC, Recipe)


def test_a_recipe_counts_as_quick_when_it_is_so_alone_and_in_a_stream() -> None:
    def candidate(name: str, alone: float, stream: float) -> _Candidate:
        trial = Trial(name, 0, 0, 1.0, 0, ms_per_text=alone, ms_in_stream=stream)
        return _Candidate(Recipe(name, "static"), Path(name), trial)

    quick_alone, quick_in_streams = candidate("a", 1.0, 4.0), candidate("b", 1.5, 1.5)

    assert (quick_alone.trial.cost, quick_in_streams.trial.cost) == (2.0, 1.5)
    assert _quickest_first([quick_alone, quick_in_streams]) == [quick_in_streams, quick_alone]


def test_every_trial_says_how_quick_it_is_both_ways(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    trials, _ = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=1.0))

    assert all(trial.ms_per_text > 0 and trial.ms_in_stream > 0 for trial in trials)


def test_half_precision_ships_where_it_keeps_the_answers_and_takes_nothing_else_than_fp32(
    bundle: Path, text_bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    trials, chosen = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=0.05), recipes=HALF)

    assert chosen is not None
    assert (trials, chosen.refused, chosen.batched) == ([chosen], "", True)
    before, after = (Predictor.load(folder) for folder in (text_bundle, bundle))
    encoded = before.read(texts)
    off = np.abs(np.concatenate(before.embed(encoded)) - np.concatenate(after.embed(encoded))).max()
    assert 0.0 < off < 0.01
    assert (bundle / "encoder.onnx").stat().st_size < 0.8 * (text_bundle / "encoder.onnx").stat().st_size
