"""The nearest neighbours of every vector, by cosine: all against all where there are few, by cells where many.

Why no library: docs/decisions/0080-neighbours.md.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_EXACT = 20_000  # up to so many, all against all takes seconds
_PER_CELL = 400
_N_PROBES = 16  # cells that are looked into; about 97 of 100 true neighbours are found (docs/learning.md)
_BLOCK = 1024  # rows at a time, so that memory stays flat


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each row its neighbours, the nearest first, itself left out."""

    rows: NDArray[np.int64]  # (n, k); -1 where there were fewer
    similarities: NDArray[np.float32]  # (n, k), cosines


def find_neighbours(
    vectors: NDArray[np.float32], n_neighbours: int, *, seed: int, exact: bool | None = None
) -> Neighbours:
    """Find each row's nearest rows.

    Args:
        vectors: (n, hidden), of unit length.
        seed: deals the cells.
        exact: all against all; None: where there are no more than 20,000 rows. By cells, time grows with n.
    """
    n_rows = len(vectors)
    k = min(n_neighbours, n_rows - 1)
    if k < 1:
        return Neighbours(np.empty((n_rows, 0), np.int64), np.empty((n_rows, 0), np.float32))
    points = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    with torch.inference_mode():
        if exact if exact is not None else n_rows <= _EXACT:
            rows, similarities = _all_against_all(points, k)
        else:
            rows, similarities = _by_cells(points, k, seed)
    return Neighbours(rows.numpy(), similarities.numpy())


def _all_against_all(points: Tensor, k: int) -> tuple[Tensor, Tensor]:
    found = [_nearest(points, start, points, torch.arange(len(points)), k) for start in range(0, len(points), _BLOCK)]
    return torch.cat([rows for rows, _ in found]), torch.cat([values for _, values in found])


def _nearest(points: Tensor, start: int, others: Tensor, names: Tensor, k: int) -> tuple[Tensor, Tensor]:
    mine = torch.arange(start, min(start + _BLOCK, len(points)))
    products = points[mine] @ others.T
    products[torch.arange(len(mine)), mine] = -2.0  # nobody is a neighbour of its own
    values, places = products.topk(k, dim=1)
    return names[places], values


def _by_cells(points: Tensor, k: int, seed: int) -> tuple[Tensor, Tensor]:
    """Look only into the cells whose centres are nearest, as an inverted file does.

    Source:
        Jegou, Douze and Schmid 2011, Product Quantization for Nearest Neighbor Search, section IV (the coarse part).
    """
    centres = _centres(points, max(2, len(points) // _PER_CELL), seed)
    probes = torch.cat(
        [(part @ centres.T).topk(min(_N_PROBES, len(centres)), 1).indices for part in points.split(8192)]
    )
    home = probes[:, 0]
    order = home.argsort(stable=True)
    ends = torch.bincount(home, minlength=len(centres)).cumsum(0)
    rows = torch.full((len(points), k), -1, dtype=torch.int64)
    values = torch.full((len(points), k), -2.0)
    for cell in range(len(centres)):
        members = order[(ends[cell - 1] if cell else 0) : ends[cell]]
        if len(members) == 0:
            continue
        # All that looks into this cell looks at once; what it found elsewhere competes with what is here.
        lookers = (probes == cell).any(1).nonzero()[:, 0]
        products = points[lookers] @ points[members].T
        products[lookers[:, None] == members[None]] = -2.0
        both = torch.cat([values[lookers], products], 1)
        names = torch.cat([rows[lookers], members.expand(len(lookers), -1)], 1)
        values[lookers], places = both.topk(k, 1)
        rows[lookers] = names.gather(1, places)
    rows[values <= -1.5] = -1
    return rows, values


def _centres(points: Tensor, n_cells: int, seed: int, n_rounds: int = 6) -> Tensor:
    """Return the centres of spherical k-means on a sample: (n_cells, hidden)."""
    generator = torch.Generator().manual_seed(seed)
    sample = points[torch.randperm(len(points), generator=generator)[: n_cells * 64]]
    centres = sample[:n_cells].clone()
    for _ in range(n_rounds):
        home = torch.cat([(part @ centres.T).argmax(1) for part in sample.split(8192)])
        sums = torch.zeros_like(centres).index_add_(0, home, sample)
        filled = sums.norm(dim=1) > 0
        centres[filled] = torch.nn.functional.normalize(sums[filled], dim=1)
    return centres
