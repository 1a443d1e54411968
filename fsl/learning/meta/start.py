"""The outer loop: episodes one after another move an adapter's weights, which are then merged into the encoder."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from fsl.config import AdapterConfig, LearningConfig, MetaConfig
from fsl.learning.encoders import UnitEncoder
from fsl.learning.errors import EpisodeTooLarge
from fsl.learning.meta.episodes import Episode, draw_across, draw_episodes
from fsl.learning.meta.losses import Reading, episode_losses
from fsl.learning.meta.rules import EpisodeLosses, Lean, Weights, maml, prototypes, reptile
from fsl.learning.meta.span_episodes import draw_span_episodes
from fsl.learning.meta.span_losses import span_losses
from fsl.learning.training.adapters import lay_adapter, merge_adapter
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import pick_device, wants_bfloat16
from fsl.learning.training.keeping import is_out_of_memory, put_back, read_free_weights
from fsl.learning.training.watching import Progress
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)


def learn_start(
    encoder: UnitEncoder,
    lessons: Sequence[Lesson],
    reader: TextReader,
    config: LearningConfig,
    *,
    others: Sequence[Sequence[Lesson]] = (),
    progress: Progress = lambda share: None,
) -> UnitEncoder | None:
    """Return the encoder with a meta-learned adapter merged into it, or None where no episode can be drawn.

    Only an adapter moves, never the whole encoder: where `learning.adapter.method` is full, LoRA takes its place.

    Args:
        encoder: of texts, each of one label, or of words; is changed; hand in a fresh one.
        lessons: those without a label are passed over.
        others: lessons of other problems, each with labels of its own, read by the same reader; episodes are drawn from
            all problems in turn. Nothing of them is left but what the encoder learnt.

    Raises:
        EpisodeTooLarge: memory ran out.
    """
    meta, problems = config.meta, [_labelled(one) for one in (lessons, *others)]
    labelled = [lesson for problem in problems for lesson in problem]
    episodes = draw_across(
        [_targets(problem, encoder) for problem in problems],
        n_episodes=meta.episodes,
        n_ways=meta.ways,
        n_shots=meta.shots,
        n_queries=meta.queries,
        seed=config.seed,
        draw=draw_span_episodes if encoder.unit == "word" else draw_episodes,
    )
    if not episodes:
        log.info("no meta-learned start: %s", why_no_episode(encoder))
        return None
    adapter = _never_full(config.adapter)
    torch.manual_seed(config.seed)  # a fresh adapter is drawn
    encoder.backbone = lay_adapter(encoder.backbone, adapter)
    device = pick_device(config)
    encoder.eval().to(device)  # dropout off: the inner steps see the same network twice
    quick = _wants_bfloat16(config, device)
    reading = Reading(encoder, reader, [lesson.encoded for lesson in labelled], bfloat16=quick)
    start = {name: one.to(device) for name, one in read_free_weights(encoder).items()}
    losses = (_losses_of(one, reading, config) for one in episodes)
    try:
        found = meta_learn(start, losses, meta, progress=progress)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise EpisodeTooLarge(meta.ways, meta.shots + meta.queries) from error
    put_back(encoder, found)
    encoder.cpu()
    encoder.backbone = merge_adapter(encoder.backbone, adapter)
    return encoder


def why_no_episode(encoder: UnitEncoder) -> str:
    """Say what there was too little of where no episode could be drawn."""
    return "no label stands in two texts" if encoder.unit == "word" else "fewer than two labels have two rows"


def _labelled(lessons: Sequence[Lesson]) -> list[Lesson]:
    return [lesson for lesson in lessons if lesson.targets is not None and len(lesson.targets)]


def _targets(lessons: Sequence[Lesson], encoder: UnitEncoder) -> list[Any]:
    """Return each text's label, or the tags of those words that its first window shows."""
    own = [lesson.targets[: lesson.n_shown] for lesson in lessons if lesson.targets is not None]
    return own if encoder.unit == "word" else [int(one[0]) for one in own]


def _losses_of(episode: Episode, reading: Reading, config: LearningConfig) -> EpisodeLosses:
    if reading.unit == "word":
        return span_losses(reading, episode)
    return episode_losses(reading, episode, scale=config.distillation.cosine_scale)


def meta_learn(
    weights: Weights,
    episodes: Iterable[EpisodeLosses],
    config: MetaConfig,
    *,
    progress: Progress = lambda share: None,
) -> Weights:
    """Return the weights after one step of Adam for each episode, at a rate that falls to 0.

    An episode whose gradient is no number moves nothing.
    """
    moved = {name: one.detach().clone() for name, one in weights.items()}
    optimiser = torch.optim.Adam(list(moved.values()), lr=config.outer_lr)
    losses: list[float] = []
    for place, episode in enumerate(episodes):
        lean = apply_rule(moved, episode, config)
        if all(bool(torch.isfinite(one).all()) for one in lean.gradients.values()):
            for group in optimiser.param_groups:
                group["lr"] = config.outer_lr * (1.0 - place / config.episodes)
            for name, one in moved.items():
                one.grad = lean.gradients[name]
            optimiser.step()
        losses.append(lean.loss)
        progress((place + 1) / config.episodes)
    fifth = max(1, len(losses) // 5)
    first, last = (sum(part) / len(part) for part in (losses[:fifth], losses[-fifth:]))
    log.info("%s: %d episodes, query loss %.3f at first, %.3f at last", config.method, len(losses), first, last)
    return {name: one.detach() for name, one in moved.items()}


def apply_rule(weights: Weights, episode: EpisodeLosses, config: MetaConfig) -> Lean:
    """Return where an episode would have the weights move, by the rule that the config names."""
    if config.method == "prototypes":
        return prototypes(weights, episode)
    if config.method == "reptile":
        return reptile(weights, episode, n_steps=config.inner_steps, rate=config.inner_lr)
    if config.order == 1:
        return maml(weights, episode, n_steps=config.inner_steps, rate=config.inner_lr, order=1)
    # The fused attention kernels of a CPU have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        return maml(weights, episode, n_steps=config.inner_steps, rate=config.inner_lr, order=2)


def _wants_bfloat16(config: LearningConfig, device: str) -> bool:
    """Say whether episodes are read in bf16: never through second derivatives, and on a CPU only where it is asked for.

    There the fused attention's gradients are slower in bf16 than in fp32, and the plain one, which `fit` takes, does
    not go with functional gradients under autocast (torch 2.13).
    """
    if config.meta.method == "maml" and config.meta.order == 2:
        return False
    return config.precision == "bfloat16" if device == "cpu" else wants_bfloat16(config, on_cpu=False)


def _never_full(adapter: AdapterConfig) -> AdapterConfig:
    return adapter.model_copy(update={"method": "lora"}) if adapter.method == "full" else adapter
