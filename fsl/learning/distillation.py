"""Distillation losses: how a student learns from hard labels and from a teacher's soft ones.

Only arithmetic on logits lives here. Stepping the optimiser is `fsl.learning.training`; where soft labels come from
is `fsl.learning.teacher`.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fsl.learning import independent
from fsl.learning.independent import UNLABELLED
from fsl.problems.base import Activation

__all__ = ["UNLABELLED", "contrastive_loss", "hard_label_loss", "label_loss", "soft_label_loss", "student_loss"]


def soft_label_loss(student_logits: Tensor, soft_labels: Tensor, *, temperature: float) -> Tensor:
    """Return how far the student is from the soft labels, in nats.

    Args:
        student_logits: (n_units, n_outputs), float.
        soft_labels: (n_units, n_outputs), probabilities of the teacher at temperature 1; rows of zeros are left out.
        temperature: above 0; at 1.0 the teacher's distribution is left as it is.

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
    return F.kl_div(student, softened, reduction="batchmean", log_target=True) * temperature**2


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
    activation: Activation = "softmax",
) -> Tensor:
    """Return the weighted sum of both losses; with no soft labels, the plain cross-entropy.

    Args:
        activation: with a sigmoid outputs do not compete, and the losses are those of `fsl.learning.independent`.
    """
    hard: Tensor = label_loss(logits, targets, smoothing=smoothing, activation=activation)
    if soft_labels is None:
        return hard
    of_teacher = soft_label_loss if activation == "softmax" else independent.soft_label_loss
    soft = of_teacher(logits, soft_labels, temperature=temperature)
    return torch.add(weight_soft * soft, weight_hard * hard)
