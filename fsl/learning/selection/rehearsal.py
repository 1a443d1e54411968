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
from fsl.learning.selection.candidates import DISTILLED, Fitted, distil, fit_probe_candidate, starts
from fsl.learning.selection.choice import MIN_TUNE_ROWS, Candidate
from fsl.learning.selection.halving import Halved, halve
from fsl.learning.teacher import SoftLabels, adapt_teacher
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
    narrowed: Halved  # who of several students was left to be trained, in the first fold

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
    runs, narrowed = list[list[Fitted]](), Halved(None, ())
    spare = 60.0 * (config.budget_minutes - n_minutes)  # for what is tried in the first fold and not kept
    for place, fold in enumerate(folds):
        try:
            taught = _teach(fold, train, pool, problem, config)
            floor, plain = taught.probe(), taught.fit(DISTILLED)
            if place == 0:
                full = plain.result.cost_seconds
                others = starts(config, problem)[1:]
                narrowed = halve(others, taught.try_out, seconds=spare + full, full_seconds=full)
            runs.append([floor, plain])
        except (TooFewLabels, TooFewRows, TrainingDiverged, EpisodeTooLarge) as error:
            log.info("no rehearsal: %s", error)
            return None
        narrowed = _fit_left(taught, narrowed, runs)
    by_candidate = list(zip(*runs, strict=True))
    probe, *trained = (_pool_results([one.result for one in column]) for column in by_candidate)
    temperatures = {column[0].result.name: _mean_temperature(column) for column in by_candidate}
    return Rehearsal(probe, tuple(trained), temperatures, narrowed)


def _fit_left(taught: "_Taught", narrowed: Halved, runs: list[list[Fitted]]) -> Halved:
    """Add the one that is left to the last run; where its fit comes to nothing, take it out of all runs."""
    if narrowed.left is None:
        return narrowed
    try:
        runs[-1].append(taught.fit(narrowed.left))
    except (TrainingDiverged, EpisodeTooLarge) as error:
        for run in runs:
            del run[2:]
        return Halved(None, (Candidate(narrowed.left, (), 0.0, str(error)), *narrowed.out))
    return narrowed


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


@dataclass(frozen=True)
class _Taught:
    """A fold whose teachers have spoken: they know the kept rows alone."""

    kept: list[Sample]
    asked: list[Sample]
    pool: Sequence[Sample]
    soft: SoftLabels
    problem: Problem
    config: LearningConfig

    def probe(self) -> Fitted:
        base = load_encoder(self.config.encoder, role="student", unit=self.problem.unit)
        return fit_probe_candidate(base, self.kept, self.asked, self.problem, self.soft, self.config)

    def fit(self, name: str, share: float = 1.0) -> Fitted:
        """Train a student. The champion has no word: it has learnt from the rows that are asked about."""
        return distil(self.kept, self.asked, self.pool, self.soft, self.problem, self.config, name=name, share=share)

    def try_out(self, name: str, share: float) -> Candidate:
        """Return how a student does after a share of its epochs; one that came to nothing has no score."""
        try:
            return self.fit(name, share).result
        except (TrainingDiverged, EpisodeTooLarge) as error:
            return Candidate(name, (), 0.0, str(error))


def _teach(
    fold: Fold, train: Sequence[Sample], pool: Sequence[Sample], problem: Problem, config: LearningConfig
) -> _Taught:
    kept = [train[row] for row in fold.fit]
    asked = [train[row] for row in fold.held_out]
    log.info("rehearsal: %d train rows, asked about %d others", len(kept), len(asked))
    soft = adapt_teacher(kept, [], pool, problem, config, where="a rehearsal")
    known = [sample for sample in asked if set(problem.labels_in(sample.target)) <= set(soft.labels)]
    return _Taught(kept, known, pool, soft, problem, config)


def _mean_temperature(fitted: Sequence[Fitted]) -> float:
    return float(np.exp(np.mean([np.log(one.head.temperature) for one in fitted])))


def _pool_results(results: Sequence[Candidate]) -> Candidate:
    likelihoods = tuple(value for one in results for value in one.log_likelihoods)
    cost = sum(one.cost_seconds for one in results)
    return replace(results[-1], log_likelihoods=likelihoods, cost_seconds=cost)
