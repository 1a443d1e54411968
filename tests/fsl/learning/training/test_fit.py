"""One fit of an encoder with its head."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import JsonValue

from fsl.config import AdapterConfig, LearningConfig, TeacherConfig, TrainingConfig
from fsl.learning.encoders import UnitEncoder, embed, encoder_digest, load_encoder
from fsl.learning.errors import NoSuchDevice, OutOfMemory, TrainingDiverged
from fsl.learning.heads import Head, fit_probe, log_likelihoods
from fsl.learning.heads.prototypes import fit_prototypes
from fsl.learning.losses.distillation import contrastive_loss
from fsl.learning.training.adapters import lay_adapter, merge_adapter
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import fit_encoder, wants_bfloat16
from fsl.learning.training.learner import Learner
from fsl.learning.training.lessons import read_lessons, stack_targets, with_soft_labels
from fsl.problems.base import Problem
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split
from fsl.tokenization import TextReader

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


class School:
    """A fresh encoder with its probe and lessons, to be trained once."""

    def __init__(self, samples: Sequence[Sample], problem: Problem, labels: tuple[str, ...], config: LearningConfig):
        encoder = load_encoder(config.encoder, role="student", unit=problem.unit)
        self.network: UnitEncoder = encoder.network
        self.reader: TextReader = encoder.reader(problem.unit)
        self.lessons: list[Lesson] = read_lessons(samples, self.reader, problem, labels)
        self.targets = stack_targets(self.lessons)
        self.n_outputs = len(problem.outputs(labels))
        self.probe: Head = fit_probe(self.vectors(), self.targets, self.n_outputs, seed=0)
        self.config = config

    def vectors(self) -> Any:
        return embed(self.network, self.reader, [lesson.encoded for lesson in self.lessons])

    def fit(
        self,
        lessons: Sequence[Lesson] | None = None,
        head: Head | None = None,
        cosine_scale: float | None = None,
        heard: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
        **fit: Any,
    ) -> Head:
        """Train; `heard` are `progress` and `tell`, other keywords replace keys of `learning.student`."""
        training = TrainingConfig(**{**self.config.student.model_dump(), **fit})
        network, trained = fit_encoder(
            self.network,
            self.probe if head is None else head,
            self.lessons if lessons is None else lessons,
            self.reader,
            role="student",
            training=training,
            config=self.config,
            cosine_scale=cosine_scale,
            **heard,
        )
        assert network is self.network
        return trained


@pytest.fixture
def school(intents: list[Sample], tiny_learning: LearningConfig) -> School:
    return School(intents, Classification(), LABELS, tiny_learning)


def with_adapter(config: LearningConfig, **keys: Any) -> LearningConfig:
    return config.model_copy(update={"adapter": AdapterConfig(**{**config.adapter.model_dump(), **keys})})


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


@pytest.mark.parametrize("epochs", [1, 2, 10])  # 4 steps, 8 and 40
def test_a_fit_that_diverges_says_at_which_step_and_gives_nothing(school: School, epochs: int) -> None:
    with pytest.raises(TrainingDiverged, match=r"Lower `learning\.student\.learning_rate`") as caught:
        school.fit(epochs=epochs, learning_rate=1e30, warmup_share=0.0)

    assert caught.value.what == "student"
    assert 1 <= caught.value.step <= 4


def test_a_weight_that_is_no_number_stops_the_fit_at_its_first_step(school: School) -> None:
    with torch.no_grad():
        next(iter(school.network.parameters()))[:] = float("nan")

    with pytest.raises(TrainingDiverged, match="at step 1 its loss was no number any more"):
        school.fit()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_fit_that_is_ruined_by_its_very_last_step_gives_nothing(
    intents: list[Sample], tiny_learning: LearningConfig, method: str
) -> None:
    school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method=method))

    with pytest.raises(TrainingDiverged, match="at step 1 "):
        school.fit(epochs=1, batch_size=16, learning_rate=1e37, warmup_share=0.0)  # its only loss is a sound one


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_loss_that_is_no_number_later_on_keeps_the_last_good_epoch_and_says_so(
    intents: list[Sample], tiny_learning: LearningConfig, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_adapter(tiny_learning, method=method)
    two = School(intents, Classification(), LABELS, config)
    steps, told = 0, list[str]()
    plain = Learner.forward

    def poisoned(self: Learner, *args: Any, **named: Any) -> dict[str, Any]:
        nonlocal steps
        steps += self.training
        found = plain(self, *args, **named)
        return {**found, "loss": found["loss"] * float("nan")} if steps == 6 and self.training else found

    monkeypatch.setattr(Learner, "forward", poisoned)
    head = two.fit(heard={"tell": told.append})

    assert told == [
        "the student's loss was no number any more at step 6, so it keeps what it had learnt after epoch 1; "
        "lower `learning.student.learning_rate`"
    ]
    assert np.isfinite(head.weight).all()
    assert not np.array_equal(head.weight, two.probe.weight)
    assert np.isfinite(two.vectors()).all()


def test_a_batch_that_does_not_fit_into_memory_is_halved_and_that_is_said(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, sizes = list[str](), set[int]()
    plain = Learner.forward

    def cramped(self: Learner, input_ids: torch.Tensor, *args: Any, **named: Any) -> dict[str, Any]:
        if self.training and len(input_ids) > 1:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes")
        sizes.add(len(input_ids))
        return plain(self, input_ids, *args, **named)

    monkeypatch.setattr(Learner, "forward", cramped)
    shares: list[float] = []
    head = school.fit(heard={"progress": shares.append, "tell": told.append})

    assert told == [
        "a batch of 4 did not fit into memory for the student, so 2 are taken at a time",
        "a batch of 2 did not fit into memory for the student, so 1 are taken at a time",
    ]
    assert shares == pytest.approx([step / 8 for step in range(1, 9)])  # as many steps as with four at a time
    assert np.isfinite(head.weight).all()


def test_where_not_even_one_text_fits_a_sentence_says_what_to_do(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **named: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Learner, "forward", full)

    with pytest.raises(
        OutOfMemory, match=r"even with one text at a time.*Lower `learning\.encoder\.max_length_tokens`"
    ):
        school.fit()


def test_progress_is_told_after_every_step_up_to_the_whole(school: School) -> None:
    shares: list[float] = []

    school.fit(heard={"progress": shares.append})

    assert shares == pytest.approx([step / 8 for step in range(1, 9)])  # 16 texts, 4 to a batch, 2 epochs


def test_a_gpu_that_is_asked_for_and_not_there_is_told_so(
    school: School, monkeypatch: pytest.MonkeyPatch, tiny_learning: LearningConfig
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    school.config = tiny_learning.model_copy(update={"device": "cuda"})

    with pytest.raises(NoSuchDevice, match=r"`learning\.device` is cuda, but torch finds none"):
        school.fit()


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
