"""Many candidates within a budget: who is left, what it costs, and that nobody ships who lost to the probe."""

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from fsl.config import LearningConfig
from fsl.learning.encoders import encoder_digest, load_encoder
from fsl.learning.errors import TrainingDiverged
from fsl.learning.selection import candidates as candidates_module
from fsl.learning.selection.candidates import distil, starts
from fsl.learning.selection.choice import MIN_TUNE_ROWS, Candidate, paired_gain
from fsl.learning.selection.halving import halve
from fsl.learning.selection.rehearsal import rehearse
from fsl.learning.student import adapt_student
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.problems.classification import Classification
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")
MAKES = {
    "r-drop": {"student": {"weight_r_drop": 0.5}},
    "edited": {"student": {"edited_copies": 2}},
    "mixed": {"student": {"mixup": 0.5}},
}


def scorer(scores: dict[str, float], calls: list[tuple[str, float]], seconds: float = 8.0) -> Callable[..., Candidate]:
    """Return a stand-in for a fit, which costs its share of so many seconds."""

    def score(name: str, share: float) -> Candidate:
        calls.append((name, share))
        return Candidate(name, (scores[name],) * 20, seconds * share)

    return score


def test_four_candidates_are_halved_twice_and_the_best_is_left() -> None:
    calls: list[tuple[str, float]] = []
    score = scorer({"a": -3.0, "b": -1.0, "c": -2.0, "d": float("nan")}, calls)

    halved = halve(["a", "b", "c", "d"], score, seconds=1000.0, full_seconds=8.0)

    assert halved.left == "b"
    assert calls == [("a", 0.25), ("b", 0.25), ("c", 0.25), ("d", 0.25), ("b", 0.5), ("c", 0.5)]
    out = {one.name: (one.cost_seconds, one.note) for one in halved.out}
    assert out == {
        "a": (2.0, "out after 25% of its epochs: -3.000 nats a row"),
        "d": (2.0, "out after 25% of its epochs: nan nats a row"),
        "c": (6.0, "out after 50% of its epochs: -2.000 nats a row"),
    }
    assert all(one.log_likelihoods == () for one in halved.out)  # of fewer epochs, so never to be chosen by


def test_one_candidate_needs_no_halving_and_of_equals_the_first_is_left() -> None:
    calls: list[tuple[str, float]] = []
    score = scorer({"a": -1.0, "b": -1.0}, calls)

    assert halve(["a"], score, seconds=10.0, full_seconds=8.0).left == "a"
    assert calls == []
    assert halve(["a", "b"], score, seconds=100.0, full_seconds=8.0).left == "a"


@pytest.mark.parametrize(
    ("seconds", "left", "n_calls"),
    [
        (0.0, None, 0),
        (7.9, None, 0),  # not even one fit in full
        (15.9, "a", 0),  # the first rung is 4 times 2 seconds, and 8 more must be left
        (16.0, "b", 4),
        (23.9, "b", 4),  # the second rung is 2 times 4
        (24.0, "c", 6),
    ],
)
def test_what_the_budget_does_not_hold_is_not_begun(seconds: float, left: str | None, n_calls: int) -> None:
    calls: list[tuple[str, float]] = []

    def score(name: str, share: float) -> Candidate:
        calls.append((name, share))
        late = {"b": -2.0, "c": -1.0} if share == 0.5 else {"a": -9.0, "b": -3.0, "c": -4.0, "d": -9.0}
        return Candidate(name, (late[name],) * 20, 8.0 * share)

    halved = halve(["a", "b", "c", "d"], score, seconds=seconds, full_seconds=8.0)

    assert (halved.left, len(calls)) == (left, n_calls)
    assert sorted(one.name for one in halved.out) == sorted({"a", "b", "c", "d"} - {left})
    assert all("learning.budget_minutes" in one.note or "out after" in one.note for one in halved.out)


def held_out(samples: list[Sample], n_rows: int) -> list[Sample]:
    rows = [samples[row % len(samples)] for row in range(n_rows)]
    return [dataclasses.replace(row, row_id=f"tune-{i}", split=Split.TUNE) for i, row in enumerate(rows)]


def with_makes(config: LearningConfig, *names: str, **more: Any) -> LearningConfig:
    whole = config.model_dump() | {"candidates": {name: MAKES[name] for name in names or MAKES}} | more
    return LearningConfig.model_validate(whole)


def even(samples: list[Sample]) -> SoftLabels:
    return SoftLabels(LABELS, {one.row_id: np.full((1, 2), 0.5, np.float32) for one in samples})


def test_a_candidate_is_the_student_that_its_changes_describe(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    config = with_makes(tiny_learning)
    by_hand = tiny_learning.model_copy(
        update={"student": tiny_learning.student.model_copy(update={"weight_r_drop": 0.5})}
    )

    named = distil(intents, [], [], even(intents), Classification(), config, name="r-drop")
    direct = distil(intents, [], [], even(intents), Classification(), by_hand)
    plain = distil(intents, [], [], even(intents), Classification(), config)

    assert starts(config, Classification()) == ("distilled", "r-drop", "edited", "mixed")
    assert encoder_digest(named.network) == encoder_digest(direct.network) != encoder_digest(plain.network)


def test_the_best_of_several_students_is_trained_in_full_beside_the_plain_one_and_all_are_told(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    config = with_makes(tiny_learning)

    student = adapt_student(intents, held_out(intents, 24), [], even(intents), Classification(), config)
    again = adapt_student(intents, held_out(intents, 24), [], even(intents), Classification(), config)

    assert [one.name for one in student.candidates[:2]] == ["probe", "distilled"]
    assert {one.name for one in student.candidates[2:]} == set(MAKES)
    assert [len(one.log_likelihoods) for one in student.candidates] == [24, 24, 24, 0, 0]
    assert all(one.note.startswith("out after ") and one.cost_seconds > 0 for one in student.candidates[3:])
    assert [one.log_likelihoods for one in again.candidates] == [one.log_likelihoods for one in student.candidates]
    assert encoder_digest(again.network) == encoder_digest(student.network)


def test_no_candidate_that_lost_to_the_probe_ships(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, chance = with_makes(tiny_learning), random.Random(7)
    base = load_encoder(config.encoder, role="student", unit="text").network
    shipped = set()

    def measured(name: str, network: Any, head: Any, *rest: Any, **more: Any) -> candidates_module.Fitted:
        level = chance.choice((-1.0, -0.9, -0.5, float("nan"), float("-inf")) if name != "probe" else (-0.9, -0.6))
        return candidates_module.Fitted(
            network, head, Candidate(name, tuple(level + chance.gauss(0.0, 0.2) for _ in range(24)), 1.0)
        )

    def fitted(network: Any, head: Any, *rest: Any, **more: Any) -> Any:
        if chance.random() < 0.1:
            raise TrainingDiverged(1, "student")
        return network, head

    monkeypatch.setattr(candidates_module, "_measure", measured)
    monkeypatch.setattr(candidates_module, "fit_encoder", fitted)
    monkeypatch.setattr(candidates_module, "embed", lambda network, *rest, **more: np.eye(16, 32, dtype=np.float32))
    monkeypatch.setattr(candidates_module, "load_encoder", lambda *rest, **more: load_once)
    load_once = load_encoder(config.encoder, role="student", unit="text")
    for _ in range(30):
        student = adapt_student(intents, held_out(intents, 24), [], even(intents), Classification(), config)

        probe = student.candidates[0]
        won = next(one for one in student.candidates if one.name == student.choice.winner)
        shipped.add(won.name)
        if won.name != "probe":
            gain, error = paired_gain(won, probe)
            assert gain > error > 0
    assert {"probe", "distilled"} < shipped  # and others: the draw reaches every way
    assert base is not None


def many(n_rows: int) -> list[Sample]:
    texts = [f"{'refund money' if row % 2 else 'where parcel'} {chr(97 + row)}" for row in range(n_rows)]
    return [Sample(f"r{row}", text, LABELS[row % 2], Split.TRAIN, text) for row, text in enumerate(texts)]


@pytest.fixture(scope="module")
def quick(tiny_learning: LearningConfig) -> LearningConfig:
    short = {"epochs": 1, "batch_size": 16}
    teacher, student = tiny_learning.teacher.model_copy(update=short), tiny_learning.student.model_copy(update=short)
    return tiny_learning.model_copy(update={"teacher": teacher, "student": student})


def test_without_tune_rows_halving_happens_in_a_rehearsals_first_fold_and_its_teachers_speak_once(
    quick: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, seen = with_makes(quick), list[tuple[str, int]]()
    plain = candidates_module.distil

    def watched(train: list[Sample], *rest: Any, name: str = "distilled", **more: Any) -> Any:
        seen.append((name, len(train)))
        return plain(train, *rest, name=name, **more)

    monkeypatch.setattr("fsl.learning.selection.rehearsal.distil", watched)

    found = rehearse(many(26), [], Classification(), config, labels=LABELS, cost_seconds=0.1)

    assert found is not None
    assert found.narrowed.left in MAKES
    n_folds = sum(name == "distilled" for name, _ in seen)
    # In the first fold each is tried, two a second time, and one in full; in the others that one alone.
    assert [name for name, _ in seen[:6]] == ["distilled", *MAKES, *[name for name, _ in seen[4:6]]]
    assert sum(name != "distilled" for name, _ in seen) == 3 + 2 + n_folds
    assert [one.name for one in found.trained] == ["distilled", found.narrowed.left]
    assert len(found.probe.log_likelihoods) == len(found.trained[1].log_likelihoods) >= MIN_TUNE_ROWS


def test_a_student_of_another_make_is_chosen_by_rehearsal_and_fitted_to_all_rows(quick: LearningConfig) -> None:
    rows = many(26)
    config = with_makes(quick, "r-drop")
    soft = adapt_teacher(rows, [], [], Classification(), config, where="here")

    student = adapt_student(rows, [], [], soft, Classification(), config)
    none = adapt_student(rows, [], [], soft, Classification(), with_makes(quick, "r-drop", budget_minutes=0.0))

    assert [one.name for one in student.candidates] == ["probe", "distilled", "r-drop"]
    assert all(len(one.log_likelihoods) >= MIN_TUNE_ROWS for one in student.candidates)
    assert none.choice.winner == "probe"
    assert none.candidates[2].note == "not trained: nothing could tell whether it is any better"


def test_a_candidate_that_diverges_costs_itself_alone(quick: LearningConfig) -> None:
    wild = {"wild": {"student": {"learning_rate": 1e30, "warmup_share": 0.0}}}
    config = LearningConfig.model_validate(quick.model_dump() | {"candidates": wild})
    rows = many(26)
    soft = adapt_teacher(rows, [], [], Classification(), config, where="here")

    asked = adapt_student(rows, held_out(rows, 24), [], soft, Classification(), config)
    rehearsed = adapt_student(rows, [], [], soft, Classification(), config)

    for student in (asked, rehearsed):
        assert student.choice.winner in {"probe", "distilled"}
        assert np.isfinite(student.candidates[1].score)
        assert student.candidates[2].log_likelihoods == ()
        assert "diverged" in student.candidates[2].note


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ({"odd": {"student": {"epohs": 3}}}, "the candidate 'odd' sets what cannot be set so: student.epohs"),
        ({"odd": {"student": {"mixup": -1}}}, "student.mixup: Input should be greater than or equal to 0"),
        ({"probe": {}}, "the candidate 'probe' needs another name"),
        ({"Odd": {}}, "should match pattern"),
        ({"odd": {"teacher": {"epochs": 3}}}, "teacher"),  # all students have the same teachers
    ],
)
def test_a_candidate_that_cannot_be_is_refused_before_any_work(candidates: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LearningConfig.model_validate({"candidates": candidates})
