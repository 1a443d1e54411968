"""Episodes of spans: a few labels, texts that show about so many of each to learn from, and others to be asked about.

A text shows several labels at once, so no draw has exactly the same number of each. Only indices live here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fsl.learning.meta.episodes import Episode, Rows
from fsl.problems.tagging import keep_labels, label_places


def draw_span_episodes(
    targets: Sequence[Rows], *, n_episodes: int, n_ways: int, n_shots: int, n_queries: int, seed: int
) -> list[Episode]:
    """Draw episodes from tagged texts.

    Texts are taken (`take_rows`) until each label stands in `n_shots` of them, and those that are asked about likewise
    from the rest. Labels outside the episode count as no label in it. Each label keeps a text to be asked about; one
    that then has none to be learnt from leaves the episode.

    Args:
        targets: for each row (n_words,), tags in the order of `Tagging.outputs`.

    Returns:
        None at all where no label stands in two texts.

    Source:
        Ding et al. 2021 (Few-NERD), arXiv:2105.07464, section 4: N ways, K to 2K shots. What is counted here is texts
        and not spans: they are what is read, and one long list of names would be too many spans by itself.
    """
    generator = np.random.default_rng(seed)
    shown = [np.unique(label_places(tags)) for tags in targets]
    labels, n_rows = np.unique(np.concatenate([np.empty(0, np.int64), *shown]), return_counts=True)
    usable = labels[(labels >= 0) & (n_rows >= 2)]
    if not len(usable):
        return []
    shows = np.array([np.isin(usable, own) for own in shown])
    return [
        _draw(targets, usable, shows, min(n_ways, len(usable)), n_shots, n_queries, generator)
        for _ in range(n_episodes)
    ]


def _draw(
    targets: Sequence[Rows],
    usable: Rows,
    shows: NDArray[np.bool_],
    n_ways: int,
    n_shots: int,
    n_queries: int,
    generator: np.random.Generator,
) -> Episode:
    ways = generator.choice(len(usable), n_ways, replace=False)
    free = np.ones(len(shows), bool)
    support = take_rows(shows[:, ways], free, n_shots, n_left=1, generator=generator)
    ways = ways[shows[np.ix_(support, ways)].any(0)]
    free[support] = False
    query = take_rows(shows[:, ways], free, n_queries, generator=generator)
    found = (
        np.concatenate([keep_labels(targets[row], usable[ways].tolist()) for row in rows]) for rows in (support, query)
    )
    return Episode(support, next(found), query, next(found), len(ways))


def take_rows(
    shows: NDArray[np.bool_], free: NDArray[np.bool_], n: int, *, generator: np.random.Generator, n_left: int = 0
) -> Rows:
    """Return free rows, at random, so that each label stands in `n` of them, or in as many as there are.

    The rarest label comes first. A row that would bring another beyond twice as many is passed over, unless a label
    has none without it.

    Args:
        shows: (n_rows, n_ways), whether a label stands in a row.
        free: (n_rows,), whether a row may be taken.
        n_left: free rows of each label that stay.
    """
    free, counts, left = free.copy(), np.zeros(shows.shape[1], np.int64), shows[free].sum(0)
    taken: list[int] = []
    for label in np.argsort(left, kind="stable"):
        rows = generator.permutation(np.flatnonzero(free & shows[:, label]))
        for enough, most in ((n, 2.0 * n), (1, np.inf)):  # the second time only for a label that has none yet
            for row in rows:
                if counts[label] >= enough:
                    break
                if bool((counts[shows[row]] >= most).any()) or bool((left - shows[row] < n_left).any()):
                    continue
                taken.append(int(row))
                counts += shows[row]
                left -= shows[row]
                free[row] = False
    return np.array(taken, np.int64)
