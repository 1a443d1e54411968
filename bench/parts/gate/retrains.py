"""Fifty retrains in a row: one champion, one judge set, and challenger after challenger exactly as good.

All tests of a sequence see the same judge rows and the same champion's mistakes, which is what wears a judge set out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.cells import Facts
from bench.parts.gate.draws import GATE, Answers, decide, judge_answers, least_wins
from bench.parts.gate.population import Population
from fsl.evaluation.comparison.spending import JudgeUse, PastTest, compute_use
from fsl.evaluation.ruling.verdict import Outcome

_CHUNK = 500  # sequences drawn at once


@dataclass(frozen=True)
class Sets:
    """How the judge set of a sequence grows, and how many sequences are drawn."""

    name: str
    first_rows: int
    rows_per_retrain: int
    n_retrains: int
    n_sequences: int
    n_judged: int  # tests that go through the gate itself, beside all that promote

    def rows_at(self, retrain: int) -> int:
        return self.first_rows + self.rows_per_retrain * retrain


STANDING = Sets("standing", first_rows=1000, rows_per_retrain=0, n_retrains=50, n_sequences=10_000, n_judged=300)
GROWING = Sets("growing", first_rows=300, rows_per_retrain=50, n_retrains=50, n_sequences=10_000, n_judged=300)


@dataclass(frozen=True, eq=False)
class Equals:
    """A champion, and challengers that are right on exactly as many rows of the population."""

    population: Population
    champion: NDArray[np.int64]  # (n_rows,)
    challengers: NDArray[np.int64]  # (n_challengers, n_rows)

    def answers(self, challenger: int, rows: NDArray[np.int64]) -> Answers:
        return Answers(self.population.truth[rows], self.champion[rows], self.challengers[challenger, rows])


def measure_retrains(population: Population, sets: Sets) -> Facts:
    """Return in how many sequences any challenger was promoted, with alpha shared and with alpha anew each time."""
    generator = np.random.default_rng(sets.first_rows)
    equals = build_equals(population, sets.n_retrains, generator)
    uses = [_use_of(retrain) for retrain in range(sets.n_retrains)]
    n_false = n_unspent = n_judged = 0
    for start in range(0, sets.n_sequences, _CHUNK):
        size = min(_CHUNK, sets.n_sequences - start)
        rows = generator.integers(len(population.truth), size=(size, sets.rows_at(sets.n_retrains - 1)))
        wins, losses = _count(equals, rows, sets)
        better = _is_better(wins, losses, sets, [use.alpha for use in uses])
        unspent = _is_better(wins, losses, sets, [GATE.alpha] * sets.n_retrains)
        n_unspent += int(_any_promoted(equals, rows, unspent, sets, [GATE.alpha] * sets.n_retrains).sum())
        n_false += int(_any_promoted(equals, rows, better, sets, [use.alpha for use in uses]).sum())
        asked = _choose(better, sets.n_judged * size // sets.n_sequences, generator)
        for sequence, retrain in asked:
            _check(equals, rows[sequence, : sets.rows_at(retrain)], retrain, uses[retrain])
        n_judged += len(asked)
    last = sets.rows_at(sets.n_retrains - 1)
    return {
        "rows": f"{sets.first_rows:,}" if not sets.rows_per_retrain else f"{sets.first_rows:,} growing to {last:,}",
        "n_retrains": sets.n_retrains,
        "n_sequences": sets.n_sequences,
        "n_false": n_false,
        "n_false_unspent": n_unspent,
        "n_judged": n_judged,
    }


def build_equals(population: Population, n_challengers: int, generator: np.random.Generator) -> Equals:
    """Make head 0 the champion, and every other head exactly as good.

    On as many rows as a head is better by, drawn from those that it alone gets right, it says what the champion says;
    where it is worse, on rows that the champion alone gets right.
    """
    champion, challengers = population.answers[0], population.answers[1 : n_challengers + 1].copy()
    for answers in challengers:
        ours, theirs = answers == population.truth, champion == population.truth
        surplus = int(ours.sum()) - int(theirs.sum())
        from_rows = np.flatnonzero(ours & ~theirs if surplus > 0 else theirs & ~ours)
        chosen = generator.choice(from_rows, abs(surplus), replace=False)
        answers[chosen] = champion[chosen]
        assert (answers == population.truth).sum() == theirs.sum()
    return Equals(population, champion, challengers)


def _use_of(retrain: int) -> JudgeUse:
    past = [PastTest(seq, f"challenger-{seq}", asked=True) for seq in range(1, retrain + 1)]
    return compute_use(past, "this one", GATE.alpha, half_after=GATE.alpha_half_spent_after)


def _count(equals: Equals, rows: NDArray[np.int64], sets: Sets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return wins and losses, each (n_sequences, n_retrains)."""
    truth = equals.population.truth
    theirs = equals.champion == truth
    wins = np.empty((len(rows), len(equals.challengers)), dtype=np.int64)
    losses = np.empty_like(wins)
    for retrain, answers in enumerate(equals.challengers):
        ours, drawn = answers == truth, rows[:, : sets.rows_at(retrain)]
        wins[:, retrain] = (ours & ~theirs)[drawn].sum(axis=1)
        losses[:, retrain] = (theirs & ~ours)[drawn].sum(axis=1)
    return wins, losses


def _is_better(
    wins: NDArray[np.int64], losses: NDArray[np.int64], sets: Sets, alphas: list[float]
) -> NDArray[np.bool_]:
    columns = [
        wins[:, retrain] >= least_wins(sets.rows_at(retrain), alpha)[wins[:, retrain] + losses[:, retrain]]
        for retrain, alpha in enumerate(alphas)
    ]
    return np.stack(columns, axis=1)


def _any_promoted(
    equals: Equals, rows: NDArray[np.int64], better: NDArray[np.bool_], sets: Sets, alphas: list[float]
) -> NDArray[np.bool_]:
    """Return for each sequence whether any challenger was better beyond chance and no label was forgotten."""
    found = np.zeros(len(rows), dtype=bool)
    for sequence in np.flatnonzero(better.any(axis=1)):
        found[sequence] = any(
            decide(equals.answers(retrain, rows[sequence, : sets.rows_at(retrain)]), alphas[retrain], _n_labels(equals))
            for retrain in np.flatnonzero(better[sequence])
        )
    return found


def _choose(better: NDArray[np.bool_], n_others: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Return every test that is better beyond chance, and some of the others."""
    found = [tuple(pair) for pair in np.argwhere(better).tolist()]
    others = np.argwhere(~better)
    return found + [tuple(pair) for pair in generator.choice(others, n_others, replace=False).tolist()]


def _check(equals: Equals, rows: NDArray[np.int64], retrain: int, use: JudgeUse) -> None:
    answers = equals.answers(retrain, rows)
    outcome = judge_answers(answers, equals.population.labels, use)
    is_promoted = decide(answers, use.alpha, _n_labels(equals))
    if (outcome is Outcome.PROMOTE) != is_promoted:
        raise AssertionError(f"retrain {retrain}: the gate says {outcome}, and the shortcut promotes: {is_promoted}")


def _n_labels(equals: Equals) -> int:
    return len(equals.population.labels)
