"""The texts of the drift bench as vectors of the packaged encoder, each data set embedded once into a cache folder.

`FSL_BENCH_DATA` names the folder of the data sets, `FSL_BENCH_CACHE` that of the cache; texts stay where they lie.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.parts.public_data import data_folder

MAX_CHARS = 400  # of a complaint; the encoder reads no more than 256 pieces anyway
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, eq=False)
class Texts:
    """One data set, its splits joined; a field that it lacks is empty."""

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.str_]
    domains: NDArray[np.str_]
    dates: NDArray[np.str_]
    vectors: NDArray[np.float32]  # (n, d), of length 1

    def where(self, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.flatnonzero(mask)


def cache_folder() -> Path:
    """Return where vectors are kept between runs."""
    return Path(os.environ.get("FSL_BENCH_CACHE", Path.home() / ".cache" / "fsl-bench"))


def load_texts(name: str, *, limit: int | None = None) -> Texts:
    """Return a data set with its vectors, embedded now unless an earlier run left them.

    Args:
        limit: only so many texts, evenly from the whole set: for a quick run.
    """
    rows = _read(name)
    if limit is not None and limit < len(rows):
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, limit).astype(int)]
    texts = tuple(row["text"][:MAX_CHARS] for row in rows)
    fields = {
        field: np.array([str(row.get(key, "")) for row in rows])
        for field, key in (("labels", "label"), ("domains", "domain"), ("dates", "timestamp"))
    }
    return Texts(name=name, texts=texts, vectors=_vectors(name, texts), **fields)


def _read(name: str) -> list[dict[str, str]]:
    files = [data_folder() / name / f"{split}.jsonl" for split in SPLITS]
    lines = [line for file in files if file.is_file() for line in file.read_text(encoding="utf-8").splitlines()]
    rows = [json.loads(line) for line in lines if line.strip()]
    first = {row["text"].casefold(): row for row in reversed(rows)}  # a repeat would be told apart by nothing
    return list(reversed(first.values()))


def _vectors(name: str, texts: tuple[str, ...]) -> NDArray[np.float32]:
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{digest}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
    from fsl.config import EncoderConfig
    from fsl.learning.encoders import embed, load_encoder

    encoder = load_encoder(EncoderConfig(), role="student", unit="text")
    reader = encoder.reader("text")
    found = np.asarray(embed(encoder.network, reader, reader.read(list(texts))), dtype=np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp.npy")
    np.save(beside, found.astype(np.float16))  # as the prediction log keeps them
    beside.replace(path)
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
