"""Folds: which units a head is fitted to, and which it is then asked about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fsl.learning.heads.head import Targets


@dataclass(frozen=True)
class Fold:
    """Rows by index; together they are all that a fold may use."""

    fit: Targets
    held_out: Targets


def draw_folds(
    targets: Targets, *, n_folds: int, n_repeats: int, seed: int, groups: Sequence[int] | None = None
) -> list[Fold]:
    """Deal the units of each target over the folds, anew in each repeat.

    A target with fewer units than folds goes as far as it reaches; one with a single unit is always fitted and never
    held out, since nobody could be right about it. What is never held out has no out-of-fold answer.

    Args:
        groups: units of one group are held out together (the words of a text, near-duplicates); None: each alone.

    Returns:
        n_folds * n_repeats folds, or none where no unit could be held out.
    """
    generator = np.random.default_rng(seed)
    whose = np.arange(len(targets)) if groups is None else np.asarray(groups)
    heads, first = np.unique(whose, return_index=True)  # a group stands where its first unit's target stands
    _, compact = np.unique(targets[first], return_inverse=True)
    lonely = np.bincount(compact, minlength=1)[compact] < 2 if len(compact) else np.zeros(0, bool)
    if lonely.all():
        return []
    folds = []
    for _ in range(n_repeats):
        place = _deal(compact, n_folds, generator)
        place[lonely] = -1
        of_unit = place[np.searchsorted(heads, whose)]
        for fold in range(n_folds):
            fit = np.flatnonzero(of_unit != fold)
            held_out = np.flatnonzero((of_unit == fold) & np.isin(targets, targets[fit]))
            if len(held_out):
                folds.append(Fold(fit, held_out))
    return folds


def _deal(compact: Targets, n_folds: int, generator: np.random.Generator) -> Targets:
    """Return the fold of each group: targets one after another, each shuffled, dealt round in turn."""
    order = np.lexsort((generator.random(len(compact)), compact))
    place = np.empty(len(compact), np.int64)
    place[order] = np.arange(len(compact)) % n_folds
    return place
