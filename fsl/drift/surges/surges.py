"""Has the share of a label risen among the latest rows of a name, against that name's own earlier rows?

A name is an entity or a topic that the config tells by words, or "all". Looks are many: over time and over names. Each
takes its even part of one chance of a false alert, so the chance of any over the budget's looks stays at alpha.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsl.config.drift import SurgeConfig
from fsl.drift.windows.window import Window

ALL = "all"
_MAX_TEXTS, _MAX_CHARS = 5, 160


@dataclass(frozen=True, slots=True)
class Surge:
    """A rise that chance hardly explains."""

    name: str  # of the entity or topic
    label: str
    before: float
    now: float
    n_before: int
    n_now: int
    p_value: float
    bound: float
    texts: tuple[str, ...]  # the latest that made it

    @property
    def words(self) -> str:
        return (
            f"{self.label} for {self.name} rose from {100 * self.before:.0f}% of {self.n_before} rows to "
            f"{100 * self.now:.0f}% of the latest {self.n_now}, p = {self.p_value:.1g} (alerts below {self.bound:.1g})"
        )


def find_surges(rows: Window, config: SurgeConfig) -> tuple[Surge, ...]:
    """Return the rises among the latest rows of each name, the most surprising first.

    Given how many rows of a label there are in all, how many of them are among the latest ones is hypergeometric as
    long as nothing changed.

    Source:
        Fisher 1935, The Design of Experiments (exact test); the budget over looks and names: Bonferroni.
    """
    labels = [config.label] if config.label else sorted({label for row in rows.labels for label in row})
    names = _rows_of_names(rows.texts, config.terms)
    bound = config.alpha / (config.budget_windows * max(1, len(names) * len(labels)))
    found = [
        surge
        for name, places in names.items()
        for label in labels
        if (surge := _look(rows, name, places, label, config, bound)) is not None
    ]
    return tuple(sorted(found, key=lambda one: one.p_value))


def _look(
    rows: Window, name: str, places: Sequence[int], label: str, config: SurgeConfig, bound: float
) -> Surge | None:
    from scipy import stats

    latest, earlier = places[-config.window_rows :], places[: -config.window_rows]
    if len(earlier) < config.min_history_rows or not latest:
        return None
    hits_now = [row for row in latest if label in rows.labels[row]]
    n_before = sum(label in rows.labels[row] for row in earlier)
    now, before = len(hits_now) / len(latest), n_before / len(earlier)
    if now - before < config.min_rise:
        return None
    p_value = float(stats.hypergeom.sf(len(hits_now) - 1, len(places), n_before + len(hits_now), len(latest)))
    if not p_value <= bound or math.isnan(p_value):
        return None
    texts = tuple(_start(rows.texts[row]) for row in reversed(hits_now[-_MAX_TEXTS:]))
    return Surge(name, label, before, now, len(earlier), len(latest), p_value, bound, texts)


def _rows_of_names(texts: Sequence[str], terms: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the rows in which each name is told, in order of time; every row belongs to "all"."""
    found = {ALL: list(range(len(texts)))}
    for name, words in terms.items():
        if words:
            # A word of letters stands alone; in scripts without spaces it may stand anywhere.
            told = re.compile("|".join(_pattern(word) for word in words), re.IGNORECASE)
            found[name] = [row for row, text in enumerate(texts) if told.search(text)]
    return found


def _pattern(word: str) -> str:
    return rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word)


def _start(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
