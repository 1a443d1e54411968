"""Populations and streams of the drift bench: what a real head says of every text, and windows drawn from that.

A population is a public data set with a logistic head on vectors of the packaged encoder; rows that the head learnt
from are never served. Rows are drawn by chance, so what changes in a stream is what its line says and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.parts.drift.texts import Texts, load_texts
from bench.parts.public_data import OUT_OF_SCOPE
from fsl.drift.detectors.traits import Traits, build_traits
from fsl.drift.harm.estimate import Served

N_REFERENCE, N_WINDOW, N_LABELLED = 500, 200, 500
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Population:
    """Texts with what a head answers to each; `pool` are the rows that may be served."""

    name: str
    texts: tuple[str, ...]
    traits: Traits
    truth: NDArray[np.str_]
    groups: NDArray[np.str_]
    answers: NDArray[np.str_]
    hardness: NDArray[np.float64]  # how unsure a second head is, fitted to other rows
    pool: Rows

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.answers == self.truth)

    def served(self, rows: Rows) -> Served:
        traits = self.traits
        return Served(traits.confidence[rows], traits.margin[rows], [traits.answers[row] for row in rows])


@dataclass(frozen=True, eq=False)
class Stream:
    """A reference and windows after it, as rows of a population."""

    population: Population
    labelled: Rows
    reference: Rows
    windows: tuple[Rows, ...]


@cache
def population(name: str, *, without: str | None = None, shots: int = 20) -> Population:
    """Return a data set's population, its head fitted without one group."""
    return build_population(load_texts(name), without=without, shots=shots)


def build_population(
    data: Texts, *, without: str | None = None, shots: int = 20, fit_on: Rows | None = None
) -> Population:
    """Fit two heads to different rows and answer every text with the first.

    Args:
        fit_on: the rows of the first head; default: so many of each label, drawn.
    """
    targets = data.labels if np.unique(data.labels).size > 1 else data.domains
    known = (targets != OUT_OF_SCOPE) & (targets != "none")
    if without is not None:
        known &= data.domains != without
    generator = np.random.default_rng(7)
    first, used = _shots(targets, known, shots, generator) if fit_on is None else _given(targets, fit_on)
    second, also = _shots(targets, known & ~used, shots, generator)
    answers, confidence, margin = _answer(data.vectors, first, targets)
    _, unsure, _ = _answer(data.vectors, second, targets)
    labels = [(str(answer),) for answer in answers]
    return Population(
        name=data.name,
        texts=data.texts,
        traits=build_traits(data.texts, labels, confidence, margin, data.vectors),
        truth=targets,
        groups=data.domains,
        answers=answers,
        hardness=1 - unsure,
        pool=np.flatnonzero(known & ~used & ~also),
    )


def _shots(
    targets: NDArray[np.str_], known: NDArray[np.bool_], shots: int, generator: np.random.Generator
) -> tuple[Rows, NDArray[np.bool_]]:
    chosen: list[int] = []
    for label in np.unique(targets[known]):
        rows = np.flatnonzero(known & (targets == label))
        chosen += generator.choice(rows, min(shots, max(1, len(rows) // 3)), replace=False).tolist()
    used = np.zeros(len(targets), dtype=np.bool_)
    used[chosen] = True
    return np.array(chosen), used


def _given(targets: NDArray[np.str_], rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    used = np.zeros(len(targets), dtype=np.bool_)
    used[rows] = True
    return rows, used


def _answer(
    vectors: NDArray[np.float32], rows: Rows, targets: NDArray[np.str_]
) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    head = LogisticRegression(C=30.0, max_iter=300).fit(vectors[rows], targets[rows])
    chances = head.predict_proba(vectors)
    top = np.sort(chances, axis=1)[:, -2:]
    return head.classes_[chances.argmax(axis=1)], top[:, 1], top[:, 1] - top[:, 0]


def draw_same(people: Population, n_windows: int, seed: int, *, n_window: int = N_WINDOW) -> Stream:
    """Return windows drawn as the reference was."""
    generator = np.random.default_rng(seed)
    rows = generator.choice(people.pool, N_LABELLED + N_REFERENCE + n_windows * n_window)
    windows = rows[N_LABELLED + N_REFERENCE :].reshape(n_windows, n_window)
    return Stream(people, rows[:N_LABELLED], rows[N_LABELLED : N_LABELLED + N_REFERENCE], tuple(windows))


def draw_weighted(
    people: Population,
    weights: NDArray[np.float64],
    sizes: Sequence[int],
    seed: int,
) -> Stream:
    """Return windows whose rows are drawn with weights over the pool; reference and labelled rows are not."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(people.pool))
    first, rest = order[: N_LABELLED + N_REFERENCE], order[N_LABELLED + N_REFERENCE :]
    shares = weights[rest] / weights[rest].sum()
    windows = tuple(people.pool[generator.choice(rest, size, p=shares)] for size in sizes)
    return Stream(people, people.pool[first[:N_LABELLED]], people.pool[first[N_LABELLED:]], windows)


def draw_new_topic(people: Population, topic: Rows, share: float, n_windows: int, seed: int) -> Stream:
    """Return windows of which a share is of another topic, no row twice."""
    generator = np.random.default_rng(seed)
    old, new = generator.permutation(people.pool), generator.permutation(topic)
    windows = []
    for number in range(n_windows):
        n_new = generator.binomial(N_WINDOW, share)
        start = N_REFERENCE + number * N_WINDOW
        windows.append(np.concatenate([old[start : start + N_WINDOW - n_new], new[number * 90 : number * 90 + n_new]]))
    return Stream(people, old[-N_LABELLED:], old[:N_REFERENCE], tuple(windows))


def draw_growing_topic(people: Population, topic: Rows, step: float, n_windows: int, seed: int) -> Stream:
    """Return windows of which another topic is a share that grows by a step each, no row twice."""
    generator = np.random.default_rng(seed)
    old, new = generator.permutation(people.pool), generator.permutation(topic)
    windows, start, begin = [], N_REFERENCE, 0
    for number in range(n_windows):
        n_new = min(generator.binomial(N_WINDOW, step * (number + 1)), len(new) - begin)
        windows.append(np.concatenate([old[start : start + N_WINDOW - n_new], new[begin : begin + n_new]]))
        start, begin = start + N_WINDOW - n_new, begin + n_new
    return Stream(people, old[-N_LABELLED:], old[:N_REFERENCE], tuple(windows))


def mix_weights(people: Population, seed: int) -> NDArray[np.float64]:
    """Return weights over the pool that change the mix of true labels and nothing within a label."""
    labels, place, counts = np.unique(people.truth[people.pool], return_inverse=True, return_counts=True)
    shares = np.random.default_rng(seed).dirichlet(np.full(len(labels), 0.7))
    return np.asarray((shares / counts)[place])


def harder_weights(people: Population, fall: float) -> NDArray[np.float64]:
    """Return weights over the pool that favour texts which are hard for the second head, until accuracy fell so far.

    They depend on the text alone, so this is covariate shift.
    """
    right, hardness = people.right[people.pool].astype(float), people.hardness[people.pool]
    low, high = 0.0, 60.0
    for _ in range(60):
        tilt = (low + high) / 2
        weights = np.exp(tilt * hardness)
        low, high = (tilt, high) if right.mean() - weights @ right / weights.sum() < fall else (low, tilt)
    return np.asarray(np.exp(tilt * hardness))


def seeds_of(line: int, stream: int) -> int:
    """Return a seed of the scored streams: tuning used others, all below this."""
    return 1_000_000 * (line + 1) + stream


def chunks(n: int, size: int) -> Iterator[range]:
    for start in range(0, n, size):
        yield range(start, min(n, start + size))


@cache
def joined(name: str, other: str) -> tuple[Population, Rows]:
    """Return one data set's population with another's texts beside it, answered by the same head."""
    first, second = load_texts(name), load_texts(other)
    both = Texts(
        name=name,
        texts=first.texts + second.texts,
        labels=np.concatenate([first.labels, np.full(len(second.texts), "none")]),
        domains=np.concatenate([first.labels, np.full(len(second.texts), other)]),
        dates=np.concatenate([first.dates, second.dates]),
        vectors=np.concatenate([first.vectors, second.vectors]),
    )
    people = build_population(both, without=None, shots=100)
    return people, np.flatnonzero(people.groups == other)


def made_up(n: int = 2400, n_labels: int = 6, seed: int = 0) -> Population:
    """Return clouds of vectors, one for each label, the last of them not served: a quick run needs no data set."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(n_labels, 32))
    place = generator.integers(0, n_labels, n)
    vectors = (centres[place] + 1.5 * generator.normal(size=(n, 32))).astype(np.float32)
    names = np.array([f"label {number}" for number in range(n_labels)])
    words = np.array(["card", "loan", "rate", "fee", "gold", "news"])
    texts = tuple(f"{words[number % 6]} text {row % 50}" for row, number in enumerate(place))
    data = Texts("made up", texts, names[place], names[place], np.full(n, ""), vectors)
    return build_population(data, without=names[-1], shots=20)
