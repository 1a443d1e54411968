"""Distillation losses: how a student learns from hard labels and from a teacher's soft ones.

Only arithmetic on logits lives here. Stepping the optimiser is `fsl.learning.training.fit`; where soft labels come from
is `fsl.learning.teacher`.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fsl.learning.losses import independent
from fsl.learning.losses.independent import UNLABELLED
from fsl.problems.base import Activation

__all__ = [
    "UNLABELLED",
    "champion_loss",
    "confidence_weights",
    "contrastive_loss",
    "hard_label_loss",
    "label_loss",
    "soft_label_loss",
    "student_loss",
]


def soft_label_loss(
    student_logits: Tensor, soft_labels: Tensor, *, temperature: float, by_confidence: bool = False
) -> Tensor:
    """Return how far the student is from the soft labels, in nats.

    Args:
        student_logits: (n_units, n_outputs), float.
        soft_labels: (n_units, n_outputs), probabilities of the teacher at temperature 1; rows of zeros are left out.
        temperature: above 0; at 1.0 the teacher's distribution is left as it is.
        by_confidence: units count by `confidence_weights`.

    Returns:
        KL(teacher || student) times temperature squared, averaged over the units that have soft labels, shape ().

    Source:
        Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2.
    """
    known = soft_labels.sum(-1) > 0
    if not bool(known.any()):
        return student_logits.sum() * 0.0
    teacher_log = soft_labels[known].clamp(min=1e-8).log()
    softened = F.log_softmax(teacher_log / temperature, dim=-1)
    student = F.log_softmax(student_logits[known] / temperature, dim=-1)
    # Softening shrinks the gradient by temperature^2. Undoing that keeps one loss weight meaningful everywhere.
    if not by_confidence:
        return F.kl_div(student, softened, reduction="batchmean", log_target=True) * temperature**2
    apart = F.kl_div(student, softened, reduction="none", log_target=True).sum(-1)
    weights = confidence_weights(soft_labels[known])
    return (weights * apart).sum() / weights.sum().clamp(min=1e-8) * temperature**2


def confidence_weights(probabilities: Tensor) -> Tensor:
    """Return how sure a teacher is of each unit, (n_units,): 1 of one label alone, 0 where all are as likely.

    Args:
        probabilities: (n_units, n_outputs).

    Source:
        Iscen et al. 2019, Label Propagation for Deep Semi-supervised Learning, arXiv:1904.04717, equation 11.
    """
    entropy = torch.special.entr(probabilities).sum(-1)
    return (1.0 - entropy / math.log(max(probabilities.shape[-1], 2))).clamp(min=0.0)


def champion_loss(student_logits: Tensor, champion: Tensor, *, activation: Activation = "softmax") -> Tensor:
    """Return how far the student is from the champion, over the labels that both know, in nats, shape ().

    Args:
        student_logits: (n_units, n_outputs), float.
        champion: (n_units, n_outputs), its probabilities in the student's order of outputs; 0 where it does not know
            an output, and a row of zeros where it was not asked.
        activation: with a sigmoid each output is a yes or no by itself, and their divergences are summed.

    Returns:
        KL(champion || student) of what both say of those outputs alone, averaged over the units that it was asked of.

    Source:
        Li and Hoiem 2016 (Learning without Forgetting), arXiv:1606.09282, equation 2, at temperature 1.
    """
    shared = champion > 0
    asked = shared.any(-1)
    if not bool(asked.any()):
        return student_logits.sum() * 0.0
    shared, theirs = shared[asked], champion[asked]
    if activation == "sigmoid":
        apart = independent.divergence(theirs, student_logits[asked]).masked_fill(~shared, 0.0)
        return apart.sum(-1).mean()
    theirs = theirs / theirs.sum(-1, keepdim=True)
    ours = F.log_softmax(student_logits[asked].masked_fill(~shared, float("-inf")), dim=-1).masked_fill(~shared, 0.0)
    return (torch.special.xlogy(theirs, theirs) - theirs * ours).sum(-1).mean()


def hard_label_loss(student_logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy over the units that have a label, in nats, shape ().

    Args:
        student_logits: (n_units, n_outputs), float.
        targets: (n_units,), int64; UNLABELLED where there is none.
        smoothing: share of each target that is spread over all outputs.

    Source:
        Szegedy et al. 2015, arXiv:1512.00567, section 7, for the smoothing.
    """
    if not bool((targets != UNLABELLED).any()):
        return student_logits.sum() * 0.0
    return F.cross_entropy(student_logits, targets, ignore_index=UNLABELLED, label_smoothing=smoothing)


def contrastive_loss(vectors: Tensor, targets: Tensor, *, temperature: float) -> Tensor:
    """Return how far texts of one label are from each other, against all others of the batch, in nats, shape ().

    Its cost grows with the rows, not with the pairs of a data set: the pairs are those of one batch.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), int64; UNLABELLED where there is none: such a unit is neither friend nor stranger.
        temperature: above 0.

    Source:
        Khosla et al. 2020, arXiv:2004.11362, equation 2.
    """
    known = targets != UNLABELLED
    vectors, targets = vectors[known], targets[known]
    itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
    friends = (targets[:, None] == targets[None]) & ~itself
    n_friends = friends.sum(1)
    has_some = n_friends > 0
    if not bool(has_some.any()):
        return vectors.sum() * 0.0
    closeness = (vectors @ vectors.T / temperature).masked_fill(itself, float("-inf"))
    shares = F.log_softmax(closeness, dim=1).masked_fill(~friends, 0.0)
    mean: Tensor = (shares.sum(1)[has_some] / n_friends[has_some]).mean()
    return -mean


def label_loss(logits: Tensor, targets: Tensor, *, activation: Activation, smoothing: float = 0.0) -> Tensor:
    """Return the loss of hard labels, of outputs that compete or not, in nats a unit, shape ()."""
    loss = hard_label_loss if activation == "softmax" else independent.hard_label_loss
    return loss(logits, targets, smoothing=smoothing)


def student_loss(
    logits: Tensor,
    targets: Tensor,
    soft_labels: Tensor | None,
    *,
    temperature: float,
    weight_soft: float,
    weight_hard: float,
    smoothing: float = 0.0,
    by_confidence: bool = False,
    activation: Activation = "softmax",
) -> Tensor:
    """Return the weighted sum of both losses; with no soft labels, the plain cross-entropy.

    Args:
        activation: with a sigmoid outputs do not compete, and the losses are those of `independent`.
    """
    hard: Tensor = label_loss(logits, targets, smoothing=smoothing, activation=activation)
    if soft_labels is None:
        return hard
    of_teacher = soft_label_loss if activation == "softmax" else independent.soft_label_loss
    soft = of_teacher(logits, soft_labels, temperature=temperature, by_confidence=by_confidence)
    return torch.add(weight_soft * soft, weight_hard * hard)
