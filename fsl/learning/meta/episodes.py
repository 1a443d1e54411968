"""Episodes: a few labels, a few rows of each to learn from, and others to be asked about. Only indices live here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Episode:
    """Rows by index. A target is the label's place within this episode, so no label has the same one for long."""

    support: Rows
    support_targets: Rows
    query: Rows
    query_targets: Rows

    @property
    def n_ways(self) -> int:
        return int(self.support_targets.max()) + 1


def draw_episodes(
    targets: Sequence[int], *, n_episodes: int, n_ways: int, n_shots: int, n_queries: int, seed: int
) -> list[Episode]:
    """Draw episodes from labelled rows.

    A label with fewer rows than shots and queries keeps at least one for each; one with a single row stays out. Where
    there are fewer labels than ways, all take part.

    Args:
        targets: (n_rows,), the label of each row.

    Returns:
        None at all where fewer than two labels have two rows.

    Source:
        Vinyals et al. 2016, arXiv:1606.04080, section 4.1.
    """
    generator = np.random.default_rng(seed)
    labels = np.asarray(targets, np.int64)
    by_label = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    usable = [rows for rows in by_label if len(rows) >= 2]
    if len(usable) < 2:
        return []
    return [_draw(usable, min(n_ways, len(usable)), n_shots, n_queries, generator) for _ in range(n_episodes)]


def draw_across(
    problems: Sequence[Sequence[int]], *, n_episodes: int, n_ways: int, n_shots: int, n_queries: int, seed: int
) -> list[Episode]:
    """Draw episodes from several problems in turn, each episode from one: labels of two never stand side by side.

    Args:
        problems: for each (n_rows,), the label of each row; equal numbers of two problems mean different labels.

    Returns:
        As many as asked for; rows are counted through, those of the first problem first. None at all where no problem
        has two labels with two rows.

    Source:
        Triantafillou et al. 2020 (Meta-Dataset), arXiv:1903.03096, section 3: episodes from many sources.
    """
    drawn, first = list[list[Episode]](), 0
    for place, targets in enumerate(problems):
        own = draw_episodes(
            targets, n_episodes=n_episodes, n_ways=n_ways, n_shots=n_shots, n_queries=n_queries, seed=seed + place
        )
        if own:
            drawn.append([replace(one, support=one.support + first, query=one.query + first) for one in own])
        first += len(targets)
    return [drawn[turn % len(drawn)][turn // len(drawn)] for turn in range(n_episodes)] if drawn else []


def _draw(
    by_label: Sequence[Rows], n_ways: int, n_shots: int, n_queries: int, generator: np.random.Generator
) -> Episode:
    support, query = [], []
    for place in generator.choice(len(by_label), n_ways, replace=False):
        rows = generator.permutation(by_label[int(place)])
        cut = min(n_shots, len(rows) - 1)
        support.append(rows[:cut])
        query.append(rows[cut : cut + n_queries])
    return Episode(np.concatenate(support), _places(support), np.concatenate(query), _places(query))


def _places(parts: Sequence[Rows]) -> Rows:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])
