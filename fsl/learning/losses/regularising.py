"""Regularisers: what a step adds to its loss so that a few rows are not learnt by heart.

Only arithmetic on tensors lives here; chance is drawn by the learner and comes in as an argument.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fsl.learning.losses.independent import divergence
from fsl.problems.base import Activation


def drop_words(mask: Tensor, drawn: Tensor, *, share: float) -> Tensor:
    """Return the attention mask without some tokens: nothing looks at them, and they are in no mean.

    Args:
        mask: (batch, length), 1 where there is a token.
        drawn: (batch, length), evenly from 0 to 1; a token whose number is under `share` goes, the first never does.

    Source:
        Iyyer et al. 2015, Deep Unordered Composition Rivals Syntactic Methods for Text Classification, section 4.1.
    """
    kept = drawn >= share
    kept[:, 0] = True
    return mask * kept


def agreement_loss(logits: Tensor, others: Tensor, *, activation: Activation = "softmax") -> Tensor:
    """Return how far two answers to the same units are apart, in nats: the mean of both KL divergences, shape ().

    Args:
        logits, others: (n_units, n_outputs), of two passes that dropped out other units.
        activation: with a sigmoid each output is a yes or no by itself, and their divergences are summed.

    Source:
        Liang et al. 2021 (R-Drop), arXiv:2106.14448, equation 2. The paper sums both passes' cross-entropies, here
        their mean is taken, so that its alpha is twice our weight.
    """
    if not len(logits):
        return logits.sum() * 0.0
    if activation == "sigmoid":
        both = divergence(logits.sigmoid(), others) + divergence(others.sigmoid(), logits)
        return both.sum(-1).mean() / 2
    one, two = F.log_softmax(logits, -1), F.log_softmax(others, -1)
    there = F.kl_div(two, one, reduction="batchmean", log_target=True)
    back = F.kl_div(one, two, reduction="batchmean", log_target=True)
    return (there + back) / 2


def mix_vectors(vectors: Tensor, order: Tensor, *, share: float) -> Tensor:
    """Return each vector mixed with another one, of unit length again.

    Args:
        vectors: (n_units, hidden), of unit length.
        order: (n_units,), which unit each is mixed with.
        share: of the vector's own, 0 to 1; its label keeps the same share.

    Source:
        Zhang et al. 2018 (mixup), arXiv:1710.09412, equation 1; on vectors of sentences: Guo et al. 2019,
        arXiv:1905.08941, section 3.
    """
    return F.normalize(share * vectors + (1.0 - share) * vectors[order], dim=-1)


def worst_shift(gradient: Tensor, states: Tensor, mask: Tensor, *, radius: float) -> Tensor:
    """Return the shift of each text's states that raises its loss most, to first order; (batch, length, hidden).

    Args:
        gradient: (batch, length, hidden), of the loss with respect to the states.
        states: (batch, length, hidden), what goes into the first layer.
        mask: (batch, length), 1 where there is a token.
        radius: length of a text's shift, as a share of the length of all its states taken as one vector. The paper's
            epsilon is the same in absolute terms, for embeddings that it normalises.

    Source:
        Miyato, Dai and Goodfellow 2017, arXiv:1605.07725, equation 6 (the fast gradient method).
    """
    real = mask.unsqueeze(-1).to(states.dtype)
    steepest = gradient.to(states.dtype) * real
    length = steepest.flatten(1).norm(dim=1).clamp(min=torch.finfo(states.dtype).tiny)
    own = (states * real).flatten(1).norm(dim=1)
    return steepest * (radius * own / length)[:, None, None]
