"""int8 that is proven: what is tried, what is accepted, and what is left when nothing is."""

import hashlib
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import JsonValue

from fsl.config import ExportConfig
from fsl.export.int8 import RECIPES, Trial, choose_recipe, quantise_encoder, upper_bound
from fsl.serving.bundle import BundleFacts, read_facts, write_facts
from fsl.serving.predictor import Predictor

WORDS = ("refund", "money", "back", "where", "is", "my", "parcel", "hello", "cafe", "退", "款", "?", "xyz")
NAMES = [recipe.name for recipe in RECIPES]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    generator = np.random.default_rng(1)
    return [" ".join(generator.choice(WORDS, size=generator.integers(1, 12))) for _ in range(120)]


@pytest.fixture(scope="module")
def fp32_answers(text_bundle: Path, texts: list[str]) -> list[JsonValue]:
    return [prediction.answer.target for prediction in Predictor.load(text_bundle).predict(texts)]


@pytest.fixture
def bundle(text_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the fp32 bundle that says it is int8, as the trials want it."""
    folder = tmp_path / "bundle"
    shutil.copytree(text_bundle, folder)
    facts = read_facts(folder)
    write_facts(folder, BundleFacts(facts.problem, facts.labels, facts.encoder, "int8", facts.max_length_tokens))
    return folder


@pytest.mark.parametrize(
    ("n_changed", "n_texts", "bound"),
    [
        (0, 299, 1 - 0.05 ** (1 / 299)),  # none of 299: the one share at which that has a chance of 5%
        (0, 1, 0.95),
        (1, 1, 1.0),
        (7, 7, 1.0),
        (0, 0, 1.0),
        # One or none of two: (1-p)^2 + 2p(1-p) = 1-p^2 = 0.05.
        (1, 2, 0.95**0.5),
    ],
)
def test_the_bound_is_clopper_and_pearsons_one_sided_at_95_per_cent(n_changed: int, n_texts: int, bound: float) -> None:
    assert upper_bound(n_changed, n_texts) == pytest.approx(bound)


def test_a_share_below_one_per_cent_takes_299_texts_without_a_change() -> None:
    assert upper_bound(0, 298) > 0.01 > upper_bound(0, 299)


def test_a_trial_says_which_share_of_answers_changed() -> None:
    assert Trial("any", 200, 3, 0.04, 1).disagreement == pytest.approx(0.015)
    assert Trial("any", 0, 0, 1.0, 1).disagreement == 0.0


def test_recipes_are_tried_from_the_smallest_on_and_none_is_kept_that_changes_too_much(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    before = digest(bundle / "encoder.onnx")

    trials, chosen = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=0.0))

    assert chosen is None
    assert [trial.recipe for trial in trials] == NAMES
    assert all(trial.upper_bound == upper_bound(trial.n_changed, 120) for trial in trials)
    assert trials[0].size_bytes < trials[2].size_bytes < bundle.joinpath("encoder.onnx").stat().st_size
    assert digest(bundle / "encoder.onnx") == before


def test_the_first_recipe_within_the_bound_is_kept_and_no_further_one_tried(
    bundle: Path, texts: list[str], fp32_answers: list[JsonValue]
) -> None:
    fp32 = (bundle / "encoder.onnx").read_bytes()
    all_trials, _ = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=0.0))

    for allowed in {1.0, *(trial.upper_bound for trial in all_trials)}:
        (bundle / "encoder.onnx").write_bytes(fp32)
        trials, chosen = choose_recipe(fp32_answers, bundle, texts, ExportConfig(max_disagreement=allowed))

        expected = next(trial for trial in all_trials if trial.upper_bound <= allowed)
        assert chosen == trials[-1] == expected
        assert [trial.recipe for trial in trials] == NAMES[: NAMES.index(expected.recipe) + 1]
        assert (bundle / "encoder.onnx").stat().st_size == chosen.size_bytes


def test_changed_answers_are_counted_against_fp32(bundle: Path, texts: list[str]) -> None:
    nowhere: list[JsonValue] = ["no such label"] * len(texts)

    trials, chosen = choose_recipe(nowhere, bundle, texts, ExportConfig(max_disagreement=0.99))

    assert chosen is None
    assert {trial.n_changed for trial in trials} == {len(texts)}


def test_quantising_leaves_the_programs_own_logging_as_it_was(
    text_bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    root = logging.getLogger()
    before = root.level, list(root.handlers)

    quantise_encoder(text_bundle / "encoder.onnx", tmp_path / "int8.onnx", RECIPES[0])

    assert (root.level, list(root.handlers)) == before
    assert capfd.readouterr() == ("", "")
