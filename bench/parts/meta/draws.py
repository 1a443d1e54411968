"""The draws of the meta-learning bench: CLINC150, two of ten domains held out in each, so that five hold out all."""

import json
from dataclasses import dataclass

import numpy as np

from bench.parts.public_data import OUT_OF_SCOPE, data_folder
from fsl.learning.meta import Episode

N_DRAWS = 5
_DOMAINS_HELD_OUT = 2
_SHOTS, _QUERIES = 5, 10

Row = tuple[str, str]  # text, label


@dataclass(frozen=True)
class Draw:
    """One draw: labels to learn a start from, and episodes over labels that nobody has seen."""

    domains: tuple[str, ...]  # held out
    known: tuple[Row, ...]  # of all other domains, train part
    novel: tuple[Row, ...]  # of those held out: train rows, then test rows
    episodes: dict[int, tuple[Episode, ...]]  # ways -> episodes, by index into `novel`


def load_draw(draw: int, n_episodes: dict[int, int], *, n_known: int, n_labels: int | None = None) -> Draw:
    """Read one draw.

    Args:
        n_episodes: ways -> how many episodes to ask about.
        n_known: rows of each known label.
        n_labels: so many of the known and of the novel labels, for the quick form.
    """
    train, test = (_records(split) for split in ("train", "test"))
    domains = sorted({row["domain"] for row in train})
    order = np.random.default_rng(0).permutation(len(domains))
    held_out = {domains[int(place)] for place in order[_DOMAINS_HELD_OUT * draw : _DOMAINS_HELD_OUT * (draw + 1)]}
    known = _some_labels([row for row in train if row["domain"] not in held_out], n_labels)
    novel_train = _some_labels([row for row in train if row["domain"] in held_out], n_labels)
    novel_test = _some_labels([row for row in test if row["domain"] in held_out], n_labels)
    generator = np.random.default_rng(draw)
    return Draw(
        tuple(sorted(held_out)),
        tuple(row for rows in known.values() for row in rows[:n_known]),
        tuple(row for by_label in (novel_train, novel_test) for rows in by_label.values() for row in rows),
        {ways: _draw_episodes(novel_train, novel_test, ways, many, generator) for ways, many in n_episodes.items()},
    )


def _draw_episodes(
    train: dict[str, list[Row]], test: dict[str, list[Row]], ways: int, n_episodes: int, generator: np.random.Generator
) -> tuple[Episode, ...]:
    """Draw episodes that learn from train rows and ask about official test rows."""
    first = {"train": _offsets(train, 0), "test": _offsets(test, sum(map(len, train.values())))}
    labels, found = sorted(train), []
    for _ in range(n_episodes):
        chosen = [labels[int(place)] for place in generator.choice(len(labels), ways, replace=False)]
        shown = [first["train"][one] + generator.permutation(len(train[one]))[:_SHOTS] for one in chosen]
        asked = [first["test"][one] + generator.permutation(len(test[one]))[:_QUERIES] for one in chosen]
        places = [np.repeat(np.arange(ways), [len(part) for part in parts]) for parts in (shown, asked)]
        found.append(Episode(np.concatenate(shown), places[0], np.concatenate(asked), places[1], ways))
    return tuple(found)


def _offsets(by_label: dict[str, list[Row]], start: int) -> dict[str, int]:
    sizes = [len(rows) for rows in by_label.values()]
    return dict(zip(by_label, (start + np.cumsum([0, *sizes[:-1]])).tolist(), strict=True))


def _some_labels(rows: list[dict[str, str]], n_labels: int | None) -> dict[str, list[Row]]:
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row["label"], []).append((row["text"], row["label"]))
    return {label: by_label[label] for label in sorted(by_label)[:n_labels]}


def _records(split: str) -> list[dict[str, str]]:
    lines = (data_folder() / "clinc150" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["label"] != OUT_OF_SCOPE]
