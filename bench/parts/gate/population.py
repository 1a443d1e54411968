"""The population of the gate's bench: what real pairs of models answer to each row of a large test set.

Many heads of one kind, each fitted to a few shots per label drawn by its own seed, on vectors of the packaged encoder.
Only indices of labels are kept; texts stay where they lie.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.cells import Facts
from bench.parts.public_data import OUT_OF_SCOPE, data_folder, embed_texts


@dataclass(frozen=True, eq=False)
class Population:
    """`truth[row]` and `answers[model, row]` are indices of labels."""

    name: str
    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.answers == self.truth)


def measure_population(name: str, *, n_models: int, n_shots: int, n_labels: int | None = None) -> Facts:
    """Fit the heads and return their answers to the official test rows, as plain numbers."""
    from sklearn.linear_model import LogisticRegression

    train, test = (_read(name, split) for split in ("train", "test"))
    labels = sorted({label for _, label in test})[:n_labels]
    train, test = ([row for row in rows if row[1] in set(labels)] for rows in (train, test))
    chosen = [_draw_shots(train, labels, n_shots, seed) for seed in range(n_models)]
    used = sorted({index for rows in chosen for index in rows})
    vectors = embed_texts([train[index][0] for index in used] + [text for text, _ in test])
    place = {index: row for row, index in enumerate(used)}
    answers = []
    for rows in chosen:
        targets = [labels.index(train[index][1]) for index in rows]
        head = LogisticRegression(C=30.0, max_iter=300).fit(vectors[[place[index] for index in rows]], targets)
        answers.append(head.predict(vectors[len(used) :]).tolist())
    return {
        "name": name,
        "labels": labels,
        "truth": [labels.index(label) for _, label in test],
        "answers": answers,
        "n_shots": n_shots,
    }


def population_of(facts: Facts) -> Population:
    """Return the population that a cell holds."""
    return Population(facts["name"], tuple(facts["labels"]), np.array(facts["truth"]), np.array(facts["answers"]))


def _read(name: str, split: str) -> list[tuple[str, str]]:
    lines = (data_folder() / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["text"], row["label"]) for row in rows if row["label"] != OUT_OF_SCOPE]


def _draw_shots(train: Sequence[tuple[str, str]], labels: Sequence[str], n_shots: int, seed: int) -> list[int]:
    generator = np.random.default_rng(seed)
    by_label: dict[str, list[int]] = {label: [] for label in labels}
    for index, (_, label) in enumerate(train):
        by_label[label].append(index)
    return [int(index) for rows in by_label.values() for index in generator.choice(rows, n_shots, replace=False)]
