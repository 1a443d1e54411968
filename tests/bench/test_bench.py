"""The benchmarks' quick form runs from end to end and prints the table that the full form publishes."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import BENCHMARKS, put_section
from bench.fewshot import SETTINGS
from bench.meta import Start
from bench.parts.meta.draws import load_draw
from bench.parts.meta.span_draws import load_span_draw
from bench.parts.meta.tables import write_section as unseen
from bench.parts.meta.tables import write_span_part
from bench.parts.students.draws import draw_shots, load_set
from bench.parts.students.tables import interval
from bench.parts.students.tables import write_section as few_shots
from bench.registry import section

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FSL_BENCH_DATA", ROOT.parent / "shared" / "data"))

pytestmark = pytest.mark.timeout(600)  # a quick form is a whole benchmark in a process of its own


def _bench(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False, env=env)


def test_the_quick_form_measures_the_loop_and_prints_its_row() -> None:
    done = _bench("loop", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| support-intents | 1 |"))
    assert row.count("|") == 12


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_the_quick_form_measures_the_gate_and_holds_its_shortcut_against_the_gate_itself() -> None:
    done = _bench("gate", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    tables = [line for line in done.stdout.splitlines() if line.startswith("| banking77 | 60 |")]
    assert [row.split("|")[3].strip() for row in tables] == ["40", "200", "2"]  # draws, draws, retrains
    assert any(line.startswith("| 60 | 4% |") and line.endswith("| – |") for line in done.stdout.splitlines())


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_the_quick_form_measures_the_gate_by_f1_of_labels_and_of_spans() -> None:
    done = _bench("gate_f1", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split("|") for line in done.stdout.splitlines() if "| 60 |" in line]
    assert [(row[1].strip(), row[5].strip()) for row in rows] == [("banking77", "20"), ("fewnerd", "20")]


def test_without_the_data_sets_the_gate_is_not_measured_and_says_so(tmp_path: Path) -> None:
    done = _bench("gate", "--quick", env={**os.environ, "FSL_BENCH_DATA": str(tmp_path / "none")})

    assert done.returncode == 0
    assert f"Not measured: there is no {tmp_path / 'none'}." in done.stdout


def test_the_quick_form_measures_the_intake_beside_its_peer() -> None:
    done = _bench("intake", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| 300 |"))
    assert row.count("|") == 9


def test_an_interval_of_draws_is_students_worked_by_hand() -> None:
    # Mean 2, standard deviation 1, of three: 4.303 / sqrt(3) to each side.
    assert interval([1.0, 2.0, 3.0]) == "2.0 (-0.5 to 4.5)"
    assert interval([2.0], sign=True) == "+2.0 (one draw)"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_draws_share_no_row_with_their_pool_and_a_noisy_pool_is_a_fifth_out_of_scope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FSL_BENCH_DATA", str(DATA))
    data = load_set("banking77")

    plain, noisy = (draw_shots(data, 5, seed=3, pool=pool) for pool in ("rest of train", "noisy"))

    assert len(plain.train) == 5 * 77
    assert [one.text for one in plain.train] == [one.text for one in noisy.train]
    assert len(plain.train) + len(plain.pool) == len(data.train)
    assert all(one.target is None for one in noisy.pool)
    assert sum(label is None for label in noisy.pool_labels) / len(noisy.pool) == pytest.approx(0.2, abs=0.001)
    assert draw_shots(data, 5, seed=3, pool="none").pool == ()


def test_what_a_noisy_pool_costs_is_paired_over_the_draws_that_have_both() -> None:
    def cell(draw: int, accuracy: float) -> dict[str, Any]:
        return {"draw": draw, "accuracy": accuracy, "macro_f1": accuracy, "machine": "one"}

    found = {
        ("banking77-10-rest-of-train", "distilled"): [cell(0, 0.90), cell(1, 0.80), cell(2, 0.10)],
        ("banking77-10-noisy", "distilled"): [cell(0, 0.88), cell(1, 0.80)],
    }

    page = few_shots(SETTINGS, found)

    # -2 and 0 points: mean -1, and Student's t for one degree of freedom (12.706) times the standard error of one.
    assert "10 rows per label: -1.0 (-13.7 to +11.7); banking77, 5 rows per label: not measured yet." in page


def test_what_was_not_measured_yet_is_said_so() -> None:
    assert "| banking77 | 10 | rest of train | 0, 0, 0 | not measured yet |" in few_shots(list(SETTINGS), {})


def test_the_quick_form_measures_many_small_files_and_what_they_ask_of_the_store() -> None:
    done = _bench("intake_files", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| 12 |"))
    assert row.split("|")[2].strip() == "25"
    assert row.split("|")[3].strip() == "1"
    assert 1 < float(row.split("|")[7]) < 15


def test_the_quick_form_measures_every_line_of_drift() -> None:
    done = _bench("drift", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    for line in (
        "| all tests of fsl together | 0 of 2",
        "| called harmful within three |",
        "| found within two | 2 of 2",
        "| joined with the window before |",
        "| 20 points | 2 of 2 |",
        "| another mix of classes |",
    ):
        assert line in done.stdout, line


def test_an_unknown_benchmark_is_answered_with_those_there_are() -> None:
    done = _bench("weather")

    assert done.returncode == 1
    assert f"there is no benchmark weather. There are: {', '.join(BENCHMARKS)}" in done.stderr


def test_a_section_measured_anew_takes_the_place_of_the_old_one_and_no_other() -> None:
    page = "# Benchmarks\n\nWords.\n\n## Gate\n\nold\n\n## The loop\n\nrows\n"

    assert put_section(page, "## Gate\n\nnew\n") == "# Benchmarks\n\nWords.\n\n## Gate\n\nnew\n\n## The loop\n\nrows\n"
    assert put_section(page, "## Intake\n\nrows\n") == page + "\n## Intake\n\nrows\n"


def test_the_registrys_table_tells_what_each_trial_found() -> None:
    trials = ("movers", "readers", "publisher", "store", "flips", "careless")
    cells = {name: {"tried": f"what {name} tried", "found": f"what {name} found"} for name in trials}
    costs = {name: {"rows": [f"| cost of {name} | 1 ms | 2 | |"]} for name in ("publication", "load", "cycle")}

    table = section({**cells, **costs}, "a machine")

    assert "Machine: a machine." in table
    for name in trials:
        assert f"| what {name} tried | what {name} found |" in table
    assert "| cost of load | 1 ms | 2 | |" in table


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_the_quick_form_meta_learns_a_start_and_asks_about_labels_that_it_never_saw() -> None:
    done = _bench("meta", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split("|") for line in done.stdout.splitlines() if "(one draw)" in line]
    assert [(row[1].strip(), row[2].strip()) for row in rows] == [
        (start, learner)
        for head in ("prototypes", "closed form")  # of texts, then of spans
        for start in ("untouched", "maml, first order")
        for learner in ("probe", head, "inner steps")
    ]


def _unseen(start: str, draw: int, probe: float, own: float) -> tuple[tuple[str, int], dict[str, object]]:
    scores = {"5": {"probe": [probe], "inner steps": [own, own]}}
    return (start, draw), {"scores": scores, "cpu_seconds": 60.0, "n_episodes": 0 if start == "untouched" else 24}


def test_a_meta_learned_start_is_called_better_only_where_the_whole_paired_interval_is() -> None:
    floor = [_unseen("untouched", draw, level, level) for draw, level in enumerate((0.8, 0.7, 0.6))]
    sure = [_unseen("sure", draw, level, level + 0.1) for draw, level in enumerate((0.81, 0.72, 0.63))]
    unsure = [_unseen("unsure", draw, level, level) for draw, level in enumerate((0.9, 0.7, 0.6))]

    page = unseen(dict([*floor, *sure, *unsure]), [Start(one) for one in ("untouched", "sure", "unsure", "later")], [5])

    # Gains of 11, 12 and 13 points: 12 with a standard error of 1 / sqrt 3, times Student's 4.303 at two degrees.
    assert "| sure | inner steps | 3 | 24 | 60 | 82.0 (59.6 to 104.4) | +12.0 (+9.5 to +14.5) |" in page
    assert "| later | not measured yet |" in page
    # And of 1, 2 and 3 points: 2 +- 2.5.
    assert "Better than the probe in 5 ways, the whole interval above 0: sure with inner steps." in page


def test_a_single_draw_of_unseen_labels_settles_nothing_and_says_so() -> None:
    found = dict([_unseen("untouched", 0, 0.8, 0.8), _unseen("sure", 0, 0.9, 0.9)])

    page = unseen(found, [Start("untouched"), Start("sure")], [5])

    assert "+10.0 (one draw)" in page
    assert "not known yet." in page
    assert "Better than the probe" not in page


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_held_out_domains_are_unseen_and_five_draws_hold_out_all_ten() -> None:
    draws = [load_draw(number, {5: 2}, n_known=2) for number in range(5)]

    assert len({domain for draw in draws for domain in draw.domains}) == 10
    for draw in draws:
        assert not {label for _, label in draw.known} & {label for _, label in draw.novel}
        for episode in draw.episodes[5]:
            labels = {draw.novel[int(row)][1] for row in episode.support}
            assert len(labels) == 5
            assert labels == {draw.novel[int(row)][1] for row in episode.query}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_held_out_types_of_spans_are_unseen_and_five_draws_hold_out_all() -> None:
    draws = [load_span_draw(number, {5: 2, 20: 1}) for number in range(5)]

    assert len({one for draw in draws for one in draw.types}) == 36
    for draw in draws:
        known, novel = (
            {span[2] for _, spans in rows for span in spans} for rows in (draw.known, (*draw.shown, *draw.asked))
        )
        assert (len(known), novel) == (14, set(draw.types))
        assert len(draw.known) + len(draw.shown) == 5000
        for ways, episodes in draw.episodes.items():
            for one in episodes:
                assert len(one.types) == ways
                for rows, part in ((one.support, draw.shown), (one.query, draw.asked)):
                    counts = Counter(label for row in rows for label in {span[2] for span in part[int(row)][1]})
                    assert all(5 <= counts[label] <= 10 for label in one.types)


def test_spans_stand_below_the_texts_in_a_part_of_their_own() -> None:
    scores = {"5": {"probe": [0.2], "closed form": [0.25], "inner steps": [0.3]}}
    found = {("untouched", draw): {"scores": scores, "cpu_seconds": 0.0, "n_episodes": 0} for draw in (0, 1)}

    page = write_span_part(found, [Start("untouched"), Start("later")], {5: 10})

    assert page.startswith("### Spans")
    assert "10 episodes of 5 ways in each draw" in page
    assert "| untouched | closed form | 2 | – | – | 25.0 (25.0 to 25.0) | +5.0 (+5.0 to +5.0) |" in page
    assert "| later | not measured yet |" in page
    assert "Nothing is measured yet." in write_span_part({}, [Start("untouched")], {5: 10})
