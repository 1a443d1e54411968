"""Parity: what the exported fp32 graphs compute against what was trained, on texts chosen to be awkward."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsl.config import ExportConfig
from fsl.export.errors import ExportNotFaithful
from fsl.learning.encoders import embed
from fsl.learning.student import Student
from fsl.serving.predictor import Predictor

AWKWARD = ("", " ", "?", "🙂🙃 ok", "退款什么时候到账", "ａｂｃ naïve café", "word " * 400)


def measure_parity(student: Student, bundle: Path, texts: Sequence[str], config: ExportConfig) -> float:
    """Return the largest absolute difference of probabilities between torch and the fp32 bundle.

    Batches are padded and of mixed length, and no text has the length that the graph was traced with alone.

    Raises:
        ExportNotFaithful: it is above `export.max_parity_error`.
    """
    sample = [*AWKWARD, *sorted(texts, key=len)[:16], *sorted(texts, key=len)[-16:], *texts[:32]]
    predictor = Predictor.load(bundle)
    encoded = predictor.read(sample)
    vectors = embed(student.network, predictor.reader, encoded, batch_size=16)
    expected = np.exp(student.head.log_probabilities(vectors))
    got = np.concatenate(
        [predictor.probabilities(encoded[start : start + 16])[1] for start in range(0, len(sample), 16)]
    )
    errors = np.abs(expected - got).max(axis=1, initial=0.0)
    worst = int(errors.argmax())
    if not errors[worst] <= config.max_parity_error:  # a NaN is no parity either
        owners = [text for text, one in zip(sample, encoded, strict=True) for _ in one.units]
        raise ExportNotFaithful(float(errors[worst]), config.max_parity_error, owners[worst])
    return float(errors[worst])
