"""How quickly each layer learns: lower layers more slowly, since they know the language already."""

import re
from typing import Any

from torch import Tensor, nn

_LAYER = re.compile(r"\.layers?\.(\d+)\.")


def build_groups(learner: nn.Module, *, learning_rate: float, layer_decay: float, weight_decay: float) -> list[Any]:
    """Return an optimiser's groups: the head at the full rate, each layer below at `layer_decay` times the one above.

    Biases and the weights of norms are not decayed.

    Args:
        learner: has its head's weights under `head`, and its layers numbered as in BERT and DistilBERT.
        layer_decay: above 0, at most 1.

    Source:
        Howard and Ruder 2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning).
    """
    free = {name: one for name, one in learner.named_parameters() if one.requires_grad}
    top = max(_depth(name) for name in learner.state_dict()) + 1
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for name, one in free.items():
        depth = top if name.startswith(("head.", "project.")) else _depth(name)
        groups.setdefault((depth, one.ndim > 1), []).append(one)
    return [
        {
            "params": params,
            "lr": learning_rate * layer_decay ** (top - depth),
            "weight_decay": weight_decay if is_matrix else 0.0,
        }
        for (depth, is_matrix), params in sorted(groups.items(), key=lambda one: one[0])
    ]


def _depth(name: str) -> int:
    """Return the number of the layer that a weight belongs to, from 1; 0 is what lies below all layers."""
    found = _LAYER.search(name)
    return int(found.group(1)) + 1 if found else 0
