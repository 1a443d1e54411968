"""Spans of types that no start was learnt from: the product's probe, a head in closed form, and inner steps from it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from bench.parts.entities.draws import Sentence
from bench.parts.meta.laid import lay_fresh_adapter
from bench.parts.meta.span_draws import Asked, SpanDraw
from fsl.config import LearningConfig
from fsl.learning.heads.head import Vectors
from fsl.learning.meta import Episode
from fsl.problems.base import Counts
from fsl.problems.tagging import Tagging, keep_labels
from fsl.tokenization import Encoded

Facts = dict[str, Any]
PROBLEM = Tagging()


@dataclass(frozen=True)
class Read:
    """Sentences as the encoder reads them, with the tags of their words over all types of the draw."""

    sentences: Sequence[Sentence]
    encoded: Sequence[Encoded]
    tags: Sequence[Any]


def measure_spans(config: LearningConfig, draw: SpanDraw, *, n_episodes: int) -> Facts:
    """Return the entity F1 over all episodes of a draw, by ways and learner, and what it was counted from.

    Args:
        n_episodes: that the start is learnt from; 0: the encoder stays as it came.
    """
    from fsl.learning.meta.losses import Reading
    from fsl.learning.training.adapters import merge_adapter
    from fsl.learning.training.keeping import put_back, read_free_weights

    network, reader = lay_fresh_adapter(config, "word")
    started = time.process_time()
    weights = read_free_weights(network)
    if n_episodes:
        weights = _learn(network, reader, weights, draw, config)
    learnt = time.process_time() - started
    novel = _read([*draw.shown, *draw.asked], reader, draw.types)
    counts: dict[str, dict[str, Counts]] = {str(ways): {} for ways in draw.episodes}
    if config.meta.method != "prototypes":
        reading = Reading(network, reader, novel.encoded)
        for ways, asked in draw.episodes.items():
            said = [_after_inner_steps(reading, weights, _episode(one, draw, novel), config) for one in asked]
            counts[str(ways)]["inner steps"] = _count(asked, said, draw, novel)
    put_back(network, weights)
    network.backbone = merge_adapter(network.backbone, config.adapter)
    vectors = _vectors(network, reader, draw, novel)
    for ways, asked in draw.episodes.items():
        for learner, ask in (("closed form", _by_closed_form), ("probe", _by_probe)):
            said = [ask(vectors, _episode(one, draw, novel), config.seed) for one in asked]
            counts[str(ways)][learner] = _count(asked, said, draw, novel)
    return {
        "scores": {ways: {learner: [_f1(one)] for learner, one in own.items()} for ways, own in counts.items()},
        "counts": {ways: {learner: asdict(one) for learner, one in own.items()} for ways, own in counts.items()},
        "cpu_seconds": learnt,
        "n_episodes": n_episodes,
        "types": list(draw.types),
    }


def _learn(network: Any, reader: Any, weights: Any, draw: SpanDraw, config: LearningConfig) -> Any:
    """Meta-learn on the known types."""
    from fsl.learning.meta import draw_span_episodes
    from fsl.learning.meta.losses import Reading
    from fsl.learning.meta.span_losses import span_losses
    from fsl.learning.meta.start import meta_learn

    meta = config.meta
    known = _read(draw.known, reader, sorted({str(span[2]) for _, spans in draw.known for span in spans}))
    reading = Reading(network, reader, known.encoded)
    episodes = draw_span_episodes(
        known.tags,
        n_episodes=meta.episodes,
        n_ways=meta.ways,
        n_shots=meta.shots,
        n_queries=meta.queries,
        seed=config.seed,
    )
    return meta_learn(weights, (span_losses(reading, one) for one in episodes), meta)


def _read(sentences: Sequence[Sentence], reader: Any, types: Sequence[str]) -> Read:
    encoded, outputs = reader.read([text for text, _ in sentences]), PROBLEM.outputs(types)
    tags = [
        PROBLEM.unit_targets(spans, one.units, outputs)  # type: ignore[arg-type]
        for (_, spans), one in zip(sentences, encoded, strict=True)
    ]
    return Read(sentences, encoded, tags)


def _vectors(network: Any, reader: Any, draw: SpanDraw, novel: Read) -> dict[int, Vectors]:
    """Return the vectors of the words of each row of which some episode speaks."""
    from fsl.learning.encoders import embed

    rows = np.unique(np.concatenate([_rows(one, draw) for asked in draw.episodes.values() for one in asked])).tolist()
    found = embed(network, reader, [novel.encoded[row] for row in rows])
    return dict(zip(rows, np.split(found, np.cumsum([len(novel.tags[row]) for row in rows])[:-1]), strict=True))


def _rows(asked: Asked, draw: SpanDraw) -> Any:
    """Return an episode's rows by index into the shown sentences, then the asked ones."""
    return np.concatenate([asked.support, asked.query + len(draw.shown)])


def _episode(asked: Asked, draw: SpanDraw, novel: Read) -> Episode:
    rows, places = _rows(asked, draw), [draw.types.index(one) for one in asked.types]
    support, query = np.split(rows, [len(asked.support)])
    targets = [np.concatenate([keep_labels(novel.tags[int(row)], places) for row in part]) for part in (support, query)]
    return Episode(support, targets[0], query, targets[1], len(places))


def _after_inner_steps(reading: Any, weights: Any, episode: Episode, config: LearningConfig) -> Any:
    """Adapt adapter and head to the support set as the start was taught to, and answer."""
    from fsl.learning.meta.losses import HEAD
    from fsl.learning.meta.rules import take_inner_steps
    from fsl.learning.meta.span_losses import linear_logits, span_losses

    losses = span_losses(reading, episode)
    own = weights | losses.begin(weights)
    own = take_inner_steps(losses.support, own, n_steps=config.meta.inner_steps, rate=config.meta.inner_lr)
    with torch.no_grad():
        return linear_logits(reading.vectors(own, episode.query), own[HEAD]).numpy()


def _by_closed_form(vectors: Mapping[int, Vectors], episode: Episode, seed: int) -> Any:
    from fsl.learning.meta.span_losses import fit_ridge, linear_logits, n_outputs_of

    shown, asked = (torch.from_numpy(_stack(vectors, rows)) for rows in (episode.support, episode.query))
    head = fit_ridge(shown, torch.from_numpy(episode.support_targets), n_outputs_of(episode))
    return linear_logits(asked, head).numpy()


def _by_probe(vectors: Mapping[int, Vectors], episode: Episode, seed: int) -> Any:
    """Ask the very probe that the product would ship, its kind chosen by cross-validation on the support set."""
    from fsl.learning.heads import choose_head
    from fsl.learning.meta.span_losses import n_outputs_of

    groups = [place for place, row in enumerate(episode.support) for _ in vectors[int(row)]]
    shown = _stack(vectors, episode.support)
    chosen = choose_head(shown, episode.support_targets, n_outputs_of(episode), seed=seed, groups=groups)
    return chosen.head.logits(_stack(vectors, episode.query))


def _stack(vectors: Mapping[int, Vectors], rows: Any) -> Vectors:
    return np.concatenate([vectors[int(row)] for row in rows])


def _count(asked: Sequence[Asked], said: Sequence[Any], draw: SpanDraw, novel: Read) -> Counts:
    """Count spans over all episodes: right are only those whose ends and type are."""
    total = Counts()
    for episode, logits in zip(asked, said, strict=True):
        outputs, first = PROBLEM.outputs(episode.types), 0
        for row in episode.query + len(draw.shown):
            units = novel.encoded[int(row)].units
            answer = PROBLEM.decode(logits[first : first + len(units)], units, outputs).target
            truth = [span for span in novel.sentences[int(row)][1] if span[2] in episode.types]
            total = sum(PROBLEM.count(truth, answer).values(), total)  # type: ignore[arg-type]
            first += len(units)
    return total


def _f1(counts: Counts) -> float:
    return 2 * counts.hits / max(1, 2 * counts.hits + counts.false_alarms + counts.misses)
