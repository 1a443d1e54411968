"""Numbers and lists as people say them."""

import math

import pytest

from fsl.pages.words import (
    listed,
    megabytes,
    milliseconds,
    n_of,
    p_words,
    percent,
    percent_range,
    points,
    points_range,
    sentence,
)


def test_shares_are_said_in_per_cent_with_one_digit() -> None:
    assert percent(0.7966) == "79.7%"
    assert percent_range(0.743, 0.852) == "74.3% to 85.2%"
    assert percent(math.nan) == "no number"


def test_differences_are_said_in_points_with_their_sign() -> None:
    assert points(0.096) == "+9.6 points"
    assert points(-0.05) == "-5.0 points"
    assert points_range(0.044, 0.151) == "+4.4 to +15.1 points"


def test_no_difference_has_no_sign() -> None:
    assert points(-0.0001) == "0.0 points"


def test_small_p_values_are_not_said_to_be_zero() -> None:
    assert p_words(0.0193) == "p = 0.019"
    assert p_words(1e-12) == "p < 0.0001"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and d"),
    ],
)
def test_names_are_listed_with_an_and(names: list[str], said: str) -> None:
    assert listed(names) == said


def test_a_long_list_is_cut_and_says_by_how_many() -> None:
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"


def test_one_of_a_thing_is_not_many() -> None:
    assert [n_of(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]


def test_sizes_and_times_carry_their_units() -> None:
    assert megabytes(18_240_000) == "18.2 MB"
    assert milliseconds(1.26) == "1.3 ms"
    assert milliseconds(math.nan) == "not measured"


def test_a_sentence_begins_with_a_capital_and_ends_with_a_stop() -> None:
    assert sentence("one row won") == "One row won."
    assert sentence("why?") == "Why?"
    assert sentence("p95 latency 61.0 ms is over the gate") == "p95 latency 61.0 ms is over the gate."
