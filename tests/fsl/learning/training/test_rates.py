"""How quickly each layer learns."""

import pytest
from torch import nn

from fsl.learning.training.rates import build_groups


class Tower(nn.Module):
    """Names its weights as an encoder of two layers with a head does."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.embeddings = nn.Embedding(3, 2)
        self.encoder.layer = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        self.head = nn.Linear(2, 2)


def rates(tower: Tower, decay: float) -> dict[int, tuple[float, float]]:
    groups = build_groups(tower, learning_rate=0.8, layer_decay=decay, weight_decay=0.1)
    return {id(one): (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}


def test_each_layer_learns_half_as_quickly_as_the_one_above_and_biases_are_not_decayed() -> None:
    tower = Tower()

    found = rates(tower, 0.5)

    assert found[id(tower.head.weight)] == pytest.approx((0.8, 0.1))
    assert found[id(tower.head.bias)] == pytest.approx((0.8, 0.0))
    assert found[id(tower.encoder.layer[1].weight)] == pytest.approx((0.4, 0.1))
    assert found[id(tower.encoder.layer[0].bias)] == pytest.approx((0.2, 0.0))
    assert found[id(tower.encoder.embeddings.weight)] == pytest.approx((0.1, 0.1))
    assert len(found) == len(list(tower.parameters()))


def test_weights_that_do_not_move_are_in_no_group_and_no_decay_gives_all_the_same_rate() -> None:
    tower = Tower()
    tower.encoder.embeddings.weight.requires_grad_(False)

    found = rates(tower, 1.0)

    assert id(tower.encoder.embeddings.weight) not in found
    assert {rate for rate, _ in found.values()} == {0.8}
