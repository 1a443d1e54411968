"""Alpha over a series of tests: what each may take, and what is read off the verdicts on record."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsl.evaluation.comparison.spending import JudgeUse, PastTest, alpha_of_test, compute_use


def series(*names: str) -> list[PastTest]:
    return [PastTest(seq, name, asked=True) for seq, name in enumerate(names, start=1)]


def test_the_first_tests_get_a_half_a_sixth_and_a_twelfth_of_alpha() -> None:
    assert [alpha_of_test(place, 0.05) for place in (1, 2, 3)] == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 12])


@given(n_tests=st.integers(1, 3000), half_after=st.integers(1, 50), alpha=st.floats(0.001, 0.4))
def test_all_tests_together_take_less_than_alpha(n_tests: int, half_after: int, alpha: float) -> None:
    spent = sum(alpha_of_test(place, alpha, half_after=half_after) for place in range(1, n_tests + 1))

    assert spent == pytest.approx(alpha * n_tests / (n_tests + half_after))
    assert spent < alpha


def test_half_of_alpha_is_spent_after_as_many_tests_as_the_config_says() -> None:
    assert sum(alpha_of_test(place, 0.05, half_after=7) for place in range(1, 8)) == pytest.approx(0.025)


def test_a_new_champion_starts_with_all_of_alpha() -> None:
    use = compute_use([], "v-new", 0.05)

    assert (use.n_before, use.alpha_spent, use.alpha) == (0, 0.0, 0.025)


def test_what_was_spent_is_read_off_the_verdicts_on_record() -> None:
    use = compute_use(series("v-1", "v-2"), "v-3", 0.06, n_verdicts=9)

    assert use == JudgeUse(2, 9, 0.06, pytest.approx(0.04), pytest.approx(0.005), pytest.approx(0.003))  # type: ignore[arg-type]


@given(order=st.permutations(range(6)))
def test_the_order_in_which_records_are_read_changes_nothing(order: list[int]) -> None:
    records = series(*"abcdef")

    assert compute_use([records[index] for index in order], "g", 0.05) == compute_use(records, "g", 0.05)


def test_a_challenger_that_is_judged_again_keeps_its_place() -> None:
    first = compute_use(series("v-1"), "v-2", 0.05)

    assert compute_use(series("v-1", "v-2", "v-3"), "v-2", 0.05) == first


def test_a_verdict_without_a_comparison_spends_nothing() -> None:
    records = series("v-1", "v-2")
    records[0] = replace(records[0], asked=False)

    assert compute_use(records, "v-3", 0.05).n_before == 1


def test_a_record_that_is_missing_counts_as_a_test() -> None:
    records = series("v-1", "v-2", "v-3")

    assert compute_use([records[2]], "v-4", 0.05) == compute_use(records, "v-4", 0.05)


def test_a_lone_test_takes_all_of_alpha() -> None:
    assert JudgeUse.alone(0.05).is_alone
    assert not compute_use([], "v-1", 0.05).is_alone
