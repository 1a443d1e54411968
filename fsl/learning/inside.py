"""What goes on inside an encoder while it computes: read, and moved, by hooks that leave when a step ends."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from fsl.learning.errors import PartNotFound


class Front:
    """What goes into an encoder's first layer, as it was last, and a shift that is added to it."""

    def __init__(self) -> None:
        self.states: Tensor | None = None  # (batch, length, hidden), a gradient can be taken with respect to it
        self.shift: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        # Under an adapter no weight below the first layer moves, so nothing would ask for a gradient here.
        self.states = output if output.requires_grad else output.detach().requires_grad_()
        return self.states if self.shift is None else self.states + self.shift


@contextmanager
def watched_front(backbone: nn.Module) -> Iterator[Front]:
    """Give what goes into the first layer, for as long as the block lasts."""
    front = Front()
    handle = embeddings_of(backbone).register_forward_hook(front)
    try:
        yield front
    finally:
        handle.remove()


@dataclass
class Seen:
    """What the last pass showed, each (batch, length, hidden)."""

    hidden: dict[int, Tensor] = field(default_factory=dict)  # by the layer's number, from 1
    parts: dict[str, Tensor] = field(default_factory=dict)  # queries, keys and values of the last layer

    def stacked(self, layers: Sequence[int], *, relations: bool) -> Tensor:
        """Return (batch, length, n_parts, hidden): these layers' states, then queries, keys and values."""
        parts = [self.hidden[layer] for layer in layers]
        return torch.stack([*parts, *(self.parts[name] for name in _PARTS if relations)], dim=2)


@contextmanager
def recorded(backbone: nn.Module, layers: Iterable[int], *, relations: bool) -> Iterator[Seen]:
    """Give what these layers (from 1) put out, and the last one's queries, keys and values, while the block lasts.

    Raises:
        PartNotFound: the encoder is not built as encoders like BERT are.
    """
    seen, stack = Seen(), layers_of(backbone)
    handles = [stack[layer - 1].register_forward_hook(_noting(seen.hidden, layer)) for layer in layers]
    try:
        if relations:
            for name, part in _attention_parts(stack[-1]).items():
                handles.append(part.register_forward_hook(_noting(seen.parts, name)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


_PARTS = {
    "queries": {"query", "q", "q_proj", "q_lin"},
    "keys": {"key", "k", "k_proj", "k_lin"},
    "values": {"value", "v", "v_proj", "v_lin"},
}
_Key = TypeVar("_Key", int, str)


def _noting(where: dict[_Key, Tensor], key: _Key) -> Callable[..., None]:
    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        where[key] = output[0] if isinstance(output, tuple) else output

    return note


def _attention_parts(layer: nn.Module) -> dict[str, nn.Module]:
    found = {}
    for part, names in _PARTS.items():
        fitting = (one for name, one in layer.named_modules() if name.rsplit(".", 1)[-1] in names)
        one = next(fitting, None)
        if one is None:
            raise PartNotFound(part, type(layer).__name__)
        found[part] = one
    return found


def layers_of(backbone: nn.Module) -> nn.ModuleList:
    """Return an encoder's layers, the lowest first. Raises PartNotFound."""
    for name, part in backbone.named_modules():
        if name.rsplit(".", 1)[-1] in {"layer", "layers"} and isinstance(part, nn.ModuleList):
            return part
    raise PartNotFound("layers", type(backbone).__name__)


def embeddings_of(backbone: nn.Module) -> nn.Module:
    """Return the part that makes vectors of ids, before any layer. Raises PartNotFound."""
    for name, part in backbone.named_modules():
        if name.rsplit(".", 1)[-1] == "embeddings":
            return part
    raise PartNotFound("embeddings", type(backbone).__name__)
