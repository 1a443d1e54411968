"""Drawing judge sets from a population, and the gate's decision on many of them at once.

A draw takes rows with replacement. On a chosen share of them exactly one model is right, and it is the challenger as
often as the chosen difference asks for; who is right, and what the other says instead, is real. `decide` repeats for
label indices what `fsl.evaluation.ruling.gate.judge` does by default; the bench holds both against each other.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.parts.gate.population import Population
from fsl.config import GateConfig
from fsl.evaluation.comparison.parts import adjust
from fsl.evaluation.comparison.power import critical_wins
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem

Indices = NDArray[np.int64]
GATE = GateConfig()
CLASSIFICATION = find_problem("classification")


@dataclass(frozen=True, eq=False)
class Answers:
    """One judge set: the truth, and what both models answer."""

    truth: Indices
    champion: Indices
    challenger: Indices


@dataclass(frozen=True, eq=False)
class PairDraws:
    """Two models of a population, from whose rows judge sets are drawn."""

    population: Population
    one: int
    other: int

    @cached_property
    def is_discordant(self) -> NDArray[np.bool_]:
        right = self.population.right
        return np.asarray(right[self.one] != right[self.other])

    @property
    def discordance(self) -> float:
        """The share of rows on which exactly one of the two is right."""
        return float(self.is_discordant.mean())

    @cached_property
    def kinds(self) -> tuple[Indices, Indices]:
        """The rows on which exactly one is right, and the others."""
        return np.flatnonzero(self.is_discordant), np.flatnonzero(~self.is_discordant)

    def draw(self, n_wins: int, n_losses: int, n_rows: int, generator: np.random.Generator) -> Answers:
        """Draw a judge set with so many rows won and lost, and all others from those where the two are alike."""
        people, right = self.population, self.population.right
        n_discordant = n_wins + n_losses
        sizes = (n_discordant, n_rows - n_discordant)
        rows = np.concatenate([generator.choice(kind, size) for kind, size in zip(self.kinds, sizes, strict=True)])
        one, other = people.answers[self.one, rows], people.answers[self.other, rows]
        swap = generator.random(n_rows) < 0.5  # rows on which the two are alike: who says what is a coin
        swap[:n_discordant] = right[self.other, rows[:n_discordant]] != (np.arange(n_discordant) < n_wins)
        return Answers(people.truth[rows], np.where(swap, other, one), np.where(swap, one, other))


def draw_counts(
    n_rows: int, discordance: float, difference: float, size: int, generator: np.random.Generator
) -> Indices:
    """Return wins and losses of so many judge sets, shape (size, 2)."""
    won, lost = (discordance + difference) / 2, (discordance - difference) / 2
    return np.asarray(generator.multinomial(n_rows, [won, lost, 1 - won - lost], size=size)[:, :2])


@lru_cache(maxsize=256)
def least_wins(n_rows: int, alpha: float) -> Indices:
    """Return the fewest wins that the test asks for, by the number of discordant rows."""
    return critical_wins(np.arange(n_rows + 1), alpha)


def decide(answers: Answers, alpha: float, n_labels: int) -> bool:
    """Return whether the gate promotes under its default config: better beyond chance, and no label forgotten."""
    ours, theirs = answers.challenger == answers.truth, answers.champion == answers.truth
    n_wins, n_losses = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if n_wins < least_wins(len(ours), alpha)[n_wins + n_losses]:
        return False
    return not forgets(answers, n_labels)


def forgets(answers: Answers, n_labels: int) -> bool:
    """Return whether a label is shown to have lost more than it may."""
    truth, before, after = answers.truth, answers.champion, answers.challenger
    differ = before != after
    t, b, a = truth[differ], before[differ], after[differ]
    wrong_before, wrong_after = t != b, t != a
    count = {"minlength": n_labels}
    # A row is a mistake about its truth where the answer is wrong, and about the answer that was wrongly given.
    wins = np.bincount(t[wrong_before & ~wrong_after], **count) + np.bincount(b[wrong_before], **count)
    losses = np.bincount(t[wrong_after & ~wrong_before], **count) + np.bincount(a[wrong_after], **count)
    # Labels that occur nowhere are no parts.
    occurs = np.bincount(np.concatenate([truth, before, after]), **count) > 0
    p_worse = np.asarray(stats.binom.sf(losses[occurs] - 1, (wins + losses)[occurs], 0.5))
    if p_worse.min() > GATE.regression_fdr:
        return False
    shown = adjust(p_worse) <= GATE.regression_fdr
    loss = _f1(truth, before, n_labels)[occurs] - _f1(truth, after, n_labels)[occurs]
    return bool((shown & (loss > GATE.max_forgetting)).any())


def judge_answers(answers: Answers, labels: tuple[str, ...], use: JudgeUse | None) -> Outcome:
    """Return what the gate itself says of a draw."""
    champion, challenger = (
        _sheet(version, answers.truth, given, labels)
        for version, given in (("champion", answers.champion), ("challenger", answers.challenger))
    )
    return judge(champion, challenger, CLASSIFICATION, GATE, use=use).outcome


def _f1(truth: Indices, given: Indices, n_labels: int) -> NDArray[np.float64]:
    hits = np.bincount(truth[truth == given], minlength=n_labels)
    out_of = np.bincount(truth, minlength=n_labels) + np.bincount(given, minlength=n_labels)
    return np.asarray(2 * hits / np.maximum(out_of, 1))


def _sheet(version: str, truth: Indices, given: Indices, labels: tuple[str, ...]) -> ScoreSheet:
    rows = tuple(
        RowScore(f"{row:06d}", labels[t], labels[a], 0.9, bool(t == a))
        for row, (t, a) in enumerate(zip(truth.tolist(), given.tolist(), strict=True))
    )
    return ScoreSheet(version, labels, rows, 1.0, 2.0, 1)
