"""The decision table, Holm's correction, and decisions from end to end."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision, decide, require_permutations, set_alarms
from fsl.drift.decision.examine import examine
from fsl.drift.detectors.findings import Finding, FindingName
from fsl.drift.errors import DamagedDecision, TooFewPermutations
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

BuildWindow = Callable[..., Window]
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
NAMES: tuple[FindingName, ...] = ("texts", "texts_given_answers", "telling_apart", "answers", "confidence")


def findings(auroc: float = 0.5, **p_values: float) -> tuple[Finding, ...]:
    return tuple(
        Finding(name, p_values.get(name, 0.5), auroc if name == "telling_apart" else 0.1, f"{name} in words")
        for name in NAMES
    )


@pytest.mark.parametrize(
    ("given", "action", "reason"),
    [
        (findings(), "none", "nothing changed beyond chance: the smallest is p = 0.5, an alarm needs 0.002 or less"),
        (findings(auroc=0.9), "none", "nothing changed"),
        (findings(auroc=0.7, telling_apart=0.001), "retrain", "AUROC 0.70, where `drift.min_effect` asks for 0.60"),
        (findings(auroc=0.6, texts_given_answers=0.001), "retrain", "the texts behind the answers have changed"),
        (findings(auroc=0.55, texts_given_answers=0.001), "watch", "too little to act on"),
        (findings(answers=0.001), "watch", "the texts behind each answer look as before"),
        (findings(texts=0.001, answers=0.001), "watch", "the texts behind each answer look as before"),
        (findings(confidence=0.001), "watch", "the texts behind each answer look as before"),
        (findings(auroc=0.8, telling_apart=0.001, answers=0.001), "retrain", "have changed"),
    ],
)
def test_the_table_says_what_to_do_and_why(given: tuple[Finding, ...], action: str, reason: str) -> None:
    ruling = decide(given, alpha=0.01, min_effect=0.6)

    assert ruling.action == action
    assert reason in ruling.reasons[0]


def test_every_alarm_is_among_the_reasons() -> None:
    ruling = decide(findings(auroc=0.8, telling_apart=0.001, confidence=0.0001), alpha=0.01, min_effect=0.6)

    assert ruling.reasons[1:] == ("telling_apart in words", "confidence in words")


def test_holms_correction_matches_an_example_worked_by_hand() -> None:
    given = findings(texts=0.009, texts_given_answers=0.012, telling_apart=0.02, answers=0.2, confidence=0.9)

    judged = set_alarms(given, alpha=0.05)

    # 0.009 <= 0.05/5; 0.012 <= 0.05/4; 0.02 > 0.05/3, and there it ends.
    assert [finding.alarmed for finding in judged] == [True, True, False, False, False]
    assert [finding.bound for finding in judged] == pytest.approx([0.05 / 5, 0.05 / 4, 0.05 / 3, 0.05 / 3, 0.05 / 3])


def test_so_few_permutations_that_nothing_can_alarm_are_refused() -> None:
    require_permutations(499, alpha=0.01)  # 1/500 = 0.01/5
    with pytest.raises(TooFewPermutations, match="at least 499"):
        require_permutations(498, alpha=0.01)


@pytest.mark.parametrize(
    ("mix", "changes", "action"),
    [
        ({"a": 60, "b": 60}, {}, "none"),
        ({"a": 20, "b": 100}, {}, "watch"),
        ({"a": 60, "b": 60}, {"shift": 0.8}, "retrain"),
        ({"a": 60, "b": 60}, {"shift": 2.5, "shifted_share": 0.4}, "retrain"),
        ({"a": 60, "b": 60}, {"confidence": 0.6}, "watch"),
    ],
)
def test_windows_lead_to_the_right_action(
    window: BuildWindow, mix: dict[str, int], changes: dict[str, float], action: str
) -> None:
    windows = Windows(window(1, {"a": 60, "b": 60}), window(2, mix, **changes), ())

    decision = examine(windows, DriftConfig(n_permutations=499), now=NOW)

    assert decision.action == action
    assert decision.reasons


def test_windows_that_share_no_answer_are_not_said_to_look_as_before(window: BuildWindow) -> None:
    windows = Windows(window(1, {"a": 60}), window(2, {"b": 60}), ())

    decision = examine(windows, DriftConfig(n_permutations=499), now=NOW)

    assert decision.action == "watch"
    assert "too few rows share an answer" in decision.reasons[0]


def test_a_mere_change_of_the_mix_never_asks_for_a_retrain(window: BuildWindow) -> None:
    decisions = [
        examine(
            Windows(window(2 * seed, {"a": 50, "b": 30}), window(2 * seed + 1, {"a": 30, "b": 50}), ()),
            DriftConfig(alpha=0.05, n_permutations=99),
            now=NOW,
        )
        for seed in range(60)
    ]

    assert sum(decision.action == "retrain" for decision in decisions) <= 1
    assert sum(decision.action == "watch" for decision in decisions) > 50


def test_a_decision_comes_back_from_json_as_it_was(window: BuildWindow) -> None:
    windows = Windows(window(1, {"退款": 30, "b": 30}), window(2, {"退款": 30, "b": 30}), ("a file was left out",))
    before = examine(windows, DriftConfig(alpha=0.05, n_permutations=99), now=NOW)

    assert Decision.from_json(json.loads(json.dumps(before.to_json(), allow_nan=False))) == before


def test_json_that_is_no_decision_is_refused() -> None:
    with pytest.raises(DamagedDecision, match="action"):
        Decision.from_json({"action": "explode"})


def test_the_same_windows_get_the_same_name_and_later_ones_a_later_one(window: BuildWindow) -> None:
    config = DriftConfig(alpha=0.05, n_permutations=99)
    mix = {"a": 30, "b": 30}
    reference, current = window(1, mix), window(2, mix)
    later = window(3, mix, start=datetime(2026, 11, 9, tzinfo=UTC))

    first, again, next_one = (
        examine(Windows(reference, one, ()), config, now=NOW).window for one in (current, current, later)
    )

    assert first == again
    assert first < next_one
