"""An episode's losses for an encoder of words: a linear head that begins as a ridge regression on the support set.

Most words are of no label and an I- tag may not occur among a few texts, so means are no head for them: nothing tells
how near is near enough. Ridge regression has one answer for any targets, and gradients go through it to the encoder.
"""

import torch
from torch import Tensor
from torch.nn import functional

from fsl.learning.meta.episodes import Episode, Rows
from fsl.learning.meta.losses import HEAD, Reading
from fsl.learning.meta.rules import EpisodeLosses, Weights

# Chosen on train sentences of WNUT-17, twenty 5-way episodes on the untouched MiniLM, by entity F1 and by the loss.
PENALTY = 3.0
SCALE = 10.0  # logits for each unit of a score, which is about 1 for the right output and 0 for others

_NOT_ASKED = -100  # what cross_entropy passes over


def n_outputs_of(episode: Episode) -> int:
    """Return how many outputs an episode's head has: outside, and two for each label."""
    return 1 + 2 * episode.n_ways


def span_losses(reading: Reading, episode: Episode) -> EpisodeLosses:
    """Return an episode as functions of weights. A tag that no shown word has is not asked about: nobody could know."""
    shown, asked = (
        torch.from_numpy(one).to(reading.device) for one in (episode.support_targets, episode.query_targets)
    )
    asked = torch.where(torch.isin(asked, shown), asked, _NOT_ASKED)

    def begin(weights: Weights) -> Weights:
        return {HEAD: fit_ridge(reading.vectors(weights, episode.support), shown, n_outputs_of(episode))}

    def loss(weights: Weights, rows: Rows, targets: Tensor) -> Tensor:
        logits = linear_logits(reading.vectors(weights, rows), weights[HEAD])
        return functional.cross_entropy(logits, targets, ignore_index=_NOT_ASKED)

    return EpisodeLosses(
        begin,
        lambda weights: loss(weights, episode.support, shown),
        lambda weights: loss(weights, episode.query, asked),
    )


def fit_ridge(vectors: Tensor, targets: Tensor, n_outputs: int, *, penalty: float = PENALTY) -> Tensor:
    """Return the linear head with the least squared error to one-hot targets, (hidden + 1, n_outputs).

    A word counts by the inverse root of how often its output occurs, 1 in the mean: where all count alike, scores of
    the rare outputs stay under those of the words that are of no label.

    Args:
        vectors: (n_units, hidden).
        targets: (n_units,), below n_outputs; an output that does not occur scores 0 everywhere.
        penalty: on the squared weights, against the sum of squared errors. The last row, a bias, has none.

    Source:
        Bertinetto et al. 2019 (R2-D2), arXiv:1805.08136, section 3.1. Its Woodbury form is left out: it is for fewer
        units than a vector has numbers, and an episode's words are more.
    """
    inputs = _with_ones(vectors)
    wanted = functional.one_hot(targets, n_outputs).to(inputs.dtype)
    shares = wanted.sum(0)[targets].rsqrt()
    weighted = inputs * (shares / shares.mean())[:, None]
    penalties = torch.full_like(inputs[0], penalty)
    penalties[-1] = 0.0
    found: Tensor = torch.linalg.solve(weighted.T @ inputs + torch.diag(penalties), weighted.T @ wanted)
    return found


def linear_logits(vectors: Tensor, head: Tensor) -> Tensor:
    """Return (n_units, n_outputs)."""
    return SCALE * _with_ones(vectors) @ head


def _with_ones(vectors: Tensor) -> Tensor:
    return torch.cat([vectors, torch.ones_like(vectors[:, :1])], dim=1)
