"""A rehearsal: all that saw labels is fitted again without some train rows, which are then asked about.

It takes the place of tune rows where those are too few: teachers, spreading and student are refitted inside the fold.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fsl.config import LearningConfig
from fsl.learning.encoders import load_encoder
from fsl.learning.errors import TooFewLabels, TooFewRows
from fsl.learning.heads import Head
from fsl.learning.heads.folds import Fold, draw_folds
from fsl.learning.selection import MIN_TUNE_ROWS, Candidate
from fsl.learning.student import Fitted, distil, fit_probe_candidate
from fsl.learning.teacher import adapt_teacher
from fsl.problems.base import Problem
from fsl.samples import Sample

log = logging.getLogger(__name__)

_N_FOLDS = 5


@dataclass(frozen=True)
class Rehearsal:
    """How both candidates did on the same train rows, which neither was fitted to."""

    probe: Candidate
    distilled: Candidate
    temperature: float  # that made the distilled student as sure as it was right

    def calibrated(self, head: Head) -> Head:
        """Return the head with the temperature that the rehearsal found."""
        return replace(head, temperature=self.temperature)


def rehearse(
    train: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    labels: Sequence[str],
    cost_seconds: float,
) -> Rehearsal | None:
    """Refit both candidates without a fifth of the train rows and ask about those, until twenty were asked.

    Args:
        cost_seconds: what one fit of teachers and student took; as long is expected of each rehearsal.

    Returns:
        None where the train rows are too few or the budget too small to tell.
    """
    folds = _plan(train, labels, problem, seed=config.seed)
    n_minutes = len(folds) * cost_seconds / 60.0
    if not folds or n_minutes > config.budget_minutes:
        said = "too few train rows" if not folds else f"{n_minutes:.0f} minutes are over learning.budget_minutes"
        log.info("no rehearsal: %s", said)
        return None
    runs = []
    for fold in folds:
        try:
            runs.append(_run(fold, train, pool, problem, config))
        except (TooFewLabels, TooFewRows):
            return None
    return Rehearsal(
        _pool_results([probe.result for probe, _ in runs]),
        _pool_results([trained.result for _, trained in runs]),
        float(np.exp(np.mean([np.log(trained.head.temperature) for _, trained in runs]))),
    )


def _plan(train: Sequence[Sample], labels: Sequence[str], problem: Problem, *, seed: int) -> list[Fold]:
    """Return as few folds as ask about twenty rows, or none. A row counts as of its first label."""
    outputs = {label: place for place, label in enumerate(sorted(labels))}
    first = [next(iter(problem.labels_in(sample.target)), "") for sample in train]
    targets = np.array([outputs.get(label, len(outputs)) for label in first], np.int64)
    chosen, n_asked = [], 0
    for fold in draw_folds(targets, n_folds=_N_FOLDS, n_repeats=1, seed=seed):
        if n_asked >= MIN_TUNE_ROWS:
            break
        chosen.append(fold)
        n_asked += len(fold.held_out)
    return chosen if n_asked >= MIN_TUNE_ROWS else []


def _run(
    fold: Fold, train: Sequence[Sample], pool: Sequence[Sample], problem: Problem, config: LearningConfig
) -> tuple[Fitted, Fitted]:
    kept = [train[row] for row in fold.fit]
    asked = [train[row] for row in fold.held_out]
    log.info("rehearsal: %d train rows, asked about %d others", len(kept), len(asked))
    soft = adapt_teacher(kept, [], pool, problem, config, where="a rehearsal")
    known = [sample for sample in asked if set(problem.labels_in(sample.target)) <= set(soft.labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    probe = fit_probe_candidate(base, kept, known, problem, soft, config)
    return probe, distil(kept, known, pool, soft, problem, config)


def _pool_results(results: Sequence[Candidate]) -> Candidate:
    likelihoods = tuple(value for one in results for value in one.log_likelihoods)
    cost = sum(one.cost_seconds for one in results)
    return replace(results[-1], log_likelihoods=likelihoods, cost_seconds=cost)
