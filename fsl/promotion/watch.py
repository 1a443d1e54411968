"""The watch over a new champion: is what it says of live traffic so odd that the version before should serve again?

The version before answers the very texts that were served, so a change of the texts sets nothing off: only what the
promotion changed counts. Scores need labels, which live traffic has not; these are signs of a broken model, not of a
slightly worse one. What went before the promotion is the gate's (`fsl.evaluation.ruling.gate`).
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.config import WatchConfig
from fsl.drift.windows.reading import read_latest
from fsl.problems.base import Problem
from fsl.project import Project
from fsl.promotion.promote import load_predictor
from fsl.store.aliases import CHAMPION, Move, read_moves, rollback

log = logging.getLogger(__name__)

LEVEL = 0.99  # one-sided; a watch looks many times, and a sound model is nowhere near a bound
WATCHER = "flow:watch"


class Watch(StrEnum):
    """Where a watch stands."""

    NOTHING = "nothing to watch"
    WAITING = "waiting for traffic"
    SOUND = "sound"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class Watched:
    """What one look at the champion found."""

    state: Watch
    version: str | None
    against: str | None
    n_rows: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """What one version said of some texts."""

    targets: tuple[JsonValue, ...]
    confidence: NDArray[np.float64]


def watch_champion(project: Project, *, now: datetime) -> Watched:
    """Look at what the champion served since its promotion, and roll back where a rule fires.

    Raises:
        AliasMoved: somebody moved the champion meanwhile; nothing was changed.
    """
    config = project.config.watch
    moves = read_moves(project.registry, CHAMPION)
    replaced, why_not = _move_before(moves, config, now)
    if replaced is None:
        return Watched(Watch.NOTHING, moves[-1].version if moves else None, None, 0, (why_not,))
    current, before = moves[-1], replaced.version
    window = read_latest(
        project.store, project.problem, version=current.version, since=current.when, n_rows=config.max_rows
    )
    if window.n_rows < config.min_rows:
        reason = f"{window.n_rows} rows were served since the promotion; {config.min_rows} are needed"
        return Watched(Watch.WAITING, current.version, before, window.n_rows, (reason,))
    predictions = [one.answer for one in load_predictor(project, before, replaced.manifest).predict(window.texts)]
    earlier = Answers(
        tuple(answer.target for answer in predictions), np.array([answer.confidence for answer in predictions])
    )
    fired, told = compare_answers(earlier, Answers(window.answers, window.confidence), project.problem, config)
    log.info("watch over %s against %s: %s", current.version, before, "; ".join(fired or told))
    if not fired:
        return Watched(Watch.SOUND, current.version, before, window.n_rows, told)
    # Fails where somebody moved the champion since it was read: the look was at another one then.
    rollback(project.registry, CHAMPION, who=WATCHER, why="; ".join(fired), now=now, seen=current)
    return Watched(Watch.ROLLED_BACK, current.version, before, window.n_rows, fired)


def compare_answers(
    earlier: Answers, current: Answers, problem: Problem, config: WatchConfig
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the rules that fire, and what was measured, both in words.

    Args:
        earlier, current: of the same texts, in the same order.
    """
    drop = earlier.confidence - np.nan_to_num(current.confidence, nan=0.0)
    changed = np.array([a != b for a, b in zip(earlier.targets, current.targets, strict=True)], dtype=np.float64)
    label, rise = _largest_rise(earlier.targets, current.targets, problem)
    measured = (
        (drop, config.max_confidence_drop, "its mean confidence is {0:.1%} below that of the version before"),
        (rise, config.max_label_rise, f"its share of {label!r} is {{0:.1%}} above that of the version before"),
        (changed, config.max_changed_share, "it answers {0:.1%} of the texts in another way than the version before"),
    )
    fired, told = [], []
    for values, bound, words in measured:
        mean, low = float(values.mean()), lower_bound(values)
        sentence = words.format(mean)
        told.append(sentence)
        if low > bound:
            fired.append(
                f"{sentence} ({LEVEL:.0%} sure of more than {low:.1%}; allowed {bound:.0%}, {len(values)} rows)"
            )
    return tuple(fired), tuple(told)


def lower_bound(values: NDArray[np.float64]) -> float:
    """Return the one-sided bound of a mean, by the t distribution; -inf for fewer than two values."""
    from scipy import stats

    if len(values) < 2:
        return float("-inf")
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - float(stats.t.ppf(LEVEL, len(values) - 1)) * error


def _largest_rise(
    earlier: Sequence[JsonValue], current: Sequence[JsonValue], problem: Problem
) -> tuple[str, NDArray[np.float64]]:
    """Return the label whose share rose most, and for each text +1 where it came, -1 where it went, 0 otherwise."""
    had = [set(problem.labels_in(target)) for target in earlier]
    has = [set(problem.labels_in(target)) for target in current]
    labels = sorted(set().union(*has)) or ["no label"]
    rises = {
        label: np.array([float(label in now) - float(label in then) for then, now in zip(had, has, strict=True)])
        for label in labels
    }
    label = max(labels, key=lambda name: float(rises[name].mean()))
    return label, rises[label]


def _move_before(moves: Sequence[Move], config: WatchConfig, now: datetime) -> tuple[Move | None, str]:
    """Return the move that the champion's replaced, or None and why there is nothing to compare with."""
    if config.hours is None:
        return None, "watch.hours is null"
    if len(moves) < 2:
        return None, "no version served before it"
    current = moves[-1]
    if current.rolled_back is not None:
        return None, "it came back by a rollback"
    if now - current.when > timedelta(hours=config.hours):
        return None, f"it was promoted over {config.hours:g} hours ago"
    if moves[-2].version == current.version:
        return None, "the version before is the same"
    return moves[-2], ""
