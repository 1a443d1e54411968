"""Which candidate ships."""

import math

import numpy as np
import pytest

from fsl.learning.selection.choice import Candidate, Choice, also_against, choose_candidate, prefer_simpler

ZEROS = (0.0,) * 25


def gaining(*gains: float, name: str = "distilled") -> Candidate:
    """Return a candidate that beats a probe of zeros by these, over and over until there are 25 rows."""
    return Candidate(name, tuple(np.resize(gains, 25)), 1.0)


PROBE = Candidate("probe", ZEROS, 0.1)


def test_one_standard_error_is_the_bar_worked_by_hand() -> None:
    # 15 gains of 1 and 10 of -1: mean 0.2. Squares about it: 15 * 0.64 + 10 * 1.44 = 24, so variance 24 / 24 = 1
    # and the standard error is 1 / 5 = 0.2: no more than the mean, so the probe stays.
    trained = Candidate("distilled", (1.0,) * 15 + (-1.0,) * 10, 1.0)

    choice = choose_candidate(PROBE, [trained])

    assert choice.winner == "probe"
    assert choice.reason == "distilled gains 0.200 nats a row, within one standard error (0.200)"


def test_a_gain_of_more_than_one_standard_error_ships() -> None:
    trained = Candidate("distilled", (1.0,) * 16 + (-1.0,) * 9, 1.0)  # mean 0.28, standard error 0.196

    choice = choose_candidate(PROBE, [trained])

    assert choice.winner == "distilled"
    assert choice.reason == "distilled beats the probe by 0.280 nats a row (standard error 0.196)"


def test_gains_are_paired_by_row_so_hard_rows_are_no_noise() -> None:
    hard = tuple(float(-row) for row in range(25))
    probe, trained = Candidate("probe", hard, 0.1), Candidate("distilled", tuple(x + 0.01 for x in hard), 1.0)

    assert choose_candidate(probe, [trained]).winner == "distilled"


def test_the_best_of_several_is_the_one_that_is_compared() -> None:
    trained = [gaining(0.1, name="small"), gaining(0.3, name="large"), gaining(0.2, name="middle")]

    assert choose_candidate(PROBE, trained).winner == "large"


def test_a_tie_goes_to_the_probe() -> None:
    assert choose_candidate(PROBE, [gaining(0.0)]).winner == "probe"


@pytest.mark.parametrize("n_rows", [0, 1, 19])
def test_too_few_tune_rows_leave_the_probe(n_rows: int) -> None:
    probe, trained = Candidate("probe", ZEROS[:n_rows], 0.1), Candidate("distilled", (9.0,) * n_rows, 1.0)

    choice = choose_candidate(probe, [trained])

    assert choice.winner == "probe"
    assert choice.reason == f"{n_rows} tune rows are too few to tell (20 needed), so the probe ships"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_neither_wins_nor_hides_one_that_is(bad: float) -> None:
    broken, sound = gaining(bad, name="broken"), gaining(0.1)

    assert choose_candidate(PROBE, [broken, sound]).winner == "distilled"
    assert choose_candidate(PROBE, [sound, broken]).winner == "distilled"
    assert choose_candidate(PROBE, [broken]).reason == "no trained candidate has a score, so the probe ships"
    assert choose_candidate(PROBE, []).winner == "probe"


def test_a_score_is_the_mean_and_none_where_there_is_no_row() -> None:
    assert Candidate("probe", (-1.0, -3.0), 0.1).score == -2.0
    assert math.isnan(Candidate("probe", (), 0.1).score)


def test_a_costlier_candidate_must_beat_the_simpler_one_by_more_than_one_standard_error() -> None:
    plain = Candidate("plain", ZEROS, 1.0)
    # The sums are those worked by hand above: a gain of 0.2 with an error of 0.2, and one of 0.28 with 0.196.
    level = Candidate("level", (1.0,) * 15 + (-1.0,) * 10, 2.0)
    ahead = Candidate("ahead", (1.0,) * 16 + (-1.0,) * 9, 2.0)

    assert prefer_simpler([plain, level]).name == "plain"
    assert prefer_simpler([plain, ahead]).name == "ahead"
    assert prefer_simpler([plain]).name == "plain"


def test_a_candidate_that_came_to_nothing_holds_no_place_and_takes_none() -> None:
    nothing, sound = Candidate("nothing", (), 0.0, "it diverged"), gaining(0.1, name="sound")

    assert prefer_simpler([nothing, sound]).name == "sound"
    assert prefer_simpler([sound, nothing]).name == "sound"


def test_the_reason_also_says_how_far_the_winner_is_ahead_of_the_plain_student() -> None:
    plain, other = gaining(0.5), gaining(1.0, 2.0, name="r-drop")  # 13 gains of 1, 12 of 2: mean 1.48
    choice = Choice("r-drop", "r-drop beats the probe by 1.480 nats a row (standard error 0.102)")

    told = also_against(choice, plain, [other])

    assert told.winner == "r-drop"
    assert told.reason == f"{choice.reason}, and distilled by 0.980 (standard error 0.102)"
    assert also_against(Choice("distilled", "so"), plain, [other]) == Choice("distilled", "so")
    assert also_against(Choice("probe", "so"), plain, []) == Choice("probe", "so")
    broken = Candidate("distilled", (), 0.0)
    assert also_against(choice, broken, [other]).reason == f"{choice.reason}; distilled has no score"
