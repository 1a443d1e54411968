"""What holds a promotion back, what is only noted, and which claim a promotion rests on."""

from collections.abc import Callable
from typing import Any

import pytest

from fsl.config import GateConfig
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome, Route, State, Verdict
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

Pair = tuple[ScoreSheet, ScoreSheet]
BuildPair = Callable[..., Pair]
BuildSheet = Callable[..., ScoreSheet]
CLASSIFICATION = find_problem("classification")
LABELS = ("a", "b", "c")


def decide(pair: tuple[ScoreSheet | None, ScoreSheet], *, slices: Any = None, **config: Any) -> Verdict:
    return judge(*pair, CLASSIFICATION, GateConfig(**config), slices=slices)


@pytest.fixture
def forgetful(sheet: BuildSheet) -> Pair:
    """A challenger that gains 40 rows of a, and loses 12 of the 40 rows of b to c."""
    before = [("a", "c")] * 40 + [("a", "a")] * 60 + [("b", "b")] * 40 + [("c", "c")] * 60
    after = [("a", "a")] * 100 + [("b", "c")] * 12 + [("b", "b")] * 28 + [("c", "c")] * 60
    return sheet("old", before, labels=LABELS), sheet("new", after, labels=LABELS)


def test_a_challenger_that_is_better_but_forgot_a_label_is_rejected(forgetful: Pair) -> None:
    verdict = decide(forgetful)

    assert verdict.p_value is not None
    assert verdict.p_value < 0.001  # better on the whole
    assert verdict.outcome is Outcome.REJECT
    # F1 of b: 80 / 80 before; 2 * 28 / (2 * 28 + 12) = 82.4% after. p = 1/4096, of three labels 3/4096 = 0.00073.
    assert verdict.reasons[0] == (
        "the label b got worse: its F1 went from 100.0% to 82.4%, 0 rows won and 12 lost (p = 0.00073 after adjusting "
        "for the number of labels), where 5 points may be lost"
    )


def test_a_loss_within_what_may_be_forgotten_is_noted_and_promoted(forgetful: Pair) -> None:
    verdict = decide(forgetful, max_forgetting=0.2)

    assert verdict.outcome is Outcome.PROMOTE
    assert any(note.startswith("the label b got worse") for note in verdict.notes)


def test_a_label_that_may_have_lost_by_chance_holds_nothing_back(sheet: BuildSheet) -> None:
    before = [("a", "c")] * 40 + [("a", "a")] * 60 + [("b", "b")] * 40
    after = [("a", "a")] * 100 + [("b", "a")] * 4 + [("b", "b")] * 36  # four of forty: p = 1/16

    verdict = decide((sheet("old", before, labels=LABELS), sheet("new", after, labels=LABELS)))

    assert verdict.outcome is Outcome.PROMOTE
    assert not any("got worse" in note for note in verdict.notes)


def test_a_slice_that_got_worse_holds_a_promotion_back(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=60, losses=12, ties=128)
    lost = [row.row_id for row, before in zip(pair[1].rows, pair[0].rows, strict=True) if before.correct > row.correct]

    assert decide(pair).outcome is Outcome.PROMOTE
    verdict = decide(pair, slices={"names a person": lost})
    assert verdict.outcome is Outcome.REJECT
    assert verdict.reasons[0].startswith("the slice names a person got worse: its accuracy went from 100.0% to 0.0%")


@pytest.mark.parametrize(("on_unjudged", "outcome"), [("promote", Outcome.PROMOTE), ("keep", Outcome.UNDECIDED)])
def test_unjudged_labels_are_the_configs_to_decide(
    paired_predictions: BuildPair, sheet: BuildSheet, on_unjudged: str, outcome: Outcome
) -> None:
    champion, challenger = paired_predictions(wins=30, losses=2, ties=200)
    known = ("balance", "card lost", "refund")
    pair = tuple(
        sheet(one.version, [(row.truth, row.answer) for row in one.rows], labels=known)
        for one in (champion, challenger)
    )

    verdict = decide((pair[0], pair[1]), on_unjudged=on_unjudged)

    assert verdict.outcome is outcome
    assert verdict.unjudged_labels == ("card lost",)


class TestState:
    """What there was to compare with, and by which claim a challenger was promoted."""

    def test_nothing_serves_yet(self, sheet: BuildSheet) -> None:
        verdict = decide((None, sheet("first", [("refund", "refund")] * 20 + [("balance", "balance")] * 20)))

        assert (verdict.state, verdict.route) == (State.FIRST_RUN, Route.FIRST)
        assert (verdict.parts, verdict.recent) == ((), None)

    def test_better_beyond_chance(self, paired_predictions: BuildPair) -> None:
        verdict = decide(paired_predictions(wins=30, losses=2, ties=200))

        assert (verdict.state, verdict.route) == (State.COMPARED, Route.BETTER)

    def test_not_worse_where_the_config_asks_for_no_more(self, paired_predictions: BuildPair) -> None:
        verdict = decide(paired_predictions(wins=12, losses=10, ties=978), on_undecided="promote_if_not_worse")

        assert (verdict.state, verdict.route) == (State.COMPARED, Route.NOT_WORSE)

    def test_new_labels(self, sheet: BuildSheet) -> None:
        rows = [("refund", "refund")] * 200 + [("crypto", "crypto")] * 10
        challenger = sheet("new", rows, labels=("balance", "crypto", "refund"))

        assert decide((sheet("old", rows), challenger)).route is Route.NEW_LABELS

    def test_undecided_has_no_route(self, paired_predictions: BuildPair) -> None:
        assert decide(paired_predictions(wins=7, losses=4, ties=89)).route is None

    def test_disjoint_labels(self, sheet: BuildSheet) -> None:
        answers = [("crypto", "crypto")] * 20

        verdict = decide((sheet("old", answers), sheet("new", answers, labels=("crypto",))))

        assert (verdict.state, verdict.outcome) == (State.NO_SHARED_ROWS, Outcome.UNDECIDED)

    def test_no_rows(self, sheet: BuildSheet) -> None:
        assert decide((sheet("old", []), sheet("new", []))).state is State.NO_ROWS

    def test_unusable_answers(self, sheet: BuildSheet) -> None:
        rows = [("refund", "refund")] * 20

        verdict = decide((sheet("old", rows), sheet("new", rows, confidence=float("nan"))))

        assert (verdict.state, verdict.outcome) == (State.UNUSABLE, Outcome.REJECT)
