"""A start for an encoder of words: what is left of episodes of spans in its weights, and that it helps with others."""

import logging
from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import LearningConfig, MetaConfig
from fsl.learning.encoders import Encoder, UnitEncoder, encoder_digest, load_encoder
from fsl.learning.errors import EpisodeTooLarge
from fsl.learning.meta import draw_span_episodes, learn_start
from fsl.learning.meta import start as meta_start
from fsl.learning.meta.losses import Reading
from fsl.learning.meta.span_losses import span_losses
from fsl.learning.training.lessons import read_lessons
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")


def load(config: LearningConfig) -> Encoder:
    return load_encoder(config.encoder, role="student", unit="word")


def start_of(samples: list[Sample], config: LearningConfig, **meta: Any) -> UnitEncoder | None:
    few = MetaConfig.model_validate({"ways": 2, "shots": 2, "queries": 2, "episodes": 3, "inner_steps": 1} | meta)
    base, problem = load(config), Tagging()
    labels = sorted({label for one in samples for label in problem.labels_in(one.target)})
    lessons = read_lessons(samples, base.reader("word"), problem, labels)
    return learn_start(base.network, lessons, base.reader("word"), config.model_copy(update={"meta": few}))


@pytest.mark.parametrize(
    "meta",
    [
        {"method": "maml", "order": 1},
        {"method": "maml", "order": 2},
        {"method": "reptile"},
        {"method": "prototypes"},
    ],
)
def test_a_start_for_words_is_the_plain_encoder_with_what_was_learnt_merged_into_it(
    names: list[Sample], tiny_learning: LearningConfig, meta: dict[str, Any]
) -> None:
    before = load(tiny_learning).network

    first, again = (start_of(names, tiny_learning, **meta) for _ in range(2))

    assert first is not None
    assert again is not None
    assert first.state_dict().keys() == before.state_dict().keys()
    assert encoder_digest(first) == encoder_digest(again) != encoder_digest(before)
    assert all(bool(torch.isfinite(one).all()) for one in first.parameters())
    assert not first.training


def test_where_no_label_stands_in_two_texts_there_is_no_start_and_the_log_says_so(
    names: list[Sample], tiny_learning: LearningConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "fsl.learning.meta"):
        assert start_of([names[0], names[8]], tiny_learning, method="maml") is None

    assert "no meta-learned start: no label stands in two texts" in caplog.text


def test_an_episode_of_spans_that_does_not_fit_into_memory_says_what_to_lower(
    names: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs_out(*rest: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(meta_start, "span_losses", runs_out)

    with pytest.raises(EpisodeTooLarge, match="memory ran out on an episode of 2 labels with 4 rows each"):
        start_of(names, tiny_learning, method="maml")


KNOWN, NOVEL = tuple("abcdefghijkl"), tuple("pqrstuvw")
FILLERS = ("refund", "money", "please", "where", "parcel", "hello", "there", "cafe")


def letters(labels: tuple[str, ...], *, seed: int, n_texts: int) -> list[Sample]:
    """Return texts of fillers with two letters among them, each letter a label of its own."""
    generator = np.random.default_rng(seed)
    found = []
    for row in range(n_texts):
        words = generator.choice(FILLERS, 5).tolist()
        places = sorted(generator.choice(5, 2, replace=False))
        for place, letter in zip(places, generator.choice(labels, 2, replace=False).tolist(), strict=True):
            words[place] = letter
        starts = np.cumsum([0, *(len(word) + 1 for word in words)])
        spans = [[int(starts[place]), int(starts[place]) + 1, words[place]] for place in places]
        found.append(Sample(f"row-{row}", " ".join(words), spans, Split.TRAIN, f"group-{row}"))
    return found


def loss_on_novel_labels(network: UnitEncoder, config: LearningConfig) -> float:
    """Return the mean loss of episodes of labels that no start was learnt from, the head as it begins."""
    reader = load(config).reader("word")
    lessons = read_lessons(letters(NOVEL, seed=1, n_texts=60), reader, Tagging(), NOVEL)
    targets = [lesson.targets for lesson in lessons]
    episodes = draw_span_episodes(targets, n_episodes=10, n_ways=4, n_shots=4, n_queries=4, seed=0)
    reading = Reading(network, reader, [lesson.encoded for lesson in lessons])
    with torch.no_grad():
        asked = [span_losses(reading, one) for one in episodes]
        return float(np.mean([one.query(one.begin({})).item() for one in asked]))


def test_a_start_learnt_from_some_labels_makes_others_easier_to_learn(tiny_learning: LearningConfig) -> None:
    shape = {"ways": 4, "shots": 4, "queries": 4, "episodes": 100, "outer_lr": 0.01, "method": "prototypes"}

    start = start_of(letters(KNOWN, seed=0, n_texts=200), tiny_learning, **shape)

    assert start is not None
    before, after = (loss_on_novel_labels(one, tiny_learning) for one in (load(tiny_learning).network, start))
    assert after < 0.9 * before
