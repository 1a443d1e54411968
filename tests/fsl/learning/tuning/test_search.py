"""Trials in a file: what comes first, what a kill costs, when to stop, and what is worth taking over."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fsl.errors import MissingPackage
from fsl.learning.errors import TrainingDiverged, TrialsUnreadable
from fsl.learning.tuning.search import Found, Scored, search
from fsl.learning.tuning.space import Between, OneOf, Values

SETTINGS = (Between("student.learning_rate", 2.5e-4, 4e-3), OneOf("distillation.head", ("linear", "cosine")))
PRESENT = {"student.learning_rate": 1e-3, "distillation.head": "linear"}


def rows(level: float) -> Scored:
    """Return twenty rows of nearly this likelihood under the student, and of -2 under the probe."""
    return Scored(tuple(level + 0.01 * (row % 2) for row in range(20)), (-2.0,) * 20)


def cosine_is_better(values: Values) -> Scored:
    return rows(-0.5 if values["distillation.head"] == "cosine" else -1.0)


def ticking(*, minutes_each: float) -> Callable[[], float]:
    """Return a clock that is so much later at each look."""
    now = iter(range(1000))
    return lambda: 60.0 * minutes_each * next(now)


def run(file: Path, score: Callable[[Values], Scored], minutes: float, *, name: str = "mine") -> Found:
    pytest.importorskip("optuna")
    clock = ticking(minutes_each=1.0)
    return search(score, SETTINGS, PRESENT, file=file, name=name, minutes=minutes, seed=0, clock=clock)


def test_the_present_settings_come_first_and_stay_to_the_last_digit(tmp_path: Path) -> None:
    found = run(tmp_path / "tune.db", cosine_is_better, 0.0)

    assert [row.values for row in found.trials] == [PRESENT]
    assert found.present == found.trials[0]
    assert found.best is None
    assert found.probe_score == -2.0


def test_what_beats_the_present_settings_by_more_than_noise_is_named(tmp_path: Path) -> None:
    found = run(tmp_path / "tune.db", cosine_is_better, 12.0)

    assert found.best is not None
    assert found.best.values["distillation.head"] == "cosine"
    assert found.best.score == pytest.approx(-0.495)
    rates = {row.values["student.learning_rate"] for row in found.trials}
    assert all(2.5e-4 <= rate <= 4e-3 and rate == float(f"{rate:.2g}") for rate in rates)


def test_a_gain_within_one_standard_error_is_left_alone(tmp_path: Path) -> None:
    def barely(values: Values) -> Scored:  # ahead by 0.01 on the mean, by 1 or -0.98 on each row
        present = values == PRESENT
        return rows(-1.0) if present else Scored(tuple(-1.0 + (1.0, -0.97)[row % 2] for row in range(20)), (-2.0,) * 20)

    found = run(tmp_path / "tune.db", barely, 5.0)

    assert max(row.score or -9.0 for row in found.trials) > (found.present.score or 0.0)  # type: ignore[union-attr]
    assert found.best is None


@pytest.mark.parametrize(("minutes", "n_trials"), [(0.0, 1), (1.9, 1), (2.0, 2), (5.0, 5)])
def test_a_trial_begins_only_if_it_would_end_in_time(tmp_path: Path, minutes: float, n_trials: int) -> None:
    # A minute passes between two looks at the clock, and each trial is one look.
    assert len(run(tmp_path / "tune.db", cosine_is_better, minutes).trials) == n_trials


def test_the_next_call_goes_on_and_draws_what_was_not_drawn(tmp_path: Path) -> None:
    first = run(tmp_path / "tune.db", cosine_is_better, 4.0)
    both = run(tmp_path / "tune.db", cosine_is_better, 4.0)

    assert both.trials[:4] == first.trials
    assert len(both.trials) == 8
    drawn = [row.values["student.learning_rate"] for row in both.trials[1:]]
    assert len(set(drawn)) > 4


def test_trials_of_other_data_are_left_alone(tmp_path: Path) -> None:
    run(tmp_path / "tune.db", cosine_is_better, 3.0, name="before")

    assert len(run(tmp_path / "tune.db", cosine_is_better, 1.0, name="after").trials) == 1


def test_settings_that_do_not_work_cost_a_trial_and_say_why(tmp_path: Path) -> None:
    def breaks(values: Values) -> Scored:
        if values["distillation.head"] == "cosine":
            raise TrainingDiverged(7, "student")
        return rows(-1.0)

    found = run(tmp_path / "tune.db", breaks, 8.0)

    broken = [row for row in found.trials if row.score is None]
    assert broken
    assert all("at step 7 its loss was no number" in row.said for row in broken)
    assert found.present is not None


def test_present_settings_that_do_not_work_are_replaced_by_any_that_do(tmp_path: Path) -> None:
    def only_cosine(values: Values) -> Scored:
        if values["distillation.head"] == "linear":
            raise TrainingDiverged(7, "student")
        return rows(-1.0)

    found = run(tmp_path / "tune.db", only_cosine, 10.0)

    assert found.present is None
    assert found.best is not None
    assert found.best.values["distillation.head"] == "cosine"


def test_nothing_that_works_is_no_answer(tmp_path: Path) -> None:
    def never(values: Values) -> Scored:
        raise TrainingDiverged(1, "teacher")

    found = run(tmp_path / "tune.db", never, 2.0)

    assert (found.present, found.best, found.probe_score) == (None, None, None)
    assert len(found.trials) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.fsl.learning.tuning.test_search import PRESENT, SETTINGS, rows
from fsl.learning.tuning.search import search

def score(values):
    if values != PRESENT:
        print(repr(sorted(values.items())), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return rows(-1.0)

search(score, SETTINGS, PRESENT, file=Path(sys.argv[1]), name="mine", minutes=9.0, seed=0)
"""


def test_a_killed_trial_is_made_again_and_no_other_is_lost(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "tune.db")]
    root = Path(__file__).parents[4]
    killed = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]

    asked: list[Values] = []

    def score(values: Values) -> Scored:
        asked.append(values)
        return cosine_is_better(values)

    found = run(tmp_path / "tune.db", score, 1.0)

    assert repr(sorted(asked[0].items())) == killed.stdout.strip()
    assert [row.values for row in found.trials] == [PRESENT, asked[0]]
    assert found.present is not None  # of the first call, which the kill did not take away


def test_a_file_that_is_none_is_left_as_it_is_and_said(tmp_path: Path) -> None:
    (tmp_path / "tune.db").write_text("no database at all, but long enough to be looked at" * 9)
    before = (tmp_path / "tune.db").read_bytes()

    with pytest.raises(TrialsUnreadable, match=r"cannot be read .*, and the file was left as it is\. Move it away"):
        run(tmp_path / "tune.db", cosine_is_better, 0.0)

    assert (tmp_path / "tune.db").read_bytes() == before


def test_without_optuna_a_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(
        MissingPackage, match=r"tuning needs the package 'optuna'\. Install it: pip install 'fsl\[tune\]'"
    ):
        search(cosine_is_better, SETTINGS, PRESENT, file=tmp_path / "tune.db", name="x", minutes=0.0, seed=0)

    assert not (tmp_path / "tune.db").exists()
