"""What keeps a fit from learning a few rows by heart: the terms by hand, and a whole fit with each of them."""

import dataclasses
import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import AdapterConfig, LearningConfig, TrainingConfig
from fsl.learning import teacher as teacher_module
from fsl.learning.editing import edited_copies
from fsl.learning.encoders import embed, encoder_digest, load_encoder
from fsl.learning.heads import Head, fit_probe, log_likelihoods
from fsl.learning.inside import embeddings_of, watched_front
from fsl.learning.losses.regularising import agreement_loss, drop_words, mix_vectors, worst_shift
from fsl.learning.selection.choice import split_for_stopping
from fsl.learning.teacher import adapt_teacher
from fsl.learning.training import fit as training_module
from fsl.learning.training.fit import fit_encoder
from fsl.learning.training.lessons import read_lessons, stack_targets
from fsl.problems.classification import Classification
from fsl.problems.multilabel import Multilabel
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


def test_a_word_whose_number_is_under_the_share_goes_but_the_first_never_does() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    drawn = torch.tensor([[0.1, 0.1, 0.9, 0.9], [0.9, 0.9, 0.1, 0.3]])

    assert drop_words(mask, drawn, share=0.3).tolist() == [[1, 0, 1, 0], [1, 1, 0, 1]]


def test_the_agreement_of_two_passes_is_the_mean_of_both_divergences_worked_by_hand() -> None:
    one = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/4
    two = torch.tensor([[0.0, 0.0]])  # 1/2 and 1/2
    there = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    back = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)

    assert agreement_loss(one, two).item() == pytest.approx((there + back) / 2)
    assert agreement_loss(one, one).item() == pytest.approx(0.0, abs=1e-7)
    assert agreement_loss(torch.zeros(0, 2), torch.zeros(0, 2)).item() == 0.0


def test_mixed_vectors_lie_between_both_and_have_length_one() -> None:
    vectors = torch.eye(2)

    mixed = mix_vectors(vectors, torch.tensor([1, 0]), share=0.8)

    length = math.hypot(0.8, 0.2)
    assert mixed.flatten().tolist() == pytest.approx([0.8 / length, 0.2 / length, 0.2 / length, 0.8 / length])
    assert torch.equal(mix_vectors(vectors, torch.tensor([1, 0]), share=1.0), vectors)


def test_the_worst_shift_goes_along_the_gradient_as_far_as_the_radius_says() -> None:
    states = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])  # of length 5, without what is padding
    gradient = torch.tensor([[[0.0, 6.0], [8.0, 0.0], [7.0, 7.0]]])  # of length 10

    shift = worst_shift(gradient, states, torch.tensor([[1, 1, 0]]), radius=0.1)

    assert shift.flatten().tolist() == pytest.approx([0.0, 0.3, 0.4, 0.0, 0.0, 0.0])  # half a length: 0.1 times 5
    assert not worst_shift(torch.zeros_like(states), states, torch.ones(1, 3), radius=0.1).any()


def test_a_shift_in_the_worst_direction_raises_the_loss_of_a_real_encoder(tiny_learning: LearningConfig) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text").network
    ids, mask = torch.tensor([[2, 5, 6, 3], [2, 9, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    goal = torch.nn.functional.normalize(torch.arange(32.0), dim=0)
    encoder.requires_grad_(False)  # as under an adapter, where no weight below asks for a gradient

    with watched_front(encoder.backbone) as front:
        before = -(encoder(ids, mask) @ goal)
        assert front.states is not None
        (gradient,) = torch.autograd.grad(before.sum(), front.states)
        front.shift = worst_shift(gradient, front.states, mask, radius=0.01)
        after = -(encoder(ids, mask) @ goal)
    left = -(encoder(ids, mask) @ goal)

    assert (after > before).all()
    assert torch.equal(left, before)  # the hook is gone
    assert not embeddings_of(encoder.backbone)._forward_hooks


@dataclasses.dataclass
class Fit:
    """What one fit gave."""

    digest: str
    head: Head
    likelihoods: Any


def fit(
    samples: Sequence[Sample], config: LearningConfig, stop_on: Sequence[Sample] = (), blank: bool = False, **keys: Any
) -> Fit:
    """Train a fresh student; keywords replace keys of `learning.student`."""
    encoder = load_encoder(config.encoder, role="student", unit="text")
    reader = encoder.reader("text")
    lessons = read_lessons(samples, reader, Classification(), LABELS)
    encoded, targets = [lesson.encoded for lesson in lessons], stack_targets(lessons)
    head = fit_probe(embed(encoder.network, reader, encoded), targets, 2, seed=0)
    if blank:
        head = Head(np.zeros((32, 2), np.float32), np.zeros(2, np.float32))
    network, head = fit_encoder(
        encoder.network,
        head,
        lessons,
        reader,
        role="student",
        training=TrainingConfig(**{**config.student.model_dump(), **keys}),
        config=config,
        stop_on=read_lessons(stop_on, reader, Classification(), LABELS),
    )
    return Fit(encoder_digest(network), head, log_likelihoods(head, embed(network, reader, encoded), targets))


EACH = [
    {"weight_r_drop": 1.0},
    {"word_dropout": 0.5},
    {"mixup": 0.5},
    {"adversarial_radius": 0.2},
    {"dropout": 0.5},
    {"weight_r_drop": 0.5, "word_dropout": 0.1, "mixup": 0.5, "adversarial_radius": 0.1, "dropout": 0.2},
]


NAMED = {"epochs": 6, "learning_rate": 5e-3, "blank": True}


def with_method(config: LearningConfig, method: str) -> LearningConfig:
    adapter = AdapterConfig(**{**config.adapter.model_dump(), "method": method})
    return config.model_copy(update={"adapter": adapter})


@pytest.fixture(scope="module")
def plain(intents: list[Sample], tiny_learning: LearningConfig) -> dict[str, Fit]:
    """A fit without any regulariser, by method."""
    return {method: fit(intents, with_method(tiny_learning, method), **NAMED) for method in ("lora", "full")}


@pytest.mark.parametrize(
    ("method", "keys"),
    [*(("full", keys) for keys in EACH), ("lora", EACH[-1])],
    ids=lambda part: part if isinstance(part, str) else "-".join(part),
)
def test_each_regulariser_changes_the_fit_gives_it_twice_alike_and_still_learns(
    plain: dict[str, Fit],
    intents: list[Sample],
    tiny_learning: LearningConfig,
    method: str,
    keys: dict[str, float],
) -> None:
    config = with_method(tiny_learning, method)

    one = fit(intents, config, **NAMED, **keys)
    torch.rand(3)  # what was drawn before must not matter
    again = fit(intents, config, **NAMED, **keys)

    assert one.digest == again.digest != plain[method].digest
    assert one.head.weight.tobytes() == again.head.weight.tobytes()
    assert np.median(one.likelihoods) > np.log(0.5)  # a blank head gives each one half


def test_labels_that_do_not_compete_are_mixed_and_must_agree_too(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    problem = Multilabel()
    samples = [dataclasses.replace(one, target=[str(one.target)]) for one in intents]
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text")
    lessons = read_lessons(samples, encoder.reader("text"), problem, LABELS)
    head = Head(np.zeros((32, 2), np.float32), np.zeros(2, np.float32), activation="sigmoid")
    keys = {"weight_r_drop": 0.5, "mixup": 0.5, "adversarial_radius": 0.1, "epochs": 6, "learning_rate": 5e-3}
    found = []
    for _ in range(2):
        network = load_encoder(tiny_learning.encoder, role="student", unit="text").network
        training = TrainingConfig(**{**tiny_learning.student.model_dump(), **keys})
        fit_encoder(
            network, head, lessons, encoder.reader("text"), role="student", training=training, config=tiny_learning
        )
        found.append(encoder_digest(network))

    assert found[0] == found[1] != encoder_digest(encoder.network)


def test_a_fit_that_no_longer_helps_ends_and_gives_its_best_epoch(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([-0.9, -0.5, float("nan"), -0.6, 0.0])
    n_asked = 0

    def scored(*rest: Any) -> float:
        nonlocal n_asked
        n_asked += 1
        return next(scores)

    short = fit(intents, tiny_learning, epochs=6, warmup_share=0.0)
    monkeypatch.setattr(training_module, "score_lessons", scored)
    stopped = fit(intents, tiny_learning, intents[:4], epochs=6, warmup_share=0.0, patience=2)

    assert n_asked == 4  # the best was the second, and two more were no better
    assert stopped.digest != short.digest
    monkeypatch.undo()
    monkeypatch.setattr(training_module, "score_lessons", lambda *rest, left=[-0.9, -0.5, -0.6]: left.pop(0))
    assert fit(intents, tiny_learning, intents[:4], epochs=6, warmup_share=0.0, patience=1).digest == stopped.digest


def test_without_rows_to_stop_on_patience_changes_nothing(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    assert fit(intents, tiny_learning, patience=1).digest == fit(intents, tiny_learning).digest


def test_rows_that_stop_a_fit_are_asked_nothing_else(tiny_learning: LearningConfig) -> None:
    rows = [Sample(f"r{row:02}", "hello", "refund", Split.TUNE, "g") for row in range(40)]
    patient = tiny_learning.model_copy(
        update={"student": tiny_learning.student.model_copy(update={"patience": 2})},
    )

    stop, asked = split_for_stopping(rows, patient)

    assert len(stop) == len(asked) == 20
    assert {row.row_id for row in stop}.isdisjoint(row.row_id for row in asked)
    assert split_for_stopping(rows[::-1], patient) == (stop, asked)
    assert split_for_stopping(rows[1:], patient) == ([], rows[1:])  # a half would be too few to tell
    assert split_for_stopping(rows, tiny_learning) == ([], rows)


def test_edited_copies_say_the_same_under_their_rows_name(intents: list[Sample]) -> None:
    copies = edited_copies(intents, 3, seed=1)

    assert copies == edited_copies(intents, 3, seed=1)
    assert copies != edited_copies(intents, 3, seed=2)
    assert len(intents) < len(copies) <= 3 * len(intents)
    own = {sample.row_id: sample for sample in intents}
    assert all(copy.text != own[copy.row_id].text and copy.target == own[copy.row_id].target for copy in copies)
    assert edited_copies(intents, 0, seed=1) == []


def test_the_spans_of_an_edited_copy_go_with_their_words() -> None:
    text = "mail  Anna Petersen, of Acme!"
    sample = Sample("r1", text, [[6, 19, "PER"], [24, 28, "ORG"]], Split.TRAIN, "g")

    copies = edited_copies([sample], 12, seed=5)

    def letters(words: str) -> str:
        return "".join(sorted(set(words.lower()) & set(string.ascii_lowercase)))

    for copy in copies:
        spans = copy.target
        assert isinstance(spans, list)
        (a, b, _), (c, d, _) = spans  # type: ignore[misc]
        assert set(letters(copy.text[a:b])) <= set("annapetersen")  # type: ignore[misc]
        assert set(letters(copy.text[c:d])) <= set("acme")  # type: ignore[misc]
        assert Tagging().read_target(spans, copy.text) == spans


def test_a_teacher_learns_from_edited_copies_stops_on_rows_of_its_own_and_says_the_same_twice(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = tiny_learning.teacher.model_copy(update={"edited_copies": 2, "patience": 1, "epochs": 3})
    config = tiny_learning.model_copy(update={"teacher": fit})
    tune = [dataclasses.replace(intents[row % 16], row_id=f"t{row:02}", split=Split.TUNE) for row in range(40)]
    seen: list[tuple[int, int, int]] = []
    plain = teacher_module.fit_encoder

    def watched(network: Any, head: Any, lessons: Any, *rest: Any, **named: Any) -> Any:
        seen.append((len(lessons), len(named["held_out"]), len(named["stop_on"])))
        return plain(network, head, lessons, *rest, **named)

    monkeypatch.setattr(teacher_module, "fit_encoder", watched)

    one, again = (adapt_teacher(intents, tune, [], Classification(), config, where="here") for _ in range(2))

    n_copies = len(edited_copies(intents, 2, seed=config.seed))
    assert n_copies > 16
    assert seen == [(16 + n_copies, 20, 20)] * 2
    assert all(np.array_equal(one.by_row[row], again.by_row[row]) for row in one.by_row)
    assert set(one.by_row) == {row.row_id for row in intents}  # copies are no rows of their own
