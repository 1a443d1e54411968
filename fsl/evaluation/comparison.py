"""Champion and challenger on the same rows: which test is made, and what it found. What follows is `gate`'s."""

import logging
import math
from dataclasses import dataclass, replace

from scipy import stats

from fsl.evaluation.bootstrap import compare_f1
from fsl.evaluation.counts import build_counts, micro_f1
from fsl.evaluation.intervals import Interval
from fsl.evaluation.paired import compute_difference_interval, compute_mcnemar, compute_rows_needed
from fsl.evaluation.records import ScoreSheet
from fsl.problems.base import Problem

_log = logging.getLogger(__name__)
POWER = 0.8

MCNEMAR = "McNemar's exact test, one-sided"
PAIRED_F1 = "paired bootstrap and randomisation over texts, one-sided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The headline score of both over the same rows, and what can be said of its difference."""

    test: str
    n_rows: int
    n_wins: int  # rows that only the challenger got right
    n_losses: int  # rows that only the champion got right
    champion_score: float
    challenger_score: float
    difference: float  # challenger less champion
    interval: Interval  # of level 1 - 2 alpha, so that each end is a one-sided bound at alpha
    p_better: float
    p_worse: float
    rows_to_tell: int | None  # further rows that would tell which is better, at 80% power
    rows_to_trust: int | None  # further rows that would show the challenger not worse by more than the margin

    @property
    def lower_bound(self) -> float:
        """What the difference is at least, one-sided at alpha."""
        return self.interval.low


def compare(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, *, alpha: float, margin: float, seed: int
) -> Comparison | None:
    """Compare two sheets of the same rows on the problem's headline; None where there is no row."""
    if not challenger.rows:
        return None
    judged = _compare_accuracy if problem.headline == "accuracy" else _compare_f1
    comparison = judged(champion, challenger, problem, alpha, margin, seed)
    _log.info(
        "%s against %s on %d rows: %+.4f, %d wins, %d losses, p %.4g",
        challenger.version,
        champion.version,
        comparison.n_rows,
        comparison.difference,
        comparison.n_wins,
        comparison.n_losses,
        comparison.p_better,
    )
    return comparison


def _compare_accuracy(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, alpha: float, margin: float, seed: int
) -> Comparison:
    del problem, seed  # the exact test looks at right and wrong alone, and draws nothing
    n_rows, (n_wins, n_losses) = len(challenger.rows), _wins_and_losses(champion, challenger)
    test = compute_mcnemar(n_wins, n_losses)
    interval = compute_difference_interval(n_wins, n_losses, n_rows, level=1 - 2 * alpha)
    discordance, difference = (n_wins + n_losses) / n_rows, (n_wins - n_losses) / n_rows
    tell = compute_rows_needed(discordance=discordance, difference=difference, alpha=alpha, power=POWER)
    trust = compute_rows_needed(discordance=discordance, difference=difference, alpha=alpha, power=POWER, margin=margin)
    return Comparison(
        test=MCNEMAR,
        n_rows=n_rows,
        n_wins=n_wins,
        n_losses=n_losses,
        champion_score=sum(row.correct for row in champion.rows) / n_rows,
        challenger_score=sum(row.correct for row in challenger.rows) / n_rows,
        difference=difference,
        interval=_agree(interval, test.p_better, test.p_worse, alpha),
        p_better=test.p_better,
        p_worse=test.p_worse,
        rows_to_tell=_further(tell, n_rows),
        rows_to_trust=_further(trust, n_rows),
    )


def _compare_f1(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, alpha: float, margin: float, seed: int
) -> Comparison:
    n_rows, (n_wins, n_losses) = len(challenger.rows), _wins_and_losses(champion, challenger)
    theirs = build_counts(champion.rows, problem, version=champion.version)
    ours = build_counts(challenger.rows, problem, version=challenger.version)
    test = compare_f1(theirs, ours, alpha=alpha, seed=seed)
    interval = test.interval
    if test.p_better >= alpha:
        # Resampling rows that all agree shows no spread, however few they are; the score interval of their number does.
        unseen = compute_difference_interval(0, 0, n_rows, level=1 - 2 * alpha)
        interval = replace(interval, low=min(interval.low, unseen.low))
    tell = _rows_by_error(test.standard_error, test.difference, n_rows, alpha)
    trust = _rows_by_error(test.standard_error, test.difference + margin, n_rows, alpha)
    return Comparison(
        test=PAIRED_F1,
        n_rows=n_rows,
        n_wins=n_wins,
        n_losses=n_losses,
        champion_score=float(micro_f1(theirs.counts.sum(axis=0, dtype=float))),
        challenger_score=float(micro_f1(ours.counts.sum(axis=0, dtype=float))),
        difference=test.difference,
        interval=_agree(interval, test.p_better, test.p_worse, alpha),
        p_better=test.p_better,
        p_worse=test.p_worse,
        rows_to_tell=_further(tell, n_rows),
        rows_to_trust=_further(trust if test.difference + margin > 0 else None, n_rows),
    )


def _wins_and_losses(champion: ScoreSheet, challenger: ScoreSheet) -> tuple[int, int]:
    pairs = [(ours.correct, theirs.correct) for ours, theirs in zip(challenger.rows, champion.rows, strict=True)]
    return pairs.count((True, False)), pairs.count((False, True))


def _agree(interval: Interval, p_better: float, p_worse: float, alpha: float) -> Interval:
    """Return the interval, reaching to zero where the test leaves equality possible.

    Interval and test rest on different arguments and can differ by a hair; a reader must not see one say what the
    other denies. Reaching further never covers less.
    """
    low = min(interval.low, 0.0) if p_better >= alpha else interval.low
    high = max(interval.high, 0.0) if p_worse >= alpha else interval.high
    return replace(interval, low=low, high=high)


def _rows_by_error(standard_error: float, effect: float, n_rows: int, alpha: float) -> int | None:
    """Return the rows at which an effect of this size shows, its error shrinking with their square root."""
    if effect == 0:
        return None
    z = float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(POWER))
    return math.ceil(n_rows * (z * standard_error / effect) ** 2)


def _further(n_needed: int | None, n_rows: int) -> int | None:
    return None if n_needed is None else max(1, n_needed - n_rows)
