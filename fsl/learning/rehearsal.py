"""A rehearsal: all that saw labels is fitted again without some train rows, which are then asked about.

It takes the place of tune rows where those are too few: teachers, spreading and student are refitted inside the fold.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fsl.config import LearningConfig
from fsl.learning.encoders import load_encoder
from fsl.learning.errors import EpisodeTooLarge, TooFewLabels, TooFewRows, TrainingDiverged
from fsl.learning.heads import Head
from fsl.learning.heads.folds import Fold, draw_folds
from fsl.learning.selection import MIN_TUNE_ROWS, Candidate
from fsl.learning.student import Fitted, distil, fit_probe_candidate, starts
from fsl.learning.teacher import adapt_teacher
from fsl.problems.base import Problem
from fsl.samples import Sample

log = logging.getLogger(__name__)

_N_FOLDS = 5


@dataclass(frozen=True)
class Rehearsal:
    """How all candidates did on the same train rows, which none was fitted to."""

    probe: Candidate
    trained: tuple[Candidate, ...]
    temperatures: Mapping[str, float]  # that made each trained candidate as sure as it was right

    def calibrated(self, fitted: Fitted) -> Head:
        """Return a candidate's head with the temperature that the rehearsal found for it."""
        return replace(fitted.head, temperature=self.temperatures[fitted.result.name])


def rehearse(
    train: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    labels: Sequence[str],
    cost_seconds: float,
) -> Rehearsal | None:
    """Refit all candidates without a fifth of the train rows and ask about those, until twenty were asked.

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
        except (TooFewLabels, TooFewRows, TrainingDiverged, EpisodeTooLarge) as error:
            log.info("no rehearsal: %s", error)
            return None
    by_candidate = list(zip(*runs, strict=True))
    probe, *trained = (_pool_results([one.result for one in column]) for column in by_candidate)
    temperatures = {column[0].result.name: _mean_temperature(column) for column in by_candidate}
    return Rehearsal(probe, tuple(trained), temperatures)


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
) -> list[Fitted]:
    kept = [train[row] for row in fold.fit]
    asked = [train[row] for row in fold.held_out]
    log.info("rehearsal: %d train rows, asked about %d others", len(kept), len(asked))
    soft = adapt_teacher(kept, [], pool, problem, config, where="a rehearsal")
    known = [sample for sample in asked if set(problem.labels_in(sample.target)) <= set(soft.labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    probe = fit_probe_candidate(base, kept, known, problem, soft, config)
    names = starts(config, problem)
    return [probe, *(distil(kept, known, pool, soft, problem, config, name=name) for name in names)]


def _mean_temperature(fitted: Sequence[Fitted]) -> float:
    return float(np.exp(np.mean([np.log(one.head.temperature) for one in fitted])))


def _pool_results(results: Sequence[Candidate]) -> Candidate:
    likelihoods = tuple(value for one in results for value in one.log_likelihoods)
    cost = sum(one.cost_seconds for one in results)
    return replace(results[-1], log_likelihoods=likelihoods, cost_seconds=cost)
