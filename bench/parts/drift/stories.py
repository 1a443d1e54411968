"""A hundred scripted stories, ten of each kind, and the action that is right in each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.cells import Facts
from bench.parts.drift.streams import (
    Population,
    Rows,
    Stream,
    draw_new_topic,
    draw_same,
    draw_weighted,
    harder_weights,
    mix_weights,
    seeds_of,
)
from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import Known, examine
from fsl.drift.harm.audit import AuditRows
from fsl.drift.harm.calibration import fit_curve
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

NOW = datetime(2026, 11, 3, tzinfo=UTC)
CONFIG = DriftConfig()
N_AUDIT = 400
Source = Callable[[int], tuple[Population, Rows]]


def measure_stories(numbers: Sequence[int], source: Source) -> Facts:
    """Return how often the right action was chosen, by kind."""
    right: dict[str, list[int]] = {}
    wrong: list[list[str]] = []
    for number in numbers:
        kind = list(KINDS)[number % len(KINDS)]
        tell, wanted = KINDS[kind]
        decision = tell(source, number // len(KINDS), seeds_of(5, number))
        counts = right.setdefault(kind, [0, 0])
        counts[0] += decision.action in wanted
        counts[1] += 1
        if decision.action not in wanted:
            wrong.append([kind, decision.action])
    return {"n": len(numbers), "right": right, "wrong": wrong}


def _nothing(source: Source, number: int, seed: int) -> Decision:
    stream = draw_same(source(2 * number)[0], 1, seed)
    return _decide(stream, stream.windows[0])


def _mix(source: Source, number: int, seed: int) -> Decision:
    people = source(2 * number)[0]
    stream = draw_weighted(people, mix_weights(people, seed), [200], seed)
    return _decide(stream, stream.windows[0])


def _topic(source: Source, number: int, seed: int, n_waiting: int = 0) -> Decision:
    people, topic = source(2 * number)
    stream = draw_new_topic(people, topic, 0.3, 1, seed)
    return _decide(stream, stream.windows[0], n_waiting=n_waiting)


def _topic_with_labels(source: Source, number: int, seed: int) -> Decision:
    return _topic(source, number, seed, n_waiting=30)


def _harder(source: Source, number: int, seed: int) -> Decision:
    people = source(2 * number)[0]
    stream = draw_weighted(people, harder_weights(people, 0.12), [400], seed)
    return _decide(stream, stream.windows[0])


def _meaning(source: Source, number: int, seed: int) -> Decision:
    people = source(2 * number)[0]
    stream = draw_same(people, 1, seed, n_window=N_AUDIT)
    rows, generator = stream.windows[0], np.random.default_rng(seed + 1)
    right = people.right[rows].copy()
    right[generator.choice(np.flatnonzero(right), round(0.2 * len(right)), replace=False)] = False
    return _decide(stream, rows, right=right)


def _unsure(source: Source, number: int, seed: int) -> Decision:
    stream = draw_same(source(2 * number)[0], 1, seed)
    window = _window(stream.population, stream.windows[0])
    window = replace(window, confidence=window.confidence**2, margin=window.margin**2)
    return _decide(stream, stream.windows[0], window=window)


def _damaged(source: Source, number: int, seed: int) -> Decision:
    stream = draw_same(source(2 * number)[0], 1, seed)
    window = _window(stream.population, stream.windows[0])
    confidence = np.where(np.arange(window.n_rows) % 2, np.nan, window.confidence)
    return _decide(stream, stream.windows[0], window=replace(window, confidence=confidence))


def _surge(source: Source, number: int, seed: int) -> Decision:
    people = source(2 * number)[0]
    answers, counts = np.unique(people.answers[people.pool], return_counts=True)
    label = answers[np.argsort(-counts)[number % min(5, len(answers))]]
    share = np.mean(people.answers[people.pool] == label)
    weights = np.where(people.answers[people.pool] == label, 0.35 / share, 0.65 / (1 - share))
    stream = draw_weighted(people, weights, [200], seed)
    return _decide(stream, stream.windows[0])


def _script(source: Source, number: int, seed: int) -> Decision:
    people, topic = source(2 * number)
    stream = draw_new_topic(people, topic, 0.3, 1, seed)
    window = _window(stream.population, stream.windows[0])
    new = set(topic.tolist())
    texts = tuple(
        text.translate(_GREEK) if row in new else text
        for row, text in zip(stream.windows[0], window.texts, strict=True)
    )
    return _decide(stream, stream.windows[0], window=replace(window, texts=texts))


_GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπ;ρστθωςχυζ")
KINDS: dict[str, tuple[Callable[[Source, int, int], Decision], tuple[str, ...]]] = {
    "nothing changed": (_nothing, ("none",)),
    "another mix of classes": (_mix, ("none", "watch")),
    "a new topic, no labels": (_topic, ("ask-labels",)),
    "a new topic, labels came in": (_topic_with_labels, ("refit-head",)),
    "harder texts, accuracy falls by 12 points": (_harder, ("adapter",)),
    f"labels change their meaning, {N_AUDIT} audit labels": (_meaning, ("refit-head",)),
    "confidence squared, texts alike": (_unsure, ("recalibrate",)),
    "half of the rows without a confidence": (_damaged, ("tell-person",)),
    "one label rises to 35%": (_surge, ("tell-person",)),
    "30% of a new topic in Greek letters": (_script, ("redistil",)),
}


def _decide(
    stream: Stream,
    rows: Rows,
    *,
    window: Window | None = None,
    n_waiting: int = 0,
    right: np.ndarray | None = None,
) -> Decision:
    people, labelled = stream.population, stream.labelled
    traits = people.traits
    curve = fit_curve(traits.confidence[labelled], traits.margin[labelled], people.right[labelled])
    known = Known(curve=curve, n_waiting=n_waiting)
    if right is not None and curve is not None:
        chance = curve.predict(traits.confidence[rows], traits.margin[rows])
        known = replace(known, audit=AuditRows(right, np.ones(len(rows)), chance))
    windows = Windows(_window(people, stream.reference), window or _window(people, rows), ())
    return examine(windows, CONFIG, now=NOW, known=known)


def _window(people: Population, rows: Rows) -> Window:
    traits = people.traits
    return Window(
        version="v1",
        encoder="enc",
        ids=tuple(f"{place}-{row}" for place, row in enumerate(rows)),
        times=tuple(NOW + timedelta(minutes=place) for place in range(len(rows))),
        texts=tuple(people.texts[row] for row in rows),
        answers=tuple(str(people.answers[row]) for row in rows),
        labels=tuple(traits.answers[row] for row in rows),
        confidence=traits.confidence[rows],
        margin=traits.margin[rows],
        embeddings=traits.embeddings[rows],
    )
