"""Episodes: a few labels, a few rows of each to learn from, and others to be asked about. Only indices live here.

How an episode is drawn where each text has one label stands here, and for spans in `span_episodes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Episode:
    """Rows by index, with the targets of their units: of a text, its label's place within this episode; of words, one
    text after another, tags over the outputs of this episode's labels alone. No label has the same place for long."""

    support: Rows
    support_targets: Rows
    query: Rows
    query_targets: Rows
    n_ways: int


class Drawing(Protocol):
    """How episodes are drawn from one problem: `draw_episodes`, or `span_episodes.draw_span_episodes`."""

    def __call__(
        self, targets: Sequence[Any], *, n_episodes: int, n_ways: int, n_shots: int, n_queries: int, seed: int
    ) -> list[Episode]: ...


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
    problems: Sequence[Sequence[Any]],
    *,
    n_episodes: int,
    n_ways: int,
    n_shots: int,
    n_queries: int,
    seed: int,
    draw: Drawing = draw_episodes,
) -> list[Episode]:
    """Draw episodes from several problems in turn, each episode from one: labels of two never stand side by side.

    Args:
        problems: for each the targets of its rows, as `draw` takes them; equal numbers of two problems mean different
            labels.

    Returns:
        As many as asked for; rows are counted through, those of the first problem first. None at all where `draw` finds
        none in any problem.

    Source:
        Triantafillou et al. 2020 (Meta-Dataset), arXiv:1903.03096, section 3: episodes from many sources.
    """
    drawn, first = list[list[Episode]](), 0
    for place, targets in enumerate(problems):
        own = draw(
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
    return Episode(np.concatenate(support), _places(support), np.concatenate(query), _places(query), n_ways)


def _places(parts: Sequence[Rows]) -> Rows:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])
