"""A start for an encoder of texts: what an episode's losses are, and what is left of them in the weights."""

import logging
from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import LearningConfig, MetaConfig
from fsl.learning.encoders import UnitEncoder, encoder_digest, load_encoder
from fsl.learning.meta import draw_episodes, learn_start
from fsl.learning.meta.losses import HEAD, Reading, class_means, cosine_logits, episode_losses
from fsl.learning.training.lessons import read_lessons
from fsl.problems.classification import Classification
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


def start_of(samples: list[Sample], config: LearningConfig, **meta: Any) -> UnitEncoder | None:
    few = MetaConfig.model_validate({"ways": 2, "shots": 2, "queries": 2, "episodes": 3, "inner_steps": 1} | meta)
    base = load_encoder(config.encoder, role="student", unit="text")
    lessons = read_lessons(samples, base.reader("text"), Classification(), LABELS)
    return learn_start(base.network, lessons, base.reader("text"), config.model_copy(update={"meta": few}))


def plain(config: LearningConfig) -> UnitEncoder:
    return load_encoder(config.encoder, role="student", unit="text").network


def test_a_labels_direction_begins_at_the_mean_of_its_vectors() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

    means = class_means(vectors, torch.tensor([0, 0, 1]), 2)

    assert means.tolist() == [[0.5, 0.5], [0.0, -1.0]]
    # The first mean is as near to both axes: cosine 1 / sqrt 2, ten times of it.
    assert cosine_logits(vectors[:1], means, 10.0)[0].tolist() == pytest.approx([10 / 2**0.5, 0.0])


def test_a_loss_is_the_cross_entropy_of_scaled_cosines(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    base = load_encoder(tiny_learning.encoder, role="student", unit="text")
    reader = base.reader("text")
    lessons = read_lessons(intents, reader, Classification(), LABELS)
    targets = [int(one.targets[0]) for one in lessons if one.targets is not None]
    (episode,) = draw_episodes(targets, n_episodes=1, n_ways=2, n_shots=3, n_queries=2, seed=0)
    reading = Reading(base.network, reader, [one.encoded for one in lessons])
    losses = episode_losses(reading, episode, scale=20.0)

    with torch.no_grad():
        head = losses.begin({})
        found = losses.query(head).item()
        logits = 20.0 * reading.vectors({}, episode.query) @ torch.nn.functional.normalize(head[HEAD], dim=-1).T

    own = logits.log_softmax(-1)[torch.arange(4), torch.from_numpy(episode.query_targets)]
    assert found == pytest.approx(-own.mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    "meta", [{"method": "maml", "order": 1}, {"method": "maml", "order": 2}, {"method": "reptile"}]
)
def test_a_start_is_the_plain_encoder_with_what_was_learnt_merged_into_it(
    intents: list[Sample], tiny_learning: LearningConfig, meta: dict[str, Any]
) -> None:
    before = plain(tiny_learning)

    found = start_of(intents, tiny_learning, **meta)

    assert found is not None
    assert found.state_dict().keys() == before.state_dict().keys()
    assert encoder_digest(found) != encoder_digest(before)
    assert not found.training


def test_the_same_rows_give_the_same_start_and_a_full_method_moves_an_adapter_all_the_same(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    full = tiny_learning.model_copy(update={"adapter": tiny_learning.adapter.model_copy(update={"method": "full"})})

    first, again, whole = (
        encoder_digest(start_of(intents, config, method="prototypes") or plain(config))
        for config in (tiny_learning, tiny_learning, full)
    )

    assert first == again == whole != encoder_digest(plain(tiny_learning))


def test_an_order_changes_where_maml_ends(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    first, second = (start_of(intents, tiny_learning, method="maml", order=order, inner_lr=0.5) for order in (1, 2))

    assert first is not None
    assert second is not None
    assert encoder_digest(first) != encoder_digest(second)


@pytest.mark.parametrize("method", ["prototypes", "maml", "reptile"])
def test_who_asks_for_bf16_on_a_cpu_gets_it(intents: list[Sample], tiny_learning: LearningConfig, method: str) -> None:
    quick = tiny_learning.model_copy(update={"precision": "bfloat16"})

    one, other = (start_of(intents, config, method=method) for config in (quick, tiny_learning))

    assert one is not None
    assert other is not None
    assert encoder_digest(one) != encoder_digest(other)


def test_episodes_that_cannot_be_drawn_leave_the_encoder_alone(
    intents: list[Sample], tiny_learning: LearningConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "fsl.learning.meta"):
        assert start_of(intents[:3], tiny_learning, method="maml") is None

    assert "no meta-learned start: fewer than two labels have two rows" in caplog.text


def test_episodes_that_ask_for_one_labels_texts_get_likelier(
    intents: list[Sample], tiny_learning: LearningConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "fsl.learning.meta"):
        start_of(intents, tiny_learning, method="prototypes", episodes=30, outer_lr=0.005)

    said = next(one for one in caplog.messages if one.startswith("prototypes: 30 episodes"))
    first, last = (float(said.split("loss ")[1].split(" ")[0]), float(said.rsplit(", ", 1)[1].split(" ")[0]))
    assert np.isfinite(first)
    assert last < first / 2


def test_a_start_is_learnt_from_other_problems_too_where_this_one_has_too_few_rows(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    meta = MetaConfig(method="prototypes", ways=2, shots=2, queries=2, episodes=3)
    config = tiny_learning.model_copy(update={"meta": meta})

    def start(n_own: int, others: bool) -> str | None:
        base = load_encoder(config.encoder, role="student", unit="text")
        reader = base.reader("text")
        own = read_lessons(intents[:n_own], reader, Classification(), LABELS)
        other = [read_lessons(intents, reader, Classification(), LABELS)] if others else []
        found = learn_start(base.network, own, reader, config, others=other)
        return None if found is None else encoder_digest(found)

    assert start(2, others=False) is None  # one row of each label
    assert start(2, others=True) == start(2, others=True) is not None
    assert start(16, others=True) != start(16, others=False)
