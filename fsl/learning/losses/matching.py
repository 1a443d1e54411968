"""Losses that compare what goes on inside student and teacher, beyond what they answer.

Only arithmetic on tensors lives here; how the insides are read is `inside`, and which texts they are of is `views`.
"""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fsl.learning.errors import RelationsDoNotFit

_NOT_ASKED = -1e4  # as an attention's logit, nothing: its share is 0 in fp32, and no difference of it is a NaN


def map_layers(n_student: int, n_teacher: int) -> tuple[int, ...]:
    """Return for each of the student's layers which of the teacher's it follows, both from 1, spread evenly.

    Source:
        Jiao et al. 2020 (TinyBERT), arXiv:1909.10351, section 3.1: g(m) = m * n_teacher / n_student.
    """
    return tuple(max(1, round(layer * n_teacher / n_student)) for layer in range(1, n_student + 1))


def hidden_loss(student: Sequence[Tensor], teacher: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared difference of hidden states, over tokens, layers and numbers, shape ().

    Args:
        student: a tensor (batch, length, hidden) for each layer, as wide as the teacher's: projected where it must be.
        teacher: (batch, length, n_layers, hidden), of the layers that the student's follow.
        mask: (batch, length), 1 where there is a token that both see; with none, the loss is 0.

    Source:
        Jiao et al. 2020 (TinyBERT), arXiv:1909.10351, equation 8.
    """
    asked = mask.bool()
    if not bool(asked.any()):
        return sum((one.sum() for one in student), teacher.new_zeros(())) * 0.0
    parts = [F.mse_loss(one[asked].float(), teacher[asked][:, place]) for place, one in enumerate(student)]
    return sum(parts, teacher.new_zeros(())) / len(parts)


def relation_loss(student: Tensor, teacher: Tensor, mask: Tensor, *, n_heads: int) -> Tensor:
    """Return how far the student's tokens relate to each other otherwise than the teacher's, in nats, shape ().

    Queries relate to queries, keys to keys, values to values, by scaled dot products in so many relation heads; each
    token's relations to all others are a distribution. Widths of student and teacher need not be the same.

    Args:
        student: (batch, length, 3, hidden_s): queries, keys and values of its last layer.
        teacher: (batch, length, 3, hidden_t), likewise.
        mask: (batch, length), 1 where there is a token that both see; with none, the loss is 0.
        n_heads: divides both widths.

    Returns:
        KL(teacher || student), the mean over tokens, relation heads and the three kinds of relation.

    Raises:
        RelationsDoNotFit: a width cannot be divided into so many heads.

    Source:
        Wang et al. 2021 (MiniLMv2), arXiv:2012.15828, equations 3 to 6.
    """
    asked = mask.bool()
    if not bool(asked.any()):
        return student.sum() * 0.0
    ours, theirs = _relations(student.float(), asked, n_heads), _relations(teacher.float(), asked, n_heads)
    apart = (theirs.exp() * (theirs - ours)).sum(-1)  # (batch, 3, n_heads, length)
    tokens = asked[:, None, None, :].expand_as(apart)
    return apart[tokens].mean()


def _relations(parts: Tensor, asked: Tensor, n_heads: int) -> Tensor:
    """Return the logarithms of each token's relations to all others, (batch, 3, n_heads, length, length)."""
    batch, length, kinds, hidden = parts.shape
    if hidden % n_heads:
        raise RelationsDoNotFit(n_heads, hidden)
    split = parts.view(batch, length, kinds, n_heads, hidden // n_heads).permute(0, 2, 3, 1, 4)
    closeness = split @ split.transpose(-1, -2) / (hidden // n_heads) ** 0.5
    return F.log_softmax(closeness.masked_fill(~asked[:, None, None, None, :], _NOT_ASKED), dim=-1)
