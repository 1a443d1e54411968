"""A student that follows more than its teacher's answers: the losses by hand, views of a real encoder, whole fits."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fsl.config import AdapterConfig, DistillationConfig, LearningConfig
from fsl.learning.artifacts import load_soft_labels, save_soft_labels
from fsl.learning.encoders import encoder_digest, load_encoder, to_tensors
from fsl.learning.errors import PartNotFound, RelationsDoNotFit
from fsl.learning.heads import Head
from fsl.learning.inside import embeddings_of, layers_of, recorded
from fsl.learning.losses.matching import hidden_loss, map_layers, relation_loss
from fsl.learning.selection.candidates import distil
from fsl.learning.selection.rehearsal import rehearse
from fsl.learning.student import adapt_student
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.learning.teaching import ChampionSays, build_curriculum
from fsl.learning.training.batches import collate
from fsl.learning.training.fit import set_dropout
from fsl.learning.training.learner import Learner
from fsl.learning.training.lessons import read_lessons
from fsl.learning.views import look_inside
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


@pytest.mark.parametrize(
    ("n_student", "n_teacher", "followed"),
    [(3, 6, (2, 4, 6)), (6, 6, (1, 2, 3, 4, 5, 6)), (6, 12, (2, 4, 6, 8, 10, 12)), (2, 1, (1, 1)), (1, 4, (4,))],
)
def test_layers_follow_layers_spread_evenly_and_the_last_the_last(
    n_student: int, n_teacher: int, followed: tuple[int, ...]
) -> None:
    assert map_layers(n_student, n_teacher) == followed


def test_hidden_states_lose_their_mean_squared_difference_worked_by_hand() -> None:
    teacher = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]], [[9.0, 9.0], [9.0, 9.0]]]])  # the second token is padding
    first, second = torch.tensor([[[0.0, 0.0], [5.0, 5.0]]]), torch.tensor([[[3.0, 0.0], [5.0, 5.0]]])
    mask = torch.tensor([[1, 0]])

    # (1 + 4) / 2 in the first layer, 9 / 2 in the second.
    assert hidden_loss([first, second], teacher, mask).item() == pytest.approx((2.5 + 4.5) / 2)
    assert hidden_loss([first, second], teacher, torch.zeros(1, 2)).item() == 0.0


def test_relations_lose_a_divergence_worked_by_hand() -> None:
    teacher, student = torch.zeros(1, 3, 3, 1), torch.zeros(1, 3, 3, 1)  # two tokens and padding, one head of width 1
    teacher[0, 0] = math.log(3.0)  # relates to itself as exp(ln(3)^2), to the other as exp(0)
    teacher[0, 1] = 0.0
    teacher[0, 2] = student[0, 2] = 7.0
    own = math.exp(math.log(3.0) ** 2) / (math.exp(math.log(3.0) ** 2) + 1)
    first = own * math.log(own / 0.5) + (1 - own) * math.log((1 - own) / 0.5)  # the student's tokens are all alike

    loss = relation_loss(student, teacher, torch.tensor([[1, 1, 0]]), n_heads=1)

    assert loss.item() == pytest.approx(first / 2, rel=1e-5)  # the second token relates evenly in both
    assert relation_loss(teacher, teacher, torch.tensor([[1, 1, 0]]), n_heads=1).item() == 0.0
    assert relation_loss(student, teacher, torch.zeros(1, 3), n_heads=1).item() == 0.0


def test_relations_compare_encoders_of_different_widths_head_by_head() -> None:
    generator = torch.Generator().manual_seed(0)
    narrow = torch.randn(2, 4, 3, 6, generator=generator)
    # Each number twice, the second time as a zero: dot products stay, and the scale is made up for.
    wide = torch.zeros(2, 4, 3, 12)
    wide[..., 0::2] = narrow * 2**0.25

    assert relation_loss(narrow, wide, torch.ones(2, 4), n_heads=3).item() == pytest.approx(0.0, abs=1e-6)
    assert relation_loss(narrow, wide, torch.ones(2, 4), n_heads=6).item() == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(RelationsDoNotFit, match="whose vectors have 6 numbers cannot be divided into so many"):
        relation_loss(narrow, wide, torch.ones(2, 4), n_heads=4)


def with_terms(config: LearningConfig, teacher: Path | None = None, **weights: float) -> LearningConfig:
    encoder = config.encoder if teacher is None else config.encoder.model_copy(update={"teacher": str(teacher)})
    return config.model_copy(
        update={"encoder": encoder, "distillation": DistillationConfig(relation_heads=4, **weights)}  # type: ignore[arg-type]
    )


def test_views_are_what_the_teacher_computes_for_each_token(
    wide_encoder: Path, tiny_learning: LearningConfig, tmp_path: Path
) -> None:
    config = with_terms(tiny_learning, wide_encoder, weight_hidden=1.0, weight_relations=1.0)
    teacher = load_encoder(config.encoder, role="teacher", unit="text")
    reader = load_encoder(config.encoder, role="student", unit="text").reader("text")
    texts = ["where is my parcel", "refund", "money back please anna"]

    views = look_inside(teacher, texts, reader, tmp_path / "v", n_student_layers=2, config=config)

    for text, view in zip(texts, views, strict=True):
        batch = to_tensors(reader, reader.read([text]))
        with torch.inference_mode(), recorded(teacher.network.backbone, (2, 3), relations=True) as seen:
            teacher.network.vectors(**batch)
        assert view is not None
        alone = seen.stacked((2, 3), relations=True)[0].numpy()
        assert view.shape == alone.shape == (len(batch["input_ids"][0]), 5, 48)
        assert view.astype(np.float32) == pytest.approx(alone, abs=0.02)
        with torch.inference_mode():
            queries = teacher.network.backbone.encoder.layer[2].attention.self.query(seen.hidden[2])
        assert seen.parts["queries"].numpy() == pytest.approx(queries.numpy(), abs=1e-5)


def test_texts_that_two_encoders_cut_into_other_tokens_have_no_view_nor_those_beyond_the_room(
    wide_encoder: Path, bare_tokenizer_file: Path, tiny_learning: LearningConfig, tmp_path: Path
) -> None:
    config = with_terms(tiny_learning, wide_encoder, weight_relations=1.0)
    teacher = load_encoder(config.encoder, role="teacher", unit="text")
    reader = load_encoder(config.encoder, role="student", unit="text").reader("text")
    bare = dataclasses.replace(teacher, tokenizer_file=bare_tokenizer_file)
    # 2 * 3 * 48 bytes a token: a megabyte holds 3,472 tokens, which are 868 texts of four.
    tight = config.model_copy(update={"distillation": config.distillation.model_copy(update={"max_views_mb": 1})})

    apart = look_inside(bare, ["my parcel"] * 3, reader, tmp_path / "a", n_student_layers=0, config=config)
    some = look_inside(teacher, ["my parcel"] * 900, reader, tmp_path / "b", n_student_layers=0, config=tight)

    assert apart == [None, None, None]
    assert [view is not None for view in some] == [True] * 868 + [False] * 32


TERMS = [{"weight_hidden": 1.0}, {"weight_relations": 5.0}, {"weight_hidden": 1.0, "weight_relations": 1.0}]


@pytest.mark.parametrize("weights", TERMS, ids=lambda one: "-".join(one))
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_student_follows_the_insides_of_a_wider_teacher_and_comes_out_the_same_twice(
    wide_encoder: Path, intents: list[Sample], tiny_learning: LearningConfig, weights: dict[str, float], method: str
) -> None:
    config = with_terms(tiny_learning, wide_encoder, **weights)
    adapter = AdapterConfig(**{**config.adapter.model_dump(), "method": method})
    config = config.model_copy(update={"adapter": adapter})
    soft = adapt_teacher(intents, [], [], Classification(), config, where="here")
    assert soft.teacher is not None

    one, again = (distil(intents, [], [], soft, Classification(), config) for _ in range(2))
    plain = distil(intents, [], [], dataclasses.replace(soft, teacher=None), Classification(), config)

    assert encoder_digest(one.network) == encoder_digest(again.network) != encoder_digest(plain.network)
    assert set(one.network.state_dict()) == set(plain.network.state_dict())  # the projection stays behind
    assert not any(part._forward_hooks for part in one.network.modules())


@pytest.mark.parametrize("problem", [Classification(), Tagging()], ids=lambda one: one.kind)
def test_relations_come_closer_to_the_teachers_where_they_are_taught(
    wide_encoder: Path,
    intents: list[Sample],
    names: list[Sample],
    tiny_learning: LearningConfig,
    tmp_path: Path,
    problem: Classification | Tagging,
) -> None:
    samples = intents if problem.unit == "text" else names
    fit = tiny_learning.student.model_copy(update={"epochs": 12, "learning_rate": 5e-3})
    base = tiny_learning.model_copy(
        update={"student": fit, "adapter": AdapterConfig(method="full")},
    )
    taught = with_terms(base, wide_encoder, weight_relations=20.0)
    soft = adapt_teacher(samples, [], [], problem, taught, where="here")
    assert soft.teacher is not None
    reader = load_encoder(taught.encoder, role="student", unit=problem.unit).reader(problem.unit)
    lessons = read_lessons(samples, reader, problem, soft.labels)
    texts = [sample.text for sample in samples]
    views = look_inside(soft.teacher, texts, reader, tmp_path / "v", n_student_layers=0, config=taught)

    def apart(config: LearningConfig) -> float:
        network = distil(samples, [], [], soft, problem, config).network
        total = 0.0
        for lesson, view in zip(lessons, views, strict=True):
            assert view is not None
            with torch.inference_mode(), recorded(network.backbone, (), relations=True) as seen:
                batch = to_tensors(reader, [lesson.encoded])
                network.vectors(**batch)
            ours = seen.stacked((), relations=True)[:, : len(view)]
            theirs = torch.from_numpy(view.astype(np.float32))[None]
            total += float(relation_loss(ours, theirs, torch.ones(1, len(view)), n_heads=4))
        return total

    assert apart(taught) < 0.7 * apart(with_terms(base, wide_encoder))


def test_a_teacher_is_kept_only_where_a_student_looks_inside_and_survives_being_stored(
    wide_encoder: Path, intents: list[Sample], tiny_learning: LearningConfig, tmp_path: Path
) -> None:
    config = with_terms(tiny_learning, wide_encoder, weight_relations=1.0)
    kept = adapt_teacher(intents, [], [], Classification(), config, where="here")
    gone = adapt_teacher(intents, [], [], Classification(), with_terms(tiny_learning, wide_encoder), where="here")

    save_soft_labels(kept, tmp_path)
    loaded = load_soft_labels(tmp_path)

    assert gone.teacher is None
    assert kept.teacher is not None
    assert loaded.teacher is not None
    assert encoder_digest(loaded.teacher.network) == encoder_digest(kept.teacher.network)
    assert loaded.teacher.reader("text").read(["my parcel"]) == kept.teacher.reader("text").read(["my parcel"])


def test_an_encoder_of_another_build_is_refused_with_a_sentence() -> None:
    strange = torch.nn.Sequential(torch.nn.Linear(2, 2))

    for find in (layers_of, embeddings_of):
        with pytest.raises(PartNotFound, match="in a Sequential, which a setting of `learning` needs"):
            find(strange)


def curriculum_of(
    samples: list[Sample], champion: ChampionSays, config: LearningConfig, labels: tuple[str, ...] = LABELS
) -> list[np.ndarray | None]:
    reader = load_encoder(config.encoder, role="student", unit="text").reader("text")
    soft = SoftLabels(labels, {one.row_id: np.full((1, len(labels)), 1 / len(labels), np.float32) for one in samples})
    lessons = read_lessons(samples, reader, Classification(), labels)
    taught = build_curriculum(samples, [], lessons, soft, champion, reader, Classification(), config)
    return [lesson.champion for lesson in taught.lessons]


def test_the_champion_is_heard_on_the_labels_that_both_know(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    config = with_terms(tiny_learning, weight_champion=1.0)
    said = np.array([[0.5, 0.3, 0.2]], np.float32)
    champion = ChampionSays(("gone", "parcel", "refund"), {intents[0].row_id: said})

    heard = curriculum_of(intents, champion, config, ("new", "parcel", "refund"))

    assert heard[0] is not None
    assert heard[0].tolist() == [[0.0, pytest.approx(0.3), pytest.approx(0.2)]]
    assert all(one is None for one in heard[1:])  # it was not asked of those
    assert (
        curriculum_of(intents, champion, config, ("new", "other", "refund")) == [None] * 16
    )  # one tells nothing apart
    assert curriculum_of(intents, champion, tiny_learning, ("new", "parcel", "refund")) == [None] * 16


def test_two_passes_take_nothing_from_the_weight_of_the_champion(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text")
    reader = encoder.reader("text")
    lessons = read_lessons(intents[:4], reader, Classification(), LABELS)
    heard = [dataclasses.replace(one, champion=np.array([[0.9, 0.1]], np.float32)) for one in lessons]
    head = Head(np.zeros((32, 2), np.float32), np.zeros(2, np.float32))

    def loss(weight_r_drop: float) -> float:
        fit = tiny_learning.student.model_copy(update={"weight_r_drop": weight_r_drop})
        learner = Learner(encoder.network, head, DistillationConfig(weight_champion=2.0), fit)
        set_dropout(learner, 0.0)  # so that both passes are one
        return float(learner.train()(**collate(heard, reader))["loss"].detach())

    # A blank head gives each label a half; of which the champion's 9 in 10 are so far:
    apart = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert loss(0.0) == pytest.approx(math.log(2) + 2.0 * apart, rel=1e-5)
    assert loss(0.5) == pytest.approx(loss(0.0), rel=1e-5)


def test_a_student_that_hears_the_champion_stays_nearer_to_it(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    soft = SoftLabels(LABELS, {one.row_id: np.full((1, 2), 0.5, np.float32) for one in intents})
    odd = ChampionSays(LABELS, {one.row_id: np.array([[0.9, 0.1]], np.float32) for one in intents})

    def share_of_parcel(weight: float) -> float:
        config = with_terms(tiny_learning, weight_champion=weight)
        fit = config.student.model_copy(update={"epochs": 8, "learning_rate": 5e-3})
        config = config.model_copy(update={"student": fit})
        fitted = distil(intents, intents, [], soft, Classification(), config, champion=odd)
        again = distil(intents, intents, [], soft, Classification(), config, champion=odd)
        assert encoder_digest(fitted.network) == encoder_digest(again.network)
        return float(fitted.head.bias[0] - fitted.head.bias[1])

    assert share_of_parcel(5.0) > share_of_parcel(0.0)


def test_the_champion_has_no_word_in_a_rehearsal(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dataclasses.replace(one, row_id=f"{one.row_id}-{copy}") for copy in range(2) for one in intents]
    heard: list[bool] = []

    def watched(*rest: object) -> object:
        heard.append(rest[4] is not None)
        return build_curriculum(*rest)  # type: ignore[arg-type]

    monkeypatch.setattr("fsl.learning.selection.candidates.build_curriculum", watched)
    fit = {"epochs": 1, "batch_size": 16}
    config = with_terms(tiny_learning, weight_champion=1.0).model_copy(
        update={
            "student": tiny_learning.student.model_copy(update=fit),
            "teacher": tiny_learning.teacher.model_copy(update=fit),
        }
    )
    champion = ChampionSays(LABELS, {one.row_id: np.array([[0.9, 0.1]], np.float32) for one in rows})
    soft = SoftLabels(LABELS, {one.row_id: np.full((1, 2), 0.5, np.float32) for one in rows})

    adapt_student(rows, [], [], soft, Classification(), config, champion=champion)

    assert heard[0]
    assert len(heard) > 1
    assert not any(heard[1:])
    assert rehearse(rows, [], Classification(), config, labels=LABELS, cost_seconds=0.0) is not None
    assert not any(heard[1:])
