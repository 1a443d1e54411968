"""Vectors of texts in files beside the fetched teacher, so that each text is embedded once by each encoder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class VectorFile:
    """Vectors by a digest of what was embedded. A file is replaced whole, never written to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_key: dict[bytes, Vectors] = {}
        if path.is_file():
            with np.load(path, allow_pickle=False) as found:
                keys, vectors = found["keys"], found["vectors"]
            self._by_key = {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def of(self, keys: Sequence[bytes]) -> Vectors:
        """Return the vectors of keys that are there, in order, (n_keys, hidden)."""
        return np.stack([self._by_key[key] for key in keys]).astype(np.float32)

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, at once and whole."""
        self._by_key |= dict(zip(keys, vectors, strict=True))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".tmp.npz")
        names = np.array([np.frombuffer(key, np.uint8) for key in self._by_key])
        np.savez(beside, keys=names, vectors=np.stack(list(self._by_key.values())))
        beside.replace(self._path)
