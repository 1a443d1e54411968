"""Students in a row: what one makes of the texts spreads the labels for the next."""

import dataclasses

import numpy as np
import pytest

import fsl.learning.teacher as teacher_module
from fsl.config import LearningConfig, PropagationConfig
from fsl.learning.encoders import encoder_digest, load_encoder
from fsl.learning.heads import fit_probe
from fsl.learning.rounds import spread_again
from fsl.learning.selection import candidates as candidates_module
from fsl.learning.selection.candidates import distil
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.learning.training.lessons import read_lessons, stack_targets
from fsl.problems.classification import Classification
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


@pytest.fixture
def twins(intents: list[Sample]) -> list[Sample]:
    """Pool texts that say what most of the train rows say, in an order of their own."""
    said = sorted(intents, key=lambda row: str(row.target))[1:]
    return [dataclasses.replace(row, row_id=f"pool-{row.row_id}", target=None) for row in said]


@pytest.fixture
def undecided(intents: list[Sample], twins: list[Sample]) -> SoftLabels:
    """Teachers that know nothing, of labels that were spread."""
    by_row = {row.row_id: np.full((1, 2), 0.5, np.float32) for row in (*intents, *twins)}
    return SoftLabels(LABELS, by_row, is_spread=True)


def with_rounds(config: LearningConfig, n_rounds: int) -> LearningConfig:
    distillation = config.distillation.model_copy(update={"rounds": n_rounds})
    near = PropagationConfig(n_neighbours=2)
    return config.model_copy(update={"distillation": distillation, "propagation": near})


def test_what_a_student_makes_of_the_texts_spreads_the_labels_along_its_own_neighbours(
    intents: list[Sample], twins: list[Sample], undecided: SoftLabels, tiny_learning: LearningConfig
) -> None:
    config = with_rounds(tiny_learning, 2)
    base = load_encoder(config.encoder, role="student", unit="text")
    lessons = read_lessons(intents, base.reader("text"), Classification(), LABELS)
    targets = stack_targets(lessons)
    head = fit_probe(np.eye(len(targets), base.network.hidden_size, dtype=np.float32), targets, 2, seed=1)

    found = spread_again(
        base.network,
        dataclasses.replace(head, weight=0 * head.weight, bias=0 * head.bias),  # it has no opinion; neighbours have
        intents,
        twins,
        lessons,
        undecided,
        base.reader("text"),
        config,
        activation="softmax",
    )

    said = [LABELS[int(found.by_row[row.row_id][0].argmax())] for row in twins]
    assert said == sorted(str(row.target) for row in intents)[1:]
    assert set(found.by_row) == set(undecided.by_row)
    assert all(array.shape == (1, 2) for array in found.by_row.values())
    assert np.concatenate(list(found.by_row.values())).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (found.labels, found.is_spread) == (LABELS, True)


def test_the_last_of_two_students_learns_what_the_first_spread_and_comes_out_the_same_twice(
    intents: list[Sample], twins: list[Sample], undecided: SoftLabels, tiny_learning: LearningConfig
) -> None:
    shares: list[float] = []

    def fit(n_rounds: int) -> str:
        config = with_rounds(tiny_learning, n_rounds)
        fitted = distil(intents, [], twins, undecided, Classification(), config, progress=shares.append)
        return encoder_digest(fitted.network)

    alone, two, again = fit(1), fit(2), fit(2)

    assert two == again != alone
    assert max(shares) == 1.0
    assert any(0.4 < share < 0.6 for share in shares)


def test_where_labels_were_not_spread_there_is_one_student_whatever_the_config_says(
    intents: list[Sample], twins: list[Sample], undecided: SoftLabels, tiny_learning: LearningConfig
) -> None:
    soft = dataclasses.replace(undecided, is_spread=False)

    one, two = (distil(intents, [], twins, soft, Classification(), with_rounds(tiny_learning, n)) for n in (1, 2))

    assert encoder_digest(one.network) == encoder_digest(two.network)


@pytest.mark.parametrize("helps", [True, False])
def test_soft_labels_say_whether_they_were_spread(
    intents: list[Sample],
    twins: list[Sample],
    tiny_learning: LearningConfig,
    helps: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teacher_module, "is_spreading_better", lambda *rest, **more: helps)

    soft = adapt_teacher(intents, [], twins, Classification(), with_rounds(tiny_learning, 1), where="here")

    assert soft.is_spread == helps


def test_a_student_that_is_tried_for_a_share_of_its_epochs_is_tried_alone(tiny_learning: LearningConfig) -> None:
    config = with_rounds(tiny_learning, 3)

    assert candidates_module._of_make(config, "distilled", 1.0).distillation.rounds == 3
    assert candidates_module._of_make(config, "distilled", 0.5).distillation.rounds == 1
