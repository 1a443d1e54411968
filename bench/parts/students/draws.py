"""The draws of the few-shot bench: which rows are labelled, which are a pool, and which are asked about."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.cells import digest_of
from bench.parts.public_data import OUT_OF_SCOPE, data_folder
from fsl.samples import Sample, Split

Row = tuple[str, str]  # text, label

_OUT_OF_SCOPE_SHARE = 0.2
_MONEY = ("banking", "credit_cards")  # CLINC150's domains that would not be out of scope beside Banking77


@dataclass(frozen=True)
class DataSet:
    """Train and test rows of one public set, out-of-scope texts left out."""

    name: str
    train: tuple[Row, ...]
    test: tuple[Row, ...]


@dataclass(frozen=True)
class Draw:
    """One draw: a few labelled rows of each label, and a pool without labels."""

    train: tuple[Sample, ...]
    pool: tuple[Sample, ...]
    pool_labels: tuple[str | None, ...]  # never shown to a learner; None: out of scope


def load_set(name: str, *, n_labels: int | None = None, most: int | None = None) -> DataSet:
    """Read a set, or some labels and at most so many rows of it, for the quick form."""
    train, test = (_read(name, split) for split in ("train", "test"))
    labels = set(sorted({label for _, label in train})[:n_labels])
    train, test = ([row for row in rows if row[1] in labels] for rows in (train, test))
    if most is not None:  # rows lie label after label, so the first alone would show one
        train, test = (rows[:: max(1, len(rows) // most)] for rows in (train, test))
    return DataSet(name, tuple(train), tuple(test))


@cache
def data_digest(name: str) -> str:
    """Return a digest of a set's rows."""
    data = load_set(name)
    return digest_of([data.train, data.test])


def draw_shots(data: DataSet, n_shots: int, seed: int, *, pool: str) -> Draw:
    """Draw labelled rows, and leave the others as the pool.

    Args:
        pool: "rest of train", "none", or "noisy": the rest, joined by CLINC150's out-of-scope texts.
    """
    generator = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in sorted({label for _, label in data.train}):
        places = [place for place, (_, own) in enumerate(data.train) if own == label]
        chosen += [int(place) for place in generator.choice(places, n_shots, replace=False)]
    rest = sorted(set(range(len(data.train))) - set(chosen)) if pool != "none" else []
    strangers = _strangers(len(rest), generator) if pool == "noisy" else []
    texts = [(data.train[place][0], data.train[place][1]) for place in rest] + [(text, None) for text in strangers]
    return Draw(
        tuple(_sample(f"train-{place}", *data.train[place]) for place in chosen),
        tuple(_sample(f"pool-{place}", text, None) for place, (text, _) in enumerate(texts)),
        tuple(label for _, label in texts),
    )


def _strangers(n_texts: int, generator: np.random.Generator) -> Sequence[str]:
    """Return texts that belong to no label, so many that a fifth of the pool is made of them.

    CLINC150's out-of-scope texts come first; as they are too few, texts of its intents that are not about money follow.
    """
    rows = [row for split in ("train", "dev") for row in _records("clinc150", split)]
    first = [row["text"] for row in rows if row["label"] == OUT_OF_SCOPE]
    others = [row["text"] for row in rows if row["domain"] not in {OUT_OF_SCOPE, *_MONEY}]
    need = round(n_texts * _OUT_OF_SCOPE_SHARE / (1.0 - _OUT_OF_SCOPE_SHARE))
    more = generator.permutation(len(others))[: max(0, need - len(first))]
    return [*first, *(others[int(place)] for place in more)][:need]


def _read(name: str, split: str) -> list[Row]:
    return [(row["text"], row["label"]) for row in _records(name, split) if row["label"] != OUT_OF_SCOPE]


def _records(name: str, split: str) -> list[dict[str, str]]:
    lines = (data_folder() / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _sample(row_id: str, text: str, target: str | None) -> Sample:
    return Sample(row_id, text, target, Split.TRAIN, row_id)
