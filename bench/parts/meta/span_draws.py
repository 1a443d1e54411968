"""The draws of spans: Few-NERD, 22 of the 36 types held out in each, so that five draws hold out every type.

Fewer would not do for episodes of 20 ways; the 14 others are what a start is learnt from. One half of the train
sentences is for that, and novel types are learnt from the other half, so that no sentence is read under both.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.parts.entities.draws import Sentence, read_sentences
from fsl.learning.meta.span_episodes import take_rows

DATA = "fewnerd_small"
N_HELD_OUT = 22
_STEP = 7  # by so many places the held-out types move from draw to draw
SHOTS, QUERIES = 5, 5  # texts of each type; of those asked about twice as many at most, like of those shown

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """One episode: rows by index into a draw's `shown` and `asked`."""

    types: tuple[str, ...]
    support: Rows
    query: Rows


@dataclass(frozen=True)
class SpanDraw:
    """One draw: sentences to learn a start from, and episodes over types that nobody has seen."""

    types: tuple[str, ...]  # held out
    known: tuple[Sentence, ...]  # spans of the held-out types are left out of these
    shown: tuple[Sentence, ...]  # and spans of all others of these
    asked: tuple[Sentence, ...]  # and of these, which are official test sentences
    episodes: dict[int, tuple[Asked, ...]]  # ways -> episodes


def load_span_draw(draw: int, n_episodes: dict[int, int], *, most: int | None = None) -> SpanDraw:
    """Read one draw.

    Args:
        n_episodes: ways -> how many episodes to ask about.
        most: so many sentences of each part at most, for the quick form.
    """
    train, test = (_sentences(split) for split in ("train", "test"))
    types = sorted({str(span[2]) for _, spans in train for span in spans})
    order = np.roll(np.random.default_rng(0).permutation(len(types)), -_STEP * draw)
    held_out = tuple(sorted(types[int(place)] for place in order[:N_HELD_OUT]))
    generator = np.random.default_rng(draw)
    places = generator.permutation(len(train))
    known, shown = (
        [train[int(place)] for place in half[:most]]
        for half in (places[: len(places) // 2], places[len(places) // 2 :])
    )
    asked = test[:most]
    kept = tuple(tuple((text, _of(spans, held_out)) for text, spans in rows) for rows in (shown, asked))
    return SpanDraw(
        held_out,
        tuple((text, _of(spans, set(types) - set(held_out))) for text, spans in known),
        *kept,
        {ways: _draw_episodes(*kept, held_out, ways, many, generator) for ways, many in n_episodes.items()},
    )


def _draw_episodes(
    shown: tuple[Sentence, ...],
    asked: tuple[Sentence, ...],
    types: tuple[str, ...],
    n_ways: int,
    n_episodes: int,
    generator: np.random.Generator,
) -> tuple[Asked, ...]:
    """Draw episodes of types that both parts show."""
    shows = [
        np.array([[any(span[2] == one for span in spans) for one in types] for _, spans in rows])
        for rows in (shown, asked)
    ]
    usable = np.flatnonzero(np.logical_and(*(part.any(0) for part in shows)))
    found = []
    for _ in range(n_episodes):
        ways = np.sort(generator.choice(usable, min(n_ways, len(usable)), replace=False))
        support, query = (
            take_rows(part[:, ways], np.ones(len(part), bool), n, generator=generator)
            for part, n in zip(shows, (SHOTS, QUERIES), strict=True)
        )
        found.append(Asked(tuple(types[int(place)] for place in ways), support, query))
    return tuple(found)


def _of(spans: list[list[int | str]], types: set[str] | tuple[str, ...]) -> list[list[int | str]]:
    return [span for span in spans if span[2] in types]


@cache
def _sentences(split: str) -> list[Sentence]:
    return read_sentences(DATA, split)
