"""Losses for labels that do not compete: each output is a yes or a no by itself, and a unit's loss is their sum.

So a loss here is in nats a unit, as the ones of `distillation` are, and their weights mean the same.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

UNLABELLED = -100  # the target of a unit that has no hard label, as in torch's own losses


def soft_label_loss(
    student_logits: Tensor, soft_labels: Tensor, *, temperature: float, by_confidence: bool = False
) -> Tensor:
    """Return how far the student is from the soft labels, in nats.

    Args:
        student_logits: (n_units, n_outputs), float.
        soft_labels: (n_units, n_outputs), probabilities of the teacher at temperature 1; rows of zeros are left out.
        temperature: above 0; at 1.0 the teacher's probabilities are left as they are.
        by_confidence: a unit counts by the mean of its outputs' `1 - entropy / ln 2`.

    Returns:
        KL(teacher || student) of the outputs' two-way distributions, summed over outputs, times temperature squared,
        averaged over the units that have soft labels, shape ().

    Source:
        Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2, for each label against its absence.
    """
    known = soft_labels.sum(-1) > 0
    if not bool(known.any()):
        return student_logits.sum() * 0.0
    teacher = torch.logit(soft_labels[known], eps=1e-6) / temperature
    student = student_logits[known] / temperature
    share = torch.sigmoid(teacher)
    divergence = share * (F.logsigmoid(teacher) - F.logsigmoid(student))
    divergence = divergence + (1.0 - share) * (F.logsigmoid(-teacher) - F.logsigmoid(-student))
    apart = divergence.sum(-1)
    if by_confidence:
        weights = 1.0 - two_way_entropy(soft_labels[known]).mean(-1) / math.log(2)
        return (weights * apart).sum() / weights.sum().clamp(min=1e-8) * temperature**2
    found: Tensor = apart.mean() * temperature**2
    return found


def two_way_entropy(probabilities: Tensor) -> Tensor:
    """Return the entropy of each yes or no, in nats, in the shape of the probabilities."""
    return torch.special.entr(probabilities) + torch.special.entr(1.0 - probabilities)


def divergence(theirs: Tensor, logits: Tensor) -> Tensor:
    """Return KL(theirs || ours) of each yes or no, in nats, in the shape of both.

    Args:
        theirs: probabilities.
        logits: ours.
    """
    cross = -(theirs * F.logsigmoid(logits) + (1.0 - theirs) * F.logsigmoid(-logits))
    return cross - two_way_entropy(theirs)


def hard_label_loss(student_logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the binary cross-entropy, summed over outputs, over the units that have labels, in nats, shape ().

    Args:
        student_logits: (n_units, n_outputs), float.
        targets: (n_units, n_outputs), 0 or 1; rows of UNLABELLED where there is none. Where no unit has one, of any
            width.
        smoothing: share of each target that is moved to a half.
    """
    known = (targets.reshape(len(targets), -1) != UNLABELLED).all(-1)
    if not bool(known.any()):
        return student_logits.sum() * 0.0
    wanted = targets[known].to(student_logits.dtype) * (1.0 - smoothing) + smoothing / 2
    losses = F.binary_cross_entropy_with_logits(student_logits[known], wanted, reduction="none")
    found: Tensor = losses.sum(-1).mean()
    return found
