"""The benchmarks of distillation and of entities: their quick forms, their draws, and what their tables say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.entities import Setting, score_spans
from bench.parts.distill.tables import write_section as distillation
from bench.parts.entities.draws import draw_sentences
from bench.parts.entities.tables import write_section as entities

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FSL_BENCH_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")


def _quick(name: str) -> str:
    command = [sys.executable, "-m", "bench", name, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@needs_data
def test_the_quick_form_of_distillation_measures_half_time_classes_and_pool() -> None:
    page = _quick("distill")

    (half,) = [line for line in page.splitlines() if line.startswith("| 1 |")]
    assert half.count("(one draw)") == 5
    assert "| SetFit | not measured yet |" in page  # its environment takes minutes to make
    assert any(line.startswith("| 3 | 9 |") for line in page.splitlines())
    assert any(line.startswith("| 200 | ") and "not measured" not in line for line in page.splitlines())


@needs_data
def test_the_quick_form_of_entities_measures_all_three_learners() -> None:
    (row,) = [line for line in _quick("entities").splitlines() if line.startswith("| wnut17 | 4 |")]

    assert row.split("|")[5].strip() == "1, 1, 1"
    assert row.count("(one draw)") == 5


def test_an_entity_counts_only_where_both_ends_and_the_type_are_right() -> None:
    truth = [("Ann met Bob in Oslo", [[0, 3, "person"], [8, 11, "person"], [15, 19, "place"]])]
    said = [[[0, 3, "person"], [8, 11, "place"], [15, 18, "place"], [4, 7, "person"]]]

    found = score_spans(truth, said)  # type: ignore[arg-type]

    # One of four answers and one of three entities: 2 * 1 / (4 + 3).
    assert found == {"f1": pytest.approx(2 / 7), "precision": 0.25, "recall": pytest.approx(1 / 3)}


def test_a_draw_shows_each_type_often_enough_and_the_rest_is_a_pool_without_spans() -> None:
    rows = [(f"sentence {place}", [[0, 8, "rare" if place < 3 else "common"]]) for place in range(30)]
    rows.append(("both here", [[0, 4, "rare"], [5, 9, "common"]]))

    draw = draw_sentences(rows, 5, seed=0)  # type: ignore[arg-type]

    shown = [span[2] for one in draw.train for span in one.target]  # type: ignore[union-attr, index]
    assert shown.count("rare") == 4  # all that there are
    assert shown.count("common") == 5  # the sentence with both is one of them
    assert len(draw.train) + len(draw.pool) == len(rows)
    assert all(one.target is None for one in draw.pool)


def test_the_table_of_train_time_reckons_what_all_of_setfits_steps_would_take() -> None:
    ours = {"seconds": 100.0, "accuracy": 0.9}
    peer = {"seconds": 50.0, "accuracy": 0.8, "n_steps": 10, "n_default_steps": 1000}

    page = distillation({"time-fsl": ours, "time-setfit": peer}, (), ())

    assert "| SetFit, cut after 10 steps | 50 | 80.0% | 0.5 |" in page
    assert "| SetFit, all 1,000 steps, extrapolated | 5,000 | not run | 50.0 |" in page


def test_learners_that_were_not_measured_are_named_and_gains_are_of_draws_that_both_have() -> None:
    cell = {"n_train": 60, "n_pool": 900, "cpu_seconds": 10.0, "machine": "one"}
    probe = [{**cell, "draw": draw, "f1": f1} for draw, f1 in ((0, 0.2), (1, 0.3))]
    student = [{**cell, "draw": 1, "f1": 0.4, "is_older": True}]

    page = entities([Setting("wnut17", 10)], {("wnut17-10", "probe"): probe, ("wnut17-10", "distilled"): student})

    assert "| 2, 0, 1, 1 by an older recipe |" in page
    assert "| not measured yet | 40.0 (one draw) | +10.0 (one draw) | – |" in page
