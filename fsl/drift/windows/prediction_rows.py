"""A table of served rows to a window: rows that cannot be used are left out, and counted."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.drift.errors import MixedEncoders
from fsl.drift.windows.window import Window
from fsl.problems.base import Problem


def build_window(table: Any, version: str, problem: Problem) -> tuple[Window, int]:
    """Return the version's usable rows in order of time, each id once, and how many rows cannot be used.

    Raises:
        MixedEncoders: the rows carry embeddings of several encoders.
    """
    import pyarrow.compute as pc

    ours = table.filter(pc.equal(table["version"], version)).sort_by([("time", "ascending"), ("id", "ascending")])
    embeddings, has_embedding = _read_embeddings(ours["embedding"])
    columns = {name: ours[name].to_pylist() for name in ("id", "time", "text", "answer", "encoder")}
    answers = [_read_answer(text, problem) for text in columns["answer"]]
    whole = [all(columns[name][row] is not None for name in columns) for row in range(ours.num_rows)]
    usable = [row for row in range(ours.num_rows) if whole[row] and has_embedding[row] and answers[row] is not None]
    seen = dict(reversed([(columns["id"][row], row) for row in usable]))  # the first of rows that were logged twice
    rows = sorted(seen.values())
    encoders = tuple(sorted({columns["encoder"][row] for row in rows}))
    if len(encoders) > 1:
        raise MixedEncoders(version, encoders)
    read = [answers[row] or (None, ()) for row in rows]
    window = Window(
        version=version,
        encoder=encoders[0] if encoders else "",
        ids=tuple(columns["id"][row] for row in rows),
        times=tuple(columns["time"][row] for row in rows),
        texts=tuple(columns["text"][row] for row in rows),
        answers=tuple(answer for answer, _ in read),
        labels=tuple(labels for _, labels in read),
        confidence=_read_numbers(ours["confidence"])[rows],
        margin=_read_numbers(ours["margin"])[rows],
        embeddings=embeddings[rows],
    )
    return window, ours.num_rows - len(usable)


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
