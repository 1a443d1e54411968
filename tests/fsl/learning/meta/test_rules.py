"""MAML, Reptile and prototypes on losses whose gradients a pencil can follow."""

import pytest
import torch
from torch import Tensor

from fsl.config import MetaConfig
from fsl.learning.meta.rules import EpisodeLosses, Weights, maml, prototypes, reptile, take_inner_steps
from fsl.learning.meta.start import meta_learn

pytestmark = pytest.mark.usefixtures("one_thread")

START: Weights = {"w": torch.tensor(2.0)}


def toward(goal: float, *, steepness: float = 1.0) -> "torch.func.grad":
    """Return the loss s (w - goal)^2 / 2, whose gradient is s (w - goal)."""

    def loss(weights: Weights) -> Tensor:
        return steepness * (weights["w"] - goal) ** 2 / 2

    return loss


# The support set wants 0 and the query set wants 1; a step of rate 0.1 from 2 leads to 1.8, a second one to 1.62.
PULLED = EpisodeLosses(begin=lambda weights: {}, support=toward(0.0), query=toward(1.0))


def test_inner_steps_are_plain_gradient_steps() -> None:
    after = take_inner_steps(toward(0.0), START, n_steps=2, rate=0.1)

    assert after["w"].item() == pytest.approx(1.62)
    assert START["w"].item() == 2.0


def test_first_order_takes_the_gradient_where_the_steps_ended() -> None:
    lean = maml(START, PULLED, n_steps=2, rate=0.1, order=1)

    assert lean.gradients["w"].item() == pytest.approx(0.62)  # 1.62 - 1
    assert lean.loss == pytest.approx(0.62**2 / 2)


def test_second_order_goes_through_the_steps() -> None:
    lean = maml(START, PULLED, n_steps=2, rate=0.1, order=2)

    # Each step shrinks a change of the start by 1 - 0.1, so the chain rule brings 0.9 twice.
    assert lean.gradients["w"].item() == pytest.approx(0.62 * 0.81)
    assert lean.loss == pytest.approx(0.62**2 / 2)


def test_both_orders_on_a_line_fitted_to_one_point() -> None:
    # Slope a and level b; support (x, y) = (1, 3), query (2, 5); the loss is half the squared error.
    def at(x: float, y: float) -> "torch.func.grad":
        return lambda weights: (weights["a"] * x + weights["b"] - y) ** 2 / 2

    start = {"a": torch.tensor(1.0), "b": torch.tensor(0.0)}
    episode = EpisodeLosses(lambda weights: {}, at(1.0, 3.0), at(2.0, 5.0))

    first, second = (maml(start, episode, n_steps=1, rate=0.1, order=order) for order in (1, 2))

    # The support error is 1 - 3 = -2, so a step of 0.1 leads to a = 1.2, b = 0.2 and a query error of 2.6 - 5 = -2.4:
    # gradients -4.8 and -2.4. The step's own derivative is I - 0.1 (1, 1)(1, 1)^T, which takes 0.1 * (-7.2) off both.
    assert (first.gradients["a"].item(), first.gradients["b"].item()) == pytest.approx((-4.8, -2.4))
    assert (second.gradients["a"].item(), second.gradients["b"].item()) == pytest.approx((-4.08, -1.68))


def test_weights_that_begin_in_an_episode_are_learnt_there_and_stay_there() -> None:
    # The head h begins at 3 w, and the loss is (w + h - 1)^2 / 2 at both: error 7 from w = 2. After a step of 0.1:
    # w = 1.3, h = 5.3, error 5.6.
    def loss(weights: Weights) -> Tensor:
        return (weights["w"] + weights["h"] - 1.0) ** 2 / 2

    episode = EpisodeLosses(lambda weights: {"h": 3.0 * weights["w"]}, loss, loss)

    first, second = (maml(START, episode, n_steps=1, rate=0.1, order=order) for order in (1, 2))

    assert set(first.gradients) == set(second.gradients) == {"w"}
    assert first.gradients["w"].item() == pytest.approx(5.6)
    # The error after the step is (1 - 2 * 0.1) (4 w - 1), so its derivative in w is 0.8 * 4.
    assert second.gradients["w"].item() == pytest.approx(5.6 * 3.2)


def test_reptile_leans_from_where_the_steps_ended_to_the_start() -> None:
    lean = reptile(START, PULLED, n_steps=2, rate=0.1)

    # The mean of both losses pulls to 1/2: from 1.5 above it to 1.5 * 0.9^2 above it.
    assert lean.gradients["w"].item() == pytest.approx(1.5 - 1.5 * 0.81)
    assert lean.loss == pytest.approx((0.5 + 1.5 * 0.81 - 1.0) ** 2 / 2)


def test_prototypes_take_no_step_and_feel_where_the_head_comes_from() -> None:
    episode = EpisodeLosses(
        lambda weights: {"h": 3.0 * weights["w"]}, toward(0.0), lambda weights: weights["w"] * weights["h"]
    )

    lean = prototypes(START, episode)

    assert lean.gradients["w"].item() == pytest.approx(12.0)  # the loss is 3 w^2, whose derivative at 2 is 12
    assert lean.loss == pytest.approx(12.0)


@pytest.mark.parametrize("method", ["maml", "reptile", "prototypes"])
def test_episodes_move_the_start_to_where_all_of_them_are_near(method: str) -> None:
    def near(goal: float) -> EpisodeLosses:
        return EpisodeLosses(lambda weights: {}, toward(goal), toward(goal))

    config = MetaConfig.model_validate({"method": method, "outer_lr": 0.1, "episodes": 100, "order": 2})

    found = meta_learn(START, [near(-1.0 if place % 2 else -2.0) for place in range(100)], config)

    assert -2.0 < found["w"].item() < -1.0
    assert START["w"].item() == 2.0


def test_an_episode_without_a_number_moves_nothing() -> None:
    broken = EpisodeLosses(lambda weights: {}, toward(0.0), lambda weights: weights["w"] * torch.tensor(float("nan")))
    config = MetaConfig(method="maml", episodes=3)

    assert meta_learn(START, [broken] * 3, config)["w"].item() == 2.0
