"""Served windows made by hand: a cloud of embeddings for each label, and a shift where one is wanted."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fsl.drift.windows.window import Window
from fsl.store import layout
from fsl.store.objects import ObjectStore

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
N_DIMENSIONS = 16
BuildWindow = Callable[..., Window]


def build_window(
    seed: int,
    mix: Mapping[str, int],
    *,
    shift: float = 0.0,
    shifted_share: float = 1.0,
    confidence: float = 0.9,
    start: datetime = START,
    encoder: str = "enc-1",
) -> Window:
    """Return so many rows of each label; a share of them lies `shift` standard deviations away on every axis."""
    generator = np.random.default_rng(seed)
    labels = [label for label, n_rows in mix.items() for _ in range(n_rows)]
    generator.shuffle(labels)
    centres = {label: np.random.default_rng(ord(label[0])).normal(size=N_DIMENSIONS) * 3 for label in mix}
    embeddings = np.array([centres[label] for label in labels]) + generator.normal(size=(len(labels), N_DIMENSIONS))
    embeddings[generator.random(len(labels)) < shifted_share] += shift
    n_rows = len(labels)
    return Window(
        version="v1",
        encoder=encoder,
        ids=tuple(f"{seed}-{row:04d}" for row in range(n_rows)),
        times=tuple(start + timedelta(minutes=row) for row in range(n_rows)),
        texts=tuple(f"message {row} about {label}" for row, label in enumerate(labels)),
        answers=tuple(labels),
        labels=tuple((label,) for label in labels),
        confidence=np.clip(confidence + 0.05 * generator.normal(size=n_rows), 0, 1),
        margin=np.clip(confidence - 0.1 + 0.05 * generator.normal(size=n_rows), 0, 1),
        embeddings=embeddings.astype(np.float32),
    )


@pytest.fixture(scope="session")
def window() -> BuildWindow:
    return build_window


def log_window(
    store: ObjectStore, window: Window, *, part: str = "p0", damage: Mapping[str, object] | None = None
) -> None:
    """Write a window as the server does: one Parquet file for each hour, embeddings as halves."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    for hour in sorted({time.replace(minute=0, second=0) for time in window.times}):
        rows = [row for row, time in enumerate(window.times) if time.replace(minute=0, second=0) == hour]
        columns = {
            "id": [window.ids[row] for row in rows],
            "time": pa.array([window.times[row] for row in rows], pa.timestamp("us", "UTC")),
            "text": [window.texts[row] for row in rows],
            "answer": [json.dumps(window.answers[row], ensure_ascii=False) for row in rows],
            "confidence": pa.array([window.confidence[row] for row in rows], pa.float32()),
            "margin": pa.array([window.margin[row] for row in rows], pa.float32()),
            "version": [window.version] * len(rows),
            "encoder": [window.encoder] * len(rows),
            "embedding": pa.array([window.embeddings[row].astype(np.float16) for row in rows], pa.list_(pa.float16())),
        } | dict(damage or {})
        buffer = io.BytesIO()
        pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), buffer)
        store.put(layout.predictions(hour, part), buffer.getvalue())


@pytest.fixture(scope="session")
def log() -> Callable[..., None]:
    return log_window
