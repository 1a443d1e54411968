"""Labels that nobody has seen, five rows of each: what a meta-learned start gains over the probe on the same encoder.

A cell is one start on one draw, of texts or of spans (whose names begin with `spans-`); all starts answer the same
episodes. Nothing was tuned: settings are the product's defaults, with as many episodes for each method as take about
the same time on a CPU. How spans are measured stands in `bench.parts.meta.spans`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from bench.cells import Facts, chosen_begins, digest_of, find_cell
from bench.parts.entities.draws import sentences_digest
from bench.parts.meta import span_draws
from bench.parts.meta.draws import N_DRAWS, Draw, load_draw
from bench.parts.meta.laid import lay_fresh_adapter
from bench.parts.meta.span_draws import SpanDraw, load_span_draw
from bench.parts.meta.spans import measure_spans
from bench.parts.meta.tables import write_section, write_span_part
from bench.parts.public_data import data_folder, not_measured
from bench.parts.students.draws import data_digest
from fsl.config import AdapterConfig, LearningConfig, MetaConfig
from fsl.learning.heads.head import Vectors
from fsl.learning.meta import Episode

N_KNOWN = 50  # train rows of each label that a start is learnt from
WAYS = {5: 10, 20: 5}  # ways -> episodes asked about in each draw
SPAN_WAYS = {5: 10, 20: 3}  # likewise, of spans
LEARNT_WAYS, LEARNT_SPAN_WAYS = 10, 5  # of the episodes that a start is learnt from; of spans 14 types are known


@dataclass(frozen=True)
class Start:
    """Where the learners begin."""

    name: str
    method: str = "off"
    order: int = 1
    n_episodes: int = 0


STARTS = (
    Start("untouched"),
    Start("prototypes", "prototypes", n_episodes=40),
    Start("maml, first order", "maml", n_episodes=24),
    Start("reptile", "reptile", n_episodes=12),
    Start("maml, second order", "maml", 2, n_episodes=8),
)


def run(*, quick: bool) -> str:
    """Measure what is missing, and return the section of docs/benchmarks.md."""
    for name in ("clinc150", span_draws.DATA):
        if not (data_folder() / name).is_dir():
            return not_measured("Unseen labels", data_folder() / name)
    if quick:
        return _run_quick()
    texts = _find_cells("", lambda start, number: measure(start, _draw(number)), _measured)
    spans = _find_cells("spans-", lambda start, number: _measure_spans(start, _span_draw(number)), _measured_spans)
    return "\n".join([write_section(texts, list(STARTS), list(WAYS)), write_span_part(spans, list(STARTS), SPAN_WAYS)])


def _run_quick() -> str:
    draw = load_draw(0, {5: 2}, n_known=10, n_labels=6)
    few = [Start("untouched"), Start("maml, first order", "maml", n_episodes=2)]
    texts = {(one.name, 0): measure(one, draw, ways=5) for one in few}
    span_ways = {3: 1}
    span_draw = load_span_draw(0, span_ways, most=300)
    spans = {(one.name, 0): _measure_spans(one, span_draw, ways=2) for one in few}
    return "\n".join([write_section(texts, few, list(draw.episodes)), write_span_part(spans, few, span_ways)])


def _find_cells(
    begin: str, work: Callable[[Start, int], Facts], measured: Callable[[Start], Facts]
) -> dict[tuple[str, int], Facts]:
    begins, found = chosen_begins(), dict[tuple[str, int], Facts]()
    for number in range(N_DRAWS):
        for start in STARTS:
            name = f"{begin}{start.name.replace(', ', '-').replace(' ', '-')}-{number}"
            facts = find_cell("meta", name, lambda: work(start, number), of=measured(start), begins=begins)  # noqa: B023
            if facts is not None:
                found[start.name, number] = facts
    return found


def _measured(start: Start) -> Facts:
    """Say what a cell holds: of other settings, of other data or of an older step it is measured again."""
    from fsl.runs.steps import STEP_VERSIONS

    said = [
        _config(start, LEARNT_WAYS).model_dump(mode="json", exclude_defaults=True),
        {str(n): asked for n, asked in WAYS.items()},
        N_KNOWN,
    ]
    return {"recipe": digest_of(said), "data": data_digest("clinc150"), "steps": dict(STEP_VERSIONS)}


def _measured_spans(start: Start) -> Facts:
    """Say what a cell of spans holds."""
    from fsl.learning.meta.span_losses import PENALTY, SCALE
    from fsl.runs.steps import STEP_VERSIONS

    said = [
        _config(start, LEARNT_SPAN_WAYS).model_dump(mode="json", exclude_defaults=True),
        {str(n): asked for n, asked in SPAN_WAYS.items()},
        [span_draws.N_HELD_OUT, span_draws.SHOTS, span_draws.QUERIES],
        [PENALTY, SCALE],
    ]
    return {"recipe": digest_of(said), "data": sentences_digest(span_draws.DATA), "steps": dict(STEP_VERSIONS)}


def _config(start: Start, ways: int) -> LearningConfig:
    meta = MetaConfig.model_validate(
        {"method": start.method, "order": start.order, "ways": ways, "episodes": max(1, start.n_episodes)}
    )
    return LearningConfig(adapter=AdapterConfig(targets="attention"), meta=meta)


@cache
def _draw(number: int) -> Draw:
    return load_draw(number, WAYS, n_known=N_KNOWN)


@cache
def _span_draw(number: int) -> SpanDraw:
    return load_span_draw(number, SPAN_WAYS)


def _measure_spans(start: Start, draw: SpanDraw, *, ways: int = LEARNT_SPAN_WAYS) -> Facts:
    return measure_spans(_config(start, ways), draw, n_episodes=start.n_episodes)


def measure(start: Start, draw: Draw, *, ways: int = LEARNT_WAYS) -> Facts:
    """Return the share of rightly answered test rows of each episode, by ways and learner.

    Args:
        ways: of the episodes that the start is learnt from.
    """
    from fsl.learning.meta.losses import Reading
    from fsl.learning.training.adapters import merge_adapter
    from fsl.learning.training.keeping import put_back, read_free_weights

    config = _config(start, ways)
    network, reader = lay_fresh_adapter(config, "text")
    started = time.process_time()
    weights = read_free_weights(network)
    if start.n_episodes:
        weights = _learn(network, reader, weights, draw, config)
    learnt = time.process_time() - started
    scores: dict[str, dict[str, list[float]]] = {str(n): {} for n in draw.episodes}
    if start.method != "prototypes":
        novel = Reading(network, reader, reader.read([text for text, _ in draw.novel]))
        for n, asked in draw.episodes.items():
            scores[str(n)]["inner steps"] = [_after_inner_steps(novel, weights, one, config) for one in asked]
    put_back(network, weights)
    network.backbone = merge_adapter(network.backbone, config.adapter)
    vectors = _vectors(network, reader, draw)
    for n, asked in draw.episodes.items():
        scores[str(n)]["prototypes"] = [_by_prototypes(vectors, one) for one in asked]
        scores[str(n)]["probe"] = [_by_probe(vectors, one, config.seed) for one in asked]
    return {"scores": scores, "cpu_seconds": learnt, "n_episodes": start.n_episodes, "domains": list(draw.domains)}


def _learn(network: Any, reader: Any, weights: Any, draw: Draw, config: LearningConfig) -> Any:
    """Meta-learn on the known labels."""
    from fsl.learning.meta.episodes import draw_episodes
    from fsl.learning.meta.losses import Reading, episode_losses
    from fsl.learning.meta.start import meta_learn

    meta, labels = config.meta, sorted({label for _, label in draw.known})
    reading = Reading(network, reader, reader.read([text for text, _ in draw.known]))
    episodes = draw_episodes(
        [labels.index(label) for _, label in draw.known],
        n_episodes=meta.episodes,
        n_ways=meta.ways,
        n_shots=meta.shots,
        n_queries=meta.queries,
        seed=config.seed,
    )
    losses = (episode_losses(reading, one, scale=config.distillation.cosine_scale) for one in episodes)
    return meta_learn(weights, losses, meta)


def _vectors(network: Any, reader: Any, draw: Draw) -> Vectors:
    """Return the vectors of all rows of which some episode speaks; the others' are zeros."""
    from fsl.learning.encoders import embed

    rows = np.unique(np.concatenate([np.r_[e.support, e.query] for asked in draw.episodes.values() for e in asked]))
    vectors = np.zeros((len(draw.novel), network.hidden_size), np.float32)
    vectors[rows] = embed(network, reader, reader.read([draw.novel[int(row)][0] for row in rows]))
    return vectors


def _after_inner_steps(reading: Any, weights: Any, episode: Episode, config: LearningConfig) -> float:
    """Adapt adapter and head to the support set as the start was taught to, and ask."""
    from fsl.learning.meta.losses import HEAD, cosine_logits, episode_losses
    from fsl.learning.meta.rules import take_inner_steps

    losses = episode_losses(reading, episode, scale=config.distillation.cosine_scale)
    own = weights | losses.begin(weights)
    own = take_inner_steps(losses.support, own, n_steps=config.meta.inner_steps, rate=config.meta.inner_lr)
    with torch.no_grad():
        answers = cosine_logits(reading.vectors(own, episode.query), own[HEAD], 1.0).argmax(-1).numpy()
    return float((answers == episode.query_targets).mean())


def _by_prototypes(vectors: Vectors, episode: Episode) -> float:
    from fsl.learning.heads.prototypes import fit_prototypes

    head = fit_prototypes(vectors[episode.support], episode.support_targets, episode.n_ways)
    return float((head.logits(vectors[episode.query]).argmax(1) == episode.query_targets).mean())


def _by_probe(vectors: Vectors, episode: Episode, seed: int) -> float:
    """Ask the very probe that the product would ship, its kind chosen by cross-validation on the support set."""
    from fsl.learning.heads import choose_head

    head = choose_head(vectors[episode.support], episode.support_targets, episode.n_ways, seed=seed).head
    return float((head.logits(vectors[episode.query]).argmax(1) == episode.query_targets).mean())
