"""Dropout that is quick on a CPU, while an encoder learns.

torch draws each unit by itself there, and multiplies by a mask of truth values, which is slow backwards. Here one draw
of 64 bits decides over four units, and the mask is of the units' own type. Which attention weights drop out is left to
torch: they are few for short texts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  # a share is rounded to so many levels, as 16 bits decide


@contextmanager
def quick_dropout(network: nn.Module, *, wanted: bool) -> Iterator[None]:
    """Have every dropout of a network go the quick way for as long as the block lasts."""
    parts = [part for part in network.modules() if type(part) is nn.Dropout] if wanted else []
    for part in parts:
        part.forward = partial(_forward, part)
    try:
        yield
    finally:
        for part in parts:
            del part.forward  # that of its class shows again


def drop_out(units: Tensor, share: float) -> Tensor:
    """Return the units with this share of them at zero, drawn anew, and the others larger, so that the mean stays.

    Args:
        units: of any shape.
        share: from 0 to 1, rounded to 1/65536.

    Source:
        Srivastava et al. 2014, Journal of Machine Learning Research 15:1929-1958, scaled while learning.
    """
    n_dropped = round(share * _LEVELS)
    if n_dropped == _LEVELS:
        return units * 0.0
    draws = torch.empty((units.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    levels = draws.view(torch.int16)[: units.numel()].view(units.shape)
    kept = (levels >= n_dropped - _LEVELS // 2).to(units.dtype)
    return units * kept.mul_(_LEVELS / (_LEVELS - n_dropped))


def _forward(part: nn.Dropout, units: Tensor) -> Tensor:
    return drop_out(units, part.p) if part.training and part.p > 0 else units
