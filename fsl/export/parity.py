"""Parity: what a bundle computes against what it was made from, on texts chosen to be awkward.

Two comparisons: torch with the fp32 graphs, which must agree to rounding, and fp32 with int8, which may differ as far
as the config says. Whether int8 keeps its answers on ordinary texts is `fsl.export.int8`'s to measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.config import ExportConfig
from fsl.export.errors import BatchingNotFaithful, ExportNotFaithful
from fsl.learning.encoders import embed
from fsl.learning.student import Student
from fsl.serving.predictor import Predictor
from fsl.tokenization import Encoded

AWKWARD = ("", " ", "?", "🙂🙃 ok", "退款什么时候到账", "ａｂｃ naïve café", "word " * 400)
_BATCH = 16


@dataclass(frozen=True)
class Parity:
    """How far two forms of a model are apart."""

    n_texts: int
    n_lengths: int  # distinct lengths among them, in tokens
    probability_error: float  # largest absolute difference
    logit_error: float | None  # likewise, of calibrated logits; None where only probabilities were compared
    worst_text: str

    def to_json(self) -> dict[str, JsonValue]:
        """Return the figures; the text stays out of manifests, which outlive what may be forgotten."""
        return {
            "n_texts": self.n_texts,
            "n_lengths": self.n_lengths,
            "probability_error": self.probability_error,
            "logit_error": self.logit_error,
        }


def awkward_sample(texts: Sequence[str]) -> list[str]:
    """Return the awkward texts, the shortest and the longest of those at hand, and some as they come."""
    return [*AWKWARD, *sorted(texts, key=len)[:16], *sorted(texts, key=len)[-16:], *texts[:32]]


def measure_parity(student: Student, bundle: Path, texts: Sequence[str], config: ExportConfig) -> Parity:
    """Compare torch with a bundle's fp32 graphs.

    Batches are padded and of mixed length, and no text has the length that the graph was traced with alone.

    Raises:
        ExportNotFaithful: they differ by more than `export.max_parity_error` or `export.max_logit_error`.
    """
    sample = awkward_sample(texts)
    predictor = Predictor.load(bundle)
    encoded = predictor.read(sample)
    vectors = embed(student.network, predictor.reader, encoded, batch_size=_BATCH)
    expected = student.head.logits(vectors) / student.head.temperature
    got_vectors, got = [], []
    for start in range(0, len(sample), _BATCH):
        ours, probabilities = predictor.probabilities(encoded[start : start + _BATCH])
        got_vectors.append(ours)
        got.append(probabilities)
    logits = predictor.logits(np.concatenate(got_vectors))
    logit_errors = _row_errors(expected, logits)
    errors = _row_errors(np.exp(student.head.log_probabilities(vectors)), np.concatenate(got))
    owners = [text for text, one in zip(sample, encoded, strict=True) for _ in one.units]
    for found, allowed, name in (
        (errors, config.max_parity_error, "max_parity_error"),
        (logit_errors, config.max_logit_error, "max_logit_error"),
    ):
        worst = int(found.argmax())
        if not found[worst] <= allowed:  # a NaN is no parity either
            raise ExportNotFaithful(float(found[worst]), allowed, owners[worst], f"export.{name}")
    lengths = {len(one) for one in encoded}
    worst = int(errors.argmax())
    return Parity(len(sample), len(lengths), float(errors[worst]), float(logit_errors.max()), owners[worst])


@dataclass(frozen=True)
class Said:
    """What one form of a model says of awkward texts, each run alone."""

    texts: tuple[str, ...]
    encoded: tuple[Encoded, ...]
    probabilities: tuple[NDArray[np.float32], ...]  # of each text, (n_units, n_outputs)


def ask_awkward(predictor: Predictor, texts: Sequence[str]) -> Said:
    """Ask a bundle about the awkward texts, the shortest and longest of `texts` among them."""
    sample = awkward_sample(texts)
    encoded = predictor.read(sample)
    return Said(tuple(sample), tuple(encoded), tuple(predictor.probabilities([one])[1] for one in encoded))


def compare_bundles(before: Said, after: Predictor) -> Parity:
    """Compare what a bundle said with another of the same student, on the same texts."""
    errors = [
        float(_row_errors(said, after.probabilities([one])[1]).max(initial=0.0))
        for said, one in zip(before.probabilities, before.encoded, strict=True)
    ]
    worst = int(np.argmax(errors))
    n_lengths = len({len(one) for one in before.encoded})
    return Parity(len(before.texts), n_lengths, errors[worst], None, before.texts[worst])


def measure_batching(predictor: Predictor, texts: Sequence[str], config: ExportConfig) -> Parity:
    """Compare a bundle with itself: awkward texts each alone, and as they are answered when they come together.

    Raises:
        ExportNotFaithful: an answer depends on its batch-mates by more than `export.max_parity_error`; of a smaller
            form than fp32, by more than `export.max_int8_error`.
    """
    sample = awkward_sample(texts)
    sample = [sample[row] for row in np.random.default_rng(0).permutation(len(sample))]
    encoded = predictor.read(sample)
    errors = []
    for one, beside in zip(encoded, predictor.embed(encoded), strict=True):
        probabilities = predictor.probabilities([one])[1]
        errors.append(float(_row_errors(probabilities, predictor.judge(beside)[0]).max(initial=0.0)))
    is_fp32 = predictor.facts.precision == "float32"
    allowed = config.max_parity_error if is_fp32 else config.max_int8_error
    worst = int(np.argmax(errors))
    if not errors[worst] <= allowed:
        limit = "export.max_parity_error" if is_fp32 else "export.max_int8_error"
        raise BatchingNotFaithful(errors[worst], allowed, sample[worst], limit)
    return Parity(len(sample), len({len(one) for one in encoded}), errors[worst], None, sample[worst])


def _row_errors(expected: NDArray[np.floating], got: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the largest absolute difference of each row; one that is no number is beyond any limit."""
    errors = np.nan_to_num(np.abs(expected - got).astype(np.float64), nan=np.inf)
    return np.asarray(errors.max(axis=1, initial=0.0))
