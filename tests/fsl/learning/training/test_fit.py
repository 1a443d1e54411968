"""One fit of an encoder with its head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import JsonValue

from fsl.config import AdapterConfig, LearningConfig, TeacherConfig
from fsl.learning.encoders import encoder_digest
from fsl.learning.heads import Head, log_likelihoods
from fsl.learning.heads.prototypes import fit_prototypes
from fsl.learning.losses.distillation import contrastive_loss
from fsl.learning.training import fit as fit_module
from fsl.learning.training.adapters import lay_adapter, merge_adapter
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import fit_encoder, wants_bfloat16
from fsl.learning.training.learner import Learner
from fsl.learning.training.lessons import with_soft_labels
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split
from tests.fsl.learning.training.conftest import LABELS, School, with_adapter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_same_seed_gives_the_same_fit(intents: list[Sample], tiny_learning: LearningConfig, method: str) -> None:
    config = with_adapter(tiny_learning, method=method)

    fits = []
    for seed in (1, 1, 2):
        torch.rand(seed)  # what was drawn before must not matter
        school = School(intents, Classification(), LABELS, config.model_copy(update={"seed": seed}))
        head = school.fit()
        fits.append((encoder_digest(school.network), head.weight.tobytes(), head.bias.tobytes()))

    assert fits[0] == fits[1]
    assert fits[0] != fits[2]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_fit_makes_the_labels_that_it_saw_likelier(
    intents: list[Sample], tiny_learning: LearningConfig, method: str
) -> None:
    school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method=method))
    blank = Head(np.zeros((32, 2), np.float32), np.zeros(2, np.float32))
    before = encoder_digest(school.network)

    head = school.fit(head=blank, epochs=10, learning_rate=5e-3)

    assert encoder_digest(school.network) != before
    assert log_likelihoods(head, school.vectors(), school.targets).min() > np.log(
        0.55
    )  # a blank head gives each one half


def test_a_text_of_several_windows_is_learnt_from_by_its_first(tiny_learning: LearningConfig) -> None:
    spans: JsonValue = [[start, start + 4, "ORG"] for start in range(0, 400, 10)]
    rows = [Sample(f"row-{row}", "acme anna " * 40, spans, Split.TRAIN, f"group-{row}") for row in range(4)]
    school = School(rows, Tagging(), ("ORG",), tiny_learning)
    (first, *_) = school.lessons
    assert (len(first.encoded.units), len(first.encoded.positions), len(first.encoded.rest)) == (80, 20, 4)

    head = school.fit(epochs=2, learning_rate=5e-3)

    assert log_likelihoods(head, school.vectors(), school.targets).mean() > np.log(1 / 3)


def test_a_fit_begins_where_the_probe_is_with_its_temperature(school: School) -> None:
    warm = Head(school.probe.weight, school.probe.bias, temperature=4.0)

    head = school.fit(head=warm, epochs=1, learning_rate=1e-12)

    assert head.temperature == 1.0
    assert head.weight == pytest.approx(school.probe.weight / 4.0, abs=1e-6)
    assert head.bias == pytest.approx(school.probe.bias / 4.0, abs=1e-6)


def test_a_cosine_head_begins_at_the_mean_vectors_and_stays_of_one_length(school: School) -> None:
    start = fit_prototypes(school.vectors(), school.targets, 2)

    resting = school.fit(head=start, epochs=1, learning_rate=1e-12, cosine_scale=20.0)
    trained = school.fit(head=start, epochs=2, cosine_scale=20.0)

    assert resting.weight == pytest.approx(start.weight, abs=1e-4)
    assert np.linalg.norm(trained.weight, axis=0) == pytest.approx(20.0, rel=1e-4)
    assert not trained.bias.any()
    assert log_likelihoods(trained, school.vectors(), school.targets).min() > np.log(0.5)


def test_a_contrastive_teacher_draws_the_texts_of_a_label_together(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    def spread(weight: float) -> float:
        school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method="full"))
        fit = TeacherConfig(epochs=15, batch_size=16, learning_rate=3e-3, weight_contrastive=weight)
        rest = {"role": "teacher", "training": fit, "config": school.config}
        fit_encoder(school.network, school.probe, school.lessons, school.reader, **rest)  # type: ignore[arg-type]
        vectors, targets = torch.from_numpy(school.vectors()), torch.from_numpy(school.targets)
        return float(contrastive_loss(vectors, targets, temperature=fit.contrastive_temperature))

    assert spread(5.0) < spread(0.0)


def test_lower_layers_move_less_where_they_learn_more_slowly(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method="full"))
    before = {name: one.clone() for name, one in school.network.named_parameters()}

    school.fit(layer_decay=0.01, weight_decay=0.0)

    moved = {name: (one - before[name]).abs().mean().item() for name, one in school.network.named_parameters()}
    lower, upper = (moved[f"backbone.encoder.layer.{layer}.attention.self.value.weight"] for layer in (0, 1))
    assert 0 < lower < upper / 10


def test_words_are_trained_beside_texts_that_hold_none(names: list[Sample], tiny_learning: LearningConfig) -> None:
    school = School(names, Tagging(), ("ORG", "PER"), tiny_learning)
    assert len(school.lessons[-1].encoded.units) == 0
    blank = Head(np.zeros((32, 5), np.float32), np.zeros(5, np.float32))

    head = school.fit(head=blank, epochs=4, learning_rate=1e-2)

    assert log_likelihoods(head, school.vectors(), school.targets).min() > np.log(
        0.2
    )  # a blank head gives each a fifth


def test_a_batch_of_texts_without_words_does_no_harm(names: list[Sample], tiny_learning: LearningConfig) -> None:
    school = School([names[0], *[names[-1]] * 9], Tagging(), ("ORG", "PER"), tiny_learning)

    head = school.fit(batch_size=1)

    assert np.isfinite(head.weight).all()


def test_soft_labels_teach_where_there_is_no_hard_one(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    school = School(intents, Classification(), LABELS, tiny_learning)
    blank = Head(np.zeros((32, 2), np.float32), np.zeros(2, np.float32))
    unlabelled = [Lesson(lesson.encoded, None, None) for lesson in school.lessons]
    soft = [np.eye(2, dtype=np.float32)[[target]] * 0.8 + 0.1 for target in school.targets]

    head = school.fit(with_soft_labels(unlabelled, soft), head=blank, epochs=10, learning_rate=5e-3)

    assert log_likelihoods(head, school.vectors(), school.targets).min() > np.log(
        0.55
    )  # a blank head gives each one half


def test_texts_of_which_no_teacher_has_spoken_stand_beside_others(school: School) -> None:
    soft = np.array([[0.5, 0.5]], np.float32)
    mixed = [*school.lessons[:8], *with_soft_labels(school.lessons[8:], [soft] * 8)]

    assert np.isfinite(school.fit(mixed).weight).all()


ADAPTERS = [
    AdapterConfig(rank=4, targets="attention"),
    AdapterConfig(rank=4, targets="all"),
    AdapterConfig(method="dora", rank=4),
    AdapterConfig(method="ia3"),
]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda one: f"{one.method}-{one.targets}")
def test_a_fresh_adapter_leaves_the_vectors_unchanged(school: School, adapter: AdapterConfig) -> None:
    before = school.vectors()

    school.network.backbone = lay_adapter(school.network.backbone, adapter)
    school.network.eval()

    n_all = sum(weights.numel() for weights in school.network.parameters())
    n_free = sum(weights.numel() for weights in school.network.parameters() if weights.requires_grad)
    assert school.vectors() == pytest.approx(before, abs=1e-6)
    assert 0 < n_free < n_all / 2


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda one: f"{one.method}-{one.targets}")
def test_the_merged_model_equals_the_adapter_model(school: School, adapter: AdapterConfig) -> None:
    fresh = school.vectors()
    school.network.backbone = lay_adapter(school.network.backbone, adapter)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in school.network.parameters():
            if weights.requires_grad:
                weights += 0.05 * torch.randn(weights.shape, generator=generator)
    school.network.eval()
    adapted = school.vectors()

    school.network.backbone = merge_adapter(school.network.backbone, adapter)

    assert np.abs(adapted - fresh).max() > 0.01
    assert school.vectors() == pytest.approx(adapted, abs=1e-5)


@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "full"])
def test_a_trained_encoder_has_the_weights_of_a_plain_one(
    intents: list[Sample], tiny_learning: LearningConfig, method: str
) -> None:
    school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method=method))
    plain = {name: weights.shape for name, weights in school.network.state_dict().items()}

    school.fit(epochs=1)

    assert {name: weights.shape for name, weights in school.network.state_dict().items()} == plain
    assert not school.network.training


def test_progress_is_told_after_every_step_up_to_the_whole(school: School) -> None:
    shares: list[float] = []

    school.fit(heard={"progress": shares.append})

    assert shares == pytest.approx([step / 8 for step in range(1, 9)])  # 16 texts, 4 to a batch, 2 epochs


def test_a_fit_leaves_no_file_behind(school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    school.fit(epochs=1)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_is_what_the_config_says_unless_it_says_auto(tiny_learning: LearningConfig, precision: str) -> None:
    config = tiny_learning.model_copy(update={"precision": precision})

    assert wants_bfloat16(config, on_cpu=True) is (precision == "bfloat16")
    assert isinstance(wants_bfloat16(tiny_learning.model_copy(update={"precision": "auto"}), on_cpu=True), bool)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_the_curve_is_scored_as_the_fit_computes_and_what_stops_it_in_full(
    school: School, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    asked: list[tuple[int, bool]] = []
    score = fit_module.score_lessons

    def heard(learner: Learner, lessons: Sequence[Lesson], desk: Any, *, bfloat16: bool = False) -> float:
        asked.append((len(lessons), bfloat16))
        exact, found = score(learner, lessons, desk), score(learner, lessons, desk, bfloat16=bfloat16)
        assert found == pytest.approx(exact, abs=0.05)
        assert (found != exact) is bfloat16  # it does compute otherwise
        return found

    monkeypatch.setattr(fit_module, "score_lessons", heard)
    school.config = school.config.model_copy(update={"precision": precision})
    rows = {"stop_on": school.lessons[:4], "held_out": school.lessons[4:10], "track": lambda *said: None}
    school.fit(epochs=1, patience=2, heard=rows)

    assert asked == [(4, False), (6, precision == "bfloat16")]
