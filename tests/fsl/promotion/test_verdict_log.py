"""Verdicts on record: how often judge rows were asked is read off them, and two runs never take one place."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from fsl.config import GateConfig
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem
from fsl.promotion.verdict_log import judge_on_record, read_tests
from fsl.store import layout
from fsl.store.errors import DamagedObject
from fsl.store.objects import ObjectStore

GATE = GateConfig()


def sheet(version: str, n_right: int, n_rows: int = 60) -> ScoreSheet:
    rows = tuple(
        RowScore(f"r{index:03d}", "a", "a" if index < n_right else "b", 0.9, index < n_right) for index in range(n_rows)
    )
    return ScoreSheet(version, ("a", "b"), rows, 1.0, 2.0, 1)


def verdict_of(n_right: int) -> Callable[[str], Callable[[JudgeUse], Verdict]]:
    champion = sheet("v-1", 40)
    return lambda version: (
        lambda use: judge(champion, sheet(version, n_right), find_problem("classification"), GATE, use=use)
    )


EQUALLY_GOOD = verdict_of(41)


def record(store: ObjectStore, version: str, champion: str | None = "v-1") -> Verdict:
    return judge_on_record(store, champion, version, GATE, EQUALLY_GOOD(version))


def test_each_challenger_of_a_champion_gets_less_of_alpha(store: ObjectStore) -> None:
    uses = [record(store, f"c-{number}").use for number in (1, 2, 3)]

    assert [use.alpha for use in uses if use] == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 12])
    assert [use.n_before for use in uses if use] == [0, 1, 2]


def test_the_verdict_says_in_words_what_was_spent(store: ObjectStore) -> None:
    record(store, "c-1")
    verdict = record(store, "c-2")

    assert "(98.33% interval " in verdict.reasons[0]  # 1 - 2 alpha, at the alpha of this test
    assert "0.0083, which is what challenger 2 of one champion gets of alpha 0.05" in verdict.reasons[1]
    assert (
        "1 challenger met v-1 on judge rows before, and 1 verdict in all used them: 0.025 of alpha 0.05 was spent, "
        "this test got 0.0083, and the next will get 0.0042"
    ) in verdict.notes


def test_the_rows_asked_for_are_those_that_the_next_test_needs(store: ObjectStore) -> None:
    first, second = record(store, "c-1").rows_needed, record(store, "c-2").rows_needed

    assert first is not None
    assert second is not None
    assert second > first


def test_what_suffices_at_first_does_not_after_nine_equals(store: ObjectStore) -> None:
    better = verdict_of(46)  # six rows won and none lost: p = 1/64
    first = judge_on_record(store, "v-1", "c-good", GATE, better("c-good"))
    for number in range(9):
        record(store, f"c-{number}", champion="v-other")
    late = judge_on_record(store, "v-other", "c-good", GATE, better("c-good"))

    assert (first.outcome, late.outcome) == (Outcome.PROMOTE, Outcome.UNDECIDED)


def test_a_new_champion_starts_a_new_series(store: ObjectStore) -> None:
    record(store, "c-1")

    use = record(store, "c-2", champion="v-2").use

    assert use is not None
    assert (use.n_before, use.n_verdicts, use.alpha) == (0, 1, 0.025)


def test_judging_again_gives_the_same_verdict_and_adds_no_record(store: ObjectStore) -> None:
    first = record(store, "c-1")
    record(store, "c-2")

    again = record(store, "c-1")

    assert again.use is not None
    assert first.use is not None
    assert replace(again.use, n_verdicts=0) == first.use
    assert (again.outcome, again.reasons) == (first.outcome, first.reasons)
    assert [one.challenger for one in read_tests(store, "v-1")] == ["c-1", "c-2"]


def test_the_run_that_loses_the_race_judges_again_with_what_is_left(store: ObjectStore) -> None:
    seen: list[float] = []

    def judged_while_another_is(use: JudgeUse) -> Verdict:
        if not seen:
            record(store, "c-fast")
        seen.append(use.alpha)
        return EQUALLY_GOOD("c-slow")(use)

    verdict = judge_on_record(store, "v-1", "c-slow", GATE, judged_while_another_is)

    assert seen == pytest.approx([0.05 / 2, 0.05 / 6])
    assert verdict.use is not None
    assert verdict.use.n_before == 1
    assert [one.challenger for one in read_tests(store, "v-1")] == ["c-fast", "c-slow"]


def test_equal_answers_spend_nothing(store: ObjectStore) -> None:
    judge_on_record(store, "v-1", "twin", GATE, verdict_of(40)("twin"))

    assert [one.asked for one in read_tests(store, "v-1")] == [False]
    use = record(store, "c-2").use
    assert use is not None
    assert use.alpha_spent == 0.0


def test_a_verdict_on_record_comes_back_whole(store: ObjectStore) -> None:
    verdict = record(store, "c-1")

    stored = json.loads(store.get(layout.verdict("v-1", 1)))
    assert Verdict.from_json(stored["verdict"]) == verdict


def test_a_damaged_record_stops_the_judging_and_names_itself(store: ObjectStore) -> None:
    record(store, "c-1")
    store.put(layout.verdict("v-1", 1), b"{}")

    with pytest.raises(DamagedObject, match=r"verdicts/v-1/00000001.json"):
        record(store, "c-2")


def test_a_record_that_was_removed_still_counts(store: ObjectStore) -> None:
    record(store, "c-1")
    record(store, "c-2")
    store.delete(layout.verdict("v-1", 1))

    use = record(store, "c-3").use

    assert use is not None
    assert use.n_before == 2
