"""An episode's losses for an encoder of texts: scaled cosines to one direction for each of its labels.

The directions begin at the means of the support set's vectors, since an episode's labels are its own: what is learnt
over all episodes is the adapter, and what is learnt within one is both.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from fsl.learning.encoders import UnitEncoder, to_tensors
from fsl.learning.meta.episodes import Episode, Rows
from fsl.learning.meta.rules import EpisodeLosses, Weights
from fsl.tokenization import Encoded, TextReader

HEAD = "head"  # among an episode's weights, which are otherwise the encoder's; for texts (n_ways, hidden)


class Reading:
    """Vectors of texts or of words as a function of the weights that move; all others stay as the encoder has them."""

    def __init__(
        self, encoder: UnitEncoder, reader: TextReader, encoded: Sequence[Encoded], *, bfloat16: bool = False
    ) -> None:
        self._encoder = encoder
        self._reader = reader
        self._encoded = encoded
        self._bfloat16 = bfloat16
        self.device = next(encoder.parameters()).device
        self.unit = encoder.unit

    def vectors(self, weights: Weights, rows: Rows) -> Tensor:
        """Return the vectors of all units of the rows' first windows, (n_units, hidden), of unit length."""
        batch = to_tensors(self._reader, [self._encoded[int(row)] for row in rows])
        inputs = batch["input_ids"].to(self.device), batch["attention_mask"].to(self.device)
        own = {name: one for name, one in weights.items() if name != HEAD}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            found: Tensor = functional_call(self._encoder, own, inputs)
        if self.unit == "word":
            found = found[batch["positions"][:, 0], batch["positions"][:, 1]]
        return found.float()


def episode_losses(reading: Reading, episode: Episode, *, scale: float) -> EpisodeLosses:
    """Return an episode as functions of weights.

    Args:
        scale: logits for each unit of cosine (Gidaris and Komodakis 2018, arXiv:1804.09458).
    """
    shown, asked = (
        torch.from_numpy(one).to(reading.device) for one in (episode.support_targets, episode.query_targets)
    )

    def begin(weights: Weights) -> Weights:
        return {HEAD: class_means(reading.vectors(weights, episode.support), shown, episode.n_ways)}

    def loss(weights: Weights, rows: Rows, targets: Tensor) -> Tensor:
        return functional.cross_entropy(cosine_logits(reading.vectors(weights, rows), weights[HEAD], scale), targets)

    return EpisodeLosses(
        begin,
        lambda weights: loss(weights, episode.support, shown),
        lambda weights: loss(weights, episode.query, asked),
    )


def class_means(vectors: Tensor, targets: Tensor, n_ways: int) -> Tensor:
    """Return the mean vector of each target, (n_ways, hidden). Every target must occur."""
    share = functional.one_hot(targets, n_ways).to(vectors.dtype)
    return (share / share.sum(0)).T @ vectors


def cosine_logits(vectors: Tensor, directions: Tensor, scale: float) -> Tensor:
    """Return (n_units, n_ways)."""
    return scale * vectors @ functional.normalize(directions, dim=-1).T
