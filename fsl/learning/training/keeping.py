"""What a fit falls back on when something goes wrong: weights as they were, on the CPU."""

import math

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


class Keeper:
    """Keeps a copy of the free weights as they were after an epoch, once a later loss has shown that they are good."""

    def __init__(self, learner: nn.Module) -> None:
        self._learner = learner
        self._fresh: tuple[int, Weights] | None = None
        self.weights: Weights | None = None
        self.epoch = 0
        self.best: Weights | None = None  # of the epoch that rows asked for stopping like best
        self.best_epoch = 0
        self._best_score = -math.inf

    def look(self, epoch: int) -> None:
        """Take a copy at an epoch's end. It is not trusted yet: its own last step may have ruined it."""
        self._fresh = epoch, read_free_weights(self._learner)

    def trust(self) -> None:
        """Keep the copy: a step from there had a loss that is a number."""
        if self._fresh is not None:
            (self.epoch, self.weights), self._fresh = self._fresh, None

    def judge(self, epoch: int, score: float) -> int:
        """Keep the weights where the score is better than any before, and return how many epochs ago the best was."""
        if score > self._best_score:  # never so where it is no number
            self.best, self.best_epoch, self._best_score = read_free_weights(self._learner), epoch, score
        return epoch - self.best_epoch


def read_free_weights(learner: nn.Module) -> Weights:
    """Return copies of all weights that training moves."""
    return {name: one.detach().cpu().clone() for name, one in learner.named_parameters() if one.requires_grad}


def put_back(learner: nn.Module, weights: Weights) -> None:
    """Write copied weights back, in place."""
    with torch.no_grad():
        for name, one in learner.named_parameters():
            if name in weights:
                one.copy_(weights[name])


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error means that memory ran out; on a CPU torch has no type of its own for it."""
    words = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in words
