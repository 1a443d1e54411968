"""Sources of soft labels: a frozen encoder with a head, or an adapted teacher; each may spread along its neighbours.

What several sources say is joined in `fsl.learning.propagation.joining`; which there are is `fsl.learning.teacher`'s.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.config import PropagationConfig
from fsl.learning.heads import Head, choose_head
from fsl.learning.heads.folds import draw_folds
from fsl.learning.heads.logistic import fit_path
from fsl.learning.heads.temperature import best_temperature
from fsl.learning.propagation import Neighbours, find_neighbours, spread_labels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What one encoder with its head thinks of all units: the train rows' first, then all others."""

    name: str
    vectors: NDArray[np.float32]  # (n_units, hidden)
    probabilities: NDArray[np.float32]  # (n_units, n_outputs)


def frozen_source(
    name: str,
    vectors: NDArray[np.float32],
    targets: NDArray[np.int64],
    n_outputs: int,
    *,
    seed: int,
    groups: Sequence[int] | None = None,
) -> Source:
    """Return what the head that cross-validation favours says on vectors of an encoder as it came.

    Args:
        vectors: (n_units, hidden), of train rows and then of others.
        targets: (n_train_units,).
        groups: of train units that are held out together, the words of a text; None: each by itself.
    """
    head = choose_head(vectors[: len(targets)], targets, n_outputs, seed=seed, groups=groups).head
    return Source(name, vectors, _probabilities(head, vectors))


def adapted_source(name: str, vectors: NDArray[np.float32], head: Head) -> Source:
    """Return what an adapted teacher says."""
    return Source(name, vectors, _probabilities(head, vectors))


def spread(source: Source, targets: NDArray[np.int64], config: PropagationConfig, *, seed: int) -> Source:
    """Return the source with its answers spread along its own neighbours, from the train rows' labels."""
    neighbours = find_neighbours(source.vectors, config.n_neighbours, seed=seed)
    labels = _one_hot(targets, source.probabilities.shape)
    found = _spread(neighbours, labels, source.probabilities, config)
    return Source(f"{source.name}, spread", source.vectors, found)


def is_spreading_better(
    vectors: NDArray[np.float32],
    targets: NDArray[np.int64],
    n_outputs: int,
    config: PropagationConfig,
    *,
    seed: int,
) -> bool:
    """Say whether labels that were spread make held-out train rows likelier than a head's own answers.

    In each fold head and spreading know only the rows outside it; both get one temperature over all folds.

    Args:
        vectors: (n_units, hidden), of train rows and then of others.
        targets: (n_train_units,).
    """
    folds = draw_folds(targets, n_folds=5, n_repeats=1, seed=seed)
    if not folds or len(targets) < _MIN_ROWS:
        return False
    neighbours = find_neighbours(vectors, config.n_neighbours, seed=seed)
    plain, spreaded, asked = [], [], []
    for fold in folds:
        (head,) = fit_path(vectors[fold.fit], targets[fold.fit], n_outputs, strengths=(30.0,))
        answers = _probabilities(head, vectors)
        labels = _one_hot(targets, answers.shape)
        labels[fold.held_out] = 0.0
        found = _spread(neighbours, labels, answers, config)
        plain.append(answers[fold.held_out])
        spreaded.append(found[fold.held_out])
        asked.append(targets[fold.held_out])
    truth = np.concatenate(asked)
    before, after = (_likelihood(np.concatenate(parts), truth) for parts in (plain, spreaded))
    log.info("spreading: %.3f nats a held-out row with it, %.3f without", after, before)
    return after > before


_MIN_ROWS = 20


def held_out_score(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Return the mean log-likelihood of rows that nothing was fitted to; NaN where they are too few to tell."""
    return _likelihood(probabilities, targets) if len(targets) >= _MIN_ROWS else float("nan")


def _spread(
    neighbours: Neighbours, labels: NDArray[np.float32], answers: NDArray[np.float32], config: PropagationConfig
) -> NDArray[np.float32]:
    n_outputs = labels.shape[1]
    return spread_labels(
        neighbours,
        labels,
        beliefs=answers,
        belief_weight=config.belief_weight,
        reach=config.reach,
        prior=np.full(n_outputs, 1.0 / n_outputs, np.float32) if config.prior == "even" else None,
    )


def _likelihood(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    logits = np.log(probabilities.astype(np.float64).clip(min=1e-6))
    temperature = best_temperature(logits, targets)
    scaled = logits / temperature
    scaled -= np.logaddexp.reduce(scaled, axis=1, keepdims=True)
    return float(scaled[np.arange(len(targets)), targets].mean())


def _one_hot(targets: NDArray[np.int64], shape: Sequence[int]) -> NDArray[np.float32]:
    labels = np.zeros(tuple(shape), np.float32)
    labels[np.arange(len(targets)), targets] = 1.0
    return labels


def _probabilities(head: Head, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.exp(head.log_probabilities(vectors)), np.float32)
