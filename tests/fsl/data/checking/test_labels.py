"""Which labels a project lets in."""

from collections.abc import Mapping
from typing import Any

from fsl.data.checking.labels import LabelDecision, LabelRule, decide_labels
from fsl.data.checking.relations import Entry

KNOWN = frozenset({"refund_status", "greeting"})


def decide(
    rows: Mapping[tuple[str, ...], int], *, known: frozenset[str] = KNOWN, rule: Any = "accept", min_rows: int = 2
) -> LabelDecision:
    """Decide on so many rows of each set of labels."""
    entries = [Entry(b"", line, b"x", labels) for labels, n in rows.items() for line in range(n)]
    return decide_labels(entries, known, LabelRule(rule, min_rows))


def test_in_a_first_batch_every_label_with_enough_rows_is_new_whatever_the_config_says() -> None:
    for rule in ("refuse", "quarantine", "accept"):
        decision = decide({("a",): 2, ("b",): 3}, known=frozenset(), rule=rule)

        assert decision == LabelDecision({}, ("a", "b"))


def test_a_rare_new_label_is_told_what_it_lacks_and_what_it_is_close_to() -> None:
    decision = decide({("refnd",): 1, ("greeting",): 5}, min_rows=10)

    assert decision.faults == {
        "refnd": "label 'refnd' has 1 row, new labels need 10; 'refnd' is close to 'refund_status'"
    }
    assert decision.new == ()


def test_in_a_first_batch_a_slip_is_close_to_a_label_of_the_same_file() -> None:
    decision = decide({("refund",): 9, ("refudn",): 1}, known=frozenset())

    assert decision.faults["refudn"].endswith("; 'refudn' is close to 'refund'")


def test_a_label_like_no_other_gets_no_suggestion() -> None:
    assert decide({("zzz",): 1}).faults == {"zzz": "label 'zzz' has 1 row, new labels need 2"}


def test_a_known_label_may_be_rare() -> None:
    assert decide({("greeting",): 1}, min_rows=10) == LabelDecision({}, ())


def test_quarantine_keeps_every_unknown_label_out() -> None:
    decision = decide({("loan",): 50, ("greeting",): 1}, rule="quarantine")

    assert decision.faults == {"loan": "label 'loan' is not known (50 rows)"}
    assert not decision.refuses_file


def test_refuse_refuses_the_file_for_one_unknown_label_and_for_none_does_not() -> None:
    assert decide({("loan",): 1}, rule="refuse").refuses_file
    assert not decide({("greeting",): 1}, rule="refuse").refuses_file


def test_a_row_that_falls_with_one_label_is_missing_from_its_others() -> None:
    # "b" has two rows, but one of them falls with the rare "a"; then "c" loses one as well.
    decision = decide({("a", "b"): 1, ("b", "c"): 1, ("c",): 1, ("d",): 2}, known=frozenset())

    assert decision.new == ("d",)
    assert decision.faults["a"] == "label 'a' has 1 row, new labels need 2"
    assert decision.faults["b"] == "label 'b' has fewer than 2 rows, once those with another refused label are out"
    assert set(decision.faults) == {"a", "b", "c"}


def test_a_row_says_what_is_wrong_with_each_of_its_labels() -> None:
    decision = decide({("x", "y"): 1}, min_rows=2)

    assert decision.fault_of(("greeting", "x", "y")) == (
        "label 'x' has 1 row, new labels need 2; label 'y' has 1 row, new labels need 2"
    )
    assert decision.fault_of(("greeting",)) is None
