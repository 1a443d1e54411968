"""What an episode says about the start: MAML of both orders, Reptile, and prototypes, on any weights and losses.

Pure functions: weights and losses in, gradients out. What the losses are for an encoder stands in `losses`; the outer
optimiser is `start`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.func import grad, grad_and_value

Weights = dict[str, Tensor]
Loss = Callable[[Weights], Tensor]  # of shape ()


@dataclass(frozen=True)
class EpisodeLosses:
    """One episode, as functions of weights."""

    begin: Callable[[Weights], Weights]  # weights that are new in each episode: a head for its labels
    support: Loss
    query: Loss


@dataclass(frozen=True)
class Lean:
    """Where one episode would have the start move: against these gradients."""

    gradients: Weights
    loss: float  # of the query set, in nats, after what the rule does within an episode


def take_inner_steps(loss: Loss, weights: Weights, *, n_steps: int, rate: float) -> Weights:
    """Return the weights after plain gradient steps; what comes back can itself be differentiated."""
    for _ in range(n_steps):
        gradients = grad(loss)(weights)
        weights = {name: one - rate * gradients[name] for name, one in weights.items()}
    return weights


def maml(weights: Weights, episode: EpisodeLosses, *, n_steps: int, rate: float, order: int) -> Lean:
    """Return the gradient of the query loss after the inner steps on the support set.

    Args:
        order: 2: with respect to the start, through the steps; 1: with respect to where the steps ended.

    Source:
        Finn, Abbeel and Levine 2017, arXiv:1703.03400, algorithm 1 and section 5.2; a head that begins at the
        support set's means: Triantafillou et al. 2020, arXiv:1903.03096, section 3.
    """

    def adapted(start: Weights) -> Weights:
        return take_inner_steps(episode.support, start | episode.begin(start), n_steps=n_steps, rate=rate)

    if order == 2:
        gradients, loss = grad_and_value(lambda start: episode.query(adapted(start)))(weights)
    else:
        ended = {name: one.detach() for name, one in adapted(weights).items()}
        gradients, loss = grad_and_value(episode.query)(ended)
    return Lean({name: gradients[name].detach() for name in weights}, float(loss))


def reptile(weights: Weights, episode: EpisodeLosses, *, n_steps: int, rate: float) -> Lean:
    """Return start minus end of the inner steps, which see the support and the query set alike.

    Source:
        Nichol, Achiam and Schulman 2018, arXiv:1803.02999, algorithm 1; that the difference may stand for a gradient
        in Adam, section 3.
    """

    def both(own: Weights) -> Tensor:
        return (episode.support(own) + episode.query(own)) / 2

    ended = take_inner_steps(both, weights | episode.begin(weights), n_steps=n_steps, rate=rate)
    return Lean({name: (one - ended[name]).detach() for name, one in weights.items()}, float(episode.query(ended)))


def prototypes(weights: Weights, episode: EpisodeLosses) -> Lean:
    """Return the gradient of the query loss with the head as it begins, at the support set's means.

    Source:
        Snell, Swersky and Zemel 2017, arXiv:1703.05175, algorithm 1.
    """
    return maml(weights, episode, n_steps=0, rate=0.0, order=2)
