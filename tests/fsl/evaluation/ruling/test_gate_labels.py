"""Verdicts where the two models do not know the same labels: new ones must be found, lost ones are a reason."""

from collections.abc import Callable

from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.records import ScoreSheet
from tests.fsl.evaluation.ruling.conftest import judge_pair

BuildSheet = Callable[..., ScoreSheet]


class TestNewLabels:
    """The challenger knows a label that the champion does not."""

    @staticmethod
    def build(
        sheet: BuildSheet, *, new_found: int, new_rows: int, lost: int = 0, shared: int = 400
    ) -> tuple[ScoreSheet, ScoreSheet]:
        old = [("refund", "refund")] * (shared // 2) + [("balance", "balance")] * (shared // 2)
        new = [("crypto", "crypto")] * new_found + [("crypto", "refund")] * (new_rows - new_found)
        worse = [("refund", "balance")] * lost + old[lost:]
        champion = sheet("old", old + [("crypto", "refund")] * new_rows)
        challenger = sheet("new", worse + new, labels=("balance", "crypto", "refund"))
        return champion, challenger

    def test_are_no_free_win(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=50, new_rows=50))

        assert verdict.n_rows == 400  # the 50 rows that the champion cannot know are not among them
        assert (verdict.n_wins, verdict.difference) == (0, 0.0)

    def test_are_promoted_when_found_and_nothing_shared_got_worse(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=8, new_rows=10))

        assert verdict.outcome is Outcome.PROMOTE
        assert verdict.new_labels[0].recall == 0.8
        assert any("crypto: 80.0% of it is found on 10 judge rows" in reason for reason in verdict.reasons)

    def test_are_rejected_when_surely_not_found(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=0, new_rows=20))

        assert verdict.outcome is Outcome.REJECT

    def test_stay_undecided_when_perhaps_not_found(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=1, new_rows=4))

        assert verdict.outcome is Outcome.UNDECIDED
        assert "crypto" in verdict.what_would_change_it[0]

    def test_do_not_excuse_a_loss_on_the_labels_both_know(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=10, new_rows=10, lost=40))

        assert verdict.outcome is Outcome.REJECT

    def test_excuse_a_loss_within_the_margin(self, sheet: BuildSheet) -> None:
        pair = self.build(sheet, new_found=10, new_rows=10, lost=4)

        assert judge_pair(pair).outcome is Outcome.PROMOTE  # 1 point lost, at most 2.1 at one-sided 95%
        assert judge_pair(pair, non_inferiority_margin=0.01).outcome is Outcome.UNDECIDED

    def test_on_few_shared_rows_ask_for_more(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=10, new_rows=10, shared=40))

        assert verdict.outcome is Outcome.UNDECIDED
        assert verdict.rows_needed == 88 - 40  # z^2 (1 - m) / m = 87.5 rows in all

    def test_with_too_few_judge_rows_are_listed_as_unjudged(self, sheet: BuildSheet) -> None:
        verdict = judge_pair(self.build(sheet, new_found=0, new_rows=2))

        assert verdict.outcome is Outcome.PROMOTE
        assert verdict.unjudged_labels == ("crypto",)
        assert any("too few to judge it by" in reason for reason in verdict.reasons)


def test_a_label_that_was_lost_is_a_reason_to_reject(sheet: BuildSheet) -> None:
    rows = [("refund", "refund")] * 30 + [("balance", "balance")] * 30
    challenger = sheet("new", rows[:30] + [("balance", "refund")] * 30, labels=("refund",))

    verdict = judge_pair((sheet("old", rows), challenger))

    assert verdict.outcome is Outcome.REJECT
    assert verdict.reasons == ("the champion knows balance, the challenger does not, and 30 judge rows carry it",)


def test_a_label_that_was_lost_with_all_its_judge_rows_is_only_noted(sheet: BuildSheet) -> None:
    champion = sheet("old", [("refund", "balance")] * 20 + [("refund", "refund")] * 20)
    challenger = sheet("new", [("refund", "refund")] * 40, labels=("refund",))

    verdict = judge_pair((champion, challenger))

    assert verdict.outcome is Outcome.PROMOTE
    assert "no longer knows balance, and no judge row carries it" in verdict.notes[0]


def test_disjoint_labels_leave_nothing_to_compare(sheet: BuildSheet) -> None:
    answers = [("crypto", "crypto")] * 20

    verdict = judge_pair((sheet("old", answers), sheet("new", answers, labels=("crypto",))))

    assert verdict.outcome is Outcome.UNDECIDED
    assert "cannot be compared" in verdict.reasons[0]
