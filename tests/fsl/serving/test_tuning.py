"""How wide a bundle runs: measured once, remembered, and never an answer otherwise."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from fsl.serving import tuning
from fsl.serving.bundle import read_facts
from fsl.serving.predictor import Predictor
from fsl.serving.tuning import FILE, Tuning, load_tuned, machine_key, measure

TEXTS = ["where is my parcel", "", "退款 money back", "hello " * 40] * 12


def test_it_is_measured_once_and_remembered(text_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_tuned(text_bundle, tmp_path)
    monkeypatch.setattr(tuning, "measure", lambda *args, **more: pytest.fail("it was measured again"))

    predictor = load_tuned(text_bundle, tmp_path)

    ((key, found),) = json.loads((tmp_path / FILE).read_text()).items()
    assert key == machine_key(read_facts(text_bundle), ("cpu",))
    assert predictor.batch_size == found["batch_size"]


def test_answers_are_those_of_any_other_width(text_bundle: Path, tmp_path: Path) -> None:
    wide = load_tuned(text_bundle, tmp_path).predict(TEXTS)

    assert [one.answer.target for one in wide] == [
        one.answer.target for one in Predictor.load(text_bundle).predict(TEXTS)
    ]


def test_the_quickest_width_is_taken(text_bundle: Path) -> None:
    ticks = count()

    # Every look at this clock takes as long as the one before: all widths are alike, and the narrowest is taken.
    assert measure(text_bundle, clock=lambda: float(next(ticks))) == Tuning(1, 1)


def test_a_bundle_whose_answers_depend_on_batch_mates_stays_alone(
    text_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "measure", lambda *args, **more: Tuning(1, 32))
    monkeypatch.setattr(
        "fsl.serving.predictor.read_facts", lambda folder: replace(read_facts(folder), precision="int8")
    )

    assert load_tuned(text_bundle, tmp_path).batch_size == 1


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 3}', '{"a": {"n_threads": 0, "batch_size": 1}}', "\x00"])
def test_a_damaged_memory_is_measured_anew(text_bundle: Path, tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)

    assert load_tuned(text_bundle, tmp_path).batch_size in (1, 8, 32)
    assert len(json.loads((tmp_path / FILE).read_text())) == 1


def test_another_encoder_or_place_is_measured_for_itself(text_bundle: Path) -> None:
    facts = read_facts(text_bundle)
    keys = {
        machine_key(facts, ("cpu",)),
        machine_key(replace(facts, encoder="0" * 64), ("cpu",)),
        machine_key(facts, ("cuda",)),
        machine_key(replace(facts, precision="int8"), ("cpu",)),
    }

    assert len(keys) == 4
