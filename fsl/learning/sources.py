"""Sources of soft labels: a frozen encoder with a head, or an adapted teacher; each may spread along its neighbours.

What several sources say is joined in `fsl.learning.propagation.joining`; which there are is `fsl.learning.teacher`'s.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.config import PropagationConfig
from fsl.learning.encoders import Encoder
from fsl.learning.heads import Head, choose_head
from fsl.learning.heads.folds import draw_folds
from fsl.learning.heads.head import likelihoods_of
from fsl.learning.heads.independent import strata_of
from fsl.learning.heads.logistic import fit_strengths
from fsl.learning.heads.temperature import best_temperature
from fsl.learning.propagation import Neighbours, find_neighbours, spread_labels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What one encoder with its head thinks of all units: the train rows' first, then all others."""

    name: str
    vectors: NDArray[np.float32]  # (n_units, hidden)
    probabilities: NDArray[np.float32]  # (n_units, n_outputs)
    encoder: Encoder | None = None  # kept where a student is to look inside it


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
        targets: (n_train_units,), or (n_train_units, n_outputs) of outputs that do not compete.
        groups: of train units that are held out together, the words of a text; None: each by itself.
    """
    head = choose_head(vectors[: len(targets)], targets, n_outputs, seed=seed, groups=groups).head
    return Source(name, vectors, _probabilities(head, vectors))


def adapted_source(name: str, vectors: NDArray[np.float32], head: Head, *, encoder: Encoder | None = None) -> Source:
    """Return what an adapted teacher says."""
    return Source(name, vectors, _probabilities(head, vectors), encoder)


def spread(source: Source, targets: NDArray[np.int64], config: PropagationConfig, *, seed: int) -> Source:
    """Return the source with its answers spread along its own neighbours, from the train rows' labels."""
    neighbours = find_neighbours(source.vectors, config.n_neighbours, seed=seed)
    known = np.arange(len(source.vectors)) < len(targets)
    found = _spread(neighbours, targets, known, source.probabilities, config)
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
    folds = draw_folds(strata_of(targets), n_folds=5, n_repeats=1, seed=seed)
    if not folds or len(targets) < _MIN_ROWS:
        return False
    neighbours = find_neighbours(vectors, config.n_neighbours, seed=seed)
    plain, spreaded, asked = [], [], []
    for fold in folds:
        (head,) = fit_strengths(vectors[fold.fit], targets[fold.fit], n_outputs, strengths=(30.0,))
        answers = _probabilities(head, vectors)
        known = np.zeros(len(vectors), np.bool_)
        known[fold.fit] = True
        found = _spread(neighbours, targets, known, answers, config)
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
    neighbours: Neighbours,
    targets: NDArray[np.int64],
    known: NDArray[np.bool_],
    answers: NDArray[np.float32],
    config: PropagationConfig,
) -> NDArray[np.float32]:
    """Spread the targets of known rows, the first of which are the train rows, and beliefs of all others.

    A label that does not compete spreads with its own absence against it, as far as any other label does: each of its
    two sides gets an even part of a row's mass.
    """
    competing, n_outputs = targets.ndim == 1, answers.shape[1]
    labels = np.zeros_like(answers)
    labels[: len(targets)] = np.eye(n_outputs, dtype=np.float32)[targets] if competing else targets
    if not competing:
        labels, answers = (np.concatenate([one, 1.0 - one], axis=1) / n_outputs for one in (labels, answers))
    labels[~known] = 0.0
    even = config.prior in ("even", "balanced") and competing  # how common a label is beside others, nobody says
    found = spread_labels(
        neighbours,
        labels,
        beliefs=answers,
        belief_weight=config.belief_weight,
        reach=config.reach,
        prior=np.full(n_outputs, 1.0 / n_outputs, np.float32) if even else None,
    )
    return found if competing else n_outputs * found[:, :n_outputs]


def _likelihood(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    logits = np.log(probabilities.astype(np.float64).clip(min=1e-6))
    if targets.ndim == 2:
        logits -= np.log((1.0 - probabilities.astype(np.float64)).clip(min=1e-6))
    return float(likelihoods_of(logits / best_temperature(logits, targets), targets).mean())


def _probabilities(head: Head, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.exp(head.log_probabilities(vectors)), np.float32)
