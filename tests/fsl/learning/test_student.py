"""Teacher, soft labels, student: from labelled texts to the candidate that ships."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from fsl.config import DistillationConfig, LearningConfig, MetaConfig
from fsl.learning.encoders import encoder_digest, load_encoder
from fsl.learning.errors import TooFewLabels
from fsl.learning.meta import start as meta_start
from fsl.learning.selection import candidates as candidates_module
from fsl.learning.selection.choice import Candidate
from fsl.learning.student import adapt_student
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.problems.classification import Classification
from fsl.problems.multilabel import Multilabel
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")

POOL = [Sample(f"pool-{row}", text, None, Split.TRAIN, f"p{row}") for row, text in enumerate(("hello", "my money", ""))]


def held_out(samples: list[Sample], n_rows: int) -> list[Sample]:
    """Return so many tune rows, made of train rows over and over."""
    rows = [samples[row % len(samples)] for row in range(n_rows)]
    return [dataclasses.replace(row, row_id=f"tune-{i}", split=Split.TUNE) for i, row in enumerate(rows)]


def test_a_teacher_speaks_of_every_train_row_and_pool_text(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = adapt_teacher(intents, held_out(intents, 4), POOL, Classification(), tiny_learning, where="here")

    assert soft.labels == ("parcel", "refund")
    assert set(soft.by_row) == {sample.row_id for sample in (*intents, *POOL)}
    assert all(array.shape == (1, 2) and array.dtype == np.float32 for array in soft.by_row.values())
    assert np.concatenate(list(soft.by_row.values())).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_teacher_knows_what_it_was_taught(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    soft = adapt_teacher(intents, [], [], Classification(), tiny_learning, where="here")

    said = [soft.labels[int(soft.by_row[sample.row_id][0].argmax())] for sample in intents]

    assert said == [sample.target for sample in intents]


def test_the_same_rows_give_the_same_soft_labels(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    first, again = (
        adapt_teacher(intents, held_out(intents, 4), POOL, Classification(), tiny_learning, where="here")
        for _ in range(2)
    )

    assert all(np.array_equal(first.by_row[row], again.by_row[row]) for row in first.by_row)


def test_a_teacher_is_as_sure_as_its_tune_rows_bear_out(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    def sureness(tune: list[Sample]) -> float:
        soft = adapt_teacher(intents, tune, [], Classification(), tiny_learning, where="here")
        return float(np.mean([array.max() for array in soft.by_row.values()]))

    right = held_out(intents, 16)
    half_right = [dataclasses.replace(row, target="parcel") for row in right]
    unknown = dataclasses.replace(right[0], row_id="tune-new", target="nobody taught it this")

    assert sureness(half_right) < 0.7 < 0.9 < sureness(right)
    assert sureness([unknown, *right]) == sureness(right)  # it cannot know that one, so it is no evidence


def test_nothing_to_tell_apart_stops_before_any_training(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    with pytest.raises(TooFewLabels, match="the train rows in tickets show only the label 'parcel'"):
        adapt_teacher(intents[::2], [], [], Classification(), tiny_learning, where="tickets")


def test_a_teacher_of_words_speaks_of_each_word_and_is_silent_where_there_is_none(
    names: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = adapt_teacher(names, held_out(names, 4), POOL, Tagging(), tiny_learning, where="here")

    assert soft.labels == ("ORG", "PER")
    assert soft.by_row["row-0000"].shape == (3, 5)
    assert soft.by_row["row-0008"].shape == soft.by_row["pool-2"].shape == (0, 5)


def even(samples: list[Sample], n_outputs: int, n_units: int = 1) -> dict[str, np.ndarray]:
    return {sample.row_id: np.full((n_units, n_outputs), 1 / n_outputs, np.float32) for sample in samples}


def test_few_tune_rows_ship_the_probe_on_the_untouched_base_model(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = SoftLabels(("parcel", "refund"), even([*intents, *POOL], 2))
    base = load_encoder(tiny_learning.encoder, role="student", unit="text").network

    student = adapt_student(intents, held_out(intents, 6), POOL, soft, Classification(), tiny_learning)

    assert student.choice.winner == "probe"
    assert encoder_digest(student.network) == encoder_digest(base)
    assert [candidate.name for candidate in student.candidates] == ["probe", "distilled"]
    assert [len(candidate.log_likelihoods) for candidate in student.candidates] == [6, 6]
    assert (student.labels, student.base_model) == (("parcel", "refund"), tiny_learning.encoder.student)


def test_a_student_that_learnt_what_the_probe_cannot_ships_instead(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    # A teacher that is sure, and right, of tune rows whose texts the probe has no train rows for.
    pool = [dataclasses.replace(row, row_id=f"p{i}", target=None) for i, row in enumerate(intents * 2)]
    train = [dataclasses.replace(row, text=f"hello {row.text[-8:]}") for row in intents]
    certain = {row.row_id: np.eye(2, dtype=np.float32)[[i % 2]] for i, row in enumerate(pool)}
    soft = SoftLabels(("parcel", "refund"), {**even(train, 2), **certain})
    fit = tiny_learning.student.model_copy(update={"epochs": 8, "learning_rate": 5e-3})
    config = tiny_learning.model_copy(update={"student": fit})

    student = adapt_student(train, held_out(intents, 24), pool, soft, Classification(), config)

    probe, distilled = student.candidates
    assert distilled.score > probe.score
    assert student.choice.winner == "distilled"
    base = load_encoder(tiny_learning.encoder, role="student", unit="text").network
    assert encoder_digest(student.network) != encoder_digest(base)


META = MetaConfig(method="prototypes", ways=2, shots=2, queries=2, episodes=2)


def test_a_meta_learned_start_is_one_more_candidate_and_the_others_stay_as_they_were(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = SoftLabels(("parcel", "refund"), even(intents, 2))
    first, *others = held_out(intents, 24)
    # One label that is wrong, or all rows could be beyond doubt for everyone alike.
    tune = [dataclasses.replace(first, target="refund" if first.target == "parcel" else "parcel"), *others]

    without, with_start = (
        adapt_student(intents, tune, [], soft, Classification(), config)
        for config in (tiny_learning, tiny_learning.model_copy(update={"meta": META}))
    )

    names = [candidate.name for candidate in with_start.candidates]
    assert names == ["probe", "distilled", "distilled from a meta-learned start"]
    likelihoods = [candidate.log_likelihoods for candidate in with_start.candidates]
    assert likelihoods[:2] == [candidate.log_likelihoods for candidate in without.candidates]
    assert likelihoods[2] != likelihoods[1]


def test_a_student_of_a_meta_learned_start_ships_only_where_it_beats_the_other_student_and_the_probe(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft = SoftLabels(("parcel", "refund"), even(intents, 2))
    config = tiny_learning.model_copy(update={"meta": META})
    scores = {"probe": 0.0, "distilled": 1.0, "distilled from a meta-learned start": 1.0}

    def ship() -> str:
        def measured(name: str, network: Any, head: Any, *rest: Any, **more: Any) -> candidates_module.Fitted:
            return candidates_module.Fitted(network, head, Candidate(name, (scores[name],) * 24, 1.0))

        monkeypatch.setattr(candidates_module, "_measure", measured)
        monkeypatch.setattr(candidates_module, "fit_encoder", lambda network, head, *rest, **more: (network, head))
        found = adapt_student(intents, held_out(intents, 24), [], soft, Classification(), config)
        assert len(found.candidates) == 3
        return found.choice.winner

    assert ship() == "distilled"  # as good is not better
    scores["distilled from a meta-learned start"] = 1.5
    assert ship() == "distilled from a meta-learned start"
    scores["probe"] = 2.0
    assert ship() == "probe"


def test_episodes_that_do_not_fit_into_memory_cost_a_candidate_and_say_what_to_lower(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs_out(*rest: Any, **more: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(meta_start, "meta_learn", runs_out)
    soft = SoftLabels(("parcel", "refund"), even(intents, 2))
    config = tiny_learning.model_copy(update={"meta": META})

    student = adapt_student(intents, held_out(intents, 24), [], soft, Classification(), config)

    assert student.choice.winner in {"probe", "distilled"}
    assert len(student.candidates[1].log_likelihoods) == 24
    assert student.candidates[2].log_likelihoods == ()
    words = (
        "memory ran out on an episode of 2 labels with 4 rows each, so no start was learnt. Lower `learning.meta.ways`"
    )
    assert student.candidates[2].note.startswith(words)


def test_words_have_a_meta_learned_start_too_and_sets_of_labels_have_none(tiny_learning: LearningConfig) -> None:
    config = tiny_learning.model_copy(update={"meta": META})

    for problem in (Classification(), Tagging()):
        assert candidates_module.starts(config, problem) == ("distilled", "distilled from a meta-learned start")
        assert candidates_module.starts(tiny_learning, problem) == ("distilled",)
    assert candidates_module.starts(config, Multilabel()) == ("distilled",)


def test_a_meta_learned_start_for_words_is_a_candidate_of_its_own(
    names: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = SoftLabels(("ORG", "PER"), {row.row_id: np.full((3, 5), 0.2, np.float32) for row in names[:8]})
    config = tiny_learning.model_copy(update={"meta": META})

    student = adapt_student(names[:8], held_out(names[:8], 24), [], soft, Tagging(), config)

    assert [one.name for one in student.candidates] == ["probe", "distilled", "distilled from a meta-learned start"]
    _, plain, learnt = student.candidates
    assert len(learnt.log_likelihoods) == 24
    assert learnt.log_likelihoods != plain.log_likelihoods
    assert learnt.note == ""


def test_where_no_episode_of_spans_can_be_drawn_the_start_is_the_plain_one_and_the_candidate_says_so(
    names: list[Sample], tiny_learning: LearningConfig
) -> None:
    bare = [dataclasses.replace(row, target=[]) for row in names[1:8]]
    train = [names[0], *bare]
    soft = SoftLabels(("ORG", "PER"), {row.row_id: np.full((3, 5), 0.2, np.float32) for row in train})
    config = tiny_learning.model_copy(update={"meta": META})

    plain, learnt = (
        candidates_module.distil(train, held_out(names[:8], 4), [], soft, Tagging(), config, name=name).result
        for name in candidates_module.starts(config, Tagging())
    )

    assert learnt.note == "its start is the plain one: no label stands in two texts, so no episode could be drawn"
    assert learnt.log_likelihoods == plain.log_likelihoods


def test_tune_rows_of_a_label_that_nobody_learnt_are_left_out(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = SoftLabels(("parcel", "refund"), even(intents, 2))
    tune = [*held_out(intents, 3), dataclasses.replace(intents[0], row_id="tune-new", target="new")]

    student = adapt_student(intents, tune, [], soft, Classification(), tiny_learning)

    assert [len(candidate.log_likelihoods) for candidate in student.candidates] == [3, 3]


def test_pool_texts_of_which_the_teacher_is_unsure_are_not_taught(
    intents: list[Sample], tiny_learning: LearningConfig, caplog: pytest.LogCaptureFixture
) -> None:
    sure, unsure = np.array([[0.9, 0.1]], np.float32), np.array([[0.5, 0.5]], np.float32)
    by_row = {**even(intents, 2), "pool-0": sure, "pool-1": unsure, "pool-2": unsure}
    config = tiny_learning.model_copy(update={"distillation": DistillationConfig(min_pool_confidence=0.8)})

    with caplog.at_level("INFO", "fsl.learning.teaching"):
        adapt_student(intents, [], POOL, SoftLabels(("parcel", "refund"), by_row), Classification(), config)

    assert "student: 16 train rows and 1 of 3 pool texts" in caplog.messages


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_words_are_distilled_though_some_texts_hold_none(names: list[Sample], tiny_learning: LearningConfig) -> None:
    soft = adapt_teacher(names, held_out(names, 4), POOL, Tagging(), tiny_learning, where="here")

    student = adapt_student(names, held_out(names, 21), POOL, soft, Tagging(), tiny_learning)

    assert student.head.weight.shape == (32, 5)
    assert all(np.isfinite(candidate.score) for candidate in student.candidates)
