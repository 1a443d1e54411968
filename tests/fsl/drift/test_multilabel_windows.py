"""Windows whose answers are sets of labels: what is seen in them, and what is said not to be estimated."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from fsl.config import DriftConfig
from fsl.drift.checking import describe_mix
from fsl.drift.decision.examine import examine
from fsl.drift.harm.labelled import Labelled
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window
from fsl.problems import find_problem

BuildWindow = Callable[..., Window]
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def with_sets(window: Window, share: float) -> Window:
    """Return the window with billing on every row, delivery beside it on a share of them, and none on a tenth."""
    n = window.n_rows
    sets = [("billing", "delivery") if row < share * n else ("billing",) for row in range(n)]
    sets[-n // 10 :] = [()] * (n // 10)
    return replace(window, labels=tuple(sets), answers=tuple(list(one) for one in sets))


def test_a_label_that_comes_more_often_beside_others_is_a_change_of_answers(window: BuildWindow) -> None:
    reference, current = (with_sets(window(seed, {"x": 150}), share) for seed, share in ((1, 0.2), (2, 0.8)))

    decision = examine(Windows(reference, current, ()), DriftConfig(), now=NOW)

    assert "answers" in {finding.name for finding in decision.alarms}
    assert decision.shares == {"billing": 0.9, "delivery": 0.8}  # of rows: they add up to more than one


def test_the_same_sets_again_are_no_change(window: BuildWindow) -> None:
    reference, current = (with_sets(window(seed, {"x": 150}), 0.5) for seed in (1, 2))

    assert not examine(Windows(reference, current, ()), DriftConfig(), now=NOW).alarms


def test_a_confusion_of_labels_is_not_undone_for_sets_and_that_is_said(window: BuildWindow) -> None:
    served = with_sets(window(1, {"x": 60}), 0.5)
    rows = np.full(60, 0.9), np.full(60, 0.8), np.ones(60, np.bool_)
    answered = ("billing",) * 30 + ("billing + delivery",) * 30
    labelled = Labelled(*rows, answered, answered)

    sets = describe_mix(labelled, Windows(served, served, ()), find_problem("multilabel"))
    single = describe_mix(labelled, Windows(served, served, ()), find_problem("classification"))

    assert "is not estimated: a text has any number of them" in sets[0]
    assert "as far as confusion can be undone" in single[0]
