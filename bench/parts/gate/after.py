"""After a promotion on the same judge rows: is a champion that these rows chose replaced by its equals too easily?

The promise is made for each champion, but a promoted one was chosen by the very rows that guard it. It owes part of its
lead on them to luck, which should make its equals look worse, not better; this is measured here.
"""

import numpy as np
from numpy.typing import NDArray

from bench.cells import Facts
from bench.parts.gate.draws import GATE, least_wins
from bench.parts.gate.population import Population
from fsl.evaluation.comparison.spending import alpha_of_test

N_ROWS, N_CHALLENGERS = 1000, 48
_CHUNK = 1000


def measure_after(population: Population, gain: float, *, n_sequences: int) -> Facts:
    """Return how often a challenger that is better by `gain` is promoted, and is then replaced by one of its equals."""
    generator = np.random.default_rng(round(1000 * gain) + 1)
    truth, first = population.truth, population.answers[0]
    target = int((first == truth).sum()) + round(gain * len(truth))
    second = _bring_to(population.answers[1], first, truth, target, generator)
    others = [_bring_to(answers, second, truth, target, generator) for answers in population.answers[2:]]
    champion, promoted = first == truth, second == truth
    challengers = np.array([answers == truth for answers in others[:N_CHALLENGERS]])
    n_promoted = n_replaced = 0
    for start in range(0, n_sequences, _CHUNK):
        size = min(_CHUNK, n_sequences - start)
        times = generator.multinomial(N_ROWS, np.full(len(truth), 1 / len(truth)), size=size).astype(np.float32)
        chosen = _is_better(times, promoted, champion, alpha_of_test(1, GATE.alpha))
        replaced = np.zeros(size, dtype=bool)
        for place, challenger in enumerate(challengers, start=1):
            replaced |= _is_better(times, challenger, promoted, alpha_of_test(place, GATE.alpha))
        n_promoted, n_replaced = n_promoted + int(chosen.sum()), n_replaced + int((chosen & replaced).sum())
    return {"gain": gain, "n_sequences": n_sequences, "n_promoted": n_promoted, "n_replaced": n_replaced}


def _is_better(
    times: NDArray[np.float32], ours: NDArray[np.bool_], theirs: NDArray[np.bool_], alpha: float
) -> NDArray[np.bool_]:
    """Return for each judge set, given as how often each row is in it, whether the paired test says better."""
    wins, losses = (np.rint(times @ only).astype(np.int64) for only in (ours & ~theirs, theirs & ~ours))
    return np.asarray(wins >= least_wins(N_ROWS, alpha)[wins + losses])


def _bring_to(
    answers: NDArray[np.int64],
    other: NDArray[np.int64],
    truth: NDArray[np.int64],
    target: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the answers with so many right: rows are given the other's answers, and where those run out, the truth."""
    found = answers.copy()
    for source in (other, truth):
        surplus = int((found == truth).sum()) - target
        where = (found == truth) & (source != truth) if surplus > 0 else (found != truth) & (source == truth)
        rows = np.flatnonzero(where)
        chosen = generator.choice(rows, min(abs(surplus), len(rows)), replace=False)
        found[chosen] = source[chosen]
    assert (found == truth).sum() == target
    return found
