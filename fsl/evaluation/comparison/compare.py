"""Champion and challenger on the same rows: which test is made, and what it found. What follows is `rules`."""

import logging
import math
from dataclasses import dataclass, replace

from fsl.evaluation.comparison.paired import compute_difference_interval, compute_mcnemar, compute_rows_needed
from fsl.evaluation.comparison.power import compute_rows_to_tell
from fsl.evaluation.scores.bootstrap import Score, compare_f1
from fsl.evaluation.scores.counts import build_paired_counts, macro_f1, micro_f1
from fsl.evaluation.scores.intervals import Interval
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems.base import Problem

_log = logging.getLogger(__name__)
POWER = 0.8
MACRO_F1 = "macro_f1"

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
    interval: Interval  # of level 1 - 2 alpha, so that each end is a one-sided bound at the alpha of this test
    p_better: float
    p_worse: float
    rows_to_tell: int | None  # further rows with which the next test would tell which is better, at 80% power
    rows_to_trust: int | None  # further rows that would show the challenger not worse by more than the margin
    margin_bound: float | None = None  # what the difference is at least, one-sided at the margin's own alpha

    @property
    def lower_bound(self) -> float:
        """What the difference is at least, for the question whether it is within the margin."""
        return self.interval.low if self.margin_bound is None else self.margin_bound


@dataclass(frozen=True, slots=True)
class Levels:
    """By which levels a comparison is read."""

    alpha: float  # of the test for better or worse
    alpha_next: float  # of that test the next time that these rows are asked
    margin: float
    margin_alpha: float  # of the bound that is held against the margin


def compare(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, headline: str, levels: Levels, *, seed: int
) -> Comparison | None:
    """Compare two sheets of the same rows on the score that decides; None where there is no row.

    Args:
        headline: "accuracy", "f1" (all labels together) or "macro_f1" (mean over labels).
    """
    if not challenger.rows:
        return None
    if headline == "accuracy":
        comparison = _compare_accuracy(champion, challenger, levels)
    else:
        score = macro_f1 if headline == MACRO_F1 else micro_f1
        comparison = _compare_f1(champion, challenger, problem, levels, seed, score)
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


def _compare_accuracy(champion: ScoreSheet, challenger: ScoreSheet, levels: Levels) -> Comparison:
    n_rows, (n_wins, n_losses) = len(challenger.rows), _wins_and_losses(champion, challenger)
    test = compute_mcnemar(n_wins, n_losses)
    interval = compute_difference_interval(n_wins, n_losses, n_rows, level=1 - 2 * levels.alpha)
    bound = compute_difference_interval(n_wins, n_losses, n_rows, level=1 - 2 * levels.margin_alpha).low
    rates = {"discordance": (n_wins + n_losses) / n_rows, "difference": (n_wins - n_losses) / n_rows, "power": POWER}
    tell = compute_rows_to_tell(**rates, alpha=levels.alpha_next)
    trust = compute_rows_needed(**rates, alpha=levels.margin_alpha, margin=levels.margin)
    return Comparison(
        test=MCNEMAR,
        n_rows=n_rows,
        n_wins=n_wins,
        n_losses=n_losses,
        champion_score=sum(row.correct for row in champion.rows) / n_rows,
        challenger_score=sum(row.correct for row in challenger.rows) / n_rows,
        difference=rates["difference"],
        interval=_agree(interval, test.p_better, test.p_worse, levels.alpha),
        p_better=test.p_better,
        p_worse=test.p_worse,
        rows_to_tell=_further(tell, n_rows),
        rows_to_trust=_further(trust, n_rows),
        margin_bound=bound,
    )


def _compare_f1(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, levels: Levels, seed: int, score: Score
) -> Comparison:
    n_rows, (n_wins, n_losses) = len(challenger.rows), _wins_and_losses(champion, challenger)
    theirs, ours = build_paired_counts(champion, challenger, problem)
    test = compare_f1(theirs, ours, alphas=(levels.alpha, levels.margin_alpha), seed=seed, score=score)
    interval, margin_interval = (
        _reach_unseen(one, test.p_better >= alpha, n_rows)
        for one, alpha in zip(test.intervals, (levels.alpha, levels.margin_alpha), strict=True)
    )
    tell = _rows_by_error(test.standard_error, test.difference, n_rows, levels.alpha_next)
    trust = _rows_by_error(test.standard_error, test.difference + levels.margin, n_rows, levels.margin_alpha)
    return Comparison(
        test=PAIRED_F1,
        n_rows=n_rows,
        n_wins=n_wins,
        n_losses=n_losses,
        champion_score=float(score(theirs.counts.sum(axis=0, dtype=float))),
        challenger_score=float(score(ours.counts.sum(axis=0, dtype=float))),
        difference=test.difference,
        interval=_agree(interval, test.p_better, test.p_worse, levels.alpha),
        p_better=test.p_better,
        p_worse=test.p_worse,
        rows_to_tell=_further(tell, n_rows),
        rows_to_trust=_further(trust if test.difference + levels.margin > 0 else None, n_rows),
        margin_bound=margin_interval.low,
    )


def _reach_unseen(interval: Interval, is_open: bool, n_rows: int) -> Interval:
    """Return the interval, at least as wide below as that of so many rows alike, where the test leaves it open.

    Resampling rows that all agree shows no spread, however few they are; the score interval of their number does.
    """
    if not is_open:
        return interval
    unseen = compute_difference_interval(0, 0, n_rows, level=interval.level)
    return replace(interval, low=min(interval.low, unseen.low))


def _wins_and_losses(champion: ScoreSheet, challenger: ScoreSheet) -> tuple[int, int]:
    differ = [
        ours.correct
        for ours, theirs in zip(challenger.rows, champion.rows, strict=True)
        if ours.correct != theirs.correct
    ]
    return sum(differ), len(differ) - sum(differ)


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
    from scipy import stats

    if effect == 0:
        return None
    z = float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(POWER))
    return math.ceil(n_rows * (z * standard_error / effect) ** 2)


def _further(n_needed: int | None, n_rows: int) -> int | None:
    return None if n_needed is None else max(1, n_needed - n_rows)
