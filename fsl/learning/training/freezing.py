"""Lower layers that stay as they are: what they make of each text is computed once, and reused in every epoch.

For the time of a fit an encoder is cut in two. Its lower part is asked once; the upper part, which learns, is given the
answers in place of embeddings. Both are put together again at the end.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fsl.learning.encoders import UnitEncoder, to_tensors
from fsl.learning.inside import embeddings_of, layers_of, recorded
from fsl.tokenization import Encoded, TextReader

_AT_ONCE = 64
_MOST_BYTES = 2_000_000_000  # of remembered states; texts beyond are computed again in each epoch


class Given(nn.Module):  # type: ignore[misc]
    """Stands where the embeddings were, and gives the states that it was handed."""

    def __init__(self) -> None:
        super().__init__()
        self.states: Tensor | None = None  # (batch, length, hidden)

    def forward(self, *args: Any, **named: Any) -> Tensor:
        assert self.states is not None, "the upper part of an encoder is asked without the states below it"
        return self.states


class Lower:
    """The lower part of an encoder, which moves no more."""

    def __init__(self, encoder: UnitEncoder, n_layers: int) -> None:
        """Cut the encoder: what is left in it are its upper layers, with `given` below them.

        Args:
            n_layers: how many of the lowest layers stay; less than there are.

        Raises:
            PartNotFound: the encoder is not built as encoders like BERT are.
        """
        self.given = Given()
        self.n_layers = n_layers
        self._whole = encoder
        self._embeddings, self._layers = embeddings_of(encoder.backbone), layers_of(encoder.backbone)
        self._upper = nn.ModuleList(self._layers[n_layers:])
        self._remembered: dict[tuple[int, ...], Tensor] = {}
        self._n_bytes = 0
        self._cut()

    def _cut(self) -> None:
        _put(self._whole.backbone, self._embeddings, self.given)
        _put(self._whole.backbone, self._layers, self._upper)

    def join(self) -> None:
        """Put the encoder together again, with its upper layers as they have become."""
        _put(self._whole.backbone, self.given, self._embeddings)
        upper = layers_of(self._whole.backbone)
        _put(self._whole.backbone, upper, nn.ModuleList([*self._layers[: self.n_layers], *upper]))

    def remember(self, encoded: Sequence[Encoded], reader: TextReader, *, device: str, bfloat16: bool) -> None:
        """Compute what the lower part makes of texts, as far as memory goes; the others are `states`' to compute."""
        waiting = sorted({tuple(one.ids): one for one in encoded}.values(), key=len)
        for first in range(0, len(waiting), _AT_ONCE):
            part = waiting[first : first + _AT_ONCE]
            found = self._compute(part, reader, device=device, bfloat16=bfloat16)
            for one, states in zip(part, found, strict=True):
                own = states[: max(1, len(one))].clone()
                self._n_bytes += own.numel() * own.element_size()
                if self._n_bytes > _MOST_BYTES:
                    return
                self._remembered[tuple(one.ids)] = own

    def states(self, encoded: Sequence[Encoded], reader: TextReader, *, device: str, bfloat16: bool) -> Tensor:
        """Return what goes into the upper part, (batch, length, hidden), on the CPU; padding is 0."""
        new = [one for one in encoded if tuple(one.ids) not in self._remembered]
        found = dict(
            zip(
                (tuple(one.ids) for one in new),
                self._compute(new, reader, device=device, bfloat16=bfloat16) if new else (),
                strict=True,
            )
        )
        rows = [self._remembered.get(tuple(one.ids), found.get(tuple(one.ids))) for one in encoded]
        longest = max(2, *(max(1, len(one)) for one in encoded))
        hidden = self._whole.hidden_size
        states = torch.zeros(len(encoded), longest, hidden)
        for place, (row, one) in enumerate(zip(rows, encoded, strict=True)):
            assert row is not None
            n_tokens = max(1, len(one))
            states[place, :n_tokens] = row[:n_tokens]
        return states

    def _compute(self, encoded: Sequence[Encoded], reader: TextReader, *, device: str, bfloat16: bool) -> Tensor:
        """Return (n_texts, length, hidden) on the CPU: what the lower part puts out with nothing dropped out."""
        backbone = self._whole.backbone
        upper = layers_of(backbone)
        lower = nn.ModuleList(self._layers[: self.n_layers])
        was_training = backbone.training
        _put(backbone, self.given, self._embeddings)
        _put(backbone, upper, lower)
        try:
            backbone.eval().to(device)
            batch = {key: value.to(device) for key, value in to_tensors(reader, encoded).items()}
            with (
                torch.no_grad(),
                torch.autocast(device, torch.bfloat16, enabled=bfloat16),
                recorded(backbone, [self.n_layers], relations=False) as seen,
            ):
                backbone(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            return seen.hidden[self.n_layers].float().cpu()
        finally:
            _put(backbone, lower, upper)
            _put(backbone, self._embeddings, self.given)
            backbone.train(was_training)


def _put(whole: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a part in another's place."""
    for parent in whole.modules():
        for name, child in parent.named_children():
            if child is old:
                setattr(parent, name, new)
                return
    raise AssertionError("the part is not there")
