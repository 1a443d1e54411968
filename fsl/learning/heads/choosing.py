"""Which head, by repeated stratified cross-validation. Logistic regression stays unless another is clearly better."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads import discriminant, logistic, ridge
from fsl.learning.heads.folds import Fold, draw_folds
from fsl.learning.heads.head import Head, Targets, Vectors, likelihoods_of
from fsl.learning.heads.independent import FitPath, each_label, strata_of
from fsl.learning.heads.prototypes import fit_prototypes
from fsl.learning.heads.side_by_side import blas_threads, fit_side_by_side
from fsl.learning.heads.temperature import best_temperature

log = logging.getLogger(__name__)

FLOOR = "logistic regression"
_MIN_HELD_OUT = 20  # with fewer, a standard error means nothing
_CHEAP_UNITS = 3000  # up to so many, heads of every kind are fitted in each fold of several repeats
_MANY_LABELS = 30  # that do not compete: with more of them, one decomposition for each would take too long
_MOST_UNITS = 6000  # which kind is better shows on so many; the winner is fitted to all


@dataclass(frozen=True)
class Family:
    """One kind of head, with the settings that it is tried at."""

    name: str
    settings: tuple[str, ...]
    fit: FitPath  # one head for each setting


@dataclass(frozen=True)
class Trial:
    """How one family did at its best setting on units it was not fitted to."""

    family: str
    setting: str
    log_likelihoods: NDArray[np.float64]  # (n_units,), mean over repeats, calibrated; NaN where never held out
    temperature: float

    @property
    def score(self) -> float:
        """Mean log-likelihood of a held-out unit, in nats; NaN where there was none."""
        known = self.log_likelihoods[~np.isnan(self.log_likelihoods)]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True)
class ChosenHead:
    """The head, calibrated out of fold, and what it was held against."""

    head: Head
    trials: tuple[Trial, ...]  # of every family, the best first
    winner: Trial | None  # None: there was nothing to hold out, so nothing was tried
    reason: str


def choose_head(
    vectors: Vectors,
    targets: Targets,
    n_outputs: int,
    *,
    seed: int,
    groups: Sequence[int] | None = None,
    n_always: int = 0,
) -> ChosenHead:
    """Fit every family in every fold, and return the winner fitted to all units.

    Another family takes the place of logistic regression where it is better by more than one standard error of the
    difference, paired by unit. The temperature is fitted to out-of-fold logits. 10,000 units of 77 outputs and 384
    numbers take some seconds.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), below n_outputs; or (n_units, n_outputs), 0 or 1, where outputs do not compete. Then there
            is one fit for each output, and a setting is chosen for all of them together.
        groups: units that are held out together, such as the words of one text.
        n_always: so many units at the end are fitted in every fold and never asked about, such as label names.

    Source:
        Breiman et al. 1984, Classification and Regression Trees, section 3.4.3: the one-standard-error rule.
    """
    families = build_families(len(vectors), seed)
    if targets.ndim == 2:
        families = independent_families(families, n_outputs)
    folds = _draw_folds(strata_of(targets), groups, seed, n_always)
    if not folds:
        head = families[0].fit(vectors, targets, n_outputs)[len(families[0].settings) // 2]
        return ChosenHead(head, (), None, "no label has two rows, so heads could not be held against each other")
    tried = _try_all(families, vectors, targets, n_outputs, folds)
    winner, reason = _choose(tried)
    family = next(one for one in families if one.name == winner.family)
    with blas_threads().limit(limits=1 if len(vectors) <= _CHEAP_UNITS else None):
        head = family.fit(vectors, targets, n_outputs)[family.settings.index(winner.setting)]
    ranked = tuple(sorted(tried, key=lambda trial: -trial.score))
    log.info("head: %s", reason)
    return ChosenHead(replace(head, temperature=winner.temperature), ranked, winner, reason)


def _draw_folds(targets: Targets, groups: Sequence[int] | None, seed: int, n_always: int) -> list[Fold]:
    if n_always:
        n_asked = len(targets) - n_always
        folds = _draw_folds(targets[:n_asked], None if groups is None else groups[:n_asked], seed, 0)
        always = np.arange(n_asked, len(targets))
        return [Fold(np.concatenate([fold.fit, always]), fold.held_out) for fold in folds]
    if len(targets) <= _CHEAP_UNITS:
        return draw_folds(targets, n_folds=5, n_repeats=2, seed=seed, groups=groups)
    rows = np.sort(np.random.default_rng(seed).permutation(len(targets))[:_MOST_UNITS])
    whose = None if groups is None else np.asarray(groups)[rows].tolist()
    folds = draw_folds(targets[rows], n_folds=3, n_repeats=1, seed=seed, groups=whose)
    return [Fold(rows[fold.fit], rows[fold.held_out]) for fold in folds]


def build_families(n_units: int, seed: int) -> tuple[Family, ...]:
    """Return the families, logistic regression first; where units are many, with fewer settings."""
    strengths = logistic.STRENGTHS if n_units <= _CHEAP_UNITS else logistic.STRENGTHS[1:3]
    shrinkages, penalties = discriminant.SHRINKAGES, ridge.PENALTIES
    return (
        Family(
            FLOOR,
            tuple(f"C {one:g}" for one in strengths),
            lambda x, y, n: logistic.fit_path(x, y, n, strengths=strengths),
        ),
        Family("prototypes", ("cosine",), lambda x, y, n: (fit_prototypes(x, y, n),)),
        Family(
            "discriminant analysis",
            tuple(f"shrinkage {one:g}" for one in shrinkages),
            lambda x, y, n: discriminant.fit_path(x, y, n, shrinkages=shrinkages),
        ),
        Family(
            "random-feature ridge",
            tuple(f"penalty {one:g}" for one in penalties),
            lambda x, y, n: ridge.fit_path(x, y, n, penalties=penalties, seed=seed),
        ),
    )


def independent_families(families: Sequence[Family], n_outputs: int) -> tuple[Family, ...]:
    """Return the families for outputs that do not compete. Random features are left out: a fit for each output would
    decompose them as often, and discriminant analysis where outputs are many."""
    left_out = {"random-feature ridge", *(("discriminant analysis",) if n_outputs > _MANY_LABELS else ())}
    return tuple(replace(one, fit=each_label(one.fit)) for one in families if one.name not in left_out)


def _try_all(
    families: Sequence[Family], vectors: Vectors, targets: Targets, n_outputs: int, folds: Sequence[Fold]
) -> list[Trial]:
    """Return each family's best setting. One temperature over all folds favours no setting."""

    def ask(family: Family, fold: Fold) -> list[NDArray[np.float64]]:
        heads = family.fit(vectors[fold.fit], targets[fold.fit], n_outputs)
        return [head.logits(vectors[fold.held_out]) for head in heads]

    answers = iter(fit_side_by_side(lambda pair: ask(*pair), [(family, fold) for family in families for fold in folds]))
    rows = np.concatenate([fold.held_out for fold in folds])
    tried = []
    for family in families:
        by_setting = zip(*(next(answers) for _ in folds), strict=True)
        trials = [
            _score(family.name, setting, np.concatenate(logits), rows, targets)
            for setting, logits in zip(family.settings, by_setting, strict=True)
        ]
        tried.append(max(trials, key=lambda trial: trial.score))
    return tried


def _score(family: str, setting: str, logits: NDArray[np.float64], rows: Targets, targets: Targets) -> Trial:
    temperature = best_temperature(logits, targets[rows])
    likelihoods = likelihoods_of(logits / temperature, targets[rows])
    totals = np.bincount(rows, likelihoods, len(targets))
    counts = np.bincount(rows, minlength=len(targets))
    with np.errstate(invalid="ignore"):
        return Trial(family, setting, totals / np.where(counts > 0, counts, np.nan), temperature)


def _choose(tried: Sequence[Trial]) -> tuple[Trial, str]:
    floor = tried[0]
    best = max(tried, key=lambda trial: trial.score)
    if best is floor:
        return floor, f"{FLOOR} ({floor.setting}) is the likeliest of {len(tried)} kinds of head"
    gains = best.log_likelihoods - floor.log_likelihoods
    gains = gains[~np.isnan(gains)]
    if len(gains) < _MIN_HELD_OUT:
        return floor, f"{len(gains)} rows are too few to prefer another head to {FLOOR}"
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    if gain > error:
        said = f"{best.family} ({best.setting}) beats {FLOOR} by {gain:.3f} nats a row (standard error {error:.3f})"
        return best, said
    said = f"{best.family} gains {gain:.3f} nats a row on {FLOOR}, within one standard error ({error:.3f})"
    return floor, said
