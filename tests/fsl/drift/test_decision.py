"""Signs, the decision table, the budget, and decisions from end to end."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from fsl.config import DriftConfig
from fsl.config.drift import DECISION_TABLE, Sign
from fsl.drift.decision.budget import compute_budget
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import Known, examine
from fsl.drift.decision.signs import Health, read_signs
from fsl.drift.decision.table import MEANINGS, STARTS_RETRAIN, choose_action
from fsl.drift.detectors.findings import Finding, FindingName
from fsl.drift.errors import DamagedDecision, EmptyWindow
from fsl.drift.harm.calibration import fit_curve
from fsl.drift.harm.verdict import Harm
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

BuildWindow = Callable[..., Window]
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
CONFIG = DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499)


@pytest.mark.parametrize(
    ("signs", "action"),
    [
        ((), "none"),
        (("labels-waiting", "harm-unknown"), "none"),
        (("changed", "answers-changed", "harmless"), "watch"),
        (("changed", "texts-changed", "harm-unknown"), "adapter"),
        (("changed", "texts-changed", "harmless"), "watch"),
        (("changed", "texts-changed", "harmful"), "adapter"),
        (("changed", "new-topic", "confidence-changed", "harmful"), "ask-labels"),
        (("changed", "new-topic", "labels-waiting"), "refit-head"),
        (("changed", "script-changed", "new-topic"), "redistil"),
        (("meaning-changed", "harmless"), "refit-head"),
        (("changed", "confidence-changed", "confidence-alone", "harmful"), "recalibrate"),
        (("changed", "confidence-changed", "harmless"), "watch"),
        (("changed", "surge", "answers-changed"), "tell-person"),
        (("damaged", "changed", "harmful"), "tell-person"),
    ],
)
def test_the_table_says_what_to_do(signs: tuple[Sign, ...], action: str) -> None:
    chosen = choose_action(signs, DECISION_TABLE)

    assert chosen.action == action
    assert chosen.because


def test_a_config_may_bring_its_own_table_and_none_of_actions_that_do_nothing() -> None:
    config = DriftConfig.model_validate({"decisions": [{"when": ["changed"], "action": "tell-person"}]})

    assert choose_action({"changed", "harmful"}, config.decisions).action == "tell-person"
    assert choose_action({"harmful"}, config.decisions).action == "none"
    with pytest.raises(ValidationError, match="action"):
        DriftConfig.model_validate({"decisions": [{"when": [], "action": "explode"}]})


def test_every_action_says_what_it_starts_or_that_a_person_acts() -> None:
    for rule in DECISION_TABLE:
        meaning = MEANINGS[rule.action]
        assert ("retrain is started" in meaning) == (rule.action in STARTS_RETRAIN)
        if rule.action not in STARTS_RETRAIN and rule.action != "watch":
            assert "a person" in meaning


def finding(name: FindingName, *, alarmed: bool = True, effect: float = 0.7) -> Finding:
    return Finding(name, 0.001 if alarmed else 0.5, effect, f"{name} in words", alarmed, 0.002)


HARMLESS = Harm("no", "unknown", None, None, 0.0, 0, 100, ())


@pytest.mark.parametrize(
    ("given", "signs"),
    [
        ((finding("texts", alarmed=False),), set()),
        ((finding("answers"),), {"changed", "answers-changed"}),
        ((finding("texts_given_answers"), finding("telling_apart", effect=0.65)), {"changed", "texts-changed"}),
        ((finding("texts_given_answers"), finding("telling_apart", effect=0.55)), {"changed"}),
        ((finding("surge", effect=0.2),), {"changed", "surge"}),
        ((finding("surge", effect=0.1),), {"changed"}),
        ((finding("out_of_scope"), finding("unsure_texts")), {"changed", "confidence-changed", "new-topic"}),
        ((finding("out_of_scope"),), {"changed", "confidence-changed"}),
        (
            (finding("out_of_scope"), finding("texts", alarmed=False)),
            {"changed", "confidence-changed", "confidence-alone"},
        ),
        ((finding("script"),), {"changed", "script-changed"}),
        ((finding("together"), finding("answers", alarmed=False)), {"changed"}),
        (  # none by itself: the oddest stands for all
            (finding("together"), Finding("sureness", 0.01, 0.7, "", False, 0.002), finding("texts", alarmed=False)),
            {"changed", "confidence-changed", "confidence-alone"},
        ),
    ],
)
def test_findings_become_signs(given: tuple[Finding, ...], signs: set[str]) -> None:
    assert read_signs(given, HARMLESS, Health(), n_waiting=0, min_effect=0.6) == signs | {"harmless"}


def test_rows_without_numbers_and_unusable_rows_are_damage() -> None:
    for health in (Health(unusable_share=0.5), Health(missing_confidence=0.5)):
        assert "damaged" in read_signs((), None, health, n_waiting=0, min_effect=0.6)
    assert read_signs((), None, Health(0.1, 0.1), n_waiting=3, min_effect=0.6) == {"labels-waiting", "harm-unknown"}


def test_the_budget_is_spent_evenly_and_a_window_looked_at_twice_costs_once() -> None:
    third = compute_budget(0.05, 90, ["w1", "w2", "w3"], "w3")

    assert third.spent == pytest.approx(3 * 0.05 / 90)
    assert third.words == "window 3 of 90: 0.17% of the 5% chance of any false alarm is spent"
    assert compute_budget(0.05, 90, [f"w{n}" for n in range(90)], "new").place == 1  # a new term


def test_enough_shuffles_are_made_for_the_level_whatever_the_config_says() -> None:
    config = DriftConfig(alpha=0.01, n_permutations=10)

    assert 1 / (config.n_shuffles + 1) <= config.level / 2


@pytest.mark.parametrize(
    ("mix", "changes", "action", "reason"),
    [
        ({"a": 60, "b": 60}, {}, "none", "nothing changed beyond chance"),
        ({"a": 45, "b": 75}, {}, "none", "nothing changed beyond chance"),
        ({"a": 20, "b": 100}, {}, "tell-person", "one label surged"),
        ({"a": 60, "b": 60}, {"shift": 1.0}, "adapter", "the texts behind the answers changed"),
    ],
)
def test_windows_are_decided_with_reasons(
    window: BuildWindow, mix: dict[str, int], changes: dict[str, float], action: str, reason: str
) -> None:
    reference, current = window(1, {"a": 60, "b": 60}), window(2, mix, **changes)

    decision = examine(Windows(reference, current, ("one file was left out",)), CONFIG, now=NOW)

    assert decision.action == action
    assert reason in decision.reasons[0]
    assert decision.notes == ("one file was left out",)
    assert any("accuracy cannot be estimated: fewer than 50 labelled rows" in said for said in decision.reasons)
    assert "unknown: about" in decision.reasons[-1]
    assert decision.budget is not None
    assert decision.budget.words.startswith("window 1 of 10: 1.00% of the 10%")


def test_a_new_topic_asks_for_labels_and_lists_the_rows(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 150, "b": 150}), window(2, {"a": 80, "b": 80})
    new = np.arange(160) % 4 == 0
    embeddings, confidence = current.embeddings.copy(), current.confidence.copy()
    embeddings[new] += np.where(np.arange(16) % 2, 5, -5)
    confidence[new] = 0.3
    current = replace(current, embeddings=embeddings, confidence=confidence)

    decision = examine(Windows(reference, current, ()), CONFIG.model_copy(update={"ask_rows": 20}), now=NOW)
    after = examine(Windows(reference, current, ()), CONFIG, now=NOW, known=Known(n_waiting=40))

    assert decision.action == "ask-labels"
    assert len({one.row_id for one in decision.ask}) == 20
    assert [one.inclusion for one in decision.ask[:5]] == [4 / 160] * 4 + [None]
    picked = [current.ids.index(one.row_id) for one in decision.ask if one.inclusion is None]
    assert all(new[row] for row in picked)
    assert after.action == "refit-head"  # the labels are there


def test_what_only_two_windows_together_show_is_told_of_both(window: BuildWindow) -> None:
    rows = [
        window(seed, {"a": n, "b": n}, shift=shift) for seed, n, shift in ((1, 120, 0), (6, 60, 0.15), (7, 60, 0.15))
    ]
    reference, earlier, current = (replace(one, texts=tuple(map(str, one.answers))) for one in rows)

    both = examine(Windows(reference, current, (), earlier=earlier), CONFIG, now=NOW)
    alone = examine(Windows(reference, current, ()), CONFIG, now=NOW)
    strange = examine(Windows(reference, current, (), earlier=replace(earlier, encoder="enc-2")), CONFIG, now=NOW)

    assert alone.alarms == ()
    assert "over the last 240 rows" in both.alarms[0].words
    assert both.facts.n_current == 120  # the window stays what it is
    assert strange.findings == alone.findings  # rows of another encoder are never joined


def test_windows_of_two_encoders_are_compared_by_all_that_needs_none(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 60, "b": 60}), window(2, {"a": 10, "b": 110}, encoder="enc-2")

    decision = examine(Windows(reference, current, ()), CONFIG, now=NOW)

    assert any("embedded by enc-1 and the current window by enc-2" in note for note in decision.notes)
    assert "answers" in {one.name for one in decision.alarms}
    assert "texts" not in {one.name for one in decision.findings}


def test_a_window_that_lost_its_embeddings_says_so_and_is_compared_by_the_rest(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 60, "b": 60}), window(2, {"a": 10, "b": 110})

    bare = replace(current, embeddings=current.embeddings[:, :0])
    decision = examine(Windows(reference, bare, ()), CONFIG, now=NOW)

    assert any("of the reference have 16 numbers, those of the current window 0" in note for note in decision.notes)
    assert "answers" in {one.name for one in decision.alarms}


def test_odd_windows_are_decided_like_any_other(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 60, "b": 60}), window(2, {"a": 60, "b": 60})
    n = current.n_rows
    alike = replace(
        current,
        texts=("the same",) * n,
        labels=(("a",),) * n,
        confidence=np.full(n, 0.9),
        margin=np.full(n, 0.8),
        embeddings=np.ones_like(current.embeddings),
    )
    unknown = replace(current, confidence=np.full(n, np.nan), margin=np.full(n, np.nan))

    def action(before: Window, now: Window) -> str:
        return examine(Windows(before, now, ()), CONFIG, now=NOW).action

    assert action(reference, current.pick([0])) == "none"  # one row proves nothing
    assert action(alike, alike) == "none"
    assert action(reference, alike) == "adapter"
    assert action(reference, unknown) == "tell-person"  # the log is damaged


@pytest.mark.parametrize("which", ["reference", "current"])
def test_a_window_without_a_row_is_named(window: BuildWindow, which: str) -> None:
    rows = window(1, {"a": 60})
    windows = replace(Windows(rows, rows, ()), **{which: rows.pick([])})

    with pytest.raises(EmptyWindow, match=f"the {which} window of v1 holds no row"):
        examine(windows, CONFIG, now=NOW)


def test_a_fall_of_the_confidence_that_labels_confirm_is_called_harmful(window: BuildWindow) -> None:
    generator = np.random.default_rng(9)
    confidence = generator.uniform(0.3, 1.0, 400)
    curve = fit_curve(confidence, confidence - 0.1, generator.random(400) < confidence)
    reference, current = window(1, {"a": 90, "b": 90}), window(2, {"a": 90, "b": 90}, confidence=0.6, shift=0.9)

    decision = examine(Windows(reference, current, ()), CONFIG, now=NOW, known=Known(curve=curve))

    assert decision.harm is not None
    assert decision.harm.by_texts == "yes"
    assert decision.harm.by_meaning == "unknown"
    assert decision.starts_retrain or decision.action == "ask-labels"
    assert any("the change of the texts is harmful" in said for said in decision.reasons)


def test_a_decision_reads_as_it_was_written_and_so_does_one_of_an_earlier_version(window: BuildWindow) -> None:
    before = examine(Windows(window(1, {"a": 60}), window(2, {"退款": 60}), ()), CONFIG, now=NOW)
    written = json.loads(json.dumps(before.to_json(), allow_nan=False))

    assert Decision.from_json(written) == before
    old = {key: written[key] for key in ("reasons", "notes", "facts", "alpha", "min_effect", "when")}
    old |= {"action": "retrain", "findings": [one for one in written["findings"] if one["name"] == "texts"]}
    assert Decision.from_json(old).starts_retrain


def test_json_that_is_no_decision_is_refused() -> None:
    with pytest.raises(DamagedDecision, match="action"):
        Decision.from_json({"action": "explode"})


def test_the_same_windows_get_the_same_name_and_later_ones_a_later_one(window: BuildWindow) -> None:
    mix = {"a": 30, "b": 30}
    reference, current = window(1, mix), window(2, mix)
    later = window(3, mix, start=datetime(2026, 11, 9, tzinfo=UTC))

    first, again, next_one = (
        examine(Windows(reference, one, ()), CONFIG, now=NOW).window for one in (current, current, later)
    )

    assert first == again
    assert first < next_one
