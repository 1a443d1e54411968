"""A head in closed form for the words of an episode, worked by hand, and the gradient that goes through it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fsl.config import LearningConfig, MetaConfig
from fsl.learning.encoders import load_encoder
from fsl.learning.meta import Episode
from fsl.learning.meta.losses import HEAD, Reading
from fsl.learning.meta.rules import Weights, maml, reptile
from fsl.learning.meta.span_losses import SCALE, fit_ridge, linear_logits, span_losses
from fsl.learning.meta.start import meta_learn

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_head_is_the_ridge_regression_worked_by_hand() -> None:
    vectors = torch.tensor([[-1.0]] * 4 + [[1.0]])
    targets = torch.tensor([0, 0, 0, 0, 1])  # no word has output 2

    head = fit_ridge(vectors, targets, 3, penalty=5.0)

    # Words count 1/2, 1/2, 1/2, 1/2 and 1, over their mean of 3/5. Sums are then 5 of squares, -5/3 of values and 5 of
    # ones, and 5/3 twice for output 1: (5 + 5) w - 5/3 b = 5/3 and -5/3 w + 5 b = 5/3.
    assert head[:, 1].tolist() == pytest.approx([4 / 17, 7 / 17])
    assert head[:, 0].tolist() == pytest.approx([-4 / 17, 10 / 17])  # the scores of a word add up to 1
    assert head[:, 2].tolist() == [0.0, 0.0]
    assert linear_logits(torch.tensor([[2.0]]), head)[0].tolist() == pytest.approx([SCALE * 2 / 17, SCALE * 15 / 17, 0])


class Line:
    """Stands in for `Reading`: the word of each row has one number, weights["w"] times `numbers`, and its square."""

    device = torch.device("cpu")
    numbers = torch.tensor([0.2, -0.9, 0.5, 0.7, -0.4, 1.1], dtype=torch.float64)

    def vectors(self, weights: Weights, rows: Any) -> Tensor:
        own = torch.tanh(weights["w"] * self.numbers[torch.from_numpy(rows)])
        return torch.stack([own, own**2], dim=1)


def rows(*places: int) -> Any:
    return np.array(places, np.int64)


EPISODE = Episode(rows(0, 1, 2, 3), rows(0, 0, 1, 1), rows(4, 5), rows(0, 1), 1)


def at(weight: float) -> Weights:
    return {"w": torch.tensor(weight, dtype=torch.float64)}


@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_an_episodes_gradient_goes_through_head_and_inner_steps(n_steps: int) -> None:
    losses = span_losses(Line(), EPISODE)

    def loss(weight: float) -> float:
        return maml(at(weight), losses, n_steps=n_steps, rate=0.02, order=2).loss

    found = maml(at(0.8), losses, n_steps=n_steps, rate=0.02, order=2).gradients["w"].item()

    slope = (loss(0.8 + 1e-5) - loss(0.8 - 1e-5)) / 2e-5
    assert abs(slope) > 1e-3
    assert found == pytest.approx(slope, rel=1e-5)


def test_inner_steps_go_on_from_the_head_in_closed_form() -> None:
    losses = span_losses(Line(), EPISODE)

    stays, moves = (reptile(at(0.8), losses, n_steps=steps, rate=0.02) for steps in (0, 3))

    assert stays.gradients["w"].item() == 0.0
    assert moves.gradients["w"].item() != 0.0
    assert moves.loss < stays.loss


def test_a_loss_is_the_cross_entropy_of_the_words_whose_tag_was_shown() -> None:
    asked = Episode(EPISODE.support, EPISODE.support_targets, rows(4, 5, 0), rows(0, 2, 1), 1)
    losses = span_losses(Line(), asked)
    head = {"w": torch.tensor(1.0, dtype=torch.float64)}
    # Of scores that are twice the word's first number for output 0, and nothing for the others.
    head[HEAD] = torch.tensor([[2.0 / SCALE, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)

    found = losses.query(head).item()

    # The word of row 5 has tag 2, which no shown word has.
    first, other = (2 * np.tanh(number) for number in (-0.4, 0.2))
    by_hand = [np.log(np.exp(first) + 2) - first, np.log(np.exp(other) + 2)]
    assert found == pytest.approx(np.mean(by_hand))


def test_vectors_of_words_are_those_of_the_encoder_as_it_is(tiny_learning: LearningConfig) -> None:
    base = load_encoder(tiny_learning.encoder, role="student", unit="word")
    reader = base.reader("word")
    encoded = reader.read(["anna is back", "where", "hello acme"])
    reading = Reading(base.network, reader, encoded)

    with torch.no_grad():
        found = reading.vectors({}, rows(2, 0))
        both = base.network(*(torch.from_numpy(one) for one in reader.pad([encoded[2], encoded[0]])))

    assert found.shape == (5, base.network.hidden_size)
    expected = torch.cat([both[0, 1:3], both[1, 1:4]])  # behind the tokenizer's own first token
    assert torch.allclose(found, expected, atol=1e-6)


def test_an_episode_whose_vectors_are_no_numbers_moves_nothing_and_stops_nothing() -> None:
    broken = Line()
    broken.numbers = torch.full_like(Line.numbers, float("nan"))
    config = MetaConfig(method="maml", episodes=2)

    assert meta_learn(at(0.8), [span_losses(broken, EPISODE)] * 2, config)["w"].item() == 0.8
    assert meta_learn(at(0.8), [span_losses(broken, EPISODE), span_losses(Line(), EPISODE)], config)["w"].item() != 0.8
