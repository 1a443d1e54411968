"""The draws of the entities bench: which sentences are labelled, which are a pool, and which are asked about."""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.cells import digest_of
from bench.parts.public_data import data_folder
from fsl.problems.tagging import spans_of
from fsl.samples import Sample, Split

Sentence = tuple[str, list[list[int | str]]]  # text, spans


@dataclass(frozen=True)
class Draw:
    """A few labelled sentences for each type, and a pool without labels."""

    train: tuple[Sample, ...]
    pool: tuple[Sample, ...]


def read_sentences(name: str, split: str) -> list[Sentence]:
    """Read a split: words joined by single spaces, BIO tags as character spans."""
    lines = (data_folder() / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    found: list[Sentence] = []
    for row in map(json.loads, lines):
        ends = np.cumsum([len(token) + 1 for token in row["tokens"]]) - 1
        units = [(int(end) - len(token), int(end)) for token, end in zip(row["tokens"], ends, strict=True)]
        found.append((" ".join(row["tokens"]), [list(span) for span in spans_of(row["tags"], units)]))
    return found


@cache
def sentences_digest(name: str) -> str:
    """Return a digest of a set's sentences."""
    return digest_of([read_sentences(name, split) for split in ("train", "test")])


def draw_sentences(rows: list[Sentence], n_per_type: int, seed: int) -> Draw:
    """Draw sentences type by type, the rarest first, until each type stands in so many, or in all that there are.

    A sentence drawn for one type counts for every type in it, so a draw holds fewer than types times sentences.
    """
    generator = np.random.default_rng(seed)
    by_type: dict[str, list[int]] = {}
    for place, (_, spans) in enumerate(rows):
        for label in {str(span[2]) for span in spans}:
            by_type.setdefault(label, []).append(place)
    chosen: set[int] = set()
    for label in sorted(by_type, key=lambda one: (len(by_type[one]), one)):
        there = by_type[label]
        need = n_per_type - len(chosen & set(there))
        free = [place for place in there if place not in chosen]
        if need > 0:
            chosen |= {int(place) for place in generator.choice(free, min(need, len(free)), replace=False)}
    rest = [place for place in range(len(rows)) if place not in chosen]
    return Draw(
        tuple(_sample(f"train-{place}", *rows[place]) for place in sorted(chosen)),
        tuple(_sample(f"pool-{place}", rows[place][0], None) for place in rest),
    )


def _sample(row_id: str, text: str, spans: list[list[int | str]] | None) -> Sample:
    return Sample(row_id, text, spans, Split.TRAIN, row_id)  # type: ignore[arg-type]
