"""The training rows that the served encoder finds nearest to a text: a kernel of evidence that a person can read.

Embeddings of training rows are kept in the cache, under a digest of the encoder and of every text.

Source: Rajani et al. 2020, arXiv:2010.09030 (nearest training examples in the model's own space).
"""

import hashlib
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.report.shown import describe_answer, shortened
from fsl.explaining.record import Neighbour
from fsl.samples import Sample
from fsl.serving.predictor import Predictor
from fsl.store.cache import write_whole

_log = logging.getLogger(__name__)
MAX_ROWS = 3000  # that are looked through: about half a minute for a small encoder, once
N_NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class TrainIndex:
    """Training rows with their embeddings, each of length one."""

    samples: tuple[Sample, ...]
    vectors: NDArray[np.float32]  # (n_rows, hidden)
    n_train: int  # rows that there are


def build_index(predictor: Predictor, train: Sequence[Sample], cache: Path) -> TrainIndex:
    """Embed the training rows, or take their embeddings from the cache.

    Where there are more than MAX_ROWS, those with the lowest row ids are taken: ids are digests, so it is a fair draw.
    """
    samples = tuple(sorted(train, key=lambda sample: sample.row_id)[:MAX_ROWS])
    path = cache / "embeddings" / f"{_digest(predictor, samples)}.npy"
    vectors = _load(path, len(samples))
    if vectors is None:
        found = [one.embedding for one in predictor.predict([sample.text for sample in samples])]
        vectors = _unit(np.array(found, dtype=np.float32).reshape(len(samples), -1))
        written = io.BytesIO()
        np.save(written, vectors, allow_pickle=False)
        write_whole(path, written.getvalue())
    return TrainIndex(samples, vectors, len(train))


def find_neighbours(index: TrainIndex, embedding: NDArray[np.float32], *, n: int = N_NEIGHBOURS) -> list[Neighbour]:
    """Return the nearest rows by cosine, the nearest first; of rows equally near, the one with the lower id."""
    if not index.samples:
        return []
    cosines = index.vectors @ _unit(embedding[None, :])[0]
    order = np.argsort(-cosines, kind="stable")[:n]
    return [
        Neighbour(shortened(sample.text), describe_answer(sample.target, sample.text), float(cosines[row]))
        for row in order
        for sample in (index.samples[row],)
    ]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def _digest(predictor: Predictor, samples: Sequence[Sample]) -> str:
    facts = predictor.facts
    of = [facts.vectors, facts.precision, facts.max_length_tokens, [sample.text for sample in samples]]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _load(path: Path, n_rows: int) -> NDArray[np.float32] | None:
    """Return stored embeddings, or None where there are none or they are damaged."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, OSError, EOFError) as error:
        _log.warning("%s is made again: %s", path, error)
        return None
    is_whole = vectors.ndim == 2 and len(vectors) == n_rows and vectors.dtype == np.float32
    return vectors if is_whole and bool(np.isfinite(vectors).all()) else None
