"""Signatures of texts: a few bytes each, which agree in as large a share as the texts' character sequences do.

Only arithmetic lives here. Who is whose near-duplicate is `near_duplicates`; which split follows is `splits`.

Source:
    Broder 1997, "On the resemblance and containment of documents"; of each smallest hash one byte is kept, as in
    Li and König 2010, "b-Bit minwise hashing", arXiv:0910.3349.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Signatures = NDArray[np.uint8]  # (n_texts, N_HASHES)

# None of these may ever change: signatures lie in the bucket, and only like is comparable with like.
N_HASHES: Final = 96
SHINGLE_CHARS: Final = 4
_SEED: Final = 0x5EED_0F_5B1175

CHANCE = 1 / 256  # by which two bytes agree though the hashes do not
_BLOCK_TEXTS = 2_000  # at once: some 100 characters each are then a few MB, which stay in the processor's cache
_BLOCK_CHARS = 400_000


def build_signatures(forms: Sequence[str]) -> Signatures:
    """Return a signature for each normal form, shape (n, N_HASHES). Linear in the characters."""
    parts = [_sign([f" {forms[index]} " for index in block]) for block in _blocks(forms)]
    return np.concatenate(parts) if parts else np.empty((0, N_HASHES), dtype=np.uint8)


def estimate_similarity(one: Signatures, other: Signatures) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of rows with rows; its standard error is sqrt(J(1-J)/96)."""
    agree = (one == other).mean(axis=-1)
    return np.asarray((agree - CHANCE) / (1 - CHANCE))


def _blocks(forms: Sequence[str]) -> "list[range]":
    blocks, first, n_chars = [], 0, 0
    for index, form in enumerate(forms):
        n_chars += len(form)
        if n_chars > _BLOCK_CHARS or index - first == _BLOCK_TEXTS:
            if index > first:
                blocks.append(range(first, index))
            first, n_chars = index, len(form)
    return [*blocks, range(first, len(forms))] if forms else []


def _sign(texts: list[str]) -> Signatures:
    hashes, starts = _shingles(texts)
    smallest = np.empty((len(texts), N_HASHES), dtype=np.uint64)
    for index, factor in enumerate(_factors()):
        # Multiplying by an odd number is a permutation of all 64-bit numbers.
        np.minimum.reduceat(hashes * factor, starts, out=smallest[:, index])
    return (_mix(smallest) >> np.uint64(56)).astype(np.uint8)


def _shingles(texts: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of each run of characters, text by text, and where each text's runs begin."""
    padded = [text.ljust(SHINGLE_CHARS) for text in texts]
    chars = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    n_windows = len(chars) - SHINGLE_CHARS + 1
    runs = np.zeros(n_windows, dtype=np.uint64)
    for place in range(SHINGLE_CHARS):
        runs = _mix((runs << np.uint64(21)) ^ chars[place : place + n_windows])
    ends = np.cumsum(lengths)
    inside = np.ones(len(chars), dtype=bool)
    for place in range(1, SHINGLE_CHARS):
        inside[ends - place] = False  # runs that would reach into the next text
    n_runs = lengths - SHINGLE_CHARS + 1
    return runs[inside[:n_windows]], np.cumsum(n_runs) - n_runs


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over the word: the end of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _factors() -> NDArray[np.uint64]:
    numbers = np.arange(1, N_HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_SEED)
    return _mix(numbers) | np.uint64(1)
