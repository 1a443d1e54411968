"""Dropout on a CPU."""

import pytest
import torch
from torch import nn

from fsl.learning.training.dropping import drop_out, quick_dropout


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_drops_out_and_the_rest_grows_so_that_the_mean_stays(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    units = torch.full((401, 503), 2.0, dtype=dtype)  # a number of units that is odd

    found = drop_out(units, share)

    dropped = float((found == 0).double().mean())
    deviation = (share * (1 - share) / units.numel()) ** 0.5
    assert abs(dropped - share) < 5 * deviation + 1e-5
    assert found.dtype == dtype
    assert found[found != 0].double().numpy() == pytest.approx(2 / (1 - share), rel=1e-2)
    assert len(set(found[found != 0].tolist())) == 1


@pytest.mark.parametrize("share", [1.0, 0.999999])
def test_where_all_drops_out_nothing_is_left(share: float) -> None:
    assert not drop_out(torch.ones(5, 3), share).any()


def test_units_drop_out_apart_from_each_other() -> None:
    torch.manual_seed(0)
    dropped = (drop_out(torch.ones(4000, 16), 0.3) == 0).double()

    # Sixteen neighbours share four draws: that must not show in which of them drop out together.
    together = torch.corrcoef(dropped.T) - torch.eye(16)

    assert float(together.abs().max()) < 5 / 4000**0.5


def test_the_gradient_is_that_of_the_units_that_stayed() -> None:
    torch.manual_seed(0)
    units = torch.randn(7, 5, requires_grad=True)

    found = drop_out(units, 0.4)
    found.sum().backward()

    n_dropped = round(0.4 * 65536)
    expected = torch.where(found == 0, 0.0, 65536 / (65536 - n_dropped))
    assert torch.equal(units.grad, expected)


def test_a_seed_gives_the_same_twice_and_two_draws_are_others() -> None:
    torch.manual_seed(3)
    first, second = drop_out(torch.ones(999), 0.5), drop_out(torch.ones(999), 0.5)
    torch.manual_seed(3)

    assert torch.equal(drop_out(torch.ones(999), 0.5), first)
    assert not torch.equal(first, second)


def test_within_the_block_dropout_is_quick_and_afterwards_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(
        "fsl.learning.training.dropping.drop_out", lambda units, share: asked.append(share) or units * 0
    )
    network = nn.Sequential(nn.Dropout(0.2), nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2)))
    ones = torch.ones(3, 2)

    with quick_dropout(network, wanted=True):
        assert float(network[0](ones).sum()) == 0.0
        assert torch.equal(network[1][0](ones), ones)  # nothing is to drop out
        network.eval()
        assert torch.equal(network[0](ones), ones)
        network.train()
    with quick_dropout(network, wanted=False):
        network[0](ones)

    assert asked == [0.2]
    assert "forward" not in vars(network[0])
