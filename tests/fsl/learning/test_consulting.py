"""A teacher that stays as it came, and one that is remembered instead of being fitted again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.parts.students.remembering import Memory
from fsl.config import LearningConfig
from fsl.learning import teacher as teacher_module
from fsl.learning.encoders import embed, load_encoder
from fsl.learning.heads import choose_head
from fsl.learning.teacher import Desk, Spoken, adapt_teacher, consult_teacher
from fsl.learning.training.tracking import Track
from fsl.learning.training.watching import Progress
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")

POOL = [Sample(f"pool-{row}", text, None, Split.TRAIN, f"p{row}") for row, text in enumerate(("hello", "my money"))]


def frozen(learning: LearningConfig) -> LearningConfig:
    return learning.model_copy(update={"teacher": learning.teacher.model_copy(update={"epochs": 0})})


def test_a_teacher_of_no_epochs_says_what_a_head_on_its_untouched_vectors_says(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = adapt_teacher(intents, [], POOL, Classification(), frozen(tiny_learning), where="here")

    encoder = load_encoder(tiny_learning.encoder, role="teacher", unit="text")
    reader = encoder.reader("text")
    vectors = embed(encoder.network, reader, reader.read([sample.text for sample in (*intents, *POOL)]))
    targets = np.array([soft.labels.index(str(sample.target)) for sample in intents])
    head = choose_head(vectors[: len(targets)], targets, 2, seed=tiny_learning.seed).head
    said = np.concatenate([soft.by_row[sample.row_id] for sample in (*intents, *POOL)])
    assert said == pytest.approx(np.exp(head.log_probabilities(vectors)), abs=1e-5)


def test_a_pool_that_is_known_to_be_balanced_has_as_much_of_each_label(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    pool = [Sample(f"pool-{row}", f"hello {row}", None, Split.TRAIN, f"p{row}") for row in range(30)]

    def consult(desk: Desk, name: str, progress: Progress, track: Track) -> Spoken:
        source, texts, held_out = consult_teacher(desk, name, progress, track)
        said = np.array([[0.9, 0.1]] * (len(desk.train) + 20) + [[0.6, 0.4]] * 10, np.float32)
        return replace(source, probabilities=said), texts, held_out

    def told(prior: str) -> NDArray[np.float32]:
        keys = {"n_neighbours": 0, "prior": prior}
        config = frozen(tiny_learning)
        config = config.model_copy(
            update={"propagation": config.propagation.model_copy(update=keys), "label_names": "off"}
        )
        soft = adapt_teacher(intents, [], pool, Classification(), config, where="here", consult=consult)
        assert soft.by_row[intents[0].row_id][0] == pytest.approx([0.9, 0.1])  # a train row's label is known
        return np.concatenate([soft.by_row[row.row_id] for row in pool])

    assert told("none").mean(axis=0) == pytest.approx([0.8, 0.2])
    assert told("balanced").mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
    assert told("balanced").argmax(axis=1).tolist() == [0] * 20 + [1] * 10


def test_words_too_have_a_teacher_of_no_epochs(names: list[Sample], tiny_learning: LearningConfig) -> None:
    soft = adapt_teacher(names, [], POOL, Tagging(), frozen(tiny_learning), where="here")

    assert all(soft.by_row[sample.row_id].sum(axis=1) == pytest.approx(1.0, abs=1e-5) for sample in names)


def test_a_remembered_teacher_says_the_same_of_another_pool_and_is_not_fitted_again(
    intents: list[Sample], tiny_learning: LearningConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Memory("intents", POOL[1:], folder=tmp_path)
    adapt_teacher(
        intents, [], POOL[:1], Classification(), tiny_learning, where="here", consult=first.consult, embed=first.embed
    )
    plain = adapt_teacher(intents, [], POOL, Classification(), tiny_learning, where="here")
    monkeypatch.setattr(teacher_module, "fit_encoder", None)  # a call would fail

    again = Memory("intents", folder=tmp_path)
    said = adapt_teacher(
        intents, [], POOL, Classification(), tiny_learning, where="here", consult=again.consult, embed=again.embed
    )

    assert again.saved_cpu_seconds > 0.0
    for row, probabilities in plain.by_row.items():
        assert said.by_row[row] == pytest.approx(probabilities, abs=1e-4)


def test_a_teacher_of_other_rows_is_another_one(
    intents: list[Sample], tiny_learning: LearningConfig, tmp_path: Path
) -> None:
    memory = Memory("intents", folder=tmp_path)
    turned = [replace(one, target="refund" if one.target == "parcel" else "parcel") for one in intents]

    one, other = (
        adapt_teacher(rows, [], [], Classification(), tiny_learning, where="here", consult=memory.consult)
        for rows in (intents, turned)
    )

    assert memory.saved_cpu_seconds == 0.0
    row = intents[0].row_id
    assert one.by_row[row][0].argmax() != other.by_row[row][0].argmax()
