"""Texts by the cluster they are near to: a new topic fills a few clusters that hardly had a text before.

Clusters are found in all windows together without looking at which is which, so the shuffles stay exact.
"""

import numpy as np
from numpy.typing import NDArray

# Of 16, 32, 64 and 128 clusters, and of a softness of 0.05, 0.1 and 0.2 of the mean squared distance to the nearest
# centre: chosen on tuning streams of chats.
N_CLUSTERS, _SOFTNESS = 64, 0.1
# Of 1 and 3: chance has its part in where k-means ends, and several ends together depend on it less.
_N_STARTS = 3
_MIN_ROWS = 8  # of a cluster, on average
_N_STEPS = 8


def cluster_shares(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much each row belongs to each cluster, (n_rows, starts * n_clusters).

    Rows are clustered several times, each from another start; of each a row's shares add up to 1.
    """
    n_clusters = max(1, min(N_CLUSTERS, len(embeddings) // _MIN_ROWS))
    starts = (find_centres(embeddings, n_clusters, start) for start in range(1, _N_STARTS + 1))
    return np.concatenate([_shares(embeddings, centres) for centres in starts], axis=1)


def _shares(embeddings: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    distances = _squared_distances(embeddings, centres)
    width = _SOFTNESS * float(distances.min(axis=1).mean())
    nearness = -distances / (2 * max(width, 1e-12))
    nearness -= nearness.max(axis=1, keepdims=True)
    shares = np.exp(nearness)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)


def find_centres(embeddings: NDArray[np.float32], n_clusters: int, start: int) -> NDArray[np.float32]:
    """Return centres by k-means, begun evenly along one fixed direction: the rows' order has no part in it.

    Args:
        start: which direction.

    Source:
        Lloyd 1982, IEEE Trans. Inf. Theory 28:129-137.
    """
    direction = np.random.default_rng(start).standard_normal(embeddings.shape[1], dtype=np.float32)
    order = np.argsort(embeddings @ direction, kind="stable")
    centres = embeddings[order[np.linspace(0, len(order) - 1, n_clusters).astype(np.intp)]].copy()
    for _ in range(_N_STEPS):
        nearest = (embeddings @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1)
        members = np.zeros((len(embeddings), n_clusters), dtype=np.float32)
        members[np.arange(len(embeddings)), nearest] = 1.0
        n_members = members.sum(axis=0)[:, None]
        centres = np.where(n_members > 0, (members.T @ embeddings) / np.maximum(n_members, 1), centres)
    return centres


def _squared_distances(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = (rows**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * rows @ centres.T, 0.0), dtype=np.float32)
