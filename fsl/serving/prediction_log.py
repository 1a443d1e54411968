"""What was served, as Hive-partitioned Parquet that DuckDB, Polars, Spark and Athena read as it is.

Columns: id, time (UTC), text, answer (JSON), confidence, margin, version, encoder, embedding (float16 list); where a
text may have several labels, also probabilities (JSON, of every label).
"""

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from fsl.serving.predictor import Prediction
from fsl.store import layout
from fsl.store.objects import ObjectStore


def log_predictions(
    store: ObjectStore,
    texts: Sequence[str],
    times: Sequence[datetime],
    predictions: Sequence[Prediction],
    *,
    version: str,
    encoder: str,
) -> list[str]:
    """Store what was served, one file an hour, and return the keys. Logging the same rows again changes nothing.

    Args:
        times: when each text was served; with their zones, of whichever they are.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Half of a surrogate pair has no bytes in UTF-8; the tokenizer, too, read a "?" there.
    texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    times = [time.astimezone(UTC) for time in times]
    hours: dict[datetime, list[int]] = {}
    for row, (time, _, _) in enumerate(zip(times, texts, predictions, strict=True)):
        hours.setdefault(time.replace(minute=0, second=0, microsecond=0), []).append(row)
    keys = []
    for hour, rows in sorted(hours.items()):
        ids = [_row_id(version, times[row], texts[row]) for row in rows]
        embeddings = [predictions[row].embedding.astype(np.float16) for row in rows]
        table = pa.table(
            {
                "id": ids,
                "time": pa.array([times[row] for row in rows], pa.timestamp("us", "UTC")),
                "text": [texts[row] for row in rows],
                "answer": [json.dumps(predictions[row].answer.target, ensure_ascii=False) for row in rows],
                "confidence": pa.array([predictions[row].answer.confidence for row in rows], pa.float32()),
                "margin": pa.array([predictions[row].answer.margin for row in rows], pa.float32()),
                "version": [version] * len(rows),
                "encoder": [encoder] * len(rows),
                "embedding": pa.array(embeddings, pa.list_(pa.float16())),
            }
        )
        chances = [predictions[row].answer.probabilities for row in rows]
        if any(chances):
            told = [json.dumps(dict(one), ensure_ascii=False) if one else None for one in chances]
            table = table.append_column("probabilities", pa.array(told, pa.string()))
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        key = layout.predictions(hour, hashlib.sha256("".join(ids).encode()).hexdigest()[:16])
        store.put(key, buffer.getvalue())
        keys.append(key)
    return keys


def _row_id(version: str, time: datetime, text: str) -> str:
    return hashlib.sha256(f"{version}\n{time.isoformat()}\n{text}".encode()).hexdigest()[:24]
