"""What changed between two versions' answers, counted by hand."""

from collections.abc import Callable

from fsl.evaluation.comparison.changes import ConfusionChange, Forgotten, compare_confusions, measure_forgetting
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

CLASSIFICATION = find_problem("classification")
BuildSheet = Callable[..., ScoreSheet]


def test_confusions_stand_by_how_much_they_changed(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "b"), ("a", "b"), ("a", "c"), ("b", "b"), ("c", "a")])
    after = sheet("new", [("a", "a"), ("a", "a"), ("a", "c"), ("b", "a"), ("c", "a")])

    assert compare_confusions(before, after, CLASSIFICATION) == (
        ConfusionChange("a", "b", 2, 0),
        ConfusionChange("b", "a", 0, 1),
    )
    assert compare_confusions(before, after, CLASSIFICATION, most=1)[0].change == -2
    assert compare_confusions(after, after, CLASSIFICATION) == ()


def test_swapping_the_two_turns_every_change_round(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "b"), ("b", "b"), ("c", "a")])
    after = sheet("new", [("a", "a"), ("b", "a"), ("c", "b")])

    turned = {(one.truth, one.answer): -one.change for one in compare_confusions(after, before, CLASSIFICATION)}

    assert turned == {(one.truth, one.answer): one.change for one in compare_confusions(before, after, CLASSIFICATION)}


def test_spans_are_confused_missed_and_invented(sheet: BuildSheet) -> None:
    before = sheet("old", [([[0, 4, "ORG"], [5, 9, "PER"]], [[0, 4, "PER"], [10, 12, "ORG"]])])
    after = sheet("new", [([[0, 4, "ORG"], [5, 9, "PER"]], [[0, 4, "ORG"], [5, 9, "PER"]])])

    assert compare_confusions(before, after, find_problem("tagging")) == (
        ConfusionChange("ORG", "PER", 1, 0),
        ConfusionChange("PER", "nothing", 1, 0),
        ConfusionChange("nothing", "ORG", 1, 0),
    )


def test_forgetting_counts_what_was_right_and_is_wrong(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "a"), ("a", "a"), ("b", "b"), ("b", "a")])
    after = sheet("new", [("a", "b"), ("a", "a"), ("b", "b"), ("b", "b")])

    found = measure_forgetting(before, after, find_problem("classification"))

    assert (found.n_right_before, found.n_forgotten, found.share) == (3, 1, 1 / 3)
    assert found.labels == (Forgotten("a", 2, 1),)
    nothing = measure_forgetting(sheet("old", []), sheet("new", []), find_problem("classification"))
    assert (nothing.share, nothing.labels) == (0.0, ())
