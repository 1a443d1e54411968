"""A table of served rows to a window: rows that cannot be used are left out, and counted.

Rows without an embedding are left out where others have one; where none has, the tests that need none still stand.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.drift.windows.window import Window
from fsl.problems.base import Problem


@dataclass(frozen=True, eq=False)
class Built:
    """A window, and what was left out of it."""

    window: Window
    n_unusable: int
    notes: tuple[str, ...]


def build_window(table: Any, version: str, problem: Problem) -> Built:
    """Return the version's usable rows in order of time, each id once.

    Embeddings of two encoders are never compared: the rows of the rarer ones are left out.
    """
    import pyarrow.compute as pc

    ours = table.filter(pc.equal(table["version"], version)).sort_by([("time", "ascending"), ("id", "ascending")])
    embeddings, has_embedding = _read_embeddings(ours["embedding"])
    columns = {name: ours[name].to_pylist() for name in ("id", "time", "text", "answer", "encoder")}
    answers = [_read_answer(text, problem) for text in columns["answer"]]
    whole = [all(columns[name][row] is not None for name in columns) for row in range(ours.num_rows)]
    read = [row for row in range(ours.num_rows) if whole[row] and answers[row] is not None]
    notes = []
    if read and not has_embedding[read].any():
        notes.append(f"no served row of {version} has an embedding, so its texts cannot be compared")
        has_embedding = np.ones(ours.num_rows, dtype=np.bool_)
    usable = [row for row in read if has_embedding[row]]
    encoder, others = _main_encoder([columns["encoder"][row] for row in usable])
    if others:
        notes.append(
            f"{sum(others.values())} rows of {version} were embedded by {', '.join(sorted(others))} instead of "
            f"{encoder} and were left out: embeddings of two encoders cannot be compared. Look for a server that runs "
            "another bundle under the same version"
        )
    kept = [row for row in usable if columns["encoder"][row] == encoder]
    seen = dict(reversed([(columns["id"][row], row) for row in kept]))  # the first of rows that were logged twice
    rows = sorted(seen.values())
    found = [answers[row] or (None, ()) for row in rows]
    window = Window(
        version=version,
        encoder=encoder,
        ids=tuple(columns["id"][row] for row in rows),
        times=tuple(columns["time"][row] for row in rows),
        texts=tuple(columns["text"][row] for row in rows),
        answers=tuple(answer for answer, _ in found),
        labels=tuple(labels for _, labels in found),
        confidence=_read_numbers(ours["confidence"])[rows],
        margin=_read_numbers(ours["margin"])[rows],
        embeddings=embeddings[rows],
    )
    return Built(window, ours.num_rows - len(usable), tuple(notes))


def _main_encoder(encoders: list[str]) -> tuple[str, Counter[str]]:
    """Return the encoder of most rows, and the counts of the others."""
    counts = Counter(encoders)
    if not counts:
        return "", counts
    main = max(counts, key=lambda name: (counts[name], name))
    return main, Counter({name: n for name, n in counts.items() if name != main})


def _read_answer(text: str | None, problem: Problem) -> tuple[JsonValue, tuple[str, ...]] | None:
    """Return the answer and its labels, or None where it is not one of this problem."""
    try:
        answer: JsonValue = json.loads(text or "")
        return answer, problem.labels_in(answer)
    except (ValueError, AssertionError, TypeError, RecursionError):
        return None


def _read_numbers(column: Any) -> NDArray[np.float64]:
    return np.array(column.to_numpy(), dtype=np.float64)


def _read_embeddings(column: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the embeddings, and which rows have one of the common width with finite numbers only."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    if len(lengths) == 0 or lengths.max() == 0:
        return np.zeros((len(lengths), 0), dtype=np.float32), np.zeros(len(lengths), dtype=np.bool_)
    width = int(np.bincount(lengths[lengths > 0]).argmax())
    fits = np.asarray(lengths == width)
    embeddings = np.zeros((len(lengths), width), dtype=np.float32)
    flat = column.filter(fits).combine_chunks().flatten().to_numpy(zero_copy_only=False)
    embeddings[fits] = np.asarray(flat, dtype=np.float32).reshape(-1, width)
    return embeddings, fits & np.isfinite(embeddings).all(axis=1)
