"""Parity of a head's graph: what it answers against the head that was fitted, on the vectors at hand.

Weights in float16 are half the bytes and nearly the same; where they are not near enough, they are written in full.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsl.config import ExportConfig
from fsl.export.errors import ExportNotFaithful
from fsl.learning.heads import Head
from fsl.serving.bundle import HEAD
from fsl.serving.sessions import open_graph

_N_VECTORS = 512


def measure_head(head: Head, folder: Path, vectors: NDArray[np.float32]) -> tuple[float, float]:
    """Return the largest differences of probabilities and of calibrated logits, on (n_units, hidden) vectors."""
    some = np.asarray(vectors[:: max(1, len(vectors) // _N_VECTORS)], np.float32)
    if not len(some):
        return 0.0, 0.0
    probabilities, logits = open_graph(folder, HEAD, 1).run(["probabilities", "logits"], {"embeddings": some})
    return (
        _largest(np.exp(head.log_probabilities(some)), probabilities),
        _largest(head.logits(some) / head.temperature, logits),
    )


def is_faithful(errors: tuple[float, float], config: ExportConfig) -> bool:
    """Say whether both differences are within what the config allows; a NaN is not."""
    return errors[0] <= config.max_parity_error and errors[1] <= config.max_logit_error


def require_faithful(errors: tuple[float, float], config: ExportConfig) -> None:
    """Raise ExportNotFaithful where a head's graph is further off than the config allows."""
    for found, allowed, limit in (
        (errors[0], config.max_parity_error, "export.max_parity_error"),
        (errors[1], config.max_logit_error, "export.max_logit_error"),
    ):
        if not found <= allowed:
            raise ExportNotFaithful(found, allowed, "the vectors of train rows", limit)


def _largest(expected: NDArray[np.floating], got: NDArray[np.floating]) -> float:
    return float(np.nan_to_num(np.abs(expected - got).astype(np.float64), nan=np.inf).max(initial=0.0))
