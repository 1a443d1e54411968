"""What the served encoder makes of accepted rows, kept beside them so that each text is embedded once.

A file of vectors belongs to one encoder and one file of rows. It is rebuilt whenever it is not whole, and never edited.
Only rows that a head may be fitted to are embedded: judge rows and barred ones stay out.
"""

import io
import json
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsl.data.pinned import PinnedBatch
from fsl.data.tables import load_table
from fsl.problems.base import Unit
from fsl.samples import Sample, Split
from fsl.serving.predictor import Predictor
from fsl.store import layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedRow:
    """A labelled row with the vectors of its units."""

    sample: Sample
    units: tuple[Unit, ...]
    vectors: NDArray[np.float16]  # (n_units, hidden)


def embed_batch(store: ObjectStore, batch: PinnedBatch, predictor: Predictor) -> list[EmbeddedRow]:
    """Return the train and tune rows of a batch with their vectors, in order; those that are kept are not made anew."""
    columns = ("row_id", "text", "target", "split", "group")
    samples = [
        Sample(row["row_id"], row["text"], json.loads(row["target"]), Split(row["split"]), row["group"])
        for row in load_table(store, batch.rows.key, batch.rows.sha256, columns)
        if row["split"] in (Split.TRAIN.value, Split.TUNE.value)
    ]
    if not samples:
        return []
    encoded = predictor.read([sample.text for sample in samples])
    key = layout.embeddings(predictor.facts.vectors, batch.rows.sha256)
    kept = _read(store.find(key), predictor.hidden_size)
    if any(len(kept.get(sample.row_id, ())) != len(one.units) for sample, one in zip(samples, encoded, strict=True)):
        vectors = predictor.embed(encoded)
        kept = {sample.row_id: own.astype(np.float16) for sample, own in zip(samples, vectors, strict=True)}
        store.put(key, _write(kept))
        log.info("batch %d: embedded %d rows", batch.seq, len(samples))
    return [
        EmbeddedRow(sample, one.units, kept.get(sample.row_id, np.empty((0, predictor.hidden_size), np.float16)))
        for sample, one in zip(samples, encoded, strict=True)
    ]


def _write(vectors: dict[str, NDArray[np.float16]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "row_id": list(vectors),
            "vectors": pa.array([own.ravel() for own in vectors.values()], pa.list_(pa.float16())),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _read(data: bytes | None, hidden_size: int) -> dict[str, NDArray[np.float16]]:
    """Return the vectors of a stored file by row; none of one that is not there, or not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if data is None:
        return {}
    try:
        table = pq.ParquetFile(io.BytesIO(data)).read().combine_chunks()
        ids: list[Any] = table["row_id"].to_pylist()
        column = table["vectors"].combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float16)
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        parts = np.split(flat, np.cumsum(lengths)[:-1])
        if not np.isfinite(flat).all():
            raise ValueError("some vectors are no numbers")
        return {str(row): part.reshape(-1, hidden_size) for row, part in zip(ids, parts, strict=True)}
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError) as error:
        log.warning("stored vectors are made anew: %s", " ".join(str(error).split())[:120])
        return {}
